/*
 * Known behaviour: violations that are understood and are the kernel's own. A run reports them and does not fail. Two lists
 * exist: the table of this room, which holds for every scenario, random ones too, and the header `known:` of a scenario, for what
 * only that scenario is known to show.
 *
 * A violation is known only if its rule and its kind of defect are those of an entry whose conditions hold; whatever else the
 * same result shows counts as ever. Nothing is known of a disk that lies: what is seen there need not be the kernel's doing.
 */
#ifndef TORNPAGE_KNOWN_KNOWN_H
#define TORNPAGE_KNOWN_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "language/defect.h"
#include "language/kernel.h"
#include "language/plan.h"
#include "truth/rules.h"

struct backend_config;
struct defect_report;
struct verb;

enum { KNOWN_FORMS = 8 };

/* A rule, and the kind of defect that breaks it. */
struct known_form {
    enum rule rule;
    enum defect defect;
};

/* One behaviour of a kernel. All conditions that are given must hold. */
struct known_behaviour {
    const char *name;     /* NULL ends the table */
    unsigned strikes;     /* bit per enum strike */
    const char *backend;  /* a spec, whose options are among those of the run: "loop:fs=ext4,mount=data=journal" */
    const char *cured_by; /* a spec: with all its options it does not happen; NULL: no option cures it */
    struct kernel_range kernels;
    unsigned least_lanes;
    /* Only of random scenarios: the other conditions are wider than the behaviour, and a header of the others can be narrower. */
    bool random_only;
    /* Verbs that the scenario has in this order, with others between: "rename|unlink fsync" has two, one of them of either kind.
     */
    const char *needs; /* NULL: any scenario */
    const char *step;  /* the defect's step is of one of these verbs: "sync|syncfs"; NULL: of any, or there is none */
    struct known_form forms[KNOWN_FORMS];
    size_t n_forms;
    const char *shown_by;          /* scenario that is there to show it; NULL: none */
    const char *sentence, *source; /* what the kernel does, without a full stop; how that is known */
};

extern const struct known_behaviour known_behaviours[];

/* What is known of one scenario on one backend under one strike. */
struct known_set;

/* For the running kernel; known_free ends it. `p` and `c` are kept. */
struct known_set *known_open(const struct plan *p, const struct backend_config *c, enum strike strike);
void known_free(struct known_set *s); /* NULL: does nothing */
/* Is this violation known? Notes that it was seen. `verb`: of the step that the defect names; NULL: it names none. */
bool known_has(struct known_set *s, enum rule rule, enum defect defect, const struct verb *verb);
/* The same of a defect that is kept; false of a surprise. */
bool known_has_defect(struct known_set *s, const struct defect_report *d);
/* A sentence for each entry that was seen; the caller's to free, "" for none, and of NULL. */
char *known_why(const struct known_set *s);
/* The same for each entry that this scenario should have shown here and did not. */
char *known_mended(const struct known_set *s);

#endif
