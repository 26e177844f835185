/* The cost of recording: a plan's stores, writes and syncs on the recorded disk against the same as bare system calls. */
#include <assert.h>
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
#include "base/clock.h"
#include "base/error.h"
#include "bench/bench_impl.h"
#include "device/fsimage.h"
#include "device/loopdev.h"
#include "disk/disk.h"
#include "disk/writelog.h"
#include "evidence/history.h"
#include "evidence/stamp.h"
#include "host/isolate.h"
#include "host/run_directory.h"
#include "language/verb.h"

enum {
    FILE_BYTES = 256 << 10,
    GROUPS = 40,
    SECTOR = 512,
    EVENTS = 1024,
    LOG_ENTRIES = 1 << 16,
    LOG_DATA_BYTES = 1 << 28, /* reserved, not committed */
    DEADLINE_MS = 60000,
};

static const char fs[] = "ext4";

struct recording {
    struct backend_config config;
    struct plan *plan;
    struct volume *volume; /* mounted, on the recorded disk */
    struct writelog *log;
    struct history *history;
    struct loopdev loop; /* the floor's, mounted */
    char dir[192];
    uint64_t n_runs;
};

/* Eight steps, three of them syncs, over and over. */
static struct plan *make_plan(void)
{
    struct buf text = {0};

    buf_printf(&text, "open -f f\ntruncate %d\nfsync\n---\nmmap -rw 0 %d\n", FILE_BYTES, FILE_BYTES);
    for (unsigned i = 0; i < GROUPS; i++) {
        unsigned at = i * 4 % 32;
        buf_printf(
            &text,
            "mwrite %uk 4k\nmsync -s %uk 4k\nmwrite %uk 16k\npwrite %uk 8k\nmsync -s 0 256k\nmwrite %uk 64\npwrite %uk 512\n"
            "fdatasync\n",
            at, at, at + 64, at + 128, at + 192, at + 32);
    }
    struct plan *p = bench_plan(buf_text(&text));
    buf_free(&text);
    return p;
}

static int open_ours(struct recording *r, struct error *err)
{
    int rc = backend_prepare(&r->config, err);

    if (rc == 0)
        rc = volume_open(&r->config, 1, &r->volume, err);
    if (rc == 0)
        rc = volume_mount(r->volume, err);
    r->log = writelog_new(LOG_ENTRIES, LOG_DATA_BYTES);
    r->history = driver_history_new(EVENTS, SECTOR, NULL);
    if (rc == 0 && (!r->log || !r->history))
        rc = error_set(err, ENOMEM, "record", NULL, NULL);
    return rc;
}

static int open_floor(struct recording *r, struct error *err)
{
    int fd = fsimage_make(fs, fsimage_default_size(fs), SECTOR, NULL, false, err), rc = fd < 0 ? fd : 0;

    snprintf(r->dir, sizeof r->dir, "%s/bench-floor", isolate_scratch());
    if (rc == 0 && mkdir(r->dir, 0700) < 0)
        rc = error_set(err, errno, "mkdir", r->dir, NULL);
    if (rc == 0)
        rc = loopdev_attach(fd, SECTOR, &r->loop, err);
    if (rc == 0) /* an earlier user may have switched the cache off, and then no flush is ever sent */
        rc = loopdev_set_cache(&r->loop, true, err);
    if (rc == 0)
        rc = fsimage_mount(fs, r->loop.path, r->dir, NULL, err);
    if (fd >= 0)
        close(fd); /* the device keeps it */
    return rc;
}

static void close_record(void *state)
{
    struct recording *r = state;

    disk_record(volume_disk(r->volume, 0), NULL, NULL);
    volume_close(r->volume);
    umount(r->dir);
    loopdev_detach(&r->loop);
}

static int open_record(const struct bench *b, const struct bench_options *o, void **ret, struct error *err)
{
    static struct recording r = {.loop = {.fd = -1}};

    (void)b, (void)o;
    *ret = &r;
    r.plan = make_plan();
    int rc = bench_config("loop", "fs", fs, &r.config, err);
    if (rc == 0)
        rc = open_ours(&r, err);
    return rc < 0 ? rc : open_floor(&r, err);
}

/* The bare calls of the plan's steps on [off, off+len) of the file. */
struct bare {
    uint32_t store;
    int fd;
    uint8_t *map;
    uint64_t off, len;
};

static bool bare_mwrite(const struct bare *b)
{
    stamp_fill(1, 0, b->store, b->off, b->map + b->off, b->len);
    return true;
}

static bool bare_pwrite(const struct bare *b)
{
    static uint8_t buf[16 << 10];

    assert(b->len <= sizeof buf);
    stamp_fill(1, 0, b->store, b->off, buf, b->len);
    return pwrite(b->fd, buf, b->len, (off_t)b->off) == (ssize_t)b->len;
}

static bool bare_msync(const struct bare *b)
{
    return msync(b->map + b->off, b->len, MS_SYNC) == 0;
}

static bool bare_fdatasync(const struct bare *b)
{
    return fdatasync(b->fd) == 0;
}

/* The verbs of make_plan; what it does once, such as mmap, is not here. */
static const struct {
    const char *verb;
    bool (*call)(const struct bare *b);
} bare_calls[] = {{"mwrite", bare_mwrite}, {"pwrite", bare_pwrite}, {"msync", bare_msync}, {"fdatasync", bare_fdatasync}};

static int bare_step(const struct step *s, uint32_t store, int fd, uint8_t *map, struct error *err)
{
    const struct bare b = {.store = store, .fd = fd, .map = map, .off = s->arg[0].num, .len = s->arg[1].num};

    for (size_t i = 0; i < sizeof bare_calls / sizeof *bare_calls; i++)
        if (strcmp(bare_calls[i].verb, s->verb->name) == 0)
            return bare_calls[i].call(&b) ? 0 : error_set(err, errno, s->verb->name, NULL, NULL);
    return 0;
}

/* Runs the plan once: set-up, sync of the volume, steps. */
static int bare_run(const struct recording *r, const char *dir, struct error *err)
{
    int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    int fd = at < 0 ? -1 : openat(at, "f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || ftruncate(fd, FILE_BYTES) < 0 || fsync(fd) < 0 || syncfs(fd) < 0)
        rc = error_set(err, errno, "open", dir, NULL);
    uint8_t *map = rc < 0 ? MAP_FAILED : mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (rc == 0 && map == MAP_FAILED)
        rc = error_set(err, errno, "mmap", dir, NULL);
    for (uint32_t i = 0; rc == 0 && i < r->plan->n_steps; i++)
        if (!r->plan->steps[i].setup)
            rc = bare_step(&r->plan->steps[i], i + 1, fd, map, err);
    if (map != MAP_FAILED)
        munmap(map, FILE_BYTES);
    if (fd >= 0)
        close(fd);
    if (at >= 0)
        close(at);
    return rc;
}

static int sync_volume(void *arg, struct error *err)
{
    const char *dir = arg;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || syncfs(fd) < 0 ? error_set(err, errno, "syncfs", dir, NULL) : 0;

    if (fd >= 0)
        close(fd);
    return rc;
}

static int recorded_run(const struct recording *r, int fd, char *dir, struct error *err)
{
    struct disk *disk = volume_disk(r->volume, 0);
    int32_t hung = -1;

    disk_record(disk, NULL, NULL); /* the disk must not append while the log is emptied */
    writelog_clear(r->log);
    disk_record(disk, r->log, &(struct disk_faults){0});
    const struct driver_job job = {.plan = r->plan,
                                   .dir_fd = fd,
                                   .dir = dir,
                                   .history = history_init(r->history, EVENTS, SECTOR, 1),
                                   .pos = writelog_position(r->log),
                                   .deadline_ms = DEADLINE_MS,
                                   .ready = sync_volume,
                                   .arg = dir};
    int rc = driver_run(&job, &hung, err);

    if (rc == 0 && hung >= 0)
        rc = error_set(err, ETIMEDOUT, "step", NULL, "step %d did not end", hung);
    if (rc == 0 && (writelog_overflowed(r->log) || writelog_length(r->log) == 0))
        rc = error_set(err, EIO, "record", NULL, "%llu entries were recorded", (unsigned long long)writelog_length(r->log));
    for (uint32_t i = 0; rc == 0 && i < r->history->n_events; i++)
        if (r->history->events[i].err)
            rc = error_set(err, r->history->events[i].err, "step", NULL, "step %u failed", r->history->events[i].step);
    return rc;
}

static int measure(struct recording *r, bool recorded, double seconds, double *ret, struct error *err)
{
    const char *root = recorded ? volume_path(r->volume, 0) : r->dir;
    double spent_s = 0;
    uint64_t n_steps = 0;
    int rc = 0;

    while (rc == 0 && spent_s < seconds) {
        char dir[512];

        const int fd = run_directory_make(root, r->n_runs++, dir, sizeof dir, err);
        const double from_s = clock_s();
        if (fd < 0)
            return fd;
        rc = recorded ? recorded_run(r, fd, dir, err) : bare_run(r, dir, err);
        spent_s += clock_s() - from_s;
        n_steps += r->plan->n_steps;
        close(fd);
        if (rc == 0)
            rc = run_directory_remove(dir, err);
    }
    *ret = (double)n_steps / spent_s;
    return rc;
}

static int bare(void *state, double seconds, double *ret, struct error *err)
{
    return measure(state, false, seconds, ret, err);
}

static int recorded(void *state, double seconds, double *ret, struct error *err)
{
    return measure(state, true, seconds, ret, err);
}

const struct bench_ops bench_record = {.open = open_record, .floor = bare, .ours = recorded, .close = close_record};
