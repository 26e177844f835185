/* What pruning saves: crash states covered for each that was mounted, over whole scenarios. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "bench/bench_impl.h"
#include "campaign/campaign.h"

struct sums {
    struct backend_config config;
    uint64_t covered, mounted;
};

/* Adds up the results, which must be worth it. */
static int add_up(const struct result *v, size_t n, struct sums *ret, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].verdict == VERDICT_BROKEN)
            return error_set(err, EIO, v[i].scenario, v[i].backend, "%s", v[i].reason);
        ret->covered += v[i].states_covered;
        ret->mounted += v[i].states_mounted;
    }
    return ret->mounted ? 0 : error_skip(err, "power", "%s", n ? v[0].reason : "no scenario has a power cut");
}

static int open_covered(const struct bench *b, const struct bench_options *o, void **ret, struct error *err)
{
    const struct campaign_options opt = {.seed = 1, .strikes = 1U << STRIKE_POWER, .jobs = o->jobs};
    static struct sums s;
    struct result *results = NULL;
    size_t n = 0;

    *ret = &s;
    if (o->n_plans == 0)
        return error_skip(err, "scenarios", "there are none here: set TORNPAGE_SCENARIOS to their directory");
    int rc = bench_config("loop", "fs", b->fs, &s.config, err);
    if (rc == 0)
        rc = campaign_run(o->plans, o->n_plans, &s.config, 1, &opt, NULL, NULL, &results, &n, err);
    if (rc == 0)
        rc = add_up(results, n, &s, err);
    for (size_t i = 0; i < n; i++)
        result_free(&results[i]);
    free(results);
    return rc;
}

static int mounted(void *state, double seconds, double *ret, struct error *err)
{
    (void)seconds, (void)err;
    *ret = (double)((struct sums *)state)->mounted;
    return 0;
}

static int covered(void *state, double seconds, double *ret, struct error *err)
{
    (void)seconds, (void)err;
    *ret = (double)((struct sums *)state)->covered;
    return 0;
}

const struct bench_ops bench_covered = {.open = open_covered, .floor = mounted, .ours = covered};
