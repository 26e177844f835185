/* Crash disks: see crash_disk.h. */
#include "states/crash_disk.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/size.h"
#include "device/loopdev.h"
#include "disk/writelog.h"

/* Blocks, each once, in the order in which they were added. */
struct block_set {
    uint8_t *member; /* by block */
    uint32_t *v;
    size_t n, cap;
};

struct crash_disk {
    struct crash_image *image;
    int base_fd; /* of the image */
    uint64_t n_blocks;
    int fd; /* memory file */
    uint8_t *media;
    struct loopdev loop;
    struct blocktrace *trace; /* NULL: impossible here */
    struct read_notes *notes;
    bool settled;
    struct block_set stale;   /* may differ from the image's settled contents, so they are copied at the next show */
    struct block_set touched; /* may differ from the base, once what is stale was copied */
    /* The settled contents that the device shows. */
    const struct writelog *log;
    uint64_t log_identity, settled_pos;
};

static void add(struct block_set *s, uint64_t block)
{
    if (s->member[block])
        return;
    s->member[block] = 1;
    s->v = grow(s->v, &s->cap, s->n, sizeof *s->v);
    s->v[s->n++] = (uint32_t)block;
}

static void clear(struct block_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->member[s->v[i]] = 0;
    s->n = 0;
}

static void free_set(struct block_set *s)
{
    free(s->member);
    free(s->v);
}

static void mark_range(struct crash_disk *d, uint64_t off, uint64_t len_bytes)
{
    for (uint64_t b = off / BLOCK_BYTES; len_bytes && b <= (off + len_bytes - 1) / BLOCK_BYTES; b++) {
        add(&d->stale, b);
        add(&d->touched, b);
    }
}

/* Marks the blocks at which the file has data. */
static void mark_data(struct crash_disk *d, int fd)
{
    off_t from = 0, to;

    while ((from = lseek(fd, from, SEEK_DATA)) >= 0) {
        to = lseek(fd, from, SEEK_HOLE);
        for (off_t off = from; off < to; off += BLOCK_BYTES)
            add(&d->stale, (uint64_t)off / BLOCK_BYTES);
        from = to;
    }
}

static void mark_entry(struct crash_disk *d, const struct writelog *log, uint64_t i)
{
    const struct log_entry *e = writelog_entry(log, i);

    if (e->op == LOG_WRITE || e->op == LOG_DISCARD)
        mark_range(d, e->off, e->len);
}

int crash_disk_new(struct crash_image *image, unsigned logical_sector, const struct blocktracer *tracer, struct crash_disk **ret,
                   struct error *err)
{
    struct crash_disk *d = xcalloc(1, sizeof *d);
    const uint64_t size_bytes = crash_image_size(image);
    struct stat st = {.st_rdev = 0};
    int r = 0;

    d->image = image;
    d->base_fd = crash_image_base(image);
    d->n_blocks = size_bytes / BLOCK_BYTES;
    d->loop.fd = -1;
    d->notes = read_notes_new(d->n_blocks);
    d->stale.member = xcalloc(d->n_blocks, 1);
    d->touched.member = xcalloc(d->n_blocks, 1);
    d->media = MAP_FAILED;
    d->fd = memfd_create("tornpage-crash-disk", MFD_CLOEXEC);
    if (d->fd >= 0 && ftruncate(d->fd, (off_t)size_bytes) == 0)
        d->media = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, d->fd, 0);
    if (d->media == MAP_FAILED)
        r = error_set(err, errno, "memfd_create", "crash disk", NULL);
    if (r == 0)
        r = loopdev_attach(d->fd, logical_sector, &d->loop, err);
    if (r == 0 && fstat(d->loop.fd, &st))
        r = error_set(err, errno, "fstat", d->loop.path, NULL);
    if (r < 0) {
        crash_disk_free(d);
        return r;
    }
    if (tracer && blocktrace_open(tracer, st.st_rdev, &d->trace, NULL) < 0)
        d->trace = NULL;
    mark_data(d, d->base_fd);
    *ret = d;
    return 0;
}

int crash_disk_set_image(struct crash_disk *d, struct crash_image *image, struct error *err)
{
    assert(crash_image_base(image) == d->base_fd && crash_image_size(image) == d->n_blocks * BLOCK_BYTES);
    d->image = image;
    return loopdev_drop_cache(&d->loop, err);
}

void crash_disk_free(struct crash_disk *d)
{
    if (!d)
        return;
    loopdev_detach(&d->loop);
    blocktrace_close(d->trace);
    if (d->media != MAP_FAILED)
        munmap(d->media, d->n_blocks * BLOCK_BYTES);
    if (d->fd >= 0)
        close(d->fd);
    read_notes_free(d->notes);
    free_set(&d->stale);
    free_set(&d->touched);
    free(d);
}

bool crash_disk_is_traced(const struct crash_disk *d)
{
    return d->trace != NULL;
}

const char *crash_disk_path(const struct crash_disk *d)
{
    return d->loop.path;
}

/* Nothing is known: it may have read whatever the log wrote, and have written anywhere. */
static void assume_the_worst(struct crash_disk *d)
{
    const struct crash_image_contents c = crash_image_contents(d->image);

    read_notes_clear(d->notes);
    for (uint64_t i = 0; c.log && i < writelog_length(c.log); i++) {
        const struct log_entry *e = writelog_entry(c.log, i);

        if (e->op == LOG_WRITE || e->op == LOG_DISCARD)
            read_notes_read(d->notes, e->off, e->len);
    }
    mark_data(d, d->fd);
    mark_data(d, d->base_fd);
    for (size_t i = 0; i < d->touched.n; i++)
        add(&d->stale, d->touched.v[i]);
}

/* Notes the requests since the last time. */
static void learn(struct crash_disk *d)
{
    const struct block_request *q;
    const uint64_t end_sector = d->n_blocks * (BLOCK_BYTES / SECTOR_BYTES);
    size_t n;

    if (!d->trace || blocktrace_take(d->trace, &q, &n) < 0) {
        assume_the_worst(d);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint64_t room = q[i].sector < end_sector ? end_sector - q[i].sector : 0, off = q[i].sector * SECTOR_BYTES,
                       len = (q[i].n_sectors < room ? q[i].n_sectors : room) * SECTOR_BYTES;

        if (q[i].op != BLOCK_READ) {
            read_notes_written(d->notes, off, len);
            mark_range(d, off, len);
        } else {
            read_notes_read(d->notes, off, len);
        }
    }
}

/* Marks what the settled contents of the image hold otherwise than those of the last time. */
static void follow_settled(struct crash_disk *d, const struct crash_image_contents *c)
{
    const uint64_t identity = c->log ? writelog_identity(c->log) : 0;

    if (c->log != d->log || identity != d->log_identity || c->durable < d->settled_pos) {
        for (size_t i = 0; i < d->touched.n; i++)
            add(&d->stale, d->touched.v[i]);
        clear(&d->touched);
        d->settled_pos = 0;
    }
    for (; d->settled_pos < c->durable; d->settled_pos++)
        mark_entry(d, c->log, d->settled_pos);
    d->log = c->log;
    d->log_identity = identity;
}

int crash_disk_show(struct crash_disk *d, struct error *err)
{
    const struct crash_image_contents c = crash_image_contents(d->image);

    const int r = d->settled ? 0 : loopdev_drop_cache(&d->loop, err);
    if (r < 0)
        return r;
    learn(d);
    d->settled = false;
    follow_settled(d, &c);
    for (size_t i = 0; i < c.n_kept; i++)
        mark_entry(d, c.log, c.kept[i].entry);
    for (size_t i = 0; i < d->stale.n; i++) {
        uint8_t *at = d->media + (uint64_t)d->stale.v[i] * BLOCK_BYTES;
        const uint8_t *want = crash_image_block(d->image, d->stale.v[i]);

        if (memcmp(at, want, BLOCK_BYTES) != 0)
            memcpy(at, want, BLOCK_BYTES);
    }
    clear(&d->stale);
    for (size_t i = 0; i < c.n_kept; i++)
        mark_entry(d, c.log, c.kept[i].entry);
    read_notes_clear(d->notes);
    return loopdev_drop_cache(&d->loop, err);
}

int crash_disk_settle(struct crash_disk *d, struct error *err)
{
    const int r = loopdev_drop_cache(&d->loop, err); /* writes what the device's cache still holds */
    size_t n;

    learn(d);
    read_notes_list(d->notes, &n);
    if (n == 0) /* a file system that reads nothing from its disk: rather believe in anything else */
        assume_the_worst(d);
    d->settled = true;
    return r;
}

const struct read_note *crash_disk_reads(const struct crash_disk *d, size_t *ret_n)
{
    return read_notes_list(d->notes, ret_n);
}
