/*
 * Private to this room. Answers read, write and fsync, nearly all of a disk's requests, without libfuse: no allocation, no list
 * of requests, and read data goes to the kernel without a copy. fuse_disk.c hands all other requests to libfuse.
 */
#ifndef TORNPAGE_DISK_FUSE_FAST_H
#define TORNPAGE_DISK_FUSE_FAST_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/fuse_queue.h"

struct disk;

/*
 * Waits for the next request and answers it if it is a read, write or fsync of `node`, the disk's file. 1: answered. 0: *ret is
 * another request, for libfuse; the caller gives its memory back (fuse_queue_recycle). Or -errno.
 *
 * A flush covers the writes that had completed when it was sent. So while the disk records, flushes that were sent before a write
 * completes are served before it, and stand before it in the log.
 */
int fuse_fast_serve(struct disk *d, uint64_t node, struct fuse_queue *q, struct fuse_request *ret);

#endif
