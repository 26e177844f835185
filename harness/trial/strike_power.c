/*
 * Power cuts: runs one scenario to its end on a recorded disk, then explores the disk images that a power cut during that run may
 * have left (power_explore.c). What each shows when it is mounted must be legal at every moment at which it may exist.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "backend/volume.h"
#include "base/buf.h"
#include "disk/disk.h"
#include "disk/writelog.h"
#include "trial/power.h"
#include "trial/recording.h"
#include "trial/strike.h"
#include "trial/trial_volume.h"

enum {
    LOG_ENTRIES = 1 << 20,
    LOG_DATA_BYTES = 1 << 29, /* reserved, not committed */
    MIN_STATES = 32,          /* of each recording, however often the scenario wants it repeated */
};

struct recorder {
    struct power p;
    struct trial_volume v; /* of the recorded runs */
};

static int begin_strikes(void *arg, struct error *err)
{
    struct recorder *r = arg;

    (void)err;
    /* The same log goes on; the disk's faults begin here, so that they count the scenario's own writes. */
    disk_record(r->v.disk, r->p.log, &r->p.trial->job->faults.disk);
    r->p.from = writelog_length(r->p.log);
    return 0;
}

static bool fail(struct recorder *r, int code, const char *why)
{
    struct error err;

    error_set(&err, code, "record", NULL, "%s", why);
    trial_fail(r->p.trial, &err);
    return false;
}

/* Makes the disk hold the base image again; from here on everything is recorded, the mount too: the log alone must lead from the
 * base image to every crash state. */
static int begin_recording(struct recorder *r, struct error *err)
{
    struct power *p = &r->p;
    int rc = 0;

    disk_record(r->v.disk, NULL, NULL);
    writelog_clear(p->log);
    log_numbers_free(&p->trial->numbers);
    r->v.pos = writelog_position(p->log);
    if (p->run > 0)
        rc = disk_reset(r->v.disk);
    if (rc < 0)
        return error_set(err, -rc, "reset", "disk", NULL);
    if (p->run > 0)
        rc = volume_rewind(r->v.volume, err);
    disk_record(r->v.disk, p->log, NULL);
    return rc;
}

/* Numbers the recording's entries for reports, and saves it for others, if that was asked for. */
static int save_recording(const struct recorder *r, struct error *err)
{
    const struct job *j = r->p.trial->job;
    const struct recording saved = {.plan = j->plan,
                                    .spec = j->config->spec,
                                    .run = r->p.run,
                                    .log = r->p.log,
                                    .from = r->p.from,
                                    .history = r->p.trial->history,
                                    .disk = r->v.disk};

    recording_number(&saved, &r->p.trial->numbers);
    return j->log_dir ? recording_save(&saved, j->log_dir, err) : 0;
}

static bool record(struct recorder *r)
{
    const struct strike_point at = {.seed = r->p.trial->job->seed};
    struct error err = {0};

    if (begin_recording(r, &err) < 0) {
        trial_fail(r->p.trial, &err);
        return false;
    }
    const bool done = trial_volume_mount(&r->v) && trial_volume_run(&r->v, TRIAL_POWER_DIR, &at) && trial_volume_end(&r->v);

    disk_record(r->v.disk, NULL, NULL);
    if (!done)
        return false;
    if (writelog_overflowed(r->p.log))
        return fail(r, ENOSPC, "the scenario writes more than the write log holds");
    if (save_recording(r, &err) < 0) {
        trial_fail(r->p.trial, &err);
        return false;
    }
    trial_judge_steps(r->p.trial, &at);
    return true;
}

static int by_position(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void list_bounds(struct power *p)
{
    const struct history *h = p->trial->history;
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

/* Records and explores as often as the scenario wants. */
static void explore(struct recorder *r)
{
    struct trial *t = r->p.trial;
    const uint64_t all = t->job->max_states ? t->job->max_states : JOB_STATES, repeat = t->job->plan->repeat;
    uint64_t each = (all + repeat - 1) / repeat;

    assert(repeat >= 1);
    if (each < MIN_STATES && !t->job->max_states)
        each = MIN_STATES;
    for (r->p.run = 0; r->p.run < repeat && !trial_is_over(t) && (r->p.run == 0 || !trial_time_up(t)) && record(r); r->p.run++) {
        list_bounds(&r->p);
        power_explore(&r->p, each, rng_next(&t->rng));
    }
    disk_record(r->v.disk, NULL, NULL);
}

static void run(struct trial *t)
{
    struct recorder r = {.p = {.trial = t}};
    struct error err = {0};

    if (!trial_volume_open(&r.v, t, true)) {
        trial_volume_close(&r.v);
        return;
    }
    r.v.started = begin_strikes;
    r.v.arg = &r;
    r.p.log = writelog_new(LOG_ENTRIES, LOG_DATA_BYTES);
    if (!r.v.disk || !r.p.log)
        fail(&r, ENOMEM, r.v.disk ? "no memory for the write log" : "the volume has no recorded disk");
    else if (crash_image_new(disk_base(r.v.disk), disk_sector(r.v.disk), &r.p.image, &err) < 0)
        trial_fail(t, &err);
    else
        explore(&r);
    trial_volume_close(&r.v);
    crash_image_free(r.p.image);
    writelog_free(r.p.log);
    free(r.p.bounds);
}

const struct strike_executor strike_power = {.run = run, .counts_as = COUNT_STATE, .weight = 2};
