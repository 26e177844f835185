/* Power cuts: exploration of crash states against the kernel's bare mount, read and unmount of crash images of the same scenario.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/error.h"
#include "bench/bench_impl.h"
#include "campaign/pool.h"
#include "device/loopdev.h"
#include "host/isolate.h"
#include "host/parallel.h"

enum { BLOCK = 4096, SECTOR = 512, STATES_OF_JOB = 70 /* about; of the steps below */ };

static const char steps[] = "open -f f\n"
                            "truncate 64k\n"
                            "fsync\n"
                            "---\n"
                            "mmap -rw 0 64k\n"
                            "mwrite 0 16k\n"
                            "msync -s 0 16k\n"
                            "mwrite 8k 16k\n"
                            "pwrite 40k 8k\n"
                            "fdatasync\n"
                            "mwrite 0 4k\n"
                            "msync -s 0 4k\n"
                            "truncate 128k\n"
                            "pwrite 64k 16k\n"
                            "fsync\n"
                            "mwrite 16k 32k\n"
                            "msync -s 16k 32k\n";

struct power {
    const char *fs;
    struct backend_config config;
    struct plan *plan;
    struct bench_images images;
    unsigned jobs;
};

static int open_power(const struct bench *b, const struct bench_options *o, void **ret, struct error *err)
{
    static struct power p;

    p.fs = b->fs;
    p.plan = bench_plan(steps);
    p.jobs = parallel_workers(o->jobs);
    *ret = &p;
    int rc = bench_config("loop", "fs", b->fs, &p.config, err);
    if (rc == 0)
        rc = backend_prepare(&p.config, err);
    return rc < 0 ? rc : bench_images_make(&p.config, p.fs, p.plan, &p.images, err);
}

/* Puts image number i in the place of what the device holds. */
static int put_image(const struct bench_images *b, size_t i, uint8_t *disk, const struct loopdev *loop, struct error *err)
{
    for (size_t k = 0; k < b->n_blocks; k++) {
        uint8_t *at = disk + b->blocks[k] * BLOCK;
        const uint8_t *want = b->bytes[i] + k * BLOCK;

        if (memcmp(at, want, BLOCK) != 0)
            memcpy(at, want, BLOCK);
    }
    return loopdev_drop_cache(loop, err);
}

static int mount_images(void *arg, struct bench_worker *w)
{
    const struct power *p = arg;
    const struct bench_images *b = &p->images;
    struct loopdev loop = {.fd = -1};
    char dir[192];
    int fd = bench_copy_file(b->first_fd, b->size_bytes), rc = 0;
    uint8_t *disk = fd < 0 ? MAP_FAILED : mmap(NULL, b->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    snprintf(dir, sizeof dir, "%s/bench-%u", isolate_scratch(), w->index);
    if (disk == MAP_FAILED || (mkdir(dir, 0700) < 0 && errno != EEXIST))
        rc = error_set(w->err, errno, "bench", dir, NULL);
    if (rc == 0)
        rc = loopdev_attach(fd, SECTOR, &loop, w->err);
    if (rc == 0) /* a device keeps what an earlier user set: without it no flush is ever sent */
        rc = loopdev_set_cache(&loop, true, w->err);
    for (size_t i = w->index; rc == 0 && !atomic_load(&w->stop); i++) {
        rc = put_image(b, i % b->n_images, disk, &loop, w->err);
        if (rc == 0)
            rc = bench_mount_and_read(p->fs, loop.path, dir, w->err);
        if (rc == 0)
            atomic_fetch_add(&w->progress.states_done, 1);
    }
    loopdev_detach(&loop);
    return rc;
}

static int explore(void *arg, struct bench_worker *w)
{
    const struct power *p = arg;
    /* First jobs of different lengths: so recordings are spread over time from the start, as they are in the long run. */
    const uint64_t first = 1 + (uint64_t)STATES_OF_JOB * w->index / p->jobs;
    int rc = 0;

    for (uint64_t i = 0; rc == 0 && !atomic_load(&w->stop); i++) {
        const struct job j = {.plan = p->plan,
                              .config = &p->config,
                              .strike = STRIKE_POWER,
                              .seed = i << 16 | w->index,
                              .no_prune = true,
                              .max_states = i == 0 ? first : 0,
                              .progress = &w->progress};
        struct result r;

        const uint64_t before = atomic_load(&w->progress.states_done);
        job_run(&j, &r);
        const uint64_t counted = atomic_load(&w->progress.states_done) - before;
        rc = bench_check_result(&r, w->err);
        /* The figure is one of mounts: what was measured must be what the job says it mounted, and nothing else. */
        if (rc == 0 && (counted != r.states_mounted || r.states_covered != r.states_mounted))
            rc = error_set(w->err, EINVAL, "count", p->config.spec, "%llu counted, %llu mounted, %llu covered",
                           (unsigned long long)counted, (unsigned long long)r.states_mounted,
                           (unsigned long long)r.states_covered);
        result_free(&r);
    }
    return rc;
}

static int bare(void *state, double seconds, double *ret, struct error *err)
{
    return bench_workers(((struct power *)state)->jobs, mount_images, state, seconds, ret, err);
}

static int ours(void *state, double seconds, double *ret, struct error *err)
{
    return bench_workers(((struct power *)state)->jobs, explore, state, seconds, ret, err);
}

static void close_power(void *state)
{
    struct power *p = state;

    backend_release(&p->config);
}

const struct bench_ops bench_power = {.open = open_power, .floor = bare, .ours = ours, .close = close_power};
