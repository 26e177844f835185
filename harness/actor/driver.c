/*
 * The driver's own process: starts the actors, opens the gate between set-up and the rest, watches for KILL_ASYNC, and waits for
 * the actors' deaths. It waits in poll(2) for pidfds and one eventfd only, so a lane that dies can never leave it hanging. What
 * happens inside an actor is in lanes.c.
 */
#include "actor/driver.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actor/lanes.h"
#include "base/error.h"
#include "host/patience.h"
#include "language/verb.h"

enum {
    SPINS_PER_YIELD = 4096,      /* turns the driver waits for a step to begin before it yields the processor */
    DEATH_GRACE_MS = 30000,      /* a SIGKILLed process that lives longer hangs in the kernel; nothing can end it */
    WAKE_SLOT = PLAN_MAX_ACTORS, /* of the eventfd in the poll set, behind the actors' pidfds */
    RUN_BYTES = 1024,            /* of struct run, right before the history: a short run needs only one page of shared memory */
};
static_assert(sizeof(struct run) <= RUN_BYTES && RUN_BYTES % alignof(struct history) == 0, "no room for struct run");

enum { TIME_IS_UP = 1 };

/* What only the driver's process knows of a run. */
struct driving {
    struct run *run;
    const struct driver_job *job;
    pid_t pids[PLAN_MAX_ACTORS];
    struct pollfd fds[PLAN_MAX_ACTORS + 1]; /* fd < 0: not started, or reaped */
    unsigned n_alive;
    struct patience patience;
    bool killed; /* by us */
    bool hung;
    int died_status; /* wait status of an actor that ended when it must not; 0: none has */
    unsigned died_actor;
};

static void kill_all(struct driving *d)
{
    atomic_store(&d->run->struck, 1);
    d->killed = true;
    patience_begin(&d->patience, DEATH_GRACE_MS);
    for (unsigned i = 0; i < d->job->plan->n_actors; i++)
        if (d->fds[i].fd >= 0)
            kill(d->pids[i], SIGKILL); /* not reaped yet, so the number is still its own */
}

static bool has_setup(const struct plan *p)
{
    for (size_t i = 0; i < p->n_steps; i++)
        if (p->steps[i].setup)
            return true;
    return false;
}

static int start_actor(struct driving *d, unsigned actor, struct error *err)
{
    /* Not fork(3): it has nothing to prepare in a process with one thread, but touches pages of libc on both sides. */
    pid_t parent = getpid(), pid = _Fork();

    if (pid < 0)
        return error_set(err, errno, "fork", NULL, NULL);
    if (pid == 0) {
        /* The driver may have died between fork and prctl: then its death signal is lost and its number is not our parent's. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
            _exit(EXIT_FAILURE);
        /* Ctrl-C reaches every process of the terminal; only the harness handles it. */
        sigaction(SIGINT, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
        lanes_actor(d->run, actor);
    }
    d->pids[actor] = pid;
    d->n_alive++;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd < 0) {
        int rc = error_set(err, errno, "pidfd_open", NULL, NULL);

        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        d->n_alive--;
        return rc;
    }
    d->fds[actor] = (struct pollfd){.fd = fd, .events = POLLIN};
    return 0;
}

static void reap(struct driving *d, unsigned actor)
{
    int status = 0;

    while (waitpid(d->pids[actor], &status, 0) < 0 && errno == EINTR)
        continue;
    close(d->fds[actor].fd);
    d->fds[actor].fd = -1;
    d->n_alive--;
    bool exited = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool struck = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && atomic_load(&d->run->struck);

    if (exited || struck)
        return;
    if (!d->died_status) {
        d->died_status = status;
        d->died_actor = actor;
    }
    if (!d->killed)
        kill_all(d); /* the others may be waiting for it */
}

/* The lane begins its step once it knows that the driver watches: waits for that, then for the given turns, and kills. */
static void kill_async(struct driving *d)
{
    struct run *r = d->run;
    uint64_t turns = 0;

    lanes_watched(r);
    while (!atomic_load_explicit(&r->begun, memory_order_acquire)) {
        if (++turns % SPINS_PER_YIELD == 0) {
            if (patience_left_ns(&d->patience) <= 0 || atomic_load(&r->failed))
                return; /* the poll loop finds the same */
            sched_yield();
        }
    }
    for (volatile uint64_t i = 0; i < d->job->kill.spins; i++)
        continue;
    kill_all(d);
}

/* Serves a lane that waits: opens the gate, or begins to busy-watch. */
static int serve(struct driving *d, struct error *err)
{
    struct run *r = d->run;

    if (r->driver_opens && !atomic_load(&r->gate_open) && lanes_all_at_gate(r)) {
        assert(d->job->ready);
        patience_left_ns(&d->patience);
        int rc = d->job->ready(d->job->arg, err);

        if (rc < 0)
            return rc;
        patience_leave_out(&d->patience); /* the harness's own time is not the plan's */
        lanes_open_gate(r);
    }
    if (atomic_load(&r->watch_wanted) && !atomic_load(&r->watched))
        kill_async(d);
    return 0;
}

static int on_wake(struct driving *d, struct error *err)
{
    uint64_t n;

    if (read(d->run->wake_fd, &n, sizeof n) < 0 && errno != EAGAIN)
        return error_set(err, errno, "eventfd", NULL, NULL);
    return serve(d, err);
}

/* Waits for one thing to happen. 0; TIME_IS_UP when the deadline passed; -errno. */
static int wait_event(struct driving *d, struct error *err)
{
    const int64_t left_ns = patience_left_ns(&d->patience);
    const int tick_ms = left_ns <= 0 ? 0 : left_ns / 1000000 < PATIENCE_TICK_MS ? (int)(left_ns / 1000000 + 1) : PATIENCE_TICK_MS;
    int n = poll(d->fds, WAKE_SLOT + 1, tick_ms);

    if (n < 0)
        return errno == EINTR ? 0 : error_set(err, errno, "poll", NULL, NULL);
    if (n == 0)
        return left_ns <= 0 ? TIME_IS_UP : 0;
    for (unsigned i = 0; i < PLAN_MAX_ACTORS; i++)
        if (d->fds[i].fd >= 0 && d->fds[i].revents)
            reap(d, i);
    /* Deaths first: a lane may have died since it woke the driver. */
    return d->fds[WAKE_SLOT].fd >= 0 && d->fds[WAKE_SLOT].revents && !d->killed ? on_wake(d, err) : 0;
}

static bool gate_wanted(struct run *r, const void *arg)
{
    (void)arg;
    return lanes_all_at_gate(r);
}

static bool watch_is_wanted(struct run *r, const void *arg)
{
    (void)arg;
    return atomic_load(&r->watch_wanted) != 0;
}

/* Serves lanes that need the driver soon after they start, without sleeping in between. */
static int serve_early(struct driving *d, struct error *err)
{
    struct run *r = d->run;
    int rc = 0;

    atomic_store(&r->driver_awake, 1);
    if (r->driver_opens && lanes_look(r, gate_wanted, NULL))
        rc = serve(d, err);
    if (rc == 0 && d->job->kill.kind == KILL_ASYNC)
        lanes_look(r, watch_is_wanted, NULL);
    atomic_store(&r->driver_awake, 0);
    return rc < 0 ? rc : serve(d, err);
}

/* Is an actor stopped by a signal? Then nothing hangs: whoever sent it keeps the run from going on. Fills *err if so. */
static bool is_stopped(const struct driving *d, struct error *err)
{
    for (unsigned i = 0; i < d->job->plan->n_actors; i++) {
        siginfo_t info = {.si_pid = 0};

        if (d->fds[i].fd < 0 || waitid(P_PID, (id_t)d->pids[i], &info, WSTOPPED | WNOHANG | WNOWAIT) || info.si_pid == 0)
            continue;
        error_set(err, ETIMEDOUT, "actor", d->job->plan->actors[i], "stopped by signal %d (%s), which the harness did not send",
                  info.si_status, strsignal(info.si_status));
        return true;
    }
    return false;
}

/* Runs until every actor is dead and reaped, whatever goes wrong. */
static int drive(struct driving *d, struct error *err)
{
    bool early = false;
    int rc = 0;

    while (d->n_alive) {
        int one = early ? wait_event(d, err) : serve_early(d, err);

        early = true;

        if (one == 0)
            continue;
        if (d->killed && one == TIME_IS_UP)
            return error_set(err, ETIMEDOUT, "kill", d->job->dir, "an actor hangs in the kernel and cannot be killed");
        d->hung = one == TIME_IS_UP && !atomic_load(&d->run->struck);
        if (one < 0)
            rc = one;
        else if (d->hung && is_stopped(d, err))
            rc = -ETIMEDOUT;
        kill_all(d);
    }
    return rc;
}

/* How well an event explains why the run did not end: best a running step, then one that waits for another lane, then one
 * that had just ended. */
static int blame(const struct driver_job *job, const struct event *e)
{
    if (e->begin_seq == 0 || e->lane == HISTORY_LANE_HARNESS)
        return 0;
    if (e->end_seq != HISTORY_NEVER)
        return 1;
    return job->plan->steps[e->step].verb->call ? 3 : 2;
}

/* The step that did not end; -1: none had begun. */
static int32_t hung_step(const struct driver_job *job)
{
    const struct history *h = job->history;
    uint32_t n = atomic_load(&h->n_events);
    int32_t found = -1;
    int most = 0;

    for (uint32_t i = 0; i < n; i++) {
        int b = blame(job, &h->events[i]);

        if (b == 0 || b < most)
            continue;
        most = b;
        found = (int32_t)h->events[i].step;
    }
    return found;
}

static int outcome(const struct driving *d, int32_t *ret_hung, struct error *err)
{
    const char *name = d->job->plan->actors[d->died_actor];

    if (atomic_load(&d->run->failed)) {
        if (err)
            *err = d->run->failure;
        return -d->run->failure.code;
    }
    if (d->died_status)
        return WIFSIGNALED(d->died_status)
                   ? error_set(err, ECHILD, "actor", name, "died of signal %d (%s)", WTERMSIG(d->died_status),
                               strsignal(WTERMSIG(d->died_status)))
                   : error_set(err, ECHILD, "actor", name, "ended with status %d", WEXITSTATUS(d->died_status));
    if (d->hung) {
        *ret_hung = hung_step(d->job);
        if (*ret_hung < 0)
            return error_set(err, ETIMEDOUT, "actor", name, "no step began before the deadline");
    }
    return 0;
}

static int run_actors(struct driving *d, struct error *err)
{
    const struct driver_job *job = d->job;
    struct run *r = d->run;
    bool setup = has_setup(job->plan);

    /* Without set-up every lane is at the gate from the start, and no actor needs to wait for `ready`. */
    if (!setup && job->ready) {
        int rc = job->ready(job->arg, err);

        if (rc < 0)
            return rc;
    }
    r->driver_opens = setup && job->ready && !job->ready_in_actor;
    r->lane_readies = setup && job->ready && job->ready_in_actor;
    /* One actor alone need not wait either. Several do: a kill point needs to know them all. */
    if (!setup && job->plan->n_actors == 1)
        atomic_store(&r->gate_open, 1);
    if (r->driver_opens || job->kill.kind == KILL_ASYNC) {
        r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (r->wake_fd < 0)
            return error_set(err, errno, "eventfd", NULL, NULL);
        d->fds[WAKE_SLOT] = (struct pollfd){.fd = r->wake_fd, .events = POLLIN};
    }
    int rc = 0;

    patience_begin(&d->patience, job->deadline_ms);
    for (unsigned i = 0; i < job->plan->n_actors && rc == 0; i++)
        rc = start_actor(d, i, err);
    if (rc < 0)
        kill_all(d);
    int driven = drive(d, rc < 0 ? NULL : err);

    return rc < 0 ? rc : driven;
}

struct history *driver_history_new(uint32_t cap_events, uint64_t cap_data_bytes, struct error *err)
{
    const uint64_t bytes = RUN_BYTES + history_bytes(cap_events, cap_data_bytes);
    char *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (block == MAP_FAILED) {
        error_set(err, errno, "history", NULL, NULL);
        return NULL;
    }
    return history_init(block + RUN_BYTES, cap_events, cap_data_bytes, 0);
}

static void *shared_block(struct history *h)
{
    return (char *)h - RUN_BYTES;
}

void driver_history_free(struct history *h)
{
    if (h)
        munmap(shared_block(h), RUN_BYTES + h->size_bytes);
}

int driver_run(const struct driver_job *job, int32_t *ret_hung, struct error *err)
{
    assert(job && job->plan && job->dir_fd >= 0 && job->dir && job->history && ret_hung && job->deadline_ms > 0);
    struct driving d = {.job = job};

    *ret_hung = -1;
    if (job->kill.kind != KILL_NEVER && (job->kill.step >= job->plan->n_steps || job->plan->steps[job->kill.step].setup))
        return error_set(err, EINVAL, "kill point", job->plan->name, "step %u is not one behind the set-up", job->kill.step);
    for (unsigned i = 0; i <= WAKE_SLOT; i++)
        d.fds[i].fd = -1;
    d.run = shared_block(job->history);
    *d.run = (struct run){.job = job, .wake_fd = -1};
    int rc = run_actors(&d, err);

    if (rc == 0)
        rc = outcome(&d, ret_hung, err);
    if (d.run->wake_fd >= 0)
        close(d.run->wake_fd);
    return rc;
}
