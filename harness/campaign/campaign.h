/*
 * A campaign: scenarios x backends x strikes, run by worker processes in parallel. Results do not depend on the number of
 * workers.
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
    unsigned strikes;         /* bit per enum strike; a trial runs if plan, backend and this all have its strike */
    unsigned jobs;            /* worker processes; 0: chosen by the number of processors */
    uint64_t max_states;      /* mounted, per result; 0: the default limits */
    uint64_t runs;            /* simulate: runs per result; 0: backend->runs */
    double time_s;            /* begin no new work after this; 0: no limit */
    const char *log_dir;      /* where the write logs of power cuts are saved; NULL: nowhere */
    const char *findings_dir; /* directory of finding files; created with the first one */
    bool fsck;                /* also run fsck on each crash state */
    bool check_prune;         /* also mount covered states; a different observation makes the result broken */
    bool no_prune;            /* mount every crash state; conclude nothing from other states' observations */
};

/* Called in the caller's process with each result as it arrives (in any order), and about ten times a second with r == NULL. */
typedef void (*campaign_watch)(void *arg, const struct result *r, const struct progress *p);

/*
 * Runs all trials. *ret becomes an array of *ret_n results in the order of the inputs (scenario, then backend, then strike); the
 * caller frees each with result_free, and the array with free. Returns 0, or -errno if the campaign itself could not run; a
 * failing trial is a result ("broken"). A strike that the plan's header excludes gives no result; one that the backend cannot
 * show gives "skipped".
 */
int campaign_run(struct plan *const *plans, size_t n_plans, struct backend_config *configs, size_t n_configs,
                 const struct campaign_options *opt, campaign_watch watch, void *arg, struct result **ret, size_t *ret_n,
                 struct error *err);

#endif
