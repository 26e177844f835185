/* Private to this room. Saves the recording of a power run for others: a log in the format of dm-log-writes, and the image it
 * starts from. */
#ifndef TORNPAGE_TRIAL_RECORDING_H
#define TORNPAGE_TRIAL_RECORDING_H

#include <stdint.h>

#include "disk/disk.h"
#include "disk/writelog.h"
#include "evidence/history.h"
#include "language/plan.h"

struct error;

struct recording {
    const struct plan *plan;
    const char *spec; /* the backend's */
    uint64_t run;     /* number of the recording, from 0 */
    const struct writelog *log;
    uint64_t from; /* where crashes begin: nothing is in flight there */
    const struct history *history;
    const struct disk *disk; /* that the log is of */
};

/*
 * Writes dir/NAME.log and dir/NAME.base (sparse); NAME is made of scenario, backend and, from the second recording on, its
 * number. The log holds what the disk did behind `from`, with a mark where each step behind the set-up began and ended: "start",
 * "step 3 begin", "step 3 end" or "step 3 failed", "unmount begin", "unmount end"; steps are numbered as in reports. `dir` is
 * made when missing.
 */
int recording_save(const struct recording *r, const char *dir, struct error *err);

#endif
