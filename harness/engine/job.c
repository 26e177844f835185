/* Runs one job: chooses how by backend and crash kind; holds the two plain ways, a model backend's runs and no crash at all. */
#include "engine/job.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engine/onvolume.h"
#include "engine/tally.h"

static uint64_t hash_text(const char *s)
{
    uint64_t h = 0xcbf29ce484222325U; /* FNV-1a */

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3U;
    return h;
}

uint64_t job_seed(uint64_t seed, const char *scenario, const char *spec, enum crash_kind crash)
{
    return rng_mix(rng_mix(rng_mix(seed ^ hash_text(scenario)) ^ hash_text(spec)) + (uint64_t)crash);
}

void job_model(struct tally *g)
{
    const struct job *j = g->job;
    const struct backend *b = j->config->backend;
    uint64_t runs = j->runs ? j->runs : b->runs ? b->runs : 1;
    struct error err = {0};

    /* A seed that replay was given is used as it is. */
    for (uint64_t i = 0; i < runs && !tally_over(g) && (i == 0 || !tally_time_up(g)); i++) {
        struct scene scene = {.seed = runs == 1 ? j->seed : rng_next(&g->rng)};
        bool lossy = false;

        struct history *h = tally_history(g, scene.seed);
        survivors_clear(&g->survivors);
        if (b->simulate(j->config, j->plan, j->crash, scene.seed, h, &g->survivors, &scene.pos, &err) < 0) {
            tally_fail(g, &err);
            return;
        }
        if (!tally_admits(g))
            return;
        tally_steps(g, &scene);
        bool violated = tally_survivors(g, j->crash, &scene, &lossy);
        tally_count(g, lossy, violated, runs - i - 1);
    }
}

void job_none(struct tally *g)
{
    struct onvolume v;
    struct scene scene = {.seed = g->job->seed};

    bool up = onvolume_open(&v, g) && onvolume_mount(&v);
    for (uint32_t i = 0; up && i < g->job->plan->repeat && !tally_over(g) && (i == 0 || !tally_time_up(g)); i++) {
        bool violated = false, lossy = false;

        if (!onvolume_run(&v, i, &scene))
            break;
        tally_steps(g, &scene);
        if (!tally_shut_down(g)) {
            if (!onvolume_survey(&v))
                break;
            violated = tally_survivors(g, CRASH_NONE, &scene, &lossy);
        }
        if (v.disk)
            violated |= onvolume_remount_and_judge(&v, CRASH_NONE, &scene, &lossy);
        tally_count(g, lossy, violated, 0);
        onvolume_tidy(&v);
    }
    onvolume_close(&v);
}

static void run(const struct job *j, const struct kill_point *only, struct result *ret)
{
    struct tally g;
    struct error err = {0};
    const double from_s = clock_s();

    assert(j->plan && j->config && j->config->backend);
    if (tally_open(&g, j, ret, &err) < 0)
        tally_fail(&g, &err);
    else if (j->config->backend->simulate)
        job_model(&g);
    else if (j->crash == CRASH_POWER)
        job_power(&g);
    else if (j->crash == CRASH_KILL)
        job_kill(&g, only);
    else
        job_none(&g);
    tally_close(&g);
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
