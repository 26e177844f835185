/*
 * Crash images for the floor of the power benches. The floor mounts the same crash images again and again, and each mount writes
 * to its image (the journal's recovery). So this finds out once which blocks may differ, between images or because of a mount;
 * a worker then replaces one image by another by writing only these blocks, while nothing is mounted. That costs far less than a
 * mount, and ours has the like to do: it loads a crash state.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actor/driver.h"
#include "backend/volume.h"
#include "base/buf.h"
#include "base/error.h"
#include "bench/bench_impl.h"
#include "device/fsimage.h"
#include "device/loopdev.h"
#include "disk/disk.h"
#include "disk/writelog.h"
#include "host/isolate.h"
#include "host/run_directory.h"
#include "states/crash_image.h"
#include "trial/trial_volume.h"

enum {
    IMAGES = 8,
    BLOCK = 4096,
    CHUNK = 256 * BLOCK, /* read and compared at a time */
    LOG_ENTRIES = 1 << 16,
    LOG_DATA_BYTES = 1 << 28, /* reserved, not committed */
    SECTOR = 512,             /* the loop backend's logical sector */
    DEADLINE_MS = 20000,
    HISTORY_EVENTS = 256,
};

static int read_file(int at, const char *name, struct error *err)
{
    static uint8_t buf[1 << 16];
    ssize_t n = -1;
    int fd = openat(at, name, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && (n = read(fd, buf, sizeof buf)) > 0)
        continue;
    int rc = n < 0 ? error_set(err, errno, "read", name, NULL) : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int read_files(const char *root, struct error *err)
{
    char path[512];
    int rc = run_directory_path(root, TRIAL_POWER_DIR, path, sizeof path, err);
    DIR *d = rc == 0 ? opendir(path) : NULL;

    if (!d)
        return rc == 0 ? error_set(err, errno, "opendir", path, NULL) : rc;
    for (const struct dirent *e; rc == 0 && (e = readdir(d));)
        if (e->d_type == DT_REG)
            rc = read_file(dirfd(d), e->d_name, err);
    closedir(d);
    return rc;
}

int bench_mount_and_read(const char *fs, const char *device, const char *dir, struct error *err)
{
    int rc = fsimage_mount(fs, device, dir, NULL, err);

    if (rc < 0)
        return rc;
    rc = read_files(dir, err);
    if (umount(dir) < 0 && rc == 0)
        rc = error_set(err, errno, "umount", dir, NULL);
    return rc;
}

/* The offset of the first data in either file at or after `from`; -1: none. */
static off_t next_data(int a, int b, off_t from)
{
    off_t x = lseek(a, from, SEEK_DATA), y = lseek(b, from, SEEK_DATA);

    return x < 0 ? y : y < 0 || x < y ? x : y;
}

int bench_copy_file(int fd, uint64_t size_bytes)
{
    uint8_t *buf = xmalloc(CHUNK);
    int to = memfd_create("tornpage-bench", MFD_CLOEXEC), rc = to < 0 || ftruncate(to, (off_t)size_bytes) < 0 ? -errno : 0;

    for (off_t at = 0; rc == 0 && (at = next_data(fd, fd, at)) >= 0; at += CHUNK) {
        ssize_t n = pread(fd, buf, CHUNK, at);
        if (n < 0 || pwrite(to, buf, (size_t)n, at) != n)
            rc = errno ? -errno : -EIO;
    }
    free(buf);
    if (rc < 0 && to >= 0)
        close(to);
    return rc < 0 ? rc : to;
}

/* Marks the blocks in which the files differ. */
static int mark_differences(int a, int b, uint64_t size_bytes, uint8_t *marks)
{
    uint8_t *x = xmalloc(CHUNK), *y = xmalloc(CHUNK);
    int rc = 0;

    for (off_t at = 0; rc == 0 && (at = next_data(a, b, at)) >= 0; at += CHUNK) {
        at -= at % BLOCK;
        size_t n = size_bytes - (uint64_t)at < CHUNK ? (size_t)(size_bytes - (uint64_t)at) : CHUNK;

        if (pread(a, x, n, at) != (ssize_t)n || pread(b, y, n, at) != (ssize_t)n)
            rc = errno ? -errno : -EIO;
        for (size_t i = 0; rc == 0 && i < n; i += BLOCK)
            if (memcmp(x + i, y + i, BLOCK) != 0)
                marks[((size_t)at + i) / BLOCK] = 1;
    }
    free(x);
    free(y);
    return rc;
}

/* Marks the blocks that one mount of the image writes. */
static int mark_mount(const char *fs, int fd, uint64_t size_bytes, uint8_t *marks, struct error *err)
{
    char dir[192];
    struct loopdev loop = {.fd = -1};
    int used = bench_copy_file(fd, size_bytes);
    int rc = used < 0 ? error_set(err, -used, "copy", "crash image", NULL) : 0;

    snprintf(dir, sizeof dir, "%s/bench-learn", isolate_scratch());
    if (rc == 0 && mkdir(dir, 0700) < 0 && errno != EEXIST)
        rc = error_set(err, errno, "mkdir", dir, NULL);
    if (rc == 0)
        rc = loopdev_attach(used, SECTOR, &loop, err);
    if (rc == 0)
        rc = loopdev_set_cache(&loop, true, err);
    if (rc == 0)
        rc = bench_mount_and_read(fs, loop.path, dir, err);
    if (rc == 0 && fsync(loop.fd) < 0)
        rc = error_set(err, errno, "fsync", loop.path, NULL);
    loopdev_detach(&loop);
    if (rc == 0) {
        rc = mark_differences(fd, used, size_bytes, marks);
        if (rc < 0)
            error_set(err, -rc, "compare", "crash image", NULL);
    }
    if (used >= 0)
        close(used);
    return rc;
}

/* Reduces the images' files to the blocks that differ. Closes all files but the first. */
static int keep_differences(const char *fs, int *fds, struct bench_images *b, struct error *err)
{
    uint8_t *marks = xcalloc(b->size_bytes / BLOCK, 1);
    int rc = 0;

    for (size_t i = 0; i < b->n_images && rc == 0; i++) {
        rc = mark_differences(fds[0], fds[i], b->size_bytes, marks);
        rc = rc < 0 ? error_set(err, -rc, "compare", "crash images", NULL) : mark_mount(fs, fds[i], b->size_bytes, marks, err);
    }
    for (uint64_t k = 0; k < b->size_bytes / BLOCK; k++)
        if (marks[k]) {
            b->blocks = grow(b->blocks, &b->cap_blocks, b->n_blocks, sizeof *b->blocks);
            b->blocks[b->n_blocks++] = k;
        }
    free(marks);
    b->bytes = xcalloc(b->n_images, sizeof *b->bytes);
    for (size_t i = 0; i < b->n_images && rc == 0; i++) {
        b->bytes[i] = xmalloc(b->n_blocks * BLOCK + 1);
        for (size_t k = 0; k < b->n_blocks && rc == 0; k++)
            if (pread(fds[i], b->bytes[i] + k * BLOCK, BLOCK, (off_t)(b->blocks[k] * BLOCK)) != BLOCK)
                rc = error_set(err, EIO, "read", "crash image", NULL);
    }
    for (size_t i = 1; i < b->n_images; i++)
        close(fds[i]);
    b->first_fd = fds[0];
    return rc;
}

struct recorded_run {
    struct disk *disk;
    struct writelog *log;
    const char *root;
    uint64_t from;
};

static int synced(void *arg, struct error *err)
{
    struct recorded_run *r = arg;
    int fd = open(r->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || syncfs(fd) < 0 ? error_set(err, errno, "syncfs", r->root, NULL) : 0;

    if (fd >= 0)
        close(fd);
    r->from = writelog_length(r->log);
    return rc;
}

static int run_plan(struct volume *v, const struct plan *p, struct recorded_run *r, struct error *err)
{
    char dir[512];
    int32_t hung = -1;
    struct history *h = driver_history_new(HISTORY_EVENTS, BLOCK, err);
    int rc = h ? volume_mount(v, err) : -ENOMEM;

    if (rc < 0) {
        driver_history_free(h);
        return rc;
    }
    r->root = volume_path(v, 0);
    const int fd = run_directory_make(r->root, TRIAL_POWER_DIR, dir, sizeof dir, err);

    rc = fd < 0 ? fd : 0;
    if (rc == 0) {
        const struct driver_job job = {.plan = p,
                                       .dir_fd = fd,
                                       .dir = dir,
                                       .history = history_init(h, HISTORY_EVENTS, BLOCK, 1),
                                       .pos = writelog_position(r->log),
                                       .deadline_ms = DEADLINE_MS,
                                       .ready = synced,
                                       .arg = r};
        rc = driver_run(&job, &hung, err);
        close(fd);
    }
    if (rc == 0 && hung >= 0)
        rc = error_set(err, ETIMEDOUT, "step", NULL, "step %d did not end", hung);
    int rc_unmount = volume_unmount(v, rc < 0 ? NULL : err);
    driver_history_free(h);
    return rc < 0 ? rc : rc_unmount;
}

/* Takes images of states spread evenly over those that the job visits. */
static int take_images(const struct recorded_run *r, int *fds, struct bench_images *ret, struct error *err)
{
    const struct state_limits limits = {.max_states = JOB_STATES, .samples = 8, .sector = disk_sector(r->disk), .torn = true};
    struct crash_image *image = NULL;
    struct state_source *source = states_new(r->log, r->from, writelog_length(r->log), &limits, 1);
    const struct crash_state *s;
    uint64_t done, left, n = 0;
    int rc = crash_image_new(disk_base(r->disk), disk_sector(r->disk), &image, err);

    states_progress(source, &done, &left);
    const uint64_t every = left / IMAGES + 1;
    while (rc == 0 && ret->n_images < IMAGES && states_next(source, &s) == 1) {
        if (n++ % every)
            continue;
        rc = crash_image_load(image, r->log, s);
        if (rc == 0)
            rc = fds[ret->n_images] = crash_image_snapshot(image);
        if (rc >= 0) {
            ret->n_images++;
            rc = 0;
        }
    }
    states_free(source);
    crash_image_free(image);
    return rc < 0 ? error_set(err, -rc, "snapshot", "crash image", NULL) : 0;
}

int bench_images_make(const struct backend_config *c, const char *fs, const struct plan *p, struct bench_images *ret,
                      struct error *err)
{
    struct volume *v = NULL;
    int fds[IMAGES] = {-1}, rc = volume_open(c, 1, &v, err);

    *ret = (struct bench_images){.first_fd = -1};
    if (rc < 0)
        return rc;
    struct recorded_run r = {.disk = volume_disk(v, 0), .log = writelog_new(LOG_ENTRIES, LOG_DATA_BYTES)};
    if (!r.log)
        rc = error_set(err, ENOMEM, "record", NULL, NULL);
    if (rc == 0) {
        disk_record(r.disk, r.log, &(struct disk_faults){0});
        rc = run_plan(v, p, &r, err);
        disk_record(r.disk, NULL, NULL);
    }
    if (rc == 0)
        rc = take_images(&r, fds, ret, err);
    ret->size_bytes = disk_size(r.disk);
    volume_close(v);
    if (r.log)
        writelog_free(r.log);
    return rc < 0 ? rc : keep_differences(fs, fds, ret, err);
}
