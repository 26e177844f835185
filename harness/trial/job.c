/* Runs one job: opens its trial, and has the strike's executor, or the backend's model, do the work. */
#include "trial/job.h"

#include <assert.h>

#include "base/clock.h"
#include "base/rng.h"
#include "trial/strike.h"

#define EXECUTOR(id, name, ...) [STRIKE_##id] = &strike_##name,
const struct strike_executor *const strike_executors[STRIKES] = {STRIKE_TABLE(EXECUTOR)};
#undef EXECUTOR

static uint64_t hash_text(const char *s)
{
    uint64_t h = 0xcbf29ce484222325U; /* FNV-1a */

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3U;
    return h;
}

uint64_t job_seed(uint64_t seed, const char *scenario, const char *spec, enum strike strike)
{
    return rng_mix(rng_mix(rng_mix(seed ^ hash_text(scenario)) ^ hash_text(spec)) + (uint64_t)strike);
}

unsigned job_weight(const struct backend *b, enum strike strike)
{
    return backend_is_model(b) ? 0 : strike_executors[strike]->weight;
}

void job_run(const struct job *j, struct result *ret)
{
    struct trial t;
    struct error err = {0};
    const double from_s = clock_s();

    assert(j->plan && j->config && j->config->backend && j->strike < STRIKES);
    if (trial_open(&t, j, ret, &err) < 0)
        trial_fail(&t, &err);
    else if (backend_is_model(j->config->backend))
        model_runs(&t);
    else
        strike_executors[j->strike]->run(&t);
    trial_close(&t);
    ret->wall_s = clock_s() - from_s;
}
