/*
 * Private to this room. Requests from /dev/fuse, one after the other.
 *
 * Putting a process to sleep and waking it on an idle processor costs more than answering most requests, and while a file system
 * commits, requests follow each other closely. So the server can poll for a moment before it sleeps, unless another process wants
 * its processor. It can also ask which other requests have been sent before it answers the current one.
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

/* The caller sets fd and room_bytes; the rest begins as zero. */
struct fuse_queue {
    int fd;
    size_t room_bytes; /* of memory for one request */
    bool nonblocking;
    int64_t crowded_until_ns;     /* other processes wanted the processor: no polling before */
    struct fuse_request *waiting; /* read but not returned yet, in order */
    void **spare;                 /* unused memory for requests */
    size_t n_waiting, cap_waiting, n_spare, cap_spare;
};

void fuse_queue_free(struct fuse_queue *q);
/* Waits for the next request; `poll`: polls before it sleeps. 0 or -errno, as from read(2). *ret goes to fuse_queue_recycle. */
int fuse_queue_next(struct fuse_queue *q, bool poll, struct fuse_request *ret);
/* Takes the first `wanted` request among those that have been sent, before its turn. 1; 0: there is none; or -errno. */
int fuse_queue_overtake(struct fuse_queue *q, bool (*wanted)(const struct fuse_request *r), struct fuse_request *ret);
/* Gives the memory of a request back to the queue. */
void fuse_queue_recycle(struct fuse_queue *q, struct fuse_request *r);

#endif
