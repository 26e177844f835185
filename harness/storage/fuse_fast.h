/*
 * The requests that make up nearly all of a disk's traffic (read, write, fsync), answered without libfuse: no allocation, no list
 * of requests, and what is read goes to the kernel from where it lies. fuse_disk.c hands everything else to libfuse.
 */
#ifndef TORNPAGE_STORAGE_FUSE_FAST_H
#define TORNPAGE_STORAGE_FUSE_FAST_H

#include <stddef.h>
#include <stdint.h>

struct disk;

/*
 * `request` holds one request of len_bytes as read from `fuse_fd`; those for `node` concern the disk. Returns 1
 * when it is answered, 0 when it is not one of these, -errno when the connection failed.
 */
int fuse_fast_answer(struct disk *d, uint64_t node, int fuse_fd, const void *request, size_t len_bytes);

#endif
