/* Disk images as files: loaded into memory and saved from there, sparse both ways. */
#ifndef TORNPAGE_DEVICE_IMAGEFILE_H
#define TORNPAGE_DEVICE_IMAGEFILE_H

#include <stdint.h>

struct error;

/*
 * Copies a file or block device into a new memory file, rounded up to whole blocks. Returns its descriptor, which is the caller's
 * to close; -EINVAL when the file is empty, or another -errno. *ret_bytes: the size before rounding.
 */
int imagefile_load(const char *path, uint64_t *ret_bytes, struct error *err);
/*
 * Writes the first `size_bytes` of a memory file to the file `path`, with holes for zeros. What it may replace, and when, is said
 * in host/output.h. 0 or -errno.
 */
int imagefile_save(int fd, uint64_t size_bytes, const char *path, const char *const *inputs, struct error *err);

#endif
