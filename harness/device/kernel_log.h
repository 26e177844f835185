/* The kernel's own log lines about a device, from a moment on. */
#ifndef TORNPAGE_DEVICE_KERNEL_LOG_H
#define TORNPAGE_DEVICE_KERNEL_LOG_H

struct buf;

/* Begins to listen: a descriptor for kernel_log_take, or -1 where the log cannot be read (no /dev/kmsg, no privilege). */
int kernel_log_open(void);
/*
 * Adds to `out` the first lines logged since the open, each on a line of its own behind "kernel: ": those that name the device
 * ("/dev/loop7"), and those that begin with the name of the file system and name no other loop device. The device's name is
 * replaced by DEVICE. Closes fd; -1 is accepted.
 */
void kernel_log_take(int fd, const char *fs, const char *device, struct buf *out);

#endif
