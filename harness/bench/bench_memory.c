/* Memory of exploration: a long log on a large volume, every prefix shown by a crash disk, nothing mounted. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/rng.h"
#include "bench/bench_impl.h"
#include "disk/writelog.h"
#include "states/crash_disk.h"

enum { ENTRIES = 100000, WRITES_PER_FLUSH = 8, BLOCK = 4096, SECTOR = 4096 };
#define VOLUME_BYTES ((uint64_t)1 << 30)
#define MIB 1048576.0

struct exploring {
    struct writelog *log;
    struct crash_image *image;
    struct crash_disk *disk;
    uint64_t log_bytes;
};

static int open_memory(const struct bench *b, const struct bench_options *o, void **ret, struct error *err)
{
    static struct exploring x;
    int fd = memfd_create("tornpage-bench", MFD_CLOEXEC);

    (void)b, (void)o;
    *ret = &x;
    x.log = writelog_new(ENTRIES, (uint64_t)ENTRIES * BLOCK);
    if (fd < 0 || ftruncate(fd, (off_t)VOLUME_BYTES) < 0 || !x.log)
        return error_set(err, ENOMEM, "memory", NULL, NULL);
    struct blocktracer *tracer = NULL;
    int rc = blocktracer_new(&tracer, err);
    if (rc == 0)
        rc = crash_image_new(fd, SECTOR, &x.image, err);
    return rc < 0 ? rc : crash_disk_new(x.image, SECTOR, tracer, &x.disk, err);
}

/* Writes of one block anywhere on the volume, with a flush after every few. */
static int fill_log(struct exploring *x, struct error *err)
{
    static uint64_t block[BLOCK / 8];
    struct rng r;
    int rc = 0;

    rng_seed(&r, 1);
    for (unsigned i = 0; i < ENTRIES && rc == 0; i++) {
        bool flush = i % (WRITES_PER_FLUSH + 1) == WRITES_PER_FLUSH;

        for (unsigned k = 0; k < BLOCK / SECTOR * 8; k++)
            block[k * (SECTOR / 64)] = rng_next(&r);
        rc = flush ? writelog_append(x->log, LOG_FLUSH, 0, 0, NULL, 0)
                   : writelog_append(x->log, LOG_WRITE, 0, rng_below(&r, VOLUME_BYTES / BLOCK) * BLOCK, block, BLOCK);
        x->log_bytes += sizeof(struct log_entry) + (flush ? 0 : BLOCK);
    }
    return rc < 0 ? error_set(err, -rc, "writelog_append", NULL, NULL) : 0;
}

static int twice_the_log(void *state, double seconds, double *ret, struct error *err)
{
    struct exploring *x = state;
    int rc = fill_log(x, err);

    (void)seconds;
    *ret = 2 * (double)x->log_bytes / MIB;
    return rc;
}

/* The most memory this process ever held, in MiB; 0: unknown. */
static double peak_mib(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    unsigned long kib = 0;

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lu kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return (double)kib / 1024;
}

static int load_prefixes(void *state, double seconds, double *ret, struct error *err)
{
    const struct exploring *x = state;
    const struct state_limits limits = {.sector = SECTOR};
    struct state_source *source = states_new(x->log, 0, ENTRIES, &limits, 1);
    const struct crash_state *s;
    uint64_t n = 0;
    int rc = 0;

    (void)seconds;
    /* Prefixes come first; there is one for each write, and the empty one. */
    for (; rc == 0 && n <= ENTRIES / (WRITES_PER_FLUSH + 1) * WRITES_PER_FLUSH && states_next(source, &s) == 1; n++) {
        rc = crash_image_load(x->image, x->log, s);
        rc = rc < 0 ? rc : crash_disk_show(x->disk, err);
    }
    *ret = peak_mib();
    states_free(source);
    return rc < 0 ? error_set(err, -rc, "disk_load", NULL, "prefix %llu", (unsigned long long)n) : 0;
}

const struct bench_ops bench_memory = {.open = open_memory, .floor = twice_the_log, .ours = load_prefixes};
