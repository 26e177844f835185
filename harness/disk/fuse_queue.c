/* Requests from /dev/fuse: see fuse_queue.h. */
#include "disk/fuse_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

enum {
    LOOK_NS = 200000,   /* longer than a file system takes between two requests of one commit */
    CROWDED_NS = 50000, /* a yield that lasts longer let another process run, not just the kernel's completions */
    REST_FACTOR = 20    /* then no looking for so many times as long */
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int set_nonblocking(struct fuse_queue *q, bool nonblocking)
{
    if (q->nonblocking == nonblocking)
        return 0;
    if (fcntl(q->fd, F_SETFL, O_RDWR | (nonblocking ? O_NONBLOCK : 0)))
        return -errno;
    q->nonblocking = nonblocking;
    return 0;
}

void fuse_queue_free(struct fuse_queue *q)
{
    for (size_t i = 0; i < q->n_waiting; i++)
        free(q->waiting[i].mem);
    for (size_t i = 0; i < q->n_spare; i++)
        free(q->spare[i]);
    free(q->waiting);
    free(q->spare);
}

void fuse_queue_recycle(struct fuse_queue *q, struct fuse_request *r)
{
    q->spare = grow(q->spare, &q->cap_spare, q->n_spare, sizeof *q->spare);
    q->spare[q->n_spare++] = r->mem;
    r->mem = NULL;
}

/* Reads a request: 0 or -errno. */
static int fetch(struct fuse_queue *q, struct fuse_request *ret)
{
    struct fuse_request r = {.mem = q->n_spare ? q->spare[--q->n_spare] : xmalloc(q->room_bytes)};
    const ssize_t n = read(q->fd, r.mem, q->room_bytes);

    if (n <= 0) {
        const int failed = n < 0 ? -errno : -ENODEV;

        fuse_queue_recycle(q, &r);
        return failed;
    }
    r.len_bytes = (size_t)n;
    *ret = r;
    return 0;
}

/* -EAGAIN: none came, or others want the processor. */
static int look(struct fuse_queue *q, struct fuse_request *ret)
{
    const int64_t from_ns = now_ns();
    int64_t before_ns = from_ns, after_ns;
    int r = from_ns < q->crowded_until_ns ? -EAGAIN : set_nonblocking(q, true);

    if (r < 0)
        return r;
    while ((r = fetch(q, ret)) == -EAGAIN && before_ns - from_ns < LOOK_NS) {
        sched_yield();
        after_ns = now_ns();
        if (after_ns - before_ns > CROWDED_NS) {
            q->crowded_until_ns = after_ns + REST_FACTOR * (after_ns - before_ns);
            break;
        }
        before_ns = after_ns;
    }
    return r;
}

static struct fuse_request take_waiting(struct fuse_queue *q, size_t i)
{
    const struct fuse_request r = q->waiting[i];

    memmove(&q->waiting[i], &q->waiting[i + 1], (--q->n_waiting - i) * sizeof r);
    return r;
}

int fuse_queue_next(struct fuse_queue *q, bool soon, struct fuse_request *ret)
{
    int r;

    if (q->n_waiting) {
        *ret = take_waiting(q, 0);
        return 0;
    }
    r = soon ? look(q, ret) : -EAGAIN;
    if (r != -EAGAIN)
        return r;
    r = set_nonblocking(q, false);
    return r < 0 ? r : fetch(q, ret);
}

/* Fetches all that there is. */
static int fetch_waiting(struct fuse_queue *q)
{
    int r = set_nonblocking(q, true);

    while (r == 0 || r == -EINTR || r == -ENOENT) { /* ENOENT: it was interrupted before we had it */
        struct fuse_request got;

        r = fetch(q, &got);
        if (r == 0) {
            q->waiting = grow(q->waiting, &q->cap_waiting, q->n_waiting, sizeof *q->waiting);
            q->waiting[q->n_waiting++] = got;
        }
    }
    return r == -EAGAIN ? 0 : r;
}

int fuse_queue_overtake(struct fuse_queue *q, bool (*wanted)(const struct fuse_request *r), struct fuse_request *ret)
{
    const int r = fetch_waiting(q);

    for (size_t i = 0; r == 0 && i < q->n_waiting; i++)
        if (wanted(&q->waiting[i])) {
            *ret = take_waiting(q, i);
            return 1;
        }
    return r;
}
