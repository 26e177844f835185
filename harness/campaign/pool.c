/* A pool of worker processes: see pool.h. */
#include "campaign/pool.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "host/parallel.h"
#include "host/patience.h"

enum {
    TICK_MS = 100,
    NO_TASK = 0,
};

/* Shared between the caller and one worker. */
struct slot {
    _Atomic uint64_t task; /* number of the worker's task + 1; NO_TASK: it has none */
    struct job_pulse pulse;
};

struct shared {
    _Atomic uint64_t next;
    struct slot slot[];
};

/* A worker, as the caller sees it. */
struct worker {
    pid_t pid;
    int pidfd;
    bool stuck;
    uint64_t beats, task;     /* last values seen, */
    struct patience patience; /*   and how long they may stay */
};

static _Noreturn void work(const struct pool *p, struct shared *sh, size_t w, pid_t parent)
{
    struct slot *slot = &sh->slot[w];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    /* Otherwise a killed worker's volumes would stay mounted in the caller's namespace. */
    if (p->namespaces && (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
        _exit(1);
    while (p->end_s <= 0 || clock_s() < p->end_s) {
        uint64_t task = atomic_fetch_add(&sh->next, 1);
        if (task >= p->n_tasks)
            break;
        atomic_store(&slot->task, task + 1);
        p->run(p->arg, (size_t)task, &slot->pulse);
        atomic_store(&slot->task, NO_TASK);
    }
    _exit(0);
}

static int start(const struct pool *p, struct shared *sh, struct worker *workers, size_t w, struct error *err)
{
    pid_t parent = getpid(), pid;

    sh->slot[w].pulse.states_left = 0;
    pid = fork();
    if (pid == 0)
        work(p, sh, w, parent);
    if (pid < 0)
        return error_set(err, errno, "fork", NULL, NULL);
    workers[w] = (struct worker){.pid = pid, .pidfd = pidfd_open(pid, 0)};
    patience_begin(&workers[w].patience, PARALLEL_STUCK_MS);
    if (workers[w].pidfd >= 0)
        return 0;
    int rc = error_set(err, errno, "pidfd_open", NULL, NULL);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    workers[w].pid = 0;
    return rc;
}

/* Kills a worker whose task has made no progress for PARALLEL_STUCK_MS. */
static void check_pulse(struct worker *w, struct slot *slot)
{
    uint64_t beats = atomic_load(&slot->pulse.beats), task = atomic_load(&slot->task);

    if (beats != w->beats || task != w->task || task == NO_TASK) {
        w->beats = beats;
        w->task = task;
        patience_begin(&w->patience, PARALLEL_STUCK_MS);
    } else if (!w->stuck && patience_left_ns(&w->patience) <= 0) {
        w->stuck = true;
        kill(w->pid, SIGKILL);
    }
}

/* Waits until a worker ends, but no longer than one tick. */
static void wait_any(const struct worker *workers, struct pollfd *fds, unsigned n)
{
    nfds_t n_fds = 0;

    for (unsigned i = 0; i < n; i++)
        if (workers[i].pid)
            fds[n_fds++] = (struct pollfd){.fd = workers[i].pidfd, .events = POLLIN};
    poll(fds, n_fds, TICK_MS);
}

static void end_all(struct worker *workers, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (workers[i].pid) {
            kill(workers[i].pid, SIGKILL);
            waitpid(workers[i].pid, NULL, 0);
            close(workers[i].pidfd);
        }
}

/* Reaps workers that ended; replaces those that died in a task. */
static int reap(const struct pool *p, struct shared *sh, struct worker *workers, struct error *err)
{
    int status, rc = 0;

    /* Any child: as init of a pid namespace the caller also inherits the orphans of workers that were killed. */
    for (pid_t pid; rc == 0 && (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (unsigned i = 0; i < p->n_workers; i++) {
            if (workers[i].pid != pid)
                continue;
            uint64_t task = atomic_exchange(&sh->slot[i].task, NO_TASK);
            workers[i].pid = 0;
            close(workers[i].pidfd);
            if (task != NO_TASK)
                p->lost(p->arg, (size_t)(task - 1), status, workers[i].stuck);
            else if (status != 0) /* between tasks: it failed to start */
                return error_set(err, ECHILD, "worker", NULL, "a worker process ended before it began (status %d)", status);
            if (task != NO_TASK && atomic_load(&sh->next) < p->n_tasks)
                rc = start(p, sh, workers, i, err);
        }
    return rc;
}

int pool_run(const struct pool *p, struct error *err)
{
    const size_t bytes = sizeof(struct shared) + p->n_workers * sizeof(struct slot);
    struct shared *sh = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct worker *workers = xcalloc(p->n_workers, sizeof *workers);
    struct pollfd *fds = xcalloc(p->n_workers, sizeof *fds);
    int rc = sh == MAP_FAILED ? error_set(err, errno, "workers", NULL, NULL) : 0;

    assert(p->n_workers >= 1 && p->run && p->lost);
    for (unsigned i = 0; rc == 0 && i < p->n_workers; i++)
        rc = start(p, sh, workers, i, err);
    for (bool busy = true; rc == 0 && busy;) {
        uint64_t left = 0;

        busy = false;
        wait_any(workers, fds, p->n_workers);
        rc = reap(p, sh, workers, err);
        for (unsigned i = 0; i < p->n_workers; i++) {
            if (!workers[i].pid)
                continue;
            busy = true;
            check_pulse(&workers[i], &sh->slot[i]);
            left += atomic_load(&sh->slot[i].pulse.states_left);
        }
        if (p->tick)
            p->tick(p->arg, left);
    }
    if (sh != MAP_FAILED) {
        end_all(workers, p->n_workers);
        munmap(sh, bytes);
    }
    free(fds);
    free(workers);
    return rc;
}
