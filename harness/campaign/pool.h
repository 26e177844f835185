/*
 * A pool of worker processes that run numbered tasks. Each worker takes the next task when it has finished one. If a worker dies
 * or gets stuck, its task is lost, and a new worker takes its place.
 */
#ifndef TORNPAGE_CAMPAIGN_POOL_H
#define TORNPAGE_CAMPAIGN_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trial/job.h"

struct error;

struct pool {
    size_t n_tasks;
    unsigned n_workers; /* at least 1 */
    double end_s;       /* of clock_s: no task begins later; 0: no limit */
    bool namespaces;    /* each worker has its own mount namespace; its mounts vanish when it dies */
    void (*run)(void *arg, size_t task, struct job_pulse *pulse); /* in a worker */
    /* In the caller: the worker died in this task (status as from waitpid), or made no progress and was killed (stuck). */
    void (*lost)(void *arg, size_t task, int status, bool stuck);
    void (*tick)(void *arg, uint64_t states_left); /* in the caller, about ten times a second */
    void *arg;
};

/* Returns when all tasks are done (or the time is up) and all workers are reaped. -errno if no worker could be started. */
int pool_run(const struct pool *p, struct error *err);

#endif
