/* Disk images as files: into memory and out of it, sparse both ways. */
#ifndef TORNPAGE_DEVICE_IMAGEFILE_H
#define TORNPAGE_DEVICE_IMAGEFILE_H

#include <stdint.h>

struct error;

/*
 * Copies a file or block device into a new memory file, rounded up to whole blocks of 4096, and returns its descriptor.
 * *ret_bytes: the size before rounding. -EINVAL when it is empty; else -errno.
 */
int imagefile_load(const char *path, uint64_t *ret_bytes, struct error *err);
/* Writes the first `size_bytes` of the memory file to a new file, with holes for zeros, under its name only when complete. */
int imagefile_save(int fd, uint64_t size_bytes, const char *path, struct error *err);

#endif
