/* Lookers: see lookers.h. Each has a socket, through which it gets states and answers with lengths and bytes. */
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

enum { KEPT_LOOKS = 8 }; /* finished ones that nobody has taken, for each looker */

/* A request: this, then the state's kept writes. */
struct request {
    uint64_t tag;
    struct crash_state state; /* without its pointers */
};

struct look {
    struct buf request, answer;
    bool done;
    uint64_t age;
};

struct prefetch_worker {
    pid_t pid;
    int fd;
    struct look *at; /* what it is at, or NULL */
};

struct prefetch {
    struct prefetch_worker *v;
    unsigned n;
    struct look **looks;
    size_t n_looks, cap_looks;
    uint64_t age;
    bool dead; /* one of them died */
};

static _Noreturn void serve(int fd, prefetch_fn look, void *arg)
{
    struct buf answer = {.data = NULL};
    struct kept_write *kept = NULL;
    size_t cap = 0;
    struct request q;

    while (read_full(fd, &q, sizeof q)) {
        kept = grow(kept, &cap, q.state.n_kept, sizeof *kept);
        if (!read_full(fd, kept, q.state.n_kept * sizeof *kept))
            break;
        q.state.kept = kept;
        buf_clear(&answer);
        look(arg, &q.state, q.tag, &answer);
        const uint64_t len = answer.len_bytes;
        if (!write_full(fd, &len, sizeof len) || !write_full(fd, answer.data, len))
            break;
    }
    _exit(0);
}

static int start(struct prefetch *l, prefetch_fn look, void *arg, struct error *err)
{
    const pid_t parent = getpid();
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return error_set(err, errno, "socketpair", NULL, NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (unsigned i = 0; i < l->n; i++)
            close(l->v[i].fd);
        close(pair[0]);
        if (getppid() == parent)
            serve(pair[1], look, arg);
        _exit(1);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return error_set(err, errno, "fork", NULL, NULL);
    }
    l->v[l->n++] = (struct prefetch_worker){.pid = pid, .fd = pair[0]};
    return 0;
}

int prefetch_new(unsigned n, prefetch_fn look, void *arg, struct prefetch **ret, struct error *err)
{
    struct prefetch *l = xcalloc(1, sizeof *l);
    int r = 0;

    l->v = xcalloc(n, sizeof *l->v);
    for (unsigned i = 0; i < n && r == 0; i++)
        r = start(l, look, arg, err);
    if (r < 0)
        prefetch_free(l);
    else
        *ret = l;
    return r;
}

static void forget(struct prefetch *l, size_t i)
{
    buf_free(&l->looks[i]->request);
    buf_free(&l->looks[i]->answer);
    free(l->looks[i]);
    l->looks[i] = l->looks[--l->n_looks];
}

void prefetch_free(struct prefetch *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < l->n; i++) {
        kill(l->v[i].pid, SIGKILL);
        while (waitpid(l->v[i].pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        close(l->v[i].fd);
    }
    while (l->n_looks)
        forget(l, l->n_looks - 1);
    free(l->looks);
    free(l->v);
    free(l);
}

/* Takes the answer of a looker that has begun to send it. */
static void take_answer(struct prefetch *l, struct prefetch_worker *w)
{
    struct look *k = w->at;
    uint64_t len = 0;

    w->at = NULL;
    if (!read_full(w->fd, &len, sizeof len)) {
        l->dead = true;
        return;
    }
    char *bytes = xmalloc(len + 1);
    if (read_full(w->fd, bytes, len))
        buf_add(&k->answer, bytes, len);
    else
        l->dead = true;
    k->done = true;
    free(bytes);
}

/* Takes what there is; waits for something if `wait`. */
static void collect(struct prefetch *l, bool wait)
{
    struct pollfd *fds = xcalloc(l->n, sizeof *fds);
    bool busy = false;

    for (unsigned i = 0; i < l->n; i++) {
        fds[i] = (struct pollfd){.fd = l->v[i].at ? l->v[i].fd : -1, .events = POLLIN};
        busy |= l->v[i].at != NULL;
    }
    if (busy && poll(fds, l->n, wait ? -1 : 0) > 0)
        for (unsigned i = 0; i < l->n; i++)
            if (l->v[i].at && fds[i].revents)
                take_answer(l, &l->v[i]);
    free(fds);
}

static struct prefetch_worker *idle_one(struct prefetch *l)
{
    for (unsigned i = 0; i < l->n; i++)
        if (!l->v[i].at)
            return &l->v[i];
    return NULL;
}

bool prefetch_idle(struct prefetch *l)
{
    collect(l, false);
    return idle_one(l) != NULL;
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

static size_t find(const struct prefetch *l, const struct buf *request)
{
    size_t i = 0;

    while (i < l->n_looks && (l->looks[i]->request.len_bytes != request->len_bytes ||
                              memcmp(l->looks[i]->request.data, request->data, request->len_bytes) != 0))
        i++;
    return i;
}

/* Finished looks that nobody took, as the states turned out to be known: the oldest go. */
static void forget_old(struct prefetch *l)
{
    while (l->n_looks >= (size_t)l->n * KEPT_LOOKS) {
        size_t oldest = l->n_looks;

        for (size_t i = 0; i < l->n_looks; i++)
            if (l->looks[i]->done && (oldest == l->n_looks || l->looks[i]->age < l->looks[oldest]->age))
                oldest = i;
        assert(oldest < l->n_looks); /* at most n are not done */
        forget(l, oldest);
    }
}

/* Takes over the request. */
static void begin(struct prefetch *l, struct prefetch_worker *w, struct buf *request)
{
    struct look *k = xcalloc(1, sizeof *k);

    forget_old(l);
    k->request = *request;
    k->age = l->age++;
    *request = (struct buf){.data = NULL};
    l->looks = grow(l->looks, &l->cap_looks, l->n_looks, sizeof *l->looks);
    l->looks[l->n_looks++] = k;
    w->at = k;
    if (!write_full(w->fd, k->request.data, k->request.len_bytes))
        l->dead = true;
}

void prefetch_begin(struct prefetch *l, const struct crash_state *s, uint64_t tag)
{
    struct prefetch_worker *w = idle_one(l);
    struct buf request = {.data = NULL};

    if (!w || l->dead)
        return;
    make_request(s, tag, &request);
    if (find(l, &request) == l->n_looks)
        begin(l, w, &request);
    buf_free(&request);
}

int prefetch_take(struct prefetch *l, const struct crash_state *s, uint64_t tag, struct buf *ret, struct error *err)
{
    struct buf request = {.data = NULL}, key = {.data = NULL};
    size_t i;

    make_request(s, tag, &request);
    make_request(s, tag, &key);
    for (;;) {
        struct prefetch_worker *w;

        i = find(l, &key);
        if (l->dead || (i < l->n_looks && l->looks[i]->done))
            break;
        w = idle_one(l);
        if (i == l->n_looks && w)
            begin(l, w, &request);
        else
            collect(l, true);
    }
    buf_free(&request);
    buf_free(&key);
    if (l->dead)
        return error_set(err, ECHILD, "look", NULL, "a process that mounts crash states died");
    buf_free(ret);
    *ret = l->looks[i]->answer;
    l->looks[i]->answer = (struct buf){.data = NULL};
    forget(l, i);
    return 0;
}
