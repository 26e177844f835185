/* How many processes work side by side, and for how long one may seem to do nothing. */
#ifndef TORNPAGE_HOST_PARALLEL_H
#define TORNPAGE_HOST_PARALLEL_H

enum { PARALLEL_STUCK_MS = 120000 }; /* a process that has not moved for so long is stuck, and is killed */

/* The number of worker processes: `asked`, or with 0 a number chosen by that of the processors. */
unsigned parallel_workers(unsigned asked);

#endif
