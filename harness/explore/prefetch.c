/*
 * Prefetch workers: see prefetch.h. Each has a socket, from which it reads requests and to which it writes observations: the
 * length, then the bytes.
 */
#include "explore/prefetch.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "host/full_io.h"

enum { MAX_KEPT = 8 }; /* observations that were not taken, for each worker */

/* A request: this, then the state's kept writes. */
struct request {
    uint64_t tag;
    struct crash_state state; /* without its pointers */
};

/* An observation that was begun, and is finished when `done`. */
struct prefetched {
    struct buf request, observation;
    bool done;
    uint64_t age; /* smaller: begun earlier */
};

struct prefetch_worker {
    pid_t pid;
    int fd;
    struct prefetched *busy_with; /* NULL: idle */
};

struct prefetch {
    struct prefetch_worker *workers;
    unsigned n_workers;
    struct prefetched **prefetched;
    size_t n_prefetched, cap_prefetched;
    uint64_t age;
    bool dead; /* a worker died */
};

static _Noreturn void serve(int fd, prefetch_fn observe, void *arg)
{
    struct buf out = {.data = NULL};
    struct kept_write *kept = NULL;
    size_t cap = 0;
    struct request q;

    while (read_full(fd, &q, sizeof q)) {
        kept = grow(kept, &cap, q.state.n_kept, sizeof *kept);
        if (!read_full(fd, kept, q.state.n_kept * sizeof *kept))
            break;
        q.state.kept = kept;
        buf_clear(&out);
        observe(arg, &q.state, q.tag, &out);
        const uint64_t len = out.len_bytes;
        if (!write_full(fd, &len, sizeof len) || !write_full(fd, out.data, len))
            break;
    }
    _exit(0);
}

static int start(struct prefetch *p, prefetch_fn observe, void *arg, struct error *err)
{
    const pid_t parent = getpid();
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return error_set(err, errno, "socketpair", NULL, NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (unsigned i = 0; i < p->n_workers; i++)
            close(p->workers[i].fd);
        close(pair[0]);
        if (getppid() == parent)
            serve(pair[1], observe, arg);
        _exit(1);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return error_set(err, errno, "fork", NULL, NULL);
    }
    p->workers[p->n_workers++] = (struct prefetch_worker){.pid = pid, .fd = pair[0]};
    return 0;
}

int prefetch_new(unsigned n, prefetch_fn observe, void *arg, struct prefetch **ret, struct error *err)
{
    struct prefetch *p = xcalloc(1, sizeof *p);
    int r = 0;

    p->workers = xcalloc(n, sizeof *p->workers);
    for (unsigned i = 0; i < n && r == 0; i++)
        r = start(p, observe, arg, err);
    if (r < 0)
        prefetch_free(p);
    else
        *ret = p;
    return r;
}

static void forget(struct prefetch *p, size_t i)
{
    buf_free(&p->prefetched[i]->request);
    buf_free(&p->prefetched[i]->observation);
    free(p->prefetched[i]);
    p->prefetched[i] = p->prefetched[--p->n_prefetched];
}

void prefetch_free(struct prefetch *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->n_workers; i++) {
        kill(p->workers[i].pid, SIGKILL);
        while (waitpid(p->workers[i].pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        close(p->workers[i].fd);
    }
    while (p->n_prefetched)
        forget(p, p->n_prefetched - 1);
    free(p->prefetched);
    free(p->workers);
    free(p);
}

/* Reads the observation of a worker that has begun to send it. */
static void read_observation(struct prefetch *p, struct prefetch_worker *w)
{
    struct prefetched *o = w->busy_with;
    uint64_t len = 0;

    w->busy_with = NULL;
    if (!read_full(w->fd, &len, sizeof len)) {
        p->dead = true;
        return;
    }
    char *bytes = xmalloc(len + 1);
    if (read_full(w->fd, bytes, len))
        buf_add(&o->observation, bytes, len);
    else
        p->dead = true;
    o->done = true;
    free(bytes);
}

/* Reads what the workers have sent. `wait`: waits until one has sent something, if any is busy. */
static void collect(struct prefetch *p, bool wait)
{
    struct pollfd *fds = xcalloc(p->n_workers, sizeof *fds);
    bool busy = false;

    for (unsigned i = 0; i < p->n_workers; i++) {
        fds[i] = (struct pollfd){.fd = p->workers[i].busy_with ? p->workers[i].fd : -1, .events = POLLIN};
        busy |= p->workers[i].busy_with != NULL;
    }
    if (busy && poll(fds, p->n_workers, wait ? -1 : 0) > 0)
        for (unsigned i = 0; i < p->n_workers; i++)
            if (p->workers[i].busy_with && fds[i].revents)
                read_observation(p, &p->workers[i]);
    free(fds);
}

static struct prefetch_worker *idle_worker(struct prefetch *p)
{
    for (unsigned i = 0; i < p->n_workers; i++)
        if (!p->workers[i].busy_with)
            return &p->workers[i];
    return NULL;
}

bool prefetch_idle(struct prefetch *p)
{
    collect(p, false);
    return idle_worker(p) != NULL;
}

static void make_request(const struct crash_state *s, uint64_t tag, struct buf *out)
{
    struct request q;

    memset(&q, 0, sizeof q); /* compared as bytes */
    q.tag = tag;
    q.state.durable = s->durable;
    q.state.cut = s->cut;
    q.state.until = s->until;
    q.state.n_kept = s->n_kept;
    buf_add(out, &q, sizeof q);
    for (size_t i = 0; i < s->n_kept; i++) {
        struct kept_write k;

        memset(&k, 0, sizeof k);
        k.entry = s->kept[i].entry;
        k.first = s->kept[i].first;
        k.count = s->kept[i].count;
        buf_add(out, &k, sizeof k);
    }
}

static size_t find(const struct prefetch *p, const struct buf *request)
{
    size_t i = 0;

    while (i < p->n_prefetched && (p->prefetched[i]->request.len_bytes != request->len_bytes ||
                                   memcmp(p->prefetched[i]->request.data, request->data, request->len_bytes) != 0))
        i++;
    return i;
}

/* Makes room for one observation more: the oldest ones were not taken because their states turned out to be covered. */
static void forget_oldest(struct prefetch *p)
{
    while (p->n_prefetched >= (size_t)p->n_workers * MAX_KEPT) {
        size_t oldest = p->n_prefetched;

        for (size_t i = 0; i < p->n_prefetched; i++)
            if (p->prefetched[i]->done && (oldest == p->n_prefetched || p->prefetched[i]->age < p->prefetched[oldest]->age))
                oldest = i;
        assert(oldest < p->n_prefetched); /* at most n_workers are not done */
        forget(p, oldest);
    }
}

/* Gives the request to the worker; its memory becomes the observation's. */
static void begin(struct prefetch *p, struct prefetch_worker *w, struct buf *request)
{
    struct prefetched *o = xcalloc(1, sizeof *o);

    forget_oldest(p);
    o->request = *request;
    o->age = p->age++;
    *request = (struct buf){.data = NULL};
    p->prefetched = grow(p->prefetched, &p->cap_prefetched, p->n_prefetched, sizeof *p->prefetched);
    p->prefetched[p->n_prefetched++] = o;
    w->busy_with = o;
    if (!write_full(w->fd, o->request.data, o->request.len_bytes))
        p->dead = true;
}

void prefetch_begin(struct prefetch *p, const struct crash_state *s, uint64_t tag)
{
    struct prefetch_worker *w = idle_worker(p);
    struct buf request = {.data = NULL};

    if (!w || p->dead)
        return;
    make_request(s, tag, &request);
    if (find(p, &request) == p->n_prefetched)
        begin(p, w, &request);
    buf_free(&request);
}

int prefetch_take(struct prefetch *p, const struct crash_state *s, uint64_t tag, struct buf *ret, struct error *err)
{
    struct buf request = {.data = NULL}, key = {.data = NULL};
    size_t i;

    make_request(s, tag, &request);
    make_request(s, tag, &key);
    for (;;) {
        struct prefetch_worker *w;

        i = find(p, &key);
        if (p->dead || (i < p->n_prefetched && p->prefetched[i]->done))
            break;
        w = idle_worker(p);
        if (i == p->n_prefetched && w)
            begin(p, w, &request);
        else
            collect(p, true);
    }
    buf_free(&request);
    buf_free(&key);
    if (p->dead)
        return error_set(err, ECHILD, "observe", NULL, "a process that mounts crash states died");
    buf_free(ret);
    *ret = p->prefetched[i]->observation;
    p->prefetched[i]->observation = (struct buf){.data = NULL};
    forget(p, i);
    return 0;
}
