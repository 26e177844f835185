/* The number of worker processes: see parallel.h. */
#include "host/parallel.h"

#include <unistd.h>

enum {
    WORKERS_PER_CORE = 4, /* mount and unmount mostly wait for RCU grace periods */
    WORKERS_MAX = 8,
};

unsigned parallel_workers(unsigned asked)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (asked)
        return asked;
    return cores < 1 ? 1 : cores < WORKERS_MAX / WORKERS_PER_CORE ? (unsigned)cores * WORKERS_PER_CORE : WORKERS_MAX;
}
