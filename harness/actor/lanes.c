/* Runs an actor's lanes: see lanes.h. */
#include "actor/lanes.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actor/actor.h"
#include "language/verb.h"

enum { THREAD_STACK_BYTES = 256 * 1024, LOOKS = 400 };

struct lane_task {
    struct run *run;
    struct actor *actor;
    uint8_t lane;
};

static long futex(_Atomic uint32_t *word, int op, uint32_t value)
{
    return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static void move_on(struct run *r)
{
    atomic_fetch_add(&r->turn, 1);
    futex(&r->turn, FUTEX_WAKE, INT_MAX);
}

static void wake_driver(struct run *r)
{
    uint64_t one = 1;

    /* The driver clears this flag before its last look, and the lane made its change before it reads the flag. */
    if (atomic_load(&r->driver_awake))
        return;
    assert(r->wake_fd >= 0);
    if (write(r->wake_fd, &one, sizeof one) != sizeof one)
        abort(); /* an eventfd takes far more than we ever write */
}

static uint32_t all_lanes(const struct run *r)
{
    return (1U << r->job->plan->n_lanes) - 1;
}

bool lanes_all_at_gate(struct run *r)
{
    return ((atomic_load(&r->at_gate) | atomic_load(&r->gone)) & all_lanes(r)) == all_lanes(r);
}

void lanes_open_gate(struct run *r)
{
    atomic_store(&r->gate_open, 1);
    move_on(r);
}

void lanes_watched(struct run *r)
{
    atomic_store(&r->watched, 1);
    move_on(r);
}

/* The actor cannot go on; the first one that fails says why. */
static _Noreturn void fail(struct run *r, const struct error *err)
{
    if (atomic_exchange(&r->failed, 1) == 0)
        r->failure = *err;
    _exit(EXIT_FAILURE);
}

/* Called after each change that could complete the gate. A second call does no harm. */
static void gate_complete(struct run *r)
{
    struct error err = {0};

    if (!lanes_all_at_gate(r) || atomic_load(&r->gate_open))
        return;
    if (r->driver_opens) {
        wake_driver(r);
        return;
    }
    if (r->lane_readies) {
        if (atomic_exchange(&r->readying, 1))
            return; /* the lane that readied the run opens the gate as well */
        if (r->job->ready(r->job->arg, &err) < 0)
            fail(r, &err);
    }
    if (r->job->plan->n_lanes > 1)
        lanes_open_gate(r);
    else
        atomic_store(&r->gate_open, 1); /* there is no lane to wake */
}

bool lanes_look(struct run *r, bool (*holds)(struct run *r, const void *arg), const void *arg)
{
    for (unsigned i = 0; i < LOOKS; i++) {
        if (holds(r, arg))
            return true;
        sched_yield();
    }
    return false;
}

static void wait_until(struct run *r, bool (*holds)(struct run *r, const void *arg), const void *arg)
{
    if (lanes_look(r, holds, arg))
        return;
    for (;;) {
        uint32_t turn = atomic_load(&r->turn);

        if (holds(r, arg))
            return;
        futex(&r->turn, FUTEX_WAIT, turn);
    }
}

static bool gate_is_open(struct run *r, const void *arg)
{
    (void)arg;
    return atomic_load(&r->gate_open) != 0;
}

static bool driver_watches(struct run *r, const void *arg)
{
    (void)arg;
    return atomic_load(&r->watched) != 0;
}

static bool barrier_complete(struct run *r, const void *arg)
{
    const struct step *s = arg;
    uint32_t mark = (uint32_t)(s - r->job->plan->steps) + 1;

    for (unsigned i = 0; i < r->job->plan->n_lanes; i++) {
        bool takes_part = s->barrier_lanes >> i & 1, gone = atomic_load(&r->gone) >> i & 1;

        if (takes_part && !gone && atomic_load(&r->barrier_at[i]) < mark)
            return false;
    }
    return true;
}

static void pass_gate(struct run *r, uint8_t lane)
{
    atomic_fetch_or(&r->at_gate, 1U << lane);
    gate_complete(r);
    wait_until(r, gate_is_open, NULL);
}

static void pass_barrier(struct run *r, uint8_t lane, const struct step *s)
{
    atomic_store(&r->barrier_at[lane], (uint32_t)(s - r->job->plan->steps) + 1);
    move_on(r);
    wait_until(r, barrier_complete, s);
}

/*
 * The kill point: every actor dies here and now, killed by this one, which dies last. That is faster than asking the driver. All
 * pids are known, since kill points lie behind the gate.
 */
static __attribute__((noreturn)) void strike(void *arg)
{
    struct run *r = arg;
    pid_t own = getpid();

    atomic_store(&r->struck, 1);
    for (unsigned i = 0; i < r->job->plan->n_actors; i++) {
        pid_t pid = atomic_load(&r->pids[i]);

        if (pid > 0 && pid != own)
            kill(pid, SIGKILL);
    }
    kill(own, SIGKILL);
    abort(); /* not reached */
}

static __attribute__((noreturn)) void broken(void *arg, int code, const char *what)
{
    struct error err;

    error_set(&err, code, "actor", NULL, "%s: %s", what, strerror(code));
    fail(arg, &err);
}

/* The exit verb: no barrier waits for this actor's lanes any more. */
static _Noreturn void leave(struct run *r, unsigned actor)
{
    const struct plan *p = r->job->plan;
    uint32_t lanes = 0;

    for (unsigned i = 0; i < p->n_lanes; i++)
        lanes |= p->lanes[i].actor == actor ? 1U << i : 0;
    atomic_fetch_or(&r->gone, lanes);
    gate_complete(r);
    move_on(r);
    _exit(EXIT_SUCCESS);
}

static void run_step(const struct lane_task *t, uint32_t index)
{
    struct run *r = t->run;
    const struct driver_job *job = r->job;
    const struct step *s = &job->plan->steps[index];
    enum kill_kind kill_here = job->kill.step == index ? job->kill.kind : KILL_NEVER;

    if (kill_here == KILL_BEFORE)
        strike(r);
    if (kill_here == KILL_ASYNC) {
        atomic_store(&r->watch_wanted, 1);
        wake_driver(r);
        wait_until(r, driver_watches, NULL);
    }
    struct event *e = history_begin(job->history, index, t->lane, job->pos);

    if (!e)
        broken(r, ENOBUFS, "the history has no room for another event");
    if (kill_here == KILL_ASYNC)
        atomic_store(&r->begun, 1);
    if (s->verb->call)
        s->verb->call(t->actor, s, e);
    else
        pass_barrier(r, t->lane, s);
    history_end(job->history, e, job->pos);
    if (kill_here == KILL_AFTER)
        strike(r);
    if (t->actor->exiting)
        leave(r, job->plan->lanes[t->lane].actor);
}

static void *run_lane(void *arg)
{
    const struct lane_task *t = arg;
    const struct plan *p = t->run->job->plan;
    bool passed = false;

    for (uint32_t i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];

        if (s->barrier_lanes ? !(s->barrier_lanes >> t->lane & 1) : s->lane != t->lane)
            continue;
        if (!s->setup && !passed) {
            pass_gate(t->run, t->lane);
            passed = true;
        }
        run_step(t, i);
    }
    if (!passed)
        pass_gate(t->run, t->lane);
    return NULL;
}

static void start_thread(struct lane_task *t, pthread_t *ret)
{
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
    int rc = pthread_create(ret, &attr, run_lane, t);

    if (rc)
        broken(t->run, rc, "pthread_create");
    pthread_attr_destroy(&attr);
}

_Noreturn void lanes_actor(struct run *r, unsigned actor)
{
    const struct driver_job *job = r->job;
    const struct plan *p = job->plan;
    bool inside = job->kill.kind == KILL_INSIDE;
    struct actor a;
    struct lane_task tasks[PLAN_MAX_LANES];
    pthread_t threads[PLAN_MAX_LANES];
    unsigned n = 0;

    atomic_store(&r->pids[actor], getpid());
    memset(&a, 0, offsetof(struct actor, files)); /* not the tables: each page of a new process's stack costs a fault */
    a.plan = p;
    a.history = job->history;
    a.pos = job->pos;
    a.root_fd = job->dir_fd;
    a.may_shutdown = job->may_shutdown;
    a.inside_step = inside ? (int64_t)job->kill.step : -1;
    a.inside_bytes = job->kill.bytes;
    a.strike = strike;
    a.broken = broken;
    a.run = r;
    actor_init(&a);
    for (uint8_t i = 0; i < p->n_lanes; i++)
        if (p->lanes[i].actor == actor)
            tasks[n++] = (struct lane_task){.run = r, .actor = &a, .lane = i};
    assert(n > 0);
    for (unsigned i = 1; i < n; i++)
        start_thread(&tasks[i], &threads[i]);
    run_lane(&tasks[0]);
    for (unsigned i = 1; i < n; i++)
        pthread_join(threads[i], NULL);
    /* No unmapping, closing or finalizers: the kernel cleans up, as at any death of a process. */
    _exit(EXIT_SUCCESS);
}
