/*
 * A pool of worker processes that run numbered tasks. Workers take the next task by themselves; one that dies or gets stuck
 * costs the task it was at, and another takes its place. Private to the engine.
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
    double end_s;       /* of clock_s: begin no task after that; 0: no limit */
    bool namespaces;    /* each worker gets a mount namespace of its own, whose mounts end with it */
    void (*run)(void *arg, size_t task, struct job_pulse *pulse); /* in a worker */
    /* In the caller: the worker died at this task; status as from waitpid, or stuck. */
    void (*lost)(void *arg, size_t task, int status, bool stuck);
    void (*tick)(void *arg, uint64_t states_left); /* in the caller, about ten times a second */
    void *arg;
};

/* Returns when all tasks are done (or the time is up) and all workers reaped. -errno when no worker can be had. */
int pool_run(const struct pool *p, struct error *err);

#endif
