/*
 * Fetches the next request from /dev/fuse. Putting a process to sleep and waking it on an idle processor costs more than
 * answering most requests does, and while a file system commits, one request follows closely on the other. So the server can look
 * for a moment before it sleeps; only while nobody else wants its processor.
 */
#ifndef TORNPAGE_STORAGE_FUSE_NEXT_H
#define TORNPAGE_STORAGE_FUSE_NEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Zero-initialised but for fd. */
struct fuse_queue {
    int fd;
    bool nonblocking;
    int64_t crowded_until_ns; /* others wanted the processor: no looking before */
};

/* Waits for a request, `soon` by looking first. Its length or -errno, as from read(2). */
ssize_t fuse_next(struct fuse_queue *q, bool soon, void *request, size_t room_bytes);

#endif
