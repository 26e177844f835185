/* Private to this room. Saves the recording of a power run for others: a log in the format of dm-log-writes, and the image it
 * starts from. Reports use the numbers of that log's entries, whether it is saved or not. */
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

/* The numbers of the saved log's entries by position in the write log. Empty: positions are their own numbers. */
struct log_numbers {
    uint64_t from;
    uint64_t *v; /* of position from + i: how many entries, marks included, come before what is written there */
    size_t n;
};

/* Fills *ret, which log_numbers_free empties. Equal numbers stand for positions between which nothing happened: an ignored flush
 * and a lost write have no entry. So moments of the history keep their order. */
void recording_number(const struct recording *r, struct log_numbers *ret);
void log_numbers_free(struct log_numbers *n);
/* The number of a position, for crash_state_renumber; 0 of one before `from`, HISTORY_NEVER of HISTORY_NEVER. */
uint64_t log_number(const void *numbers, uint64_t pos);

#endif
