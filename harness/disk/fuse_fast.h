/*
 * The requests that make up nearly all of a disk's traffic (read, write, fsync), answered without libfuse: no allocation, no list
 * of requests, and what is read goes to the kernel from where it lies. fuse_disk.c hands everything else to libfuse.
 */
#ifndef TORNPAGE_DISK_FUSE_FAST_H
#define TORNPAGE_DISK_FUSE_FAST_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/fuse_queue.h"

struct disk;

/*
 * Waits for the next request, and answers it if it is one of these and for `node`, the disk. 1: answered; 0: *ret is for somebody
 * else, and to be given back; -errno.
 *
 * A flush covers what had completed when it was sent. So while the disk records, before a write completes, the flushes that have
 * been sent by then are served: they are before it in the log.
 */
int fuse_fast_serve(struct disk *d, uint64_t node, struct fuse_queue *q, struct fuse_request *ret);

#endif
