/*
 * The driver runs a plan's actors as real processes that make real system calls in a directory, and kills them at the job's kill
 * point.
 *
 * Each actor is a process, each further lane of it a thread. Lanes run their steps in order and side by side; `barrier` is where
 * they wait for each other. Above `---` (set-up) nothing is killed; when every lane has arrived there `ready` is called (sync,
 * start of recording), in the parent unless the job says otherwise, and then they go on. Actors die with the driver
 * (PR_SET_PDEATHSIG).
 */
#ifndef TORNPAGE_ACTOR_DRIVER_H
#define TORNPAGE_ACTOR_DRIVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actor/kill_point.h"
#include "evidence/history.h"
#include "language/plan.h"

struct error;

struct driver_job {
    const struct plan *plan;
    int dir_fd;                  /* an existing empty directory: every path of the plan is relative to it */
    const char *dir;             /* its path, for messages */
    struct history *history;     /* from driver_history_new, emptied by history_init */
    const _Atomic uint64_t *pos; /* the write log's published length, or NULL */
    struct kill_point kill;
    bool may_shutdown;    /* the volume is the run's own, so the shutdown verb may hit it; else it fails with EPERM */
    uint32_t deadline_ms; /* for the whole run (patience.h); when it passes all actors are killed and *ret_hung is set */
    int (*ready)(void *arg, struct error *err); /* called between set-up and the rest; may be NULL */
    void *arg;
    /*
     * `ready` touches nothing but memory shared with the actors, so that the last lane to arrive may call it in its own process:
     * that spares two changes of process, which cost as much as a short run.
     */
    bool ready_in_actor;
};

/*
 * An empty history in memory shared with the actors, and beside it what the driver itself shares with them: one run after another
 * may use it, each with the history initialised anew, with these very capacities. NULL when memory is out, and *err is filled.
 */
struct history *driver_history_new(uint32_t cap_events, uint64_t cap_data_bytes, struct error *err);
void driver_history_free(struct history *h); /* NULL: nothing to do */

/*
 * Runs the job; returns when every actor is dead and reaped. The calling process must have one thread. 0: history holds what
 * happened. -errno: the harness or machine failed ("broken"); -ETIMEDOUT also when an actor was stopped by a signal at the
 * deadline. *ret_hung: index of a step that did not end before the deadline, or -1.
 */
int driver_run(const struct driver_job *job, int32_t *ret_hung, struct error *err);

#endif
