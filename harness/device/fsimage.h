/* What is particular to each file system: how its image is made, mounted and checked. */
#ifndef TORNPAGE_DEVICE_FSIMAGE_H
#define TORNPAGE_DEVICE_FSIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* Does the running kernel have it (a module is loaded if need be; that takes root), and is there a mkfs? Else error_skip. */
int fsimage_possible(const char *fs, struct error *err);
uint64_t fsimage_default_size(const char *fs);
unsigned fsimage_default_sector(const char *fs); /* atomic unit of the disk */
/*
 * Makes an empty file system of so many bytes (rounded down to 4096) in a new memory file and returns its descriptor. `sector`:
 * the disk's logical sector. `mkfs`: more options for mkfs, separated by spaces; NULL or "": none. A mkfs that refuses is -EINVAL
 * with its words.
 */
int fsimage_make(const char *fs, uint64_t size_bytes, unsigned sector, const char *mkfs, struct error *err);
/* Mounts a device. `options` as for mount -o (NULL: none). */
int fsimage_mount(const char *fs, const char *device, const char *dir, const char *options, struct error *err);
/* Is the host to blame for a mount that failed (out of memory, no device), and not what is on the disk? */
bool fsimage_mount_blames_host(const struct error *err);
/*
 * Runs the file system's checker read-only on an unmounted device. Objections go to text, which is empty when there are none,
 * also where there is no checker.
 */
int fsimage_check(const char *fs, const char *device, char *text, size_t size_bytes, struct error *err);

#endif
