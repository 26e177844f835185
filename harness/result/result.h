/* The result of a trial: one scenario on one backend under one strike. */
#ifndef TORNPAGE_RESULT_RESULT_H
#define TORNPAGE_RESULT_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore/epoch_result.h"
#include "language/defect.h"
#include "language/plan.h"
#include "truth/rules.h"

struct defect_report;

enum verdict { VERDICT_KEPT, VERDICT_LOSSY, VERDICT_VIOLATED, VERDICT_BROKEN, VERDICT_SKIPPED, VERDICT_KINDS };
extern const char *const verdict_names[VERDICT_KINDS]; /* "kept", "lossy", "violated", "broken", "skipped" */

enum {
    RESULT_EPOCHS = 500, /* at most so many are listed; all are counted */
    RESULT_DEFECTS = 24, /* at most so many are listed */
};

/* One defect of a result: the first of its kind. */
struct result_defect {
    enum defect kind;
    bool surprise;
    enum rule rule;
    uint32_t step, line; /* the step involved most, counted from 1, and its line; 0: none */
    uint64_t off, len;   /* first wrong byte, and how many in a row are wrong in the same way */
    char *path;          /* "": the defect is of no file */
    char *action;        /* the step as it is printed, or "" */
    char *text;          /* sentences: what was seen, what is legal, who promised it */
    char *state;         /* where it was seen: the kill, or how the crash state's words begin, or "" */
    char *refusal;       /* of a volume that does not mount: the kernel's log lines and the checker's objection, or "" */
    char *finding;       /* path of the file that it was saved in, or "" */
};

struct result {
    char *scenario; /* plan->name */
    char *backend;  /* backend_config spec */
    enum strike strike;
    enum verdict verdict;
    char *reason; /* why broken or skipped; which `sometimes` was never observed; a violation's first line; else "" */
    uint64_t states_covered, states_mounted, states_lossy, states_violated; /* of power cuts; runs, if the backend simulates */
    uint64_t epochs_exhaustive, epochs_sampled; /* epochs of which all subsets of the writes were covered, or some */
    double states_exist;                        /* subsets of each epoch's writes, not counting torn writes */
    struct epoch_result *epochs;                /* the first RESULT_EPOCHS of more than one write */
    size_t n_epochs, cap_epochs;
    bool cut_short;     /* --time ran out before all was done */
    bool not_begun;     /* --time ran out before it began */
    int interrupted_by; /* the signal that ended the run before this had a result; 0: none */
    bool untraced;      /* what recovery reads could not be traced, so little is covered without a mount */
    uint64_t kills;     /* kills that were judged */
    uint64_t surprises;
    bool known;      /* violated, and all of it is known (known.h): the run does not fail */
    char *known_why; /* sentences: what is known of what was seen; "" */
    char *mended;    /* sentences: what is known, should have been seen here and was not; "" */
    char **findings; /* paths of finding files, sorted */
    size_t n_findings;
    struct result_defect *defects; /* what the details tell, as data */
    size_t n_defects, cap_defects;
    char *details; /* for people: the text of each defect, or "" */
    double wall_s;
};

void result_free(struct result *r);

/* Adds a defect that was seen in a run of `p`, unless there are RESULT_DEFECTS; where is told later. */
void result_add_defect(struct result *r, const struct plan *p, const struct defect_report *d);
/* Tells why the volume did not mount, if the last defect is that. */
void result_explain_refusal(struct result *r, const char *said);
/* Tells of all defects from number `first` on where they were seen, and in which file they were saved (NULL: in none). */
void result_place_defects(struct result *r, size_t first, const char *state, const char *finding);

#endif
