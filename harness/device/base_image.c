/* Base images: see base_image.h. */
#include "device/base_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "device/fsimage.h"
#include "device/loopdev.h"
#include "host/isolate.h"

enum { FILL_BYTES = 64 << 10, FILES_BETWEEN_SYNCS = 16 };

static int write_file(int dir, const char *name)
{
    static char bytes[FILL_BYTES];
    const int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : 0;

    memset(bytes, 'f', sizeof bytes);
    const ssize_t n = r < 0 ? 0 : write(fd, bytes, sizeof bytes);
    if (r == 0 && n != (ssize_t)sizeof bytes)
        r = n < 0 ? -errno : -ENOSPC; /* a part: the rest has no room */
    if (fd >= 0)
        close(fd);
    return r;
}

/* Writes files until so much is left, or nothing. */
static int write_files(int dir, char round, uint64_t blocks_left)
{
    struct statvfs st;
    char name[32];
    int r = 0;

    for (unsigned n = 0; r == 0; n++) {
        if (n % FILES_BETWEEN_SYNCS == 0 && syncfs(dir)) /* what is not allocated yet, statvfs need not count */
            return -errno;
        if (fstatvfs(dir, &st))
            return -errno;
        if (st.f_bavail <= blocks_left)
            return 0;
        snprintf(name, sizeof name, "%c-%u", round, n);
        r = write_file(dir, name);
    }
    return r == -ENOSPC ? 0 : r;
}

/* Fills the volume, deletes every second file, and fills it again. A directory of their own keeps the root directory small. */
static int fill_up(const char *mount_point, unsigned percent, struct error *err)
{
    struct statvfs st = {.f_bavail = 0};
    char name[32], path[224];

    snprintf(path, sizeof path, "%s/filled", mount_point);
    if (mkdir(path, 0700))
        return error_set(err, errno, "mkdir", path, NULL);
    const int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = dir < 0 || fstatvfs(dir, &st) ? -errno : 0;
    const uint64_t blocks_left = r < 0 ? 0 : st.f_bavail * (100 - percent) / 100;

    if (r == 0)
        r = write_files(dir, 'a', blocks_left);
    for (unsigned n = 0; r == 0; n += 2) {
        snprintf(name, sizeof name, "a-%u", n);
        if (unlinkat(dir, name, 0))
            break; /* that was the last */
    }
    if (r == 0)
        r = write_files(dir, 'b', blocks_left);
    if (dir >= 0)
        close(dir);
    return r < 0 ? error_set(err, -r, "fill", path, NULL) : 0;
}

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
    if (r == 0) {
        r = b->fill ? fill_up(dir, b->fill, err) : 0;
        if (umount(dir) && r == 0)
            r = error_set(err, errno, "umount", dir, NULL);
    }
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
    const int fd = fsimage_make(b->fs, b->size_bytes, b->sector, b->mkfs, b->old_bytes, err);

    if (fd < 0)
        return fd;
    const int r = first_mount(b, fd, err);

    if (r < 0)
        close(fd);
    return r < 0 ? r : fd;
}
