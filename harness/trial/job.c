/* Runs one job: opens its trial, and has the strike's executor, or the backend's model, do the work. */
#include "trial/job.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
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

/* Returns the step that hung; -1: none did. `hung_before` is that of the trial before. */
static int32_t run_trial(const struct job *j, int32_t hung_before, struct result *ret)
{
    struct trial t;
    struct error err = {0};
    const double from_s = clock_s();

    if (trial_open(&t, j, ret, &err) < 0) {
        trial_fail(&t, &err);
    } else {
        t.hung_before = hung_before;
        if (backend_is_model(j->config->backend))
            model_runs(&t, strike_executors[j->strike]->counts_as);
        else
            strike_executors[j->strike]->run(&t);
    }
    const int32_t hung = t.hung;

    trial_close(&t);
    ret->wall_s = clock_s() - from_s;
    return hung;
}

void job_run(const struct job *j, struct result *ret)
{
    struct result first;

    assert(j->plan && j->config && j->config->backend && j->strike < STRIKES);
    const int32_t hung = run_trial(j, -1, &first);

    *ret = first;
    if (hung < 0 || first.verdict != VERDICT_BROKEN)
        return;
    if (j->pulse)
        atomic_fetch_add(&j->pulse->beats, 1);
    run_trial(j, hung, ret);
    if (ret->verdict != VERDICT_VIOLATED) {
        struct buf reason = {.data = NULL};

        buf_printf(&reason, "%s, and the second run was %s%s%s", first.reason, verdict_names[ret->verdict],
                   ret->reason[0] ? ": " : "", ret->reason);
        free(ret->reason);
        ret->reason = reason.data;
        ret->verdict = VERDICT_BROKEN;
    }
    result_free(&first);
}
