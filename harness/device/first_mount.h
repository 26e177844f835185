/* The first mount of a new file system. */
#ifndef TORNPAGE_DEVICE_FIRST_MOUNT_H
#define TORNPAGE_DEVICE_FIRST_MOUNT_H

struct error;

struct first_mount {
    const char *fs, *options; /* as for fsimage_mount */
    int image_fd;
    unsigned sector; /* the disk's logical sector */
};

/*
 * Mounts and unmounts the image, so that what a file system only does at its first mount is in no write log, and options that it
 * refuses are found at once. In an isolated child, as every mount. 0 or -errno.
 */
int first_mount(const struct first_mount *m, struct error *err);

#endif
