/* The disk core's blocks: base image, layers above it, loading of crash states. See disk.h and disk_impl.h. */
#include "storage/disk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "storage/crash_states.h"
#include "storage/disk_impl.h"

static const uint8_t zero_block[BLOCK_BYTES];
static const struct layer_mark bottom = {.n_slots = SLOT_FIRST, .n_undo = 0};

static uint64_t round_to_block(uint64_t n)
{
    return (n + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

/* Reserves shared memory for everything at once. */
static int map_shared(struct disk *d, uint64_t n_blocks, uint64_t n_slots)
{
    /* In one layer a block is overwritten in the table at most twice (zeroed, then written); three layers. */
    const uint64_t shared_bytes = round_to_block(sizeof *d->s), table_bytes = round_to_block(n_blocks * sizeof *d->table),
                   undo_bytes = round_to_block(6 * n_blocks * sizeof *d->undo),
                   notes_bytes = round_to_block(n_blocks * (BLOCK_BYTES / SECTOR_BYTES) * sizeof *d->reads),
                   sectors_bytes = round_to_block(n_blocks);
    uint8_t *p;

    d->map_bytes = shared_bytes + table_bytes + undo_bytes + notes_bytes + 2 * sectors_bytes + n_slots * BLOCK_BYTES;
    d->map = mmap(NULL, d->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (d->map == MAP_FAILED)
        return -errno;
    p = d->map;
    d->s = (void *)p;
    d->table = (void *)(p += shared_bytes);
    d->undo = (void *)(p += table_bytes);
    d->reads = (void *)(p += undo_bytes);
    d->read = p += notes_bytes;
    d->written = p += sectors_bytes;
    d->pool = p + sectors_bytes;
    return 0;
}

int disk_new(int base_fd, unsigned sector, uint64_t max_bytes, struct disk **ret, struct error *err)
{
    struct stat st;
    struct disk *d = NULL;
    const uint64_t n_slots = max_bytes / BLOCK_BYTES;
    pthread_mutexattr_t attr;
    int r;

    assert(sector == 512 || sector == 4096);
    if (fstat(base_fd, &st))
        return error_set(err, errno, "fstat", "disk image", NULL);
    if (st.st_size <= 0 || st.st_size % BLOCK_BYTES || (uint64_t)st.st_size / BLOCK_BYTES > UINT32_MAX ||
        n_slots > UINT32_MAX - 2)
        return error_set(err, EINVAL, "disk", "", "a disk of %lld bytes with %llu bytes above it is not possible",
                         (long long)st.st_size, (unsigned long long)max_bytes);
    d = xcalloc(1, sizeof *d);
    d->base_fd = base_fd;
    r = map_shared(d, (uint64_t)st.st_size / BLOCK_BYTES, n_slots);
    if (r < 0) {
        free(d);
        return error_set(err, -r, "mmap", "disk", NULL);
    }
    d->s->size_bytes = (uint64_t)st.st_size;
    d->s->n_blocks = d->s->size_bytes / BLOCK_BYTES;
    d->s->max_slots = (uint32_t)n_slots + SLOT_FIRST;
    d->s->sector = sector;
    d->s->log_fd = -1;
    d->s->top = d->s->overlay = d->settled = bottom;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&d->s->lock, &attr);
    pthread_mutexattr_destroy(&attr);

    void *base = mmap(NULL, d->s->size_bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, base_fd, 0);
    d->base = base == MAP_FAILED ? NULL : base;
    d->owner_pidfd = pidfd_open(getpid(), 0);
    if (!d->base || d->owner_pidfd < 0) {
        r = errno;
        disk_free(d);
        return error_set(err, r, "mmap", "disk image", NULL);
    }
    *ret = d;
    return 0;
}

void disk_free(struct disk *d)
{
    if (!d)
        return;
    if (d->base)
        munmap((void *)(uintptr_t)d->base, d->s->size_bytes);
    if (d->owner_pidfd >= 0)
        close(d->owner_pidfd);
    munmap(d->map, d->map_bytes);
    free(d->kept);
    free(d);
}

uint64_t disk_size(const struct disk *d)
{
    return d->s->size_bytes;
}

unsigned disk_sector(const struct disk *d)
{
    return d->s->sector;
}

const uint8_t *disk_block(const struct disk *d, uint64_t block)
{
    const uint32_t slot = d->table[block];

    if (slot == SLOT_BASE)
        return d->base + block * BLOCK_BYTES;
    return slot == SLOT_ZERO ? zero_block : d->pool + (uint64_t)(slot - SLOT_FIRST) * BLOCK_BYTES;
}

static void set_slot(struct disk *d, uint64_t block, uint32_t slot)
{
    d->undo[d->s->top.n_undo++] = (struct undo){.block = (uint32_t)block, .slot = d->table[block]};
    d->table[block] = slot;
}

/* The sectors of a block that hold [in_block, in_block + n). */
static uint8_t sectors_of(uint64_t in_block, uint64_t n)
{
    const uint64_t first = in_block / SECTOR_BYTES, end = (in_block + n + SECTOR_BYTES - 1) / SECTOR_BYTES;

    return (uint8_t)((1U << end) - (1U << first));
}

static void note_read(struct disk *d, uint64_t block, uint8_t sectors)
{
    const uint8_t news = (uint8_t)(sectors & ~d->read[block] & ~d->written[block]);

    if (!news)
        return;
    d->read[block] |= news;
    d->reads[d->s->n_reads++] = (struct disk_note){.block = (uint32_t)block, .sectors = news};
}

/* Puts bytes within one block. */
static int put_in_block(struct disk *d, struct layer_mark layer, uint64_t block, uint64_t in_block, const uint8_t *src,
                        uint64_t n, bool note)
{
    struct disk_shared *s = d->s;
    uint32_t slot = d->table[block];
    uint8_t *dst;

    if (slot < layer.n_slots || slot < SLOT_FIRST) {
        if (!src && n == BLOCK_BYTES) {
            /* Zero already: not in the undo list, from which `written` is cleared, so it does not count as written. */
            if (slot == SLOT_ZERO)
                return 0;
            set_slot(d, block, SLOT_ZERO);
            if (note)
                d->written[block] = UINT8_MAX;
            return 0;
        }
        if (s->top.n_slots == s->max_slots)
            return -ENOSPC;
        slot = s->top.n_slots++;
        dst = d->pool + (uint64_t)(slot - SLOT_FIRST) * BLOCK_BYTES;
        if (n != BLOCK_BYTES)
            memcpy(dst, disk_block(d, block), BLOCK_BYTES);
        set_slot(d, block, slot);
    }
    if (note)
        d->written[block] |= sectors_of(in_block, n);
    dst = d->pool + (uint64_t)(slot - SLOT_FIRST) * BLOCK_BYTES + in_block;
    if (src)
        memcpy(dst, src, n);
    else
        memset(dst, 0, n);
    return 0;
}

int disk_put(struct disk *d, struct layer_mark layer, uint64_t off, const uint8_t *src, uint64_t len_bytes, bool note)
{
    while (len_bytes) {
        const uint64_t in_block = off % BLOCK_BYTES, room = BLOCK_BYTES - in_block, n = len_bytes < room ? len_bytes : room;
        const int r = put_in_block(d, layer, off / BLOCK_BYTES, in_block, src, n, note);

        if (r < 0)
            return r;
        off += n;
        len_bytes -= n;
        if (src)
            src += n;
    }
    return 0;
}

int disk_read(struct disk *d, uint64_t off, void *dst, uint64_t len_bytes)
{
    uint8_t *out = dst;

    if (off > d->s->size_bytes || len_bytes > d->s->size_bytes - off)
        return -EIO;
    while (len_bytes) {
        const uint64_t block = off / BLOCK_BYTES, in_block = off % BLOCK_BYTES, room = BLOCK_BYTES - in_block,
                       n = len_bytes < room ? len_bytes : room;

        note_read(d, block, sectors_of(in_block, n));
        memcpy(out, disk_block(d, block) + in_block, n);
        off += n;
        out += n;
        len_bytes -= n;
    }
    return 0;
}

int disk_read_in_place(struct disk *d, uint64_t off, uint64_t len_bytes, struct iovec *pieces, int cap)
{
    int n_pieces = 0;

    if (off > d->s->size_bytes || len_bytes > d->s->size_bytes - off)
        return -EIO;
    while (len_bytes) {
        const uint64_t block = off / BLOCK_BYTES, in_block = off % BLOCK_BYTES, room = BLOCK_BYTES - in_block,
                       n = len_bytes < room ? len_bytes : room;
        uint8_t *at = (uint8_t *)(uintptr_t)disk_block(d, block) + in_block;

        note_read(d, block, sectors_of(in_block, n));
        if (n_pieces && (uint8_t *)pieces[n_pieces - 1].iov_base + pieces[n_pieces - 1].iov_len == at)
            pieces[n_pieces - 1].iov_len += n;
        else if (n_pieces == cap)
            return -EINVAL;
        else
            pieces[n_pieces++] = (struct iovec){.iov_base = at, .iov_len = n};
        off += n;
        len_bytes -= n;
    }
    return n_pieces;
}

static void forget_reads(struct disk *d)
{
    while (d->s->n_reads)
        d->read[d->reads[--d->s->n_reads].block] = 0;
}

/* Drops all that lies above the mark. */
static void drop_to(struct disk *d, struct layer_mark m)
{
    struct disk_shared *s = d->s;

    while (s->top.n_undo > m.n_undo) {
        const struct undo *u = &d->undo[--s->top.n_undo];

        d->table[u->block] = u->slot;
        d->written[u->block] = 0;
    }
    s->top.n_slots = m.n_slots;
}

void disk_drop_overlay(struct disk *d)
{
    drop_to(d, d->s->overlay);
}

void disk_reset(struct disk *d)
{
    forget_reads(d);
    drop_to(d, bottom);
    d->settled = d->s->overlay = bottom;
    d->settled_log = d->settled_pos = 0;
    d->n_kept = 0;
}

/* Puts a logged write, or the part of it that is kept, into a layer. */
static int put_entry(struct disk *d, struct layer_mark layer, const struct writelog *log, const struct kept_write *k)
{
    const struct log_entry *e = writelog_entry(log, k->entry);
    uint64_t skip, len;

    if ((e->op != LOG_WRITE && e->op != LOG_DISCARD) || (e->flags & LOG_LOST))
        return 0;
    kept_bytes(k, e->off, e->len, d->s->sector, &skip, &len);
    assert(skip + len <= e->len && e->off + e->len <= d->s->size_bytes);
    return disk_put(d, layer, e->off + skip, e->op == LOG_WRITE ? writelog_data(log, e) + skip : NULL, len, false);
}

/* How many of the state's writes the state layer holds already, given what is settled; the others in it are dropped. */
static size_t keep_common(struct disk *d, const struct crash_state *s)
{
    size_t n = d->n_kept;

    /* One more write above is common (prefixes); a part of the layer cannot be undone. */
    if (d->settled_pos != s->durable || n > s->n_kept || (n && memcmp(d->kept, s->kept, n * sizeof *d->kept) != 0))
        n = 0;
    drop_to(d, n ? d->s->overlay : d->settled);
    return n;
}

int disk_load(struct disk *d, const struct writelog *log, const struct crash_state *s)
{
    int r = 0;

    assert(s->durable <= s->cut && s->cut <= writelog_length(log));
    if (d->settled_log != writelog_identity(log) || d->settled_pos > s->durable)
        disk_reset(d);
    forget_reads(d);
    d->n_kept = keep_common(d, s);
    d->settled_log = writelog_identity(log);
    if (d->settled_pos < s->durable) {
        for (; d->settled_pos < s->durable && r == 0; d->settled_pos++)
            r = put_entry(d, bottom, log, &(struct kept_write){.entry = d->settled_pos});
        d->settled = d->s->top;
    }
    for (size_t i = d->n_kept; i < s->n_kept && r == 0; i++) {
        r = put_entry(d, d->settled, log, &s->kept[i]);
        d->kept = grow(d->kept, &d->cap_kept, d->n_kept, sizeof *d->kept);
        d->kept[d->n_kept++] = s->kept[i];
    }
    d->s->overlay = d->s->top;
    if (r < 0)
        disk_reset(d);
    return r;
}

static int write_all(int fd, const uint8_t *src, uint64_t len_bytes, uint64_t off)
{
    while (len_bytes) {
        const ssize_t n = pwrite(fd, src, len_bytes, (off_t)off);

        if (n < 0)
            return -errno;
        src += n;
        off += (uint64_t)n;
        len_bytes -= (uint64_t)n;
    }
    return 0;
}

int disk_snapshot(struct disk *d)
{
    const int fd = memfd_create("tornpage-snapshot", MFD_CLOEXEC);
    off_t from = 0, to;
    int r = fd < 0 || ftruncate(fd, (off_t)d->s->size_bytes) ? -errno : 0;

    /* The base's data first, then every block that something above it has touched. */
    while (r == 0 && (from = lseek(d->base_fd, from, SEEK_DATA)) >= 0) {
        to = lseek(d->base_fd, from, SEEK_HOLE);
        for (off_t off = from; off < to && r == 0; off += BLOCK_BYTES)
            if (memcmp(d->base + off, zero_block, BLOCK_BYTES) != 0)
                r = write_all(fd, d->base + off, BLOCK_BYTES, (uint64_t)off);
        from = to;
    }
    for (uint64_t i = 0; i < d->s->top.n_undo && r == 0; i++)
        r = write_all(fd, disk_block(d, d->undo[i].block), BLOCK_BYTES, (uint64_t)d->undo[i].block * BLOCK_BYTES);
    if (r < 0 && fd >= 0)
        close(fd);
    return r < 0 ? r : fd;
}

const struct disk_note *disk_reads(const struct disk *d, size_t *ret_n)
{
    *ret_n = d->s->n_reads;
    return d->reads;
}

uint64_t disk_hash(const struct disk *d, struct disk_note what)
{
    const uint8_t *data = disk_block(d, what.block);
    uint64_t h = what.sectors;

    if (what.sectors == UINT8_MAX)
        return hash_bytes(data, BLOCK_BYTES);
    for (unsigned i = 0; i < BLOCK_BYTES / SECTOR_BYTES; i++)
        if (what.sectors >> i & 1)
            h = hash_fold(h ^ hash_bytes(data + i * SECTOR_BYTES, SECTOR_BYTES), 0x9e3779b97f4a7c15U) + i;
    return h;
}
