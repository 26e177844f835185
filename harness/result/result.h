/* The result of a trial: one scenario on one backend under one strike. */
#ifndef TORNPAGE_RESULT_RESULT_H
#define TORNPAGE_RESULT_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore/epoch_result.h"
#include "language/plan.h"

enum verdict { VERDICT_KEPT, VERDICT_LOSSY, VERDICT_VIOLATED, VERDICT_BROKEN, VERDICT_SKIPPED, VERDICT_KINDS };
extern const char *const verdict_names[VERDICT_KINDS]; /* "kept", "lossy", "violated", "broken", "skipped" */

enum { RESULT_EPOCHS = 500 }; /* at most so many are listed; all are counted */

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
    bool known;      /* violated, and the scenario's header lists it as known for this backend: the run does not fail */
    char **findings; /* paths of finding files, sorted */
    size_t n_findings;
    char *details; /* for people: the text of each defect, or "" */
    double wall_s;
};

void result_free(struct result *r);

#endif
