/*
 * A pool of worker processes that run numbered tasks. Workers take the next task by themselves; one that dies or gets stuck
 * costs the task it was at, and another takes its place. Private to the engine.
 */
#ifndef TORNPAGE_ENGINE_POOL_H
#define TORNPAGE_ENGINE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/job.h"

struct error;

/* How many workers to have: so many as were asked for; 0: chosen by the number of processors. */
unsigned pool_workers(unsigned asked);

enum { POOL_STUCK_MS = 120000 }; /* a task whose pulse has not moved for so long is killed */

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
