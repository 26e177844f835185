/*
 * Nothing is struck. The scenario runs to its end as often as it says; every call and read is judged, then what a new look finds,
 * then what is there after an orderly unmount and another mount.
 */
#include "trial/strike.h"
#include "trial/trial_volume.h"

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
    trial_volume_tidy(v);
    return !trial_is_over(t);
}

static void run(struct trial *t)
{
    const struct strike_point at = {.seed = t->job->seed};
    struct trial_volume v;
    bool fine = trial_volume_open(&v, t, true) && trial_volume_mount(&v);

    for (uint32_t i = 0; fine && i < t->job->plan->repeat && (i == 0 || !trial_time_up(t)); i++)
        fine = one_run(&v, i, &at);
    trial_volume_close(&v);
}

const struct strike_executor strike_none = {.run = run, .weight = 1, .repeats = true};
