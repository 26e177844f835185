/* Runs one job: chooses how by backend and crash kind; holds the two plain ways, a model backend's runs and no crash at all. */
#include "trial/job.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "trial/trial.h"
#include "trial/trial_volume.h"

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

void model_runs(struct trial *g)
{
    const struct job *j = g->job;
    const struct backend *b = j->config->backend;
    uint64_t runs = j->runs ? j->runs : b->model->runs ? b->model->runs : 1;
    struct error err = {0};

    /* A seed that replay was given is used as it is. */
    for (uint64_t i = 0; i < runs && !trial_over(g) && (i == 0 || !trial_time_up(g)); i++) {
        struct strike_point scene = {.seed = runs == 1 ? j->seed : rng_next(&g->rng)};
        bool lossy = false;

        struct history *h = trial_history(g, scene.seed);
        survivors_clear(&g->survivors);
        if (backend_simulate(j->config, j->plan, j->strike, scene.seed, h, &g->survivors, &scene.pos, &err) < 0) {
            trial_fail(g, &err);
            return;
        }
        if (!trial_admits(g))
            return;
        trial_steps(g, &scene);
        bool violated = trial_survivors(g, &scene, &lossy);
        trial_count(g, lossy, violated, runs - i - 1);
    }
}

void strike_none_run(struct trial *g)
{
    struct trial_volume v;
    struct strike_point scene = {.seed = g->job->seed};

    bool up = trial_volume_open(&v, g) && trial_volume_mount(&v);
    for (uint32_t i = 0; up && i < g->job->plan->repeat && !trial_over(g) && (i == 0 || !trial_time_up(g)); i++) {
        bool violated = false, lossy = false;

        if (!trial_volume_run(&v, i, &scene))
            break;
        trial_steps(g, &scene);
        if (!trial_shut_down(g)) {
            if (!trial_volume_readback(&v))
                break;
            violated = trial_survivors(g, &scene, &lossy);
        }
        if (v.disk)
            violated |= trial_volume_remount_and_judge(&v, &scene, &lossy);
        trial_count(g, lossy, violated, 0);
        trial_volume_tidy(&v);
    }
    trial_volume_close(&v);
}

static void run(const struct job *j, const struct kill_point *only, struct result *ret)
{
    struct trial g;
    struct error err = {0};
    const double from_s = clock_s();

    assert(j->plan && j->config && j->config->backend);
    if (trial_open(&g, j, ret, &err) < 0)
        trial_fail(&g, &err);
    else if (backend_is_model(j->config->backend))
        model_runs(&g);
    else if (j->strike == STRIKE_POWER)
        strike_power_run(&g);
    else if (j->strike == STRIKE_KILL)
        strike_kill_run(&g, only);
    else
        strike_none_run(&g);
    trial_close(&g);
    ret->wall_s = clock_s() - from_s;
}

void job_run(const struct job *j, struct result *ret)
{
    run(j, NULL, ret);
}

void job_run_kill(const struct job *j, const struct kill_point *at, struct result *ret)
{
    run(j, at, ret);
}
