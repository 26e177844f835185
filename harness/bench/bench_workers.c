/* Several workers measured together: see bench_impl.h. */
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
#include "bench/bench_impl.h"

enum { TICK_MS = 1, DEADLINE_S = 120 };

struct workers {
    struct bench_worker *workers; /* shared */
    struct error *errors;         /* shared */
    struct pollfd *fds;           /* pidfds */
    pid_t *pids;
    unsigned n;
};

static _Noreturn void work_and_exit(struct workers *c, unsigned i, pid_t parent, int (*work)(void *arg, struct bench_worker *w),
                                    void *arg)
{
    struct bench_worker *w = &c->workers[i];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        error_set(w->err, errno, "unshare", NULL, NULL);
        _exit(EXIT_FAILURE);
    }
    _exit(work(arg, w) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int start(struct workers *c, unsigned i, int (*work)(void *arg, struct bench_worker *w), void *arg, struct error *err)
{
    pid_t parent = getpid(), pid = fork();

    if (pid == 0)
        work_and_exit(c, i, parent, work, arg);
    if (pid < 0)
        return error_set(err, errno, "fork", NULL, NULL);
    c->pids[i] = pid;
    c->fds[i] = (struct pollfd){.fd = pidfd_open(pid, 0), .events = POLLIN};
    return c->fds[i].fd < 0 ? error_set(err, errno, "pidfd_open", NULL, NULL) : 0;
}

static uint64_t done(const struct workers *c)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < c->n; i++)
        n += atomic_load(&c->workers[i].progress.states_done);
    return n;
}

static bool all_have_begun(const struct workers *c)
{
    for (unsigned i = 0; i < c->n; i++)
        if (!atomic_load(&c->workers[i].progress.states_done))
            return false;
    return true;
}

/* Waits until a worker ends, at most until `end_s`. 1: one ended; 0: none; -errno. */
static int wait_end(struct workers *c, double end_s, struct error *err)
{
    double left_s = end_s - clock_s();
    int n = poll(c->fds, c->n, left_s <= 0 ? 0 : (int)(left_s * 1000) + 1);

    return n < 0 && errno != EINTR ? error_set(err, errno, "poll", NULL, NULL) : n > 0;
}

static int stuck(const char *what, struct error *err)
{
    return error_set(err, ETIMEDOUT, "worker", NULL, "%s within %d s", what, DEADLINE_S);
}

static int measure(struct workers *c, double seconds, double *ret_rate, struct error *err)
{
    const double deadline_s = clock_s() + DEADLINE_S;
    int rc = 0;

    while (rc == 0 && !all_have_begun(c)) {
        rc = wait_end(c, clock_s() + TICK_MS / 1000.0, err);
        if (rc == 0 && clock_s() > deadline_s)
            return stuck("not every worker did anything", err);
    }
    const double from_s = clock_s();
    const uint64_t before = done(c);

    while (rc == 0 && clock_s() < from_s + seconds)
        rc = wait_end(c, from_s + seconds, err);
    if (rc != 0)
        return rc < 0 ? rc : error_set(err, ECHILD, "worker", NULL, "ended before it was stopped");
    for (unsigned i = 0; i < c->n; i++)
        atomic_store(&c->workers[i].stop, 1);
    rc = wait_end(c, clock_s() + DEADLINE_S, err);
    *ret_rate = (double)(done(c) - before) / (clock_s() - from_s);
    return rc < 0 ? rc : rc == 0 ? stuck("no worker ended", err) : 0;
}

/* Reaps all workers; kills those that do not end. Prefers a worker's own error to the one that says it ended. */
static int finish(struct workers *c, int rc, struct error *err)
{
    const double deadline_s = clock_s() + DEADLINE_S;

    for (unsigned i = 0; i < c->n; i++) {
        int status = 0;
        double left_s = deadline_s - clock_s();

        atomic_store(&c->workers[i].stop, 1);
        if (c->pids[i] <= 0)
            continue;
        if (poll(&c->fds[i], 1, left_s > 0 ? (int)(left_s * 1000) : 0) <= 0)
            kill(c->pids[i], SIGKILL);
        while (waitpid(c->pids[i], &status, 0) < 0 && errno == EINTR)
            continue;
        close(c->fds[i].fd);
        if (status && c->errors[i].code && err && (rc == 0 || err->code == ECHILD)) {
            *err = c->errors[i];
            rc = -err->code;
        } else if (status && rc == 0) {
            rc = error_set(err, ECHILD, "worker", NULL, "ended with status %d", status);
        }
    }
    return rc;
}

int bench_workers(unsigned n, int (*work)(void *arg, struct bench_worker *w), void *arg, double seconds, double *ret_rate,
                  struct error *err)
{
    const size_t bytes = n * (sizeof(struct bench_worker) + sizeof(struct error));
    void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int rc = 0;

    assert(n >= 1);
    if (shared == MAP_FAILED)
        return error_set(err, errno, "workers", NULL, NULL);
    struct workers c = {.workers = shared,
                        .errors = (void *)((struct bench_worker *)shared + n),
                        .fds = xcalloc(n, sizeof *c.fds),
                        .pids = xcalloc(n, sizeof *c.pids),
                        .n = n};
    for (unsigned i = 0; i < n && rc == 0; i++) {
        c.workers[i].index = i;
        c.workers[i].err = &c.errors[i];
        rc = start(&c, i, work, arg, err);
    }
    if (rc == 0)
        rc = measure(&c, seconds, ret_rate, err);
    rc = finish(&c, rc, err);
    munmap(shared, bytes);
    free(c.fds);
    free(c.pids);
    return rc;
}
