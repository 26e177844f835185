/* What one scenario on one backend under one crash kind came to. */
#ifndef TORNPAGE_RESULT_RESULT_H
#define TORNPAGE_RESULT_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore/epoch_result.h"
#include "language/plan.h"

enum verdict { VERDICT_KEPT, VERDICT_LOSSY, VERDICT_VIOLATED, VERDICT_BROKEN, VERDICT_SKIPPED, VERDICT_KINDS };
extern const char *const verdict_names[VERDICT_KINDS]; /* "kept", "lossy", "violated", "broken", "skipped" */

enum { RESULT_EPOCHS = 500 }; /* told one by one; all are counted */

struct result {
    char *scenario; /* plan->name */
    char *backend;  /* backend_config spec */
    enum strike strike;
    enum verdict verdict;
    char *reason; /* why broken or skipped; what `sometimes` was not observed; a violation's first line; "" */
    uint64_t states_covered, states_mounted, states_lossy, states_violated; /* power; simulate: runs */
    uint64_t epochs_exhaustive, epochs_sampled; /* power: all subsets of the epoch's writes were covered, or only some */
    double states_exist;                        /* power: all subsets, torn writes apart */
    struct epoch_result *epochs;                /* power: those with more than one write; the first RESULT_EPOCHS */
    size_t n_epochs, cap_epochs;
    bool cut_short; /* the time was up before all was done */
    bool untraced;  /* power: what recovery reads could not be traced, so that little is covered without a mount */
    uint64_t kills; /* processes killed (kill) */
    uint64_t surprises;
    bool known;      /* violated only as the scenario's header says is known of this backend: no failure of the run */
    char **findings; /* paths of finding files, sorted */
    size_t n_findings;
    char *details; /* for people: the text of each defect found, may be "" */
    double wall_s;
};

void result_free(struct result *r);

#endif
