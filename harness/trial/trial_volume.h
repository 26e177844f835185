/* A job's work on a volume with a path: open, run the plan in a fresh directory, look, remount. Private to the engine. */
#ifndef TORNPAGE_TRIAL_TRIAL_VOLUME_H
#define TORNPAGE_TRIAL_TRIAL_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "trial/trial.h"

struct crash_image;

enum { TRIAL_VOLUME_POWER_DIR = 0 }; /* number of the run directory of every power cut: replay must find it in an image */

struct trial_volume {
    struct trial *g;
    struct volume *volume;
    struct disk *disk;           /* NULL: the backend has none */
    char dir[512];               /* the run directory at hand, */
    uint64_t n;                  /*   its number, */
    int dir_fd;                  /*   itself: -1 when this mount has not made it; */
    bool dir_empty;              /*   and whether the next run may have it as it is */
    const _Atomic uint64_t *pos; /* the write log's length, or NULL */
    uint64_t n_saved;            /* recordings saved for others */
    bool sync_first;             /* sync the volume before the crash may strike */
    /* Called when set-up is over and synced, just before the START event. NULL: nothing. */
    int (*started)(void *arg, struct error *err);
    void *arg;
};

/*
 * These return false when the job cannot go on; the tally then knows why. trial_volume_close undoes trial_volume_open, also after
 * a failure of any of them.
 */
bool trial_volume_open(struct trial_volume *v, struct trial *g); /* opened, not mounted */
/* As trial_volume_open, for crash images: it only serves to look. */
bool trial_volume_open_crashed(struct trial_volume *v, struct trial *g, struct crash_image *image);
bool trial_volume_mount(struct trial_volume *v);
bool trial_volume_unmount(struct trial_volume *v);
/*
 * Runs the plan with scene->kill in the directory that trial_volume_tidy has emptied, else in the new directory run-N; the
 * history and the world are those of this run afterwards.
 */
bool trial_volume_run(struct trial_volume *v, uint64_t n, const struct strike_point *scene);
/* Fills the tally's survivors from the run directory. */
bool trial_volume_readback(struct trial_volume *v);
/* Does a mount failure tell of the machine (out of memory, no device) and not of what is on the disk? */
bool trial_volume_machine_failed(const struct error *err);
/*
 * Mounts what is on the disk now and fills the tally's survivors from the run directory `n`: a mount that fails is one of them,
 * unless the machine is to blame. Leaves the volume mounted if it mounts.
 */
bool trial_volume_observe(struct trial_volume *v, uint64_t n);
/* Notes the orderly unmount in the history and does it (the world knows that it syncs nothing after a shutdown). */
bool trial_volume_end(struct trial_volume *v);
/*
 * Unmounts in order, mounts again and judges what is there now. After a shutdown the judgement is that of a power cut. Returns
 * whether anything was violated.
 */
bool trial_volume_remount_and_judge(struct trial_volume *v, const struct strike_point *scene, bool *ret_lossy);
bool trial_volume_tidy(struct trial_volume *v); /* empties the run directory for another run, or removes it */
void trial_volume_close(struct trial_volume *v);

#endif
