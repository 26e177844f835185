/* Loop devices: see loopdev.h. */
#include "device/loopdev.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/size.h"
#include "host/files.h"

enum {
    LOOP_MAJOR_NUMBER = 7,
    ATTEMPTS = 1000,            /* each lost one means that another process got a device */
    READAHEAD_SECTORS_512 = 64, /* enough for a file read whole; a mount seeks */
    DROP_DEADLINE_S = 10,
    CACHESTAT = 451, /* cachestat(2), a number that all architectures share; not in Debian 12's headers */
};

/* Opens device n. Where /dev is not a devtmpfs, the node may be missing: then one is made, opened and unlinked. */
static int open_node(int n, struct loopdev *l)
{
    char node[64];

    snprintf(l->path, sizeof l->path, "/dev/loop%d", n);
    l->fd = open(l->path, O_RDWR | O_CLOEXEC);
    if (l->fd >= 0 || errno != ENOENT)
        return l->fd < 0 ? -errno : 0;
    snprintf(node, sizeof node, "/dev/.tornpage-loop%d-%016llx", n, (unsigned long long)files_unique());
    if (mknod(node, S_IFBLK | 0600, makedev(LOOP_MAJOR_NUMBER, (unsigned)n)))
        return -errno;
    l->fd = open(node, O_RDWR | O_CLOEXEC);
    const int r = l->fd < 0 ? -errno : 0;
    unlink(node);
    snprintf(l->path, sizeof l->path, "/proc/self/fd/%d", l->fd);
    return r;
}

static int configure(struct loopdev *l, int backing_fd, unsigned sector, bool direct)
{
    struct loop_config c = {
        .fd = (unsigned)backing_fd,
        .block_size = sector,
        .info = {.lo_flags = LO_FLAGS_AUTOCLEAR | (direct ? LO_FLAGS_DIRECT_IO : 0U)},
    };

    return ioctl(l->fd, LOOP_CONFIGURE, &c) ? -errno : 0;
}

static int open_queue(const struct loopdev *l, const char *name, int flags)
{
    char path[96];
    struct stat st;

    if (fstat(l->fd, &st))
        return -errno;
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/queue/%s", major(st.st_rdev), minor(st.st_rdev), name);
    const int fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Sets an attribute of the queue, if it has another value: a write can be slow. */
static int set_queue(const struct loopdev *l, const char *name, const char *value, bool is_default, struct error *err)
{
    char now[32] = "";
    int fd = open_queue(l, name, O_RDONLY), r = 0;

    if (fd == -ENOENT && is_default)
        return 0; /* no /sys here, so it can only be the default */
    if (fd < 0 || read(fd, now, sizeof now - 1) < 0)
        r = error_set(err, fd < 0 ? -fd : errno, name, l->path, NULL);
    if (fd >= 0)
        close(fd);
    if (r < 0 || strncmp(now, value, strlen(value)) == 0)
        return r;
    fd = open_queue(l, name, O_WRONLY);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        r = error_set(err, fd < 0 ? -fd : errno, name, l->path, NULL);
    if (fd >= 0)
        close(fd);
    return r;
}

int loopdev_set_cache(const struct loopdev *l, bool volatile_cache, struct error *err)
{
    return set_queue(l, "write_cache", volatile_cache ? "write back" : "write through", volatile_cache, err);
}

/*
 * Sets on which processor a request completes: the one that sent it, or the one that served it, which is the kernel's default.
 * Where it cannot be set, requests that a process of ours serves are only slower.
 */
static void set_completion(const struct loopdev *l, bool at_sender)
{
    set_queue(l, "rq_affinity", at_sender ? "2" : "1", !at_sender, NULL);
}

/* The kernel does without direct I/O where it finds it impossible, and says nothing. Writes would then be delayed and merged. */
static int check(const struct loopdev *l, bool direct, struct error *err)
{
    struct loop_info64 info;

    if (ioctl(l->fd, LOOP_GET_STATUS64, &info))
        return error_set(err, errno, "LOOP_GET_STATUS64", l->path, NULL);
    if (direct && !(info.lo_flags & LO_FLAGS_DIRECT_IO))
        return error_set(err, EOPNOTSUPP, "LOOP_CONFIGURE", l->path, "the kernel refused direct I/O to the backing file");
    if (ioctl(l->fd, BLKRASET, (unsigned long)READAHEAD_SECTORS_512))
        return error_set(err, errno, "BLKRASET", l->path, NULL);
    /* The device keeps the settings of its last user. Without a cache no flush would be sent; without statistics it could not be
     * checked that a trace is complete. */
    set_completion(l, direct);
    const int r = loopdev_set_cache(l, true, err);
    return r < 0 ? r : set_queue(l, "iostats", "1", true, err);
}

int loopdev_attach(int backing_fd, unsigned sector, struct loopdev *ret, struct error *err)
{
    const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    const int flags = fcntl(backing_fd, F_GETFL);
    const bool direct = flags >= 0 && (flags & O_DIRECT);
    int r = -EBUSY;

    assert(is_sector_size(sector));
    ret->fd = -1;
    ret->direct = direct;
    if (control < 0)
        return error_set(err, errno, "open", "/dev/loop-control", NULL);
    for (int i = 0; i < ATTEMPTS && r == -EBUSY; i++) {
        const int n = ioctl(control, LOOP_CTL_GET_FREE);

        if (n < 0) {
            close(control);
            return error_set(err, errno, "LOOP_CTL_GET_FREE", "/dev/loop-control", NULL);
        }
        r = open_node(n, ret);
        if (r == 0)
            r = configure(ret, backing_fd, sector, direct);
        /* The device is gone again, or just being detached: the same as taken. */
        if (r == -ENXIO || r == -ENODEV || r == -EEXIST)
            r = -EBUSY;
        /* It belongs to another process, and so do its settings. */
        if (r < 0 && ret->fd >= 0)
            close(ret->fd);
        if (r < 0)
            ret->fd = -1;
    }
    close(control);
    if (r < 0)
        return error_set(err, -r, "LOOP_CONFIGURE", ret->path, NULL);
    /* udev does not probe locked devices (systemd: Locking Block Device Access). */
    flock(ret->fd, LOCK_EX | LOCK_NB);
    r = check(ret, direct, err);
    if (r < 0)
        loopdev_detach(ret);
    return r;
}

/* How many pages of the device are in its cache; 0 where the kernel does not say (before Linux 6.5). */
static uint64_t pages_cached(const struct loopdev *l)
{
    struct {
        uint64_t off, len;
    } all = {0, 0};
    struct {
        uint64_t cached, dirty, writeback, evicted, recently_evicted;
    } found;

    return syscall(CACHESTAT, l->fd, &all, &found, 0) == 0 ? found.cached : 0;
}

/*
 * Empties the device's cache by way of another block size and back: the kernel then truncates it, and a page goes even when its
 * buffers are referenced. Dirty pages are written first. -EINVAL: no other size is possible here (a sector is as large as a page,
 * and the kernel is older than 6.15).
 */
static int truncate_cache(const struct loopdev *l)
{
    static const int sizes[] = {SECTOR_BYTES, BLOCK_BYTES, 2 * BLOCK_BYTES};
    int now = 0, r = -EINVAL;

    if (ioctl(l->fd, BLKBSZGET, &now))
        return -errno;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && r == -EINVAL; i++)
        if (sizes[i] != now)
            r = ioctl(l->fd, BLKBSZSET, &sizes[i]) ? -errno : 0;
    return r == 0 && ioctl(l->fd, BLKBSZSET, &now) ? -errno : r;
}

/*
 * BLKFLSBUF alone would not do: the kernel skips pages that are referenced, and says nothing. Another process may hold one for a
 * moment, and ext4 with fast_commit keeps a reference to each block of its fast commits for ever (seen on 6.18 on a plain loop
 * device: cachestat(2) shows the blocks after umount and BLKFLSBUF).
 */
int loopdev_drop_cache(const struct loopdev *l, struct error *err)
{
    const double deadline_s = clock_s() + DROP_DEADLINE_S;
    const int r = truncate_cache(l);

    if (r == 0)
        return 0;
    if (r != -EINVAL && r != -EBUSY)
        return error_set(err, -r, "BLKBSZSET", l->path, NULL);
    do {
        if (ioctl(l->fd, BLKFLSBUF, 0))
            return error_set(err, errno, "BLKFLSBUF", l->path, NULL);
        if (pages_cached(l) == 0)
            return 0;
        sched_yield();
    } while (clock_s() < deadline_s);
    return error_set(err, EBUSY, "BLKFLSBUF", l->path, "another process, or the kernel, holds pages of this device's cache");
}

int loopdev_ask(const struct loopdev *l, struct error *err)
{
    static _Alignas(BLOCK_BYTES) uint8_t block[BLOCK_BYTES];
    const int fd = open(l->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : pread(fd, block, sizeof block, 0);
    const int code = n == (ssize_t)sizeof block ? 0 : n < 0 ? errno : EIO;

    if (fd >= 0)
        close(fd);
    return code ? error_set(err, code, "read", l->path, "the device does not answer: %s", strerror(code)) : 0;
}

void loopdev_detach(struct loopdev *l)
{
    if (l->fd >= 0 && l->direct)
        set_completion(l, false);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}
