/*
 * Private to this room, and to the benches. A trial's volume: opened, the plan run in a fresh directory of it, read back, mounted
 * again.
 */
#ifndef TORNPAGE_TRIAL_TRIAL_VOLUME_H
#define TORNPAGE_TRIAL_TRIAL_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "trial/trial.h"

struct disk;
struct volume;

enum { TRIAL_POWER_DIR = 0 }; /* number of the run directory of every power cut: replay must find it in an image */

struct trial_volume {
    struct trial *trial;
    struct volume *volume;
    struct disk *disk;           /* NULL: the backend has none */
    char dir[512];               /* the run directory, */
    uint64_t n;                  /*   its number, */
    int dir_fd;                  /*   itself: -1 when this mount has not made it; */
    bool dir_empty;              /*   and whether the next run may have it as it is */
    const _Atomic uint64_t *pos; /* the write log's length, or NULL */
    bool sync_first;             /* sync the volume before the strike */
    /* Called when set-up is over and synced, just before the START event. NULL: nothing. */
    int (*started)(void *arg, struct error *err);
    void *arg;
};

/*
 * These return false when the trial cannot go on; the trial then holds the reason. trial_volume_close undoes trial_volume_open,
 * also after a failure of any of them.
 */

/* Opens it; it is not mounted. `sync_first`: set-up is synced before the strike, which is so anyway where the scenario shuts
 * down.
 */
bool trial_volume_open(struct trial_volume *v, struct trial *t, bool sync_first);
bool trial_volume_mount(struct trial_volume *v);
/*
 * Runs the plan with at->kill in the directory that trial_volume_tidy has emptied, else in the new directory run-N; the history
 * and the world are those of this run afterwards.
 */
bool trial_volume_run(struct trial_volume *v, uint64_t n, const struct strike_point *at);
/* Fills the trial's survivors from the run directory. */
bool trial_volume_readback(struct trial_volume *v);
/* Notes the orderly unmount in the history and does it (the world knows that it syncs nothing after a shutdown). */
bool trial_volume_end(struct trial_volume *v);
/*
 * Mounts what is on the disk and fills the trial's survivors from run directory `n`. A mount that is refused twice is recorded
 * there, unless the host is to blame. Leaves the volume mounted if it mounts.
 */
bool trial_volume_observe(struct trial_volume *v, uint64_t n);
/* Unmounts in order, mounts again and judges what is there. Returns whether anything was violated. */
bool trial_volume_remount_and_judge(struct trial_volume *v, const struct strike_point *at, bool *ret_lossy);
bool trial_volume_tidy(struct trial_volume *v); /* empties the run directory for another run, or removes it */
void trial_volume_close(struct trial_volume *v);

/* Fills the trial's survivors from run directory `n` of a volume that was mounted just now at `root`. -errno: the host failed. */
int trial_readback_fresh(struct trial *t, const char *root, uint64_t n, struct error *err);
/* Makes the survivors those of a volume that does not mount. */
void survivors_of_refused_mount(struct survivors *s, const struct error *mount_err);

#endif
