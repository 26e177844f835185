/*
 * Nothing is struck. The scenario runs to its end as often as it says; every call and read is judged, then what a new look finds,
 * then what is there after an orderly unmount and another mount.
 */
#include <errno.h>

#include "base/error.h"
#include "disk/disk.h"
#include "disk/writelog.h"
#include "trial/strike.h"
#include "trial/trial_volume.h"

enum { LOG_ENTRIES = 1 << 20, LOG_DATA_BYTES = 1 << 29 /* reserved, not committed */ };

/* The disk's lies begin when set-up is over. They count the writes that it records, which nobody reads here. */
struct lying {
    struct trial_volume *v;
    struct writelog *log; /* NULL: the disk is honest */
};

static int begin_lies(void *arg, struct error *err)
{
    struct lying *l = arg;

    (void)err;
    writelog_clear(l->log);
    disk_record(l->v->disk, l->log, &l->v->trial->job->faults.disk);
    return 0;
}

/* Makes the disk lie in each run, if it was told to. */
static bool prepare_lies(struct lying *l)
{
    struct error err;

    if (!l->v->disk || !disk_faults_any(&l->v->trial->job->faults.disk))
        return true;
    l->log = writelog_new(LOG_ENTRIES, LOG_DATA_BYTES);
    l->v->started = begin_lies;
    l->v->arg = l;
    if (!l->log) {
        error_set(&err, ENOMEM, "record", NULL, "no memory for the write log");
        trial_fail(l->v->trial, &err);
    }
    return l->log;
}

static void end_lies(const struct lying *l)
{
    if (l->log)
        disk_record(l->v->disk, NULL, NULL);
}

/* One run, judged. False: the trial cannot go on. */
static bool one_run(struct trial_volume *v, uint64_t n, const struct strike_point *at)
{
    struct trial *t = v->trial;
    bool violated = false, lossy = false;

    if (!trial_volume_run(v, n, at))
        return false;
    trial_judge_steps(t, at);
    if (!trial_shut_down(t)) {
        if (!trial_volume_readback(v))
            return false;
        violated = trial_judge_survivors(t, &t->survivors, at, &lossy);
    }
    if (v->disk)
        violated |= trial_volume_remount_and_judge(v, at, &lossy);
    trial_count(t, strike_none.counts_as, lossy, violated, 0);
    return !trial_is_over(t);
}

static void run(struct trial *t)
{
    const struct strike_point at = {.seed = t->job->seed};
    struct trial_volume v;
    struct lying lies = {.v = &v};
    bool fine = trial_volume_open(&v, t, true) && trial_volume_mount(&v) && prepare_lies(&lies);

    for (uint32_t i = 0; fine && i < t->job->plan->repeat && (i == 0 || !trial_time_up(t)); i++) {
        fine = (i == 0 || trial_volume_tidy(&v)) && one_run(&v, i, &at);
        end_lies(&lies);
    }
    trial_volume_close(&v);
    writelog_free(lies.log);
}

const struct strike_executor strike_none = {.run = run, .weight = 1, .repeats = true};
