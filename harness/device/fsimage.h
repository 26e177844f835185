/* File systems by name: how the image of each is made, mounted and checked. */
#ifndef TORNPAGE_DEVICE_FSIMAGE_H
#define TORNPAGE_DEVICE_FSIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;

/*
 * 0 when there is a file system of this name: one that can be installed here, or that this kernel or a mkfs has. Else the name is
 * mistyped: -EINVAL, with the similar one.
 */
int fsimage_known(const char *fs, struct error *err);
/* The names of file systems that can be installed; ends with NULL. */
extern const char *const fsimage_names[];
/* 0 when the kernel has the file system (as root its module is loaded if need be) and there is a mkfs; else as error_skip. */
int fsimage_possible(const char *fs, struct error *err);
uint64_t fsimage_default_size(const char *fs);
unsigned fsimage_default_sector(const char *fs); /* atomic unit of the disk */
/*
 * Makes an empty file system of size_bytes (rounded down to whole blocks) in a new memory file. Returns its descriptor, which is
 * the caller's to close, or -errno. `sector`: the disk's logical sector. `mkfs`: more options for mkfs, separated by spaces; NULL
 * or "": none. `old_bytes`: the memory file holds bytes that are not zeros before, as a used disk does. When mkfs fails: -EINVAL,
 * with mkfs's output as the message.
 */
int fsimage_make(const char *fs, uint64_t size_bytes, unsigned sector, const char *mkfs, bool old_bytes, struct error *err);
/* Mounts a device. `options`: as for mount -o; NULL: none. 0 or -errno. */
int fsimage_mount(const char *fs, const char *device, const char *dir, const char *options, struct error *err);
bool fsimage_lists_devices(const char *fs); /* does the kernel keep a list of the devices that this file system was seen on? */
/* Takes a device that is not mounted out of that list; NULL: all of them. Does nothing where there is no list. */
void fsimage_forget_device(const char *fs, const char *device);
/* Is the host to blame for a mount that failed (out of memory, no device), and not what is on the disk? */
bool fsimage_mount_blames_host(const struct error *err);
/*
 * Why it refuses to mount, for people: tries once more and adds the lines that the kernel logs about that, and what its checker
 * objects to; "kernel: " or "fsck: " stands before each. Nothing where neither says anything.
 */
void fsimage_explain_refusal(const char *fs, const char *device, const char *dir, const char *options, struct buf *out);
/*
 * Runs the file system's checker read-only on an unmounted device. What it objects to goes to `text`, which is empty when it
 * objects to nothing or when there is no checker. 0, or -errno when the checker cannot be run.
 */
int fsimage_check(const char *fs, const char *device, char *text, size_t size_bytes, struct error *err);

#endif
