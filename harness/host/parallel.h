/* How many processes work in parallel, and how long one may make no progress. */
#ifndef TORNPAGE_HOST_PARALLEL_H
#define TORNPAGE_HOST_PARALLEL_H

enum { PARALLEL_STUCK_MS = 120000 }; /* a process without progress for this long is stuck, and is killed */

/* The number of worker processes: `asked`, or for 0 a number that depends on the number of processors. */
unsigned parallel_workers(unsigned asked);

#endif
