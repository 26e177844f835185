/*
 * Private to this room. The actors' side of a run: what an actor's process does from fork to death, and the memory it shares with
 * the driver.
 *
 * Everything here must stand being killed between any two instructions, so there are no locks between processes and no counters
 * that a death could leave wrong: each lane publishes its progress, and a waiting process checks all lanes again whenever
 * `turn` moves.
 */
#ifndef TORNPAGE_ACTOR_LANES_H
#define TORNPAGE_ACTOR_LANES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "actor/driver.h"
#include "base/error.h"

struct run {
    const struct driver_job *job; /* same address in all processes of the run: they are forks of the driver */
    int wake_fd;                  /* eventfd by which lanes wake the driver; -1: it has nothing to do in between */
    bool driver_opens;            /* the gate: it calls job->ready first; else the last lane to arrive opens it */
    bool lane_readies;            /* the last lane to arrive calls job->ready before it opens the gate */

    _Atomic uint32_t driver_awake;               /* it checks the fields below by itself for now and need not be woken */
    _Atomic uint32_t turn;                       /* futex; moves whenever something below does */
    _Atomic uint32_t at_gate;                    /* bit per lane: has arrived there */
    _Atomic uint32_t readying;                   /* lane_readies: a lane has taken it on */
    _Atomic uint32_t gate_open;                  /* set-up is over */
    _Atomic uint32_t gone;                       /* bit per lane: its actor has exited, no barrier waits for it */
    _Atomic uint32_t barrier_at[PLAN_MAX_LANES]; /* step index + 1 of the last barrier the lane has reached */
    _Atomic uint32_t watch_wanted, watched;      /* KILL_ASYNC: the lane asks the driver to busy-watch; the driver does */
    _Atomic uint32_t begun;                      /* ... and the step has begun */
    _Atomic uint32_t struck;                     /* the kill point was reached: actors die of SIGKILL by intent */
    _Atomic pid_t pids[PLAN_MAX_ACTORS];         /* by actor, set by itself; 0: has not started yet */
    _Atomic uint32_t failed;                     /* `failure` is being or has been filled by the first actor that failed */
    struct error failure;
};

/*
 * Checks `holds` up to so many times, yielding the processor in between; returns whether it does. Waking a sleeper on another
 * processor costs more than most set-ups take, so a process that waits for something imminent checks for a moment before it
 * sleeps.
 */
bool lanes_look(struct run *r, bool (*holds)(struct run *r, const void *arg), const void *arg);

/* The whole life of actor number `actor` in its own process. Does not return. */
_Noreturn void lanes_actor(struct run *r, unsigned actor);

/* Have all lanes arrived at the gate, or gone? */
bool lanes_all_at_gate(struct run *r);
/* Opens the gate; tells the waiting lane that the driver watches. */
void lanes_open_gate(struct run *r);
void lanes_watched(struct run *r);

#endif
