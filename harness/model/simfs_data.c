/* The model file system's page cache: what reads, stores, truncations and clones do to it. See simfs.h for the model. */
#include "base/size.h"
#include "model/simfs.h"

#include <assert.h>
#include <string.h>

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The page's cached bytes, about to be changed; `whole`: all of them, so that old ones need not be there. */
static uint8_t *change(struct simfs *fs, struct simfs_page *p, bool whole)
{
    SIMFS_HOOK(fs, page_changes, p);
    if (p->cache_zero && !whole)
        memset(p->cache, 0, PAGE_BYTES);
    p->cache_zero = false;
    p->dirty = true;
    return p->cache;
}

static void read_cache(const struct simfs *fs, const struct simfs_inode *i, uint64_t off, uint8_t *dst, uint64_t len_bytes)
{
    while (len_bytes) {
        const uint64_t in_page = off % PAGE_BYTES, n = min_u64(len_bytes, PAGE_BYTES - in_page);
        const struct simfs_page *p = simfs_find_page(fs, i, off / PAGE_BYTES);

        if (p && !p->cache_zero)
            memcpy(dst, p->cache + in_page, n);
        else
            memset(dst, 0, n);
        dst += n;
        off += n;
        len_bytes -= n;
    }
}

void simfs_read(struct simfs *fs, struct simfs_inode *i, uint64_t off, void *dst, uint64_t len_bytes)
{
    read_cache(fs, i, off, dst, len_bytes);
    SIMFS_HOOK(fs, was_read, i, off, dst, len_bytes);
}

void simfs_store(struct simfs *fs, struct simfs_inode *i, uint64_t off, const void *src, uint64_t len_bytes)
{
    const uint64_t start = off, whole_len = len_bytes;
    const uint8_t *from = src;

    assert(i->kind == SIMFS_FILE);
    while (len_bytes) {
        const uint64_t in_page = off % PAGE_BYTES, n = min_u64(len_bytes, PAGE_BYTES - in_page);
        struct simfs_page *p = simfs_get_page(fs, i, off / PAGE_BYTES);

        memcpy(change(fs, p, n == PAGE_BYTES) + in_page, from, n);
        from += n;
        off += n;
        len_bytes -= n;
    }
    SIMFS_HOOK(fs, stored, i, start, whole_len);
}

void simfs_zero(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len_bytes)
{
    const uint64_t end = len_bytes > UINT64_MAX - off ? UINT64_MAX : off + len_bytes;

    for (struct simfs_page *p = i->first; p && p->index * PAGE_BYTES < end; p = p->next) {
        const uint64_t base = p->index * PAGE_BYTES;
        const uint64_t from = off > base ? off - base : 0, to = min_u64(end - base, PAGE_BYTES);

        if (from >= to || (p->cache_zero && p->disk_zero))
            continue;
        if (from == 0 && to == PAGE_BYTES) {
            SIMFS_HOOK(fs, page_changes, p);
            p->cache_zero = p->dirty = true;
        } else {
            memset(change(fs, p, false) + from, 0, to - from);
        }
    }
}

void simfs_set_size(struct simfs *fs, struct simfs_inode *i, uint64_t size_bytes)
{
    const uint64_t old = i->size_bytes;

    if (size_bytes < old) {
        SIMFS_HOOK(fs, shrinks, i, size_bytes);
        i->size_bytes = size_bytes;
        simfs_zero(fs, i, size_bytes, UINT64_MAX);
    } else if (size_bytes > old) {
        /* What stores left in the last page beyond the end must not become part of the file. */
        if (old % PAGE_BYTES)
            simfs_zero(fs, i, old, PAGE_BYTES - old % PAGE_BYTES);
        i->size_bytes = size_bytes;
        SIMFS_HOOK(fs, grown, i, old);
    }
}

void simfs_copy(struct simfs *fs, struct simfs_inode *from, uint64_t from_off, struct simfs_inode *to, uint64_t to_off,
                uint64_t len_bytes)
{
    const uint64_t end = from_off + len_bytes;

    /* Holes of the source become zeros, then each page that exists is copied: sparse files cost what is in them. */
    simfs_zero(fs, to, to_off, len_bytes);
    for (const struct simfs_page *p = from->first; p && p->index * PAGE_BYTES < end; p = p->next) {
        const uint64_t base = p->index * PAGE_BYTES;
        const uint64_t a = from_off > base ? from_off : base, b = min_u64(end, base + PAGE_BYTES);

        if (a < b && !p->cache_zero)
            simfs_store(fs, to, to_off + (a - from_off), p->cache + (a - base), b - a);
    }
    SIMFS_HOOK(fs, cloned, from, from_off, to, to_off, len_bytes);
}

/* Lifts the cached content of all pages from `first` on, leaving zeros, and puts it down `by` pages higher or lower. */
static void shift(struct simfs *fs, struct simfs_inode *i, uint64_t first, uint64_t lifted_from, int64_t by)
{
    /* A detached inode keeps the lifted content; no name leads to it and nothing of it reaches the disk. */
    struct simfs_inode *aside = simfs_new_inode(fs, SIMFS_FILE);

    for (struct simfs_page *p = i->first; p; p = p->next) {
        if (p->index >= lifted_from && !p->cache_zero) {
            struct simfs_page *copy = simfs_get_page(fs, aside, p->index);
            memcpy(copy->cache, p->cache, PAGE_BYTES);
            copy->cache_zero = false;
        }
    }
    simfs_zero(fs, i, first * PAGE_BYTES, UINT64_MAX);
    for (const struct simfs_page *p = aside->first; p; p = p->next)
        memcpy(change(fs, simfs_get_page(fs, i, p->index + (uint64_t)by), true), p->cache, PAGE_BYTES);
}

static void zero_tail(struct simfs *fs, struct simfs_inode *i)
{
    if (i->size_bytes % PAGE_BYTES)
        simfs_zero(fs, i, i->size_bytes, PAGE_BYTES - i->size_bytes % PAGE_BYTES);
}

void simfs_insert(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len_bytes)
{
    assert(off % PAGE_BYTES == 0 && len_bytes % PAGE_BYTES == 0 && off < i->size_bytes);
    zero_tail(fs, i);
    shift(fs, i, off / PAGE_BYTES, off / PAGE_BYTES, (int64_t)(len_bytes / PAGE_BYTES));
    i->size_bytes += len_bytes;
}

void simfs_collapse(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len_bytes)
{
    assert(off % PAGE_BYTES == 0 && len_bytes % PAGE_BYTES == 0 && off + len_bytes < i->size_bytes);
    zero_tail(fs, i);
    shift(fs, i, off / PAGE_BYTES, (off + len_bytes) / PAGE_BYTES, -(int64_t)(len_bytes / PAGE_BYTES));
    i->size_bytes -= len_bytes;
}
