/* The first mount of an image: see first_mount.h. */
#include "device/first_mount.h"

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
static int mount_once(const struct first_mount *m, struct error *err)
{
    struct loopdev l;
    char dir[192];
    int r;

    snprintf(dir, sizeof dir, "%s/first-mount", isolate_scratch());
    if (mkdir(dir, 0700))
        return error_set(err, errno, "mkdir", dir, NULL);
    r = loopdev_attach(m->image_fd, m->sector, &l, err);
    if (r < 0)
        return r;
    r = fsimage_mount(m->fs, l.path, dir, m->options, err);
    if (r == 0 && umount(dir))
        r = error_set(err, errno, "umount", dir, NULL);
    loopdev_detach(&l);
    return r;
}

int first_mount(const struct first_mount *m, struct error *err)
{
    struct error child_err = {.code = 0};
    bool isolated = false;
    int to_parent[2];

    if (pipe(to_parent))
        return error_set(err, errno, "pipe", "", NULL);
    const pid_t pid = isolate_fork(&isolated, err);
    if (pid == 0) {
        if (isolated)
            mount_once(m, &child_err);
        else
            error_set(&child_err, EPERM, "mount", m->fs, "no private mount namespace");
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
        return error_set(err, EIO, "mount", m->fs, "the process that mounted the image first died");
    if (child_err.code && err)
        *err = child_err;
    return -child_err.code;
}
