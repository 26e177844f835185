/* How fast the model runs: short random plans, each run simulated, built into a world and judged. */
#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "bench/bench_impl.h"
#include "random/random.h"

enum { PLANS = 32, STEPS = 8, RUNS = 64, TARGET = 30000 };

struct sims {
    struct backend_config config;
    struct plan *plans[PLANS];
    uint64_t seed;
};

static int open_sim(const struct bench *b, const struct bench_options *o, void **ret, struct error *err)
{
    static struct sims s;
    struct rng r;

    (void)b, (void)o;
    rng_seed(&r, 1);
    for (unsigned i = 0; i < PLANS; i++)
        s.plans[i] = plan_random(&r, STEPS);
    *ret = &s;
    int rc = bench_config("sim", "canary", NULL, &s.config, err);
    return rc < 0 ? rc : backend_prepare(&s.config, err);
}

static int target(void *state, double seconds, double *ret, struct error *err)
{
    (void)state, (void)seconds, (void)err;
    *ret = TARGET;
    return 0;
}

static int run_plans(void *state, double seconds, double *ret, struct error *err)
{
    struct sims *s = state;
    const double from_s = clock_s();
    uint64_t runs = 0;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && clock_s() < from_s + seconds; i = (i + 1) % PLANS) {
        const struct job j = {.plan = s->plans[i],
                              .config = &s->config,
                              .strike = s->seed % 2 ? STRIKE_POWER : STRIKE_KILL,
                              .seed = ++s->seed,
                              .runs = RUNS};
        struct result r;

        job_run(&j, &r);
        rc = bench_check_result(&r, err);
        runs += r.states_covered;
        result_free(&r);
    }
    *ret = (double)runs / (clock_s() - from_s);
    return rc;
}

const struct bench_ops bench_sim = {.open = open_sim, .floor = target, .ours = run_plans};
