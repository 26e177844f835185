/*
 * A campaign: scenarios x backends x crash kinds, run by worker processes side by side. Results do not depend on how many there
 * are.
 */
#ifndef TORNPAGE_CAMPAIGN_CAMPAIGN_H
#define TORNPAGE_CAMPAIGN_CAMPAIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "language/plan.h"
#include "result/progress.h"
#include "result/result.h"

struct error;

struct campaign_options {
    uint64_t seed;
    unsigned strikes;         /* bit per enum strike; each job runs those that plan, backend and this have in common */
    unsigned jobs;            /* worker processes; 0: chosen */
    uint64_t max_states;      /* mounted, per result; 0: the default limits */
    uint64_t runs;            /* simulate: runs per result; 0: backend->runs */
    double time_s;            /* stop starting new work after so long; 0: no limit */
    const char *log_dir;      /* where the recordings of power runs are saved; NULL: nowhere */
    const char *findings_dir; /* where finding files go; created when the first one is written */
    bool fsck;                /* also run fsck on each crash state */
    bool check_prune;         /* mount covered states as well: one that shows something else is a failure of the harness */
    bool no_prune;            /* mount every crash state, also those that must show what another one showed */
};

/* Called in the parent as each result arrives (any order), and about ten times a second with result == NULL. */
typedef void (*campaign_watch)(void *arg, const struct result *r, const struct progress *p);

/*
 * Runs everything; *ret is an array of *ret_n results sorted as the inputs were given (scenario, then backend, then crash kind),
 * to be freed with result_free each and free. 0, or -errno when the campaign itself could not run. A failing job is a result
 * (broken). Combinations where the plan's header excludes the crash kind give no result; where the backend cannot show it,
 * "skipped".
 */
int campaign_run(struct plan *const *plans, size_t n_plans, struct backend_config *configs, size_t n_configs,
                 const struct campaign_options *opt, campaign_watch watch, void *arg, struct result **ret, size_t *ret_n,
                 struct error *err);

#endif
