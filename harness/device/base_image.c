/* Base images: see base_image.h. */
#include "device/base_image.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "device/fsimage.h"
#include "device/loopdev.h"
#include "host/isolate.h"

/* The child of first_mount: mounts and unmounts the image once. */
static int mount_once(const struct base_image *b, int image_fd, struct error *err)
{
    struct loopdev l;
    char dir[192];
    int r;

    snprintf(dir, sizeof dir, "%s/first-mount", isolate_scratch());
    if (mkdir(dir, 0700))
        return error_set(err, errno, "mkdir", dir, NULL);
    r = loopdev_attach(image_fd, b->sector, &l, err);
    if (r < 0)
        return r;
    r = fsimage_mount(b->fs, l.path, dir, b->mount, err);
    if (r == 0 && umount(dir))
        r = error_set(err, errno, "umount", dir, NULL);
    loopdev_detach(&l);
    return r;
}

/* Mounts the image once, in an isolated child, as every mount. */
static int first_mount(const struct base_image *b, int image_fd, struct error *err)
{
    struct error child_err = {.code = 0};
    bool isolated = false;
    int to_parent[2];

    if (pipe(to_parent))
        return error_set(err, errno, "pipe", "", NULL);
    const pid_t pid = isolate_fork(&isolated, err);
    if (pid == 0) {
        if (isolated)
            mount_once(b, image_fd, &child_err);
        else
            error_set(&child_err, EPERM, "loop", "", "no private mount namespace");
        _exit(write(to_parent[1], &child_err, sizeof child_err) == (ssize_t)sizeof child_err ? 0 : 1);
    }
    close(to_parent[1]);
    const ssize_t n = pid < 0 ? 0 : read(to_parent[0], &child_err, sizeof child_err);
    close(to_parent[0]);
    if (pid < 0)
        return pid;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (n != (ssize_t)sizeof child_err)
        return error_set(err, EIO, "mount", b->fs, "the process that mounted the image first died");
    if (child_err.code && err)
        *err = child_err;
    return -child_err.code;
}

int base_image_make(const struct base_image *b, struct error *err)
{
    const int fd = fsimage_make(b->fs, b->size_bytes, b->sector, b->mkfs, err);

    if (fd < 0)
        return fd;
    const int r = first_mount(b, fd, err);

    if (r < 0)
        close(fd);
    return r < 0 ? r : fd;
}
