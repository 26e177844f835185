/*
 * The canaries: see canaries.h. A canary is its entry in the table at the end, the functions it hooks into the model, and its row
 * in backends/sim.md.
 */
#include "model/canaries.h"

#include <string.h>

#include "base/size.h"
#include "model/simfs.h"

/* --- syncs that do less than they say --- */

static void sync_nothing(struct simfs_sync *s)
{
    s->first_page = s->end_page = 0;
    s->size = SIMFS_SIZE_NONE;
    s->names = false;
}

static void msync_writes_nothing(struct simfs *fs, struct simfs_sync *s)
{
    (void)fs;
    if (s->kind == SIMFS_MSYNC)
        sync_nothing(s);
}

static void msync_wrong_range(struct simfs *fs, struct simfs_sync *s)
{
    (void)fs;
    if (s->kind == SIMFS_MSYNC) {
        s->first_page++;
        s->end_page++;
    }
}

static void msync_misses_last_page(struct simfs *fs, struct simfs_sync *s)
{
    (void)fs;
    if (s->kind == SIMFS_MSYNC && s->end_page - s->first_page > 1)
        s->end_page--;
}

/* Kernels write dirty pages in batches; 15 is one that Linux had. */
static void second_msync_ends_with_a_batch(struct simfs *fs, struct simfs_sync *s)
{
    enum { BATCH = 15 };

    if (s->kind != SIMFS_MSYNC || s->end_page - s->first_page <= BATCH)
        return;
    if (fs->memory.armed && fs->memory.inode == s->inode)
        s->end_page = s->first_page + BATCH;
    fs->memory.armed = true;
    fs->memory.inode = s->inode;
}

/* The zeros of a hole are clean to it, so nothing writes them until the page is stored to again. */
static void fdatasync_forgets_holes(struct simfs *fs, struct simfs_sync *s)
{
    (void)fs;
    for (struct simfs_page *p = s->kind == SIMFS_FDATASYNC ? s->inode->first : NULL; p; p = p->next)
        if (p->cache_zero)
            p->dirty = false;
}

static void flush_ignored(struct simfs *fs, struct simfs_sync *s)
{
    (void)fs;
    sync_nothing(s);
}

static void size_not_persisted(struct simfs *fs, struct simfs_sync *s)
{
    (void)fs;
    s->size = SIMFS_SIZE_NONE;
}

static void fdatasync_skips_size(struct simfs *fs, struct simfs_sync *s)
{
    (void)fs;
    if (s->kind == SIMFS_FDATASYNC)
        s->size = SIMFS_SIZE_NONE;
}

static void fsync_skips_last_page(struct simfs *fs, struct simfs_sync *s)
{
    (void)fs;
    if (s->kind == SIMFS_FSYNC && s->inode->size_bytes)
        s->end_page = (s->inode->size_bytes - 1) / PAGE_BYTES;
}

static void osync_lies(struct simfs *fs, struct simfs_sync *s)
{
    (void)fs;
    if (s->kind == SIMFS_SYNC_WRITE)
        sync_nothing(s);
}

static void name_lost_after_dirsync(struct simfs *fs, struct simfs_sync *s)
{
    (void)fs;
    if (s->kind == SIMFS_FSYNC_DIR)
        s->names = false;
}

/* --- what reaches the disk --- */

static void take_snapshot(struct simfs *fs, struct simfs_page *p)
{
    if (fs->memory.armed && rng_below(fs->rng, 4))
        return;
    fs->memory.armed = true;
    fs->memory.inode = p->inode;
    fs->memory.off = p->index;
    if (p->cache_zero)
        memset(fs->memory.data, 0, PAGE_BYTES);
    else
        memcpy(fs->memory.data, p->cache, PAGE_BYTES);
}

static void write_snapshot_late(struct simfs *fs)
{
    struct simfs_page *p = fs->memory.armed ? simfs_find_page(fs, fs->memory.inode, fs->memory.off) : NULL;

    if (p && !p->dirty) {
        memcpy(p->disk, fs->memory.data, PAGE_BYTES);
        p->disk_zero = false;
    }
}

static void copy_disk(struct simfs_page *to, const struct simfs_page *from)
{
    to->disk_zero = from->disk_zero;
    if (!from->disk_zero)
        memcpy(to->disk, from->disk, PAGE_BYTES);
}

static void overwrite_neighbour(struct simfs *fs, struct simfs_page *p)
{
    struct simfs_page *n = simfs_find_page(fs, p->inode, p->index ? p->index - 1 : 1);

    if (n)
        copy_disk(n, p);
}

static void land_elsewhere(struct simfs *fs, struct simfs_page *p)
{
    struct simfs_page *other = fs->pages[rng_below(fs->rng, fs->n_pages)];

    if (other == p || !rng_one_in(fs->rng, 2))
        return;
    copy_disk(other, p);
    p->disk_zero = true;
}

static void land_as_zeros(struct simfs *fs, struct simfs_page *p)
{
    if (rng_one_in(fs->rng, 4))
        p->disk_zero = true;
}

/* Blocks allocated and never written show whatever lay there: another page's bytes, or nobody's. */
static void expose_blocks(struct simfs *fs)
{
    for (size_t k = 0; k < fs->n_pages; k++) {
        struct simfs_page *p = fs->pages[k];
        const struct simfs_page *other = fs->pages[rng_below(fs->rng, fs->n_pages)];

        if (!p->dirty || !p->disk_zero || p->cache_zero || p->index * PAGE_BYTES >= p->inode->disk_size_bytes)
            continue;
        p->disk_zero = false;
        if (other != p && !other->disk_zero)
            memcpy(p->disk, other->disk, PAGE_BYTES);
        else
            memset(p->disk, 0xdb, PAGE_BYTES);
    }
}

/* --- what is in memory --- */

static void read_back_as_zeros(struct simfs *fs, struct simfs_page *p)
{
    (void)fs;
    p->cache_zero = true;
}

static void remember_cut_off(struct simfs *fs, struct simfs_inode *i, uint64_t to_bytes)
{
    const struct simfs_page *p = simfs_find_page(fs, i, to_bytes / PAGE_BYTES);
    const uint64_t page_end = (to_bytes / PAGE_BYTES + 1) * PAGE_BYTES;

    fs->memory.armed = p && !p->cache_zero;
    if (!fs->memory.armed)
        return;
    fs->memory.inode = i;
    fs->memory.off = to_bytes;
    fs->memory.len = (i->size_bytes < page_end ? i->size_bytes : page_end) - to_bytes;
    memcpy(fs->memory.data, p->cache + to_bytes % PAGE_BYTES, fs->memory.len);
}

static void bring_back_cut_off(struct simfs *fs, struct simfs_inode *i, uint64_t from_bytes)
{
    const struct simfs_memory *m = &fs->memory;

    if (!m->armed || m->inode != i || m->off < from_bytes || m->off >= i->size_bytes)
        return;
    const uint64_t room = i->size_bytes - m->off;
    simfs_store(fs, i, m->off, m->data, m->len < room ? m->len : room);
}

static void junk(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t end, int byte)
{
    uint8_t bytes[PAGE_BYTES];
    const uint64_t to = end < i->size_bytes ? end : i->size_bytes;

    if (off >= to)
        return;
    const uint64_t n = to - off < PAGE_BYTES ? to - off : PAGE_BYTES;

    memset(bytes, byte, n);
    simfs_store(fs, i, off, bytes, n);
}

static void expose_tail(struct simfs *fs, struct simfs_inode *i, uint64_t from_bytes)
{
    if (from_bytes % PAGE_BYTES)
        junk(fs, i, from_bytes, (from_bytes / PAGE_BYTES + 1) * PAGE_BYTES, 0xee);
}

static void fill_hole(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len)
{
    junk(fs, i, off, off + len, 0x5a);
}

static void tear_word(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len)
{
    const uint64_t first = (off + 7) / 8, end = (off + len) / 8;

    if (first >= end || rng_one_in(fs->rng, 2))
        return;
    const uint64_t at = (first + rng_below(fs->rng, end - first)) * 8;
    struct simfs_page *p = simfs_find_page(fs, i, at / PAGE_BYTES);

    for (uint64_t k = 4; p && k < 8; k++)
        p->cache[at % PAGE_BYTES + k] ^= 0xff;
}

static void forget_dirty(struct simfs_page *p)
{
    if (!p->dirty)
        return;
    p->cache_zero = p->disk_zero;
    if (!p->disk_zero)
        memcpy(p->cache, p->disk, PAGE_BYTES);
    p->dirty = false;
}

static void lose_at_munmap(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len)
{
    (void)fs;
    for (struct simfs_page *p = i->first; p; p = p->next)
        if (p->index >= off / PAGE_BYTES && p->index * PAGE_BYTES < off + len)
            forget_dirty(p);
}

static void lose_at_exit(struct simfs *fs)
{
    for (size_t k = 0; k < fs->n_pages; k++)
        forget_dirty(fs->pages[k]);
}

static void leak_private(struct simfs *fs, struct simfs_inode *i, uint64_t off, const uint8_t *src, uint64_t len)
{
    if (off < i->size_bytes)
        simfs_store(fs, i, off, src, len);
}

static void read_from_disk(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint8_t *dst, uint64_t len)
{
    const struct simfs_page *p = simfs_find_page(fs, i, off / PAGE_BYTES);
    const uint64_t in_page = off % PAGE_BYTES, n = len < PAGE_BYTES - in_page ? len : PAGE_BYTES - in_page;

    if (!p || !p->dirty)
        return;
    if (p->disk_zero)
        memset(dst, 0, n);
    else
        memcpy(dst, p->disk + in_page, n);
}

static void remember_clone(struct simfs *fs, struct simfs_inode *from, uint64_t from_off, struct simfs_inode *to, uint64_t to_off,
                           uint64_t len)
{
    fs->memory =
        (struct simfs_memory){.armed = true, .inode = from, .other = to, .off = from_off, .other_off = to_off, .len = len};
}

static void store_into_clone_too(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len)
{
    struct simfs_memory *m = &fs->memory;
    const uint64_t end = off + len < m->off + m->len ? off + len : m->off + m->len;

    off = off > m->off ? off : m->off;
    if (!m->armed || m->inode != i || off >= end)
        return;
    const uint64_t n = end - off < PAGE_BYTES ? end - off : PAGE_BYTES;

    m->armed = false; /* this store is not to be followed again */
    simfs_read(fs, i, off, m->data, n);
    simfs_store(fs, m->other, m->other_off + (off - m->off), m->data, n);
    m->armed = true;
}

const struct sim_canary sim_canaries[] = {
    {"none", "The model as it is, without a bug.", {0}},
    {"msync-writes-nothing", "msync -s returns 0 and writes nothing.", {.sync = msync_writes_nothing}},
    {"msync-wrong-range", "msync -s writes the pages one further on than it was asked to.", {.sync = msync_wrong_range}},
    {"msync-misses-last-page", "msync -s of more than one page does not write the last one.", {.sync = msync_misses_last_page}},
    {"second-msync-ends-with-a-batch",
     "From the second msync -s of a file on, one of more than 15 pages writes the first 15.",
     {.sync = second_msync_ends_with_a_batch}},
    {"fdatasync-forgets-holes", "fdatasync does not write that pages were punched or zeroed.", {.sync = fdatasync_forgets_holes}},
    {"flush-ignored", "The disk acknowledges flushes and ignores them: no sync makes anything durable.", {.sync = flush_ignored}},
    {"stale-writeback",
     "An old copy of a page is written back after a newer one, and stays.",
     {.page_changes = take_snapshot, .power_cut = write_snapshot_late}},
    {"size-not-persisted", "No sync writes the file's size.", {.sync = size_not_persisted}},
    {"fdatasync-skips-size", "fdatasync does not write the file's size.", {.sync = fdatasync_skips_size}},
    {"fsync-skips-last-page", "fsync does not write the last page of the file.", {.sync = fsync_skips_last_page}},
    {"osync-lies", "Writes with O_SYNC, O_DSYNC or RWF_DSYNC are not durable on return.", {.sync = osync_lies}},
    {"name-lost-after-dirsync", "fsync of a directory does not make its names durable.", {.sync = name_lost_after_dirsync}},
    {"rename-not-atomic", "A rename over an existing name reaches the journal in two steps.", {.rename_in_two = true}},
    {"neighbour-page-overwritten",
     "A page that is written back lands on the page beside it, too.",
     {.landed = overwrite_neighbour}},
    {"misdirected-write", "A page that is written back sometimes lands in another page's place.", {.landed = land_elsewhere}},
    {"zeroed-page", "A page that is written back sometimes lands as zeros.", {.landed = land_as_zeros}},
    {"foreign-block-exposed",
     "Blocks that were allocated and not written show other bytes after a crash.",
     {.power_cut = expose_blocks}},
    {"truncated-bytes-return",
     "Bytes that a truncation cut off are back when the file grows again.",
     {.shrinks = remember_cut_off, .grown = bring_back_cut_off}},
    {"nonzero-tail", "When a file grows, the rest of its old last page is not zero.", {.grown = expose_tail}},
    {"hole-not-zero", "A punched or zeroed range does not read zero.", {.punched = fill_hole}},
    {"torn-word", "A store sometimes leaves half of one word wrong.", {.stored = tear_word}},
    {"store-lost-at-munmap", "munmap drops what was stored and not yet written back.", {.unmapped = lose_at_munmap}},
    {"store-lost-at-exit", "The end of the processes drops what was not yet written back.", {.process_died = lose_at_exit}},
    {"private-store-leaks", "Stores into a private mapping reach the file.", {.private_stored = leak_private}},
    {"read-misses-store", "A read of a dirty page shows what is on disk.", {.was_read = read_from_disk}},
    {"evicted-page-reads-zero", "A page that was evicted from memory reads zero.", {.evicted = read_back_as_zeros}},
    {"sigbus-missing", "Accesses beyond the end of file raise no SIGBUS.", {.no_sigbus = true}},
    {"truncated-private-page-stays",
     "A page that a private mapping has copied stays there when the file is truncated under it.",
     {.keeps_private_pages = true}},
    {"clone-shares-later-writes",
     "Stores into the source of a clone show in the clone.",
     {.cloned = remember_clone, .stored = store_into_clone_too}},
    {0},
};
