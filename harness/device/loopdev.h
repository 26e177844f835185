/* Loop devices with autoclear: when the last user is gone, however it ended, the device is gone, too. */
#ifndef TORNPAGE_DEVICE_LOOPDEV_H
#define TORNPAGE_DEVICE_LOOPDEV_H

#include <stdbool.h>

struct error;

struct loopdev {
    int fd;        /* keeps the device until it is mounted */
    char path[32]; /* "/dev/loop7"; another name where /dev lacks that node */
    bool direct;   /* with direct I/O: the backing file is served by a process of ours */
};

/*
 * Attaches a backing file to a free device, with the logical sector size `sector` (512 or 4096), and with direct I/O if
 * backing_fd is O_DIRECT. Other processes may take the free device first: then it tries the next one. 0 or -errno.
 */
int loopdev_attach(int backing_fd, unsigned sector, struct loopdev *ret, struct error *err);
/* Does the device answer? Reads its first block past all caches; waits for the answer. 0 or -errno. */
int loopdev_ask(const struct loopdev *l, struct error *err);
/* Drops the device's page cache, so that the next mount reads the disk. -EBUSY: another process holds pages of it. */
int loopdev_drop_cache(const struct loopdev *l, struct error *err);
/*
 * Sets whether the device says that it has a volatile cache, as it does after loopdev_attach. Without one the kernel sends no
 * flushes. The setting outlives the detach, for the next user of the device's number. Only while nothing is mounted. 0 or -errno.
 */
int loopdev_set_cache(const struct loopdev *l, bool volatile_cache, struct error *err);
void loopdev_detach(struct loopdev *l);

#endif
