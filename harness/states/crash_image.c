/*
 * Crash images: see crash_image.h.
 *
 * A table says for each 4 KiB block where it lies: in the base, in the log, in a pool of blocks put together from parts, or
 * nowhere (zeros). Two layers change it: what is settled (durable), which grows from load to load as a rule, and above it the
 * state's writes in flight, which are taken back before the next. A list holds what the table said before a layer changed it.
 */
#include "states/crash_image.h"

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
#include "base/hash.h"
#include "base/size.h"
#include "disk/writelog.h"
#include "host/full_io.h"

enum { LOG_UNIT_BYTES = 8 };

/* Where a block lies. */
#define IN_BASE 0U
#define ZEROS 1U
#define POOL_FIRST 2U       /* from here on, blocks of the pool */
#define IN_LOG (1U << 31)   /* with the offset into the log's data, in units of LOG_UNIT_BYTES */
#define POOL_MAX (1U << 30) /* blocks */

struct undo {
    uint32_t block, place;
};

struct layer {
    uint32_t pool_end;
    size_t n_undo;
};

struct crash_image {
    int base_fd;
    unsigned sector;
    uint64_t size_bytes, n_blocks, pool_bytes;
    const uint8_t *base;
    uint32_t *table;
    uint8_t *in_flight; /* by block: changed by the layer of writes in flight */
    uint8_t *pool;
    struct undo *undo;
    size_t cap_undo;
    struct layer settled, top;

    const struct writelog *log;
    const uint8_t *log_data;
    uint64_t log_identity, settled_pos;
    struct kept_write *kept;
    size_t n_kept, cap_kept;
};

static const uint8_t zero_block[BLOCK_BYTES];

static void *reserve(uint64_t n_bytes)
{
    void *p = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static void unreserve(void *p, uint64_t n_bytes)
{
    if (p)
        munmap(p, n_bytes);
}

int crash_image_new(int base_fd, unsigned sector, struct crash_image **ret, struct error *err)
{
    struct stat st;

    assert(is_sector_size(sector));
    if (fstat(base_fd, &st))
        return error_set(err, errno, "fstat", "disk image", NULL);
    if (st.st_size <= 0 || st.st_size % BLOCK_BYTES || (uint64_t)st.st_size / BLOCK_BYTES > UINT32_MAX)
        return error_set(err, EINVAL, "disk", "", "a disk of %lld bytes is not possible", (long long)st.st_size);

    struct crash_image *c = xcalloc(1, sizeof *c);
    const uint64_t blocks = (uint64_t)st.st_size / BLOCK_BYTES;
    c->base_fd = base_fd;
    c->sector = sector;
    c->size_bytes = (uint64_t)st.st_size;
    c->n_blocks = blocks;
    c->pool_bytes = (2 * blocks < POOL_MAX ? 2 * blocks : POOL_MAX) * BLOCK_BYTES; /* each layer may change every block */
    c->settled = c->top = (struct layer){.pool_end = POOL_FIRST};
    void *base = mmap(NULL, c->size_bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, base_fd, 0);
    c->base = base == MAP_FAILED ? NULL : base;
    c->table = reserve(blocks * sizeof *c->table);
    c->in_flight = reserve(blocks);
    c->pool = reserve(c->pool_bytes);
    if (!c->base || !c->table || !c->in_flight || !c->pool) {
        crash_image_free(c);
        return error_set(err, ENOMEM, "mmap", "disk image", NULL);
    }
    *ret = c;
    return 0;
}

void crash_image_free(struct crash_image *c)
{
    if (!c)
        return;
    unreserve((void *)(uintptr_t)c->base, c->size_bytes);
    unreserve(c->table, c->n_blocks * sizeof *c->table);
    unreserve(c->in_flight, c->n_blocks);
    unreserve(c->pool, c->pool_bytes);
    free(c->undo);
    free(c->kept);
    free(c);
}

uint64_t crash_image_size(const struct crash_image *c)
{
    return c->size_bytes;
}

unsigned crash_image_sector(const struct crash_image *c)
{
    return c->sector;
}

int crash_image_base(const struct crash_image *c)
{
    return c->base_fd;
}

static uint8_t *pool_block(const struct crash_image *c, uint32_t place)
{
    return c->pool + (uint64_t)(place - POOL_FIRST) * BLOCK_BYTES;
}

const uint8_t *crash_image_block(const struct crash_image *c, uint64_t block)
{
    const uint32_t place = c->table[block];

    if (place == IN_BASE)
        return c->base + block * BLOCK_BYTES;
    if (place & IN_LOG)
        return c->log_data + (uint64_t)(place & ~IN_LOG) * LOG_UNIT_BYTES;
    return place == ZEROS ? zero_block : pool_block(c, place);
}

/* Enters a new place for a block, and what it was before this layer, once. */
static void set_place(struct crash_image *c, bool in_flight, uint32_t block, uint32_t place)
{
    /* Whatever the settled layer has touched is not in the base any more. */
    const bool known = in_flight ? c->in_flight[block] : c->table[block] != IN_BASE;

    if (!known) {
        c->undo = grow(c->undo, &c->cap_undo, c->top.n_undo, sizeof *c->undo);
        c->undo[c->top.n_undo++] = (struct undo){.block = block, .place = c->table[block]};
        c->in_flight[block] = in_flight;
    }
    c->table[block] = place;
}

/* Does the block lie in a block of the pool that this layer may write to? */
static bool is_own(const struct crash_image *c, bool in_flight, uint32_t block)
{
    const uint32_t place = c->table[block];

    return !(place & IN_LOG) && place >= (in_flight ? c->settled.pool_end : POOL_FIRST);
}

/* Puts a part of a block (src NULL: zeros) together with the rest. */
static int put_part(struct crash_image *c, bool in_flight, uint32_t block, uint64_t in_block, const uint8_t *src, uint64_t n)
{
    uint32_t place = c->table[block];

    if (!is_own(c, in_flight, block)) {
        const uint8_t *rest = crash_image_block(c, block);

        if (((uint64_t)(c->top.pool_end - POOL_FIRST) + 1) * BLOCK_BYTES > c->pool_bytes)
            return -ENOSPC;
        place = c->top.pool_end++;
        memcpy(pool_block(c, place), rest, BLOCK_BYTES);
        set_place(c, in_flight, block, place);
    }
    if (src)
        memcpy(pool_block(c, place) + in_block, src, n);
    else
        memset(pool_block(c, place) + in_block, 0, n);
    return 0;
}

/* Puts bytes into a layer: data_off is where they are in the log's data; `zeros` stands for a discard. */
static int put(struct crash_image *c, bool in_flight, uint64_t off, uint64_t data_off, bool zeros, uint64_t len_bytes)
{
    int r = 0;

    while (len_bytes && r == 0) {
        const uint64_t in_block = off % BLOCK_BYTES, room = BLOCK_BYTES - in_block, n = len_bytes < room ? len_bytes : room;
        const uint32_t block = (uint32_t)(off / BLOCK_BYTES);

        /* A block of the pool stays its block's, so that a layer takes no more of them than it has blocks. */
        const bool whole = n == BLOCK_BYTES && !is_own(c, in_flight, block);

        if (whole && zeros)
            set_place(c, in_flight, block, ZEROS);
        else if (whole && data_off % LOG_UNIT_BYTES == 0 && data_off / LOG_UNIT_BYTES < IN_LOG)
            set_place(c, in_flight, block, IN_LOG | (uint32_t)(data_off / LOG_UNIT_BYTES));
        else
            r = put_part(c, in_flight, block, in_block, zeros ? NULL : c->log_data + data_off, n);
        off += n;
        data_off += n;
        len_bytes -= n;
    }
    return r;
}

/* Puts a logged write, or the part of it that is kept, into a layer. */
static int put_entry(struct crash_image *c, bool in_flight, const struct kept_write *k)
{
    const struct log_entry *e = writelog_entry(c->log, k->entry);
    uint64_t skip, len;

    if ((e->op != LOG_WRITE && e->op != LOG_DISCARD) || (e->flags & LOG_LOST))
        return 0;
    kept_bytes(k, e->off, e->len, c->sector, &skip, &len);
    assert(skip + len <= e->len && e->off + e->len <= c->size_bytes);
    return put(c, in_flight, e->off + skip, e->data_off + skip, e->op == LOG_DISCARD, len);
}

static void drop_to(struct crash_image *c, struct layer l)
{
    while (c->top.n_undo > l.n_undo) {
        const struct undo *u = &c->undo[--c->top.n_undo];

        c->table[u->block] = u->place;
        c->in_flight[u->block] = 0;
    }
    c->top.pool_end = l.pool_end;
}

/* Back to the base image, under this log. */
static void reset(struct crash_image *c, const struct writelog *log)
{
    drop_to(c, (struct layer){.pool_end = POOL_FIRST});
    c->settled = c->top;
    c->settled_pos = 0;
    c->n_kept = 0;
    c->log = log;
    c->log_identity = log ? writelog_identity(log) : 0;
    c->log_data = log ? writelog_data(log, &(struct log_entry){.data_off = 0}) : NULL;
}

/* How many of the state's writes the layer in flight holds already, given what is settled; the others in it are dropped. */
static size_t keep_common(struct crash_image *c, const struct crash_state *s)
{
    size_t n = c->n_kept;

    /* One more write above is common (prefixes); a part of the layer cannot be undone. */
    if (c->settled_pos != s->durable || n > s->n_kept || (n && memcmp(c->kept, s->kept, n * sizeof *c->kept) != 0))
        n = 0;
    if (n == 0)
        drop_to(c, c->settled);
    return n;
}

int crash_image_load(struct crash_image *c, const struct writelog *log, const struct crash_state *s)
{
    int r = 0;

    assert(s->durable <= s->cut && s->cut <= writelog_length(log));
    if (c->log != log || c->log_identity != writelog_identity(log) || c->settled_pos > s->durable)
        reset(c, log);
    c->n_kept = keep_common(c, s);
    if (c->settled_pos < s->durable) {
        for (; c->settled_pos < s->durable && r == 0; c->settled_pos++)
            r = put_entry(c, false, &(struct kept_write){.entry = c->settled_pos});
        c->settled = c->top;
    }
    for (size_t i = c->n_kept; i < s->n_kept && r == 0; i++) {
        r = put_entry(c, true, &s->kept[i]);
        c->kept = grow(c->kept, &c->cap_kept, c->n_kept, sizeof *c->kept);
        c->kept[c->n_kept++] = s->kept[i];
    }
    if (r < 0)
        reset(c, NULL);
    return r;
}

struct crash_image_contents crash_image_contents(const struct crash_image *c)
{
    return (struct crash_image_contents){.log = c->log, .durable = c->settled_pos, .kept = c->kept, .n_kept = c->n_kept};
}

uint64_t crash_image_hash(const struct crash_image *c, struct read_note what)
{
    const uint8_t *data = crash_image_block(c, what.block);
    uint64_t h = what.sectors;

    if (what.sectors == UINT8_MAX)
        return hash_bytes(data, BLOCK_BYTES);
    for (unsigned i = 0; i < BLOCK_BYTES / SECTOR_BYTES; i++)
        if (what.sectors >> i & 1)
            h = hash_fold(h ^ hash_bytes(data + i * SECTOR_BYTES, SECTOR_BYTES), 0x9e3779b97f4a7c15U) + i;
    return h;
}

int crash_image_snapshot(const struct crash_image *c)
{
    const int fd = memfd_create("tornpage-snapshot", MFD_CLOEXEC);
    off_t from = 0, to;
    int r = fd < 0 || ftruncate(fd, (off_t)c->size_bytes) ? -errno : 0;

    /* The base's data first, then every block that something above it has touched. */
    while (r == 0 && (from = lseek(c->base_fd, from, SEEK_DATA)) >= 0) {
        to = lseek(c->base_fd, from, SEEK_HOLE);
        for (off_t off = from; off < to && r == 0; off += BLOCK_BYTES)
            if (memcmp(c->base + off, zero_block, BLOCK_BYTES) != 0)
                r = pwrite_full(fd, c->base + off, BLOCK_BYTES, (uint64_t)off);
        from = to;
    }
    for (size_t i = 0; i < c->top.n_undo && r == 0; i++)
        r = pwrite_full(fd, crash_image_block(c, c->undo[i].block), BLOCK_BYTES, (uint64_t)c->undo[i].block * BLOCK_BYTES);
    if (r < 0 && fd >= 0)
        close(fd);
    return r < 0 ? r : fd;
}
