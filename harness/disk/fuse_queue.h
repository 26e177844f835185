/*
 * Requests from /dev/fuse, one after the other. Putting a process to sleep and waking it on an idle processor costs more than
 * answering most requests does, and while a file system commits, one request follows closely on the other. So the server can look
 * for a moment before it sleeps; only while nobody else wants its processor. And it can ask what else has been sent by now: that
 * was sent before the request at hand is answered.
 */
#ifndef TORNPAGE_DISK_FUSE_QUEUE_H
#define TORNPAGE_DISK_FUSE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fuse_request {
    void *mem;
    size_t len_bytes;
};

/* Zero-initialised but for the first two. */
struct fuse_queue {
    int fd;
    size_t room_bytes; /* for a request */
    bool nonblocking;
    int64_t crowded_until_ns;     /* others wanted the processor: no looking before */
    struct fuse_request *waiting; /* fetched and not handed out, in order */
    void **spare;                 /* memory for requests */
    size_t n_waiting, cap_waiting, n_spare, cap_spare;
};

void fuse_queue_free(struct fuse_queue *q);
/*
 * Waits for the next request, `soon` by looking first. 0 or -errno, as from read(2). It is given back with fuse_queue_recycle.
 */
int fuse_queue_next(struct fuse_queue *q, bool soon, struct fuse_request *ret);
/* The first of the `wanted` ones among those that have been sent by now, out of its turn. 1; 0: there is none; -errno. */
int fuse_queue_overtake(struct fuse_queue *q, bool (*wanted)(const struct fuse_request *r), struct fuse_request *ret);
void fuse_queue_recycle(struct fuse_queue *q, struct fuse_request *r);

#endif
