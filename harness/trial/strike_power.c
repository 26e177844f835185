/*
 * Power cuts: runs one scenario to its end on a recorded disk, then visits the disk images that a power cut during that run may
 * have left (explorer.c says which, power_look.c looks). What each shows when it is mounted must be legal at every moment at
 * which it may exist.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "backend/volume.h"
#include "base/buf.h"
#include "disk/disk.h"
#include "disk/writelog.h"
#include "trial/power.h"

enum {
    LOG_ENTRIES = 1 << 20,
    LOG_DATA_BYTES = 1 << 29, /* reserved, not committed */
    MIN_STATES = 32,          /* of each recording, however often the scenario wants it repeated */
};

static int begin_crashes(void *arg, struct error *err)
{
    struct power *p = arg;

    (void)err;
    /* The same log goes on; the disk's faults begin here, so that they count the scenario's own writes. */
    disk_record(p->v.disk, p->log, &p->v.g->job->faults.disk);
    p->from = writelog_length(p->log);
    return 0;
}

static bool fail(struct power *p, int code, const char *op, const char *why)
{
    struct error err;

    error_set(&err, code, op, NULL, "%s", why);
    trial_fail(p->v.g, &err);
    return false;
}

/* Records from before the mount on: the log alone must lead from the base image to every crash state. */
static bool record(struct power *p, struct strike_point *scene)
{
    struct error err = {0};

    disk_record(p->v.disk, NULL, NULL);
    writelog_clear(p->log);
    p->v.pos = writelog_position(p->log);
    if (p->run > 0 && (disk_reset(p->v.disk) < 0 || volume_rewind(p->v.volume, &err) < 0)) {
        trial_fail(p->v.g, &err);
        return false;
    }
    disk_record(p->v.disk, p->log, NULL);
    bool done = trial_volume_mount(&p->v) && trial_volume_run(&p->v, TRIAL_VOLUME_POWER_DIR, scene);
    if (done)
        done = trial_volume_end(&p->v);
    disk_record(p->v.disk, NULL, NULL);
    if (done && writelog_overflowed(p->log))
        return fail(p, ENOSPC, "record", "the scenario writes more than the write log holds");
    if (done)
        trial_steps(p->v.g, scene);
    return done;
}

static int by_position(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void list_bounds(struct power *p)
{
    const struct history *h = p->v.g->history;
    uint32_t n = atomic_load(&h->n_events);
    size_t kept = 0;

    p->n_bounds = 0;
    for (uint32_t i = 0; i < n; i++) {
        p->bounds = grow(p->bounds, &p->cap_bounds, p->n_bounds + 1, sizeof *p->bounds);
        p->bounds[p->n_bounds++] = h->events[i].begin_pos;
        if (h->events[i].end_pos != HISTORY_NEVER)
            p->bounds[p->n_bounds++] = h->events[i].end_pos;
    }
    if (p->n_bounds)
        qsort(p->bounds, p->n_bounds, sizeof *p->bounds, by_position);
    for (size_t i = 0; i < p->n_bounds; i++)
        if (kept == 0 || p->bounds[kept - 1] != p->bounds[i])
            p->bounds[kept++] = p->bounds[i];
    p->n_bounds = kept;
}

static void describe_state(void *arg, struct buf *out)
{
    const struct power *p = arg;

    buf_printf(out, "judged at position %llu; ", (unsigned long long)p->pos);
    crash_state_print(p->state, out);
}

static int state_image(void *arg)
{
    struct power *p = arg;

    assert(!p->looked_at.volume || !volume_is_mounted(p->looked_at.volume));
    return crash_image_load(p->image, p->log, p->state) < 0 ? -1 : crash_image_snapshot(p->image);
}

/* Records and explores as often as the scenario wants. */
static void explore(struct power *p, struct trial *g)
{
    const uint64_t all = g->job->max_states ? g->job->max_states : JOB_STATES, repeat = g->job->plan->repeat;
    struct strike_point scene = {.seed = g->job->seed},
                        look = {.seed = g->job->seed, .describe = describe_state, .image = state_image, .arg = p};
    uint64_t each = (all + repeat - 1) / repeat;

    assert(repeat >= 1);
    if (each < MIN_STATES && !g->job->max_states)
        each = MIN_STATES;
    for (p->run = 0; p->run < repeat && !trial_over(g) && (p->run == 0 || !trial_time_up(g)) && record(p, &scene); p->run++) {
        list_bounds(p);
        power_explore(p, each, rng_next(&g->rng), &look);
        power_look_end(p);
    }
    disk_record(p->v.disk, NULL, NULL);
}

void strike_power_run(struct trial *g)
{
    struct power p = {.looked_at = {.g = g, .dir_fd = -1}};
    struct error err = {0};

    if (!trial_volume_open(&p.v, g)) {
        trial_volume_close(&p.v);
        return;
    }
    p.v.started = begin_crashes;
    p.v.arg = &p;
    p.log = writelog_new(LOG_ENTRIES, LOG_DATA_BYTES);
    if (!p.v.disk || !p.log)
        fail(&p, ENOMEM, "record", p.v.disk ? "no memory for the write log" : "the volume has no recorded disk");
    else if (crash_image_new(disk_base(p.v.disk), disk_sector(p.v.disk), &p.image, &err) < 0)
        trial_fail(g, &err);
    else
        explore(&p, g);
    trial_volume_close(&p.looked_at);
    trial_volume_close(&p.v);
    crash_image_free(p.image);
    writelog_free(p.log);
    free(p.bounds);
    free(p.reads);
}
