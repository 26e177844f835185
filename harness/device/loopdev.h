/* Loop devices, configured with LOOP_CONFIGURE and autoclear: when the last user is gone, however it died, so is the device. */
#ifndef TORNPAGE_DEVICE_LOOPDEV_H
#define TORNPAGE_DEVICE_LOOPDEV_H

#include <stdbool.h>

struct error;

struct loopdev {
    int fd;        /* keeps the device alive until a mount does */
    char path[32]; /* "/dev/loop7"; a private node when /dev lacks one */
    bool direct;   /* with direct I/O: a process of ours answers */
};

/*
 * Attaches backing_fd with the logical block size `sector`; with direct I/O if the descriptor is O_DIRECT. Tries again on EBUSY
 * (free-device race).
 */
int loopdev_attach(int backing_fd, unsigned sector, struct loopdev *ret, struct error *err);
/* Drops the device's page cache, so that the next mount reads the disk again. -EBUSY: somebody holds on to it. */
int loopdev_drop_cache(const struct loopdev *l, struct error *err);
/*
 * Whether the device says that it has a volatile cache, as it does after loopdev_attach. Without one the kernel sends no flushes.
 * It stays so after the device is detached, for whoever uses its number next. Only while nothing is mounted.
 */
int loopdev_set_cache(const struct loopdev *l, bool volatile_cache, struct error *err);
void loopdev_detach(struct loopdev *l);

#endif
