/* The next request from /dev/fuse: see fuse_next.h. */
#include "storage/fuse_next.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

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

static ssize_t fetch(const struct fuse_queue *q, void *request, size_t room_bytes)
{
    const ssize_t n = read(q->fd, request, room_bytes);

    return n < 0 ? -errno : n;
}

/* -EAGAIN: none came, or others want the processor. */
static ssize_t look(struct fuse_queue *q, void *request, size_t room_bytes)
{
    const int64_t from_ns = now_ns();
    int64_t before_ns = from_ns, after_ns;
    ssize_t n = from_ns < q->crowded_until_ns ? -EAGAIN : set_nonblocking(q, true);

    if (n < 0)
        return n;
    while ((n = fetch(q, request, room_bytes)) == -EAGAIN && before_ns - from_ns < LOOK_NS) {
        sched_yield();
        after_ns = now_ns();
        if (after_ns - before_ns > CROWDED_NS) {
            q->crowded_until_ns = after_ns + REST_FACTOR * (after_ns - before_ns);
            break;
        }
        before_ns = after_ns;
    }
    return n;
}

ssize_t fuse_next(struct fuse_queue *q, bool soon, void *request, size_t room_bytes)
{
    ssize_t n = soon ? look(q, request, room_bytes) : -EAGAIN;

    if (n == -EAGAIN)
        n = set_nonblocking(q, false);
    return n == 0 ? fetch(q, request, room_bytes) : n;
}
