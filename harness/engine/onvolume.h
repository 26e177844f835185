/* A job's work on a volume with a path: open, run the plan in a fresh directory, look, remount. Private to the engine. */
#ifndef TORNPAGE_ENGINE_ONVOLUME_H
#define TORNPAGE_ENGINE_ONVOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/tally.h"

struct crash_image;

enum { ONVOLUME_POWER_DIR = 0 }; /* number of the run directory of every power cut: replay must find it in an image */

struct onvolume {
    struct tally *g;
    const struct backend *b;
    struct volume *volume;
    struct disk *disk; /* NULL: the backend has none */
    bool mounted;
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
 * These return false when the job cannot go on; the tally then knows why. onvolume_close undoes onvolume_open, also after a
 * failure of any of them.
 */
bool onvolume_open(struct onvolume *v, struct tally *g); /* opened, not mounted */
/* As onvolume_open, for crash images: it only serves to look. */
bool onvolume_open_crashed(struct onvolume *v, struct tally *g, struct crash_image *image);
bool onvolume_mount(struct onvolume *v);
bool onvolume_unmount(struct onvolume *v);
/*
 * Runs the plan with scene->kill in the directory that onvolume_tidy has emptied, else in the new directory run-N; the history
 * and the world are those of this run afterwards.
 */
bool onvolume_run(struct onvolume *v, uint64_t n, const struct scene *scene);
/* Fills the tally's survivors from the run directory. */
bool onvolume_survey(struct onvolume *v);
/* Does a mount failure tell of the machine (out of memory, no device) and not of what is on the disk? */
bool onvolume_machine_failed(const struct error *err);
/*
 * Mounts what is on the disk now and fills the tally's survivors from the run directory `n`: a mount that fails is one of them,
 * unless the machine is to blame. Leaves the volume mounted if it mounts.
 */
bool onvolume_look(struct onvolume *v, uint64_t n);
/* Notes the orderly unmount in the history and does it (the world knows that it syncs nothing after a shutdown). */
bool onvolume_end(struct onvolume *v);
/*
 * Unmounts in order, mounts again and judges what is there now. After a shutdown the judgement is that of a power cut. Returns
 * whether anything was violated.
 */
bool onvolume_remount_and_judge(struct onvolume *v, enum crash_kind crash, const struct scene *scene, bool *ret_lossy);
bool onvolume_tidy(struct onvolume *v); /* empties the run directory for another run, or removes it */
void onvolume_close(struct onvolume *v);

#endif
