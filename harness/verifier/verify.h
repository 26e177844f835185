/*
 * The verifier: survivors and reads against what the oracle calls legal. Pure: no I/O.
 */
#ifndef TORNPAGE_VERIFIER_VERIFY_H
#define TORNPAGE_VERIFIER_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evidence/history.h"
#include "evidence/survivors.h"
#include "language/defect.h"
#include "language/plan.h"
#include "truth/guarantees.h"
#include "truth/rules.h"

struct verb;
struct world;

/* One thing the oracle objects to; the first wrong byte and what a person needs to see why. */
struct defect_report {
    enum defect kind;
    bool surprise;  /* against practice only, not against a document */
    enum rule rule; /* that the observation breaks */
    char path[128];
    uint64_t off, len; /* first wrong byte, and how many in a row are wrong in the same way */
    int32_t step;      /* the step involved most (it promised, or touched these bytes last); -1 none */
    char text[640];    /* sentences: what was legal, what was seen, which steps */
};

/* A form of violation: which rule, how, and the verb of the step that the defect names (NULL: it names none). */
struct form {
    enum rule rule;
    enum defect kind;
    const struct verb *verb;
};

enum { VERIFY_MAX_DEFECTS = 16, VERIFY_MAX_FORMS = 32 };

struct verify_result {
    struct defect_report defects[VERIFY_MAX_DEFECTS];
    size_t n_defects;                 /* kept; more may have been seen */
    size_t n_violations, n_surprises; /* all that were seen */
    struct form forms[VERIFY_MAX_FORMS];
    size_t n_forms;             /* of all violations that were seen, each form once */
    bool more_forms;            /* than fit */
    struct defect_report more;  /* the verifier's: describes a defect that is not kept */
    struct defect_report *open; /* the verifier's: whose form is still to be noted; NULL between calls */
    unsigned sights;            /* bit per enum sight: legal things that were seen */
    bool lossy;                 /* something was legally lost: a byte, a size or a name is not what it was before the strike */
};

/* Empties it for the next judgement: cheaper than zeros for all of it. */
void verify_clear(struct verify_result *v);
/* Is there a violation of this kind? */
static inline bool verify_found(const struct verify_result *v, enum defect kind)
{
    for (size_t i = 0; i < v->n_forms; i++)
        if (v->forms[i].kind == kind)
            return true;
    return false;
}

/*
 * What lanes raced for is judged as far as the history tells: either order of two writes or size changes is legal. Which file a
 * name means after two lanes used it at once, and one of them set it, cannot be told; steps and survivors are not judged then.
 */

/*
 * Judges survivors of a strike after which so much may be gone (strike_table). `pos`: with LOSS_UNSYNCED the position in the
 * write log at which the cut fell. Adds to *ret. A volume that was shut down in the run is judged as after a power cut at its
 * end.
 */
void verify_survivors(const struct world *w, enum loss loss, uint64_t pos, const struct survivors *s, struct verify_result *ret);
/* Judges each step's outcome and what it read, as recorded (rules A1, F1, I). Adds to *ret. */
void verify_steps(const struct world *w, struct verify_result *ret);

/* Whose fault an unexpected error of a step is. The trial and the verifier both use this, so that no error escapes both. */
enum fault {
    FAULT_STEP,    /* the call's own: the verifier judges it */
    FAULT_SPACE,   /* the volume is full: legal (rule F2), or of a directory that is not the harness's own, the machine's fault */
    FAULT_FEATURE, /* the file system lacks a feature: the run is skipped */
    FAULT_MACHINE, /* the machine is out of something: the run is broken */
};
enum fault fault_of(const struct step *s, const struct event *e);
/* Does the scenario allow what the step ended with (`->`)? False when it says nothing. */
bool scenario_allows(const struct step *s, const struct event *e);
/* The first step that failed as they do on a disk that fails (EIO, EROFS), against the scenario's wish; NULL: none did. */
const struct event *verify_failed_disk(const struct plan *p, const struct history *h);

#endif
