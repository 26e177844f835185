/*
 * How long something may take before it counts as hanging: a deadline that moves on by the time in which the machine could not
 * work on it. That is all time in which this process did not run either (SIGSTOP, a suspended machine), and time in which work
 * waited for a processor, a disk or memory, as the kernel measures it (Documentation/accounting/psi.rst; where it does not, by
 * the load), up to PATIENCE_FACTOR times the deadline in all.
 */
#ifndef TORNPAGE_HOST_PATIENCE_H
#define TORNPAGE_HOST_PATIENCE_H

#include <stdint.h>

enum {
    PATIENCE_TICK_MS = 200, /* whoever waits looks at least this often; a much longer gap is time in which nothing ran */
    PATIENCE_FACTOR = 5,
    PATIENCE_RESOURCES = 3, /* processors, disks, memory */
};

/* Times are of CLOCK_MONOTONIC. */
struct patience {
    int64_t begun_ns, end_ns;
    int64_t seen_ns;                        /* when it was last looked at */
    int64_t room_ns;                        /* by how much it may still be prolonged for load */
    int64_t measured_ns;                    /* when the pressure was last measured; 0: not yet */
    int64_t stalled_ns[PATIENCE_RESOURCES]; /* and what it was */
};

void patience_begin(struct patience *p, int64_t allowed_ms);
/* What is left, by now; 0 or less: the time is up. */
int64_t patience_left_ns(struct patience *p);
/* Leaves out the time since the last look: the waiting process was busy with something else. */
void patience_leave_out(struct patience *p);

#endif
