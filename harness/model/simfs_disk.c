/* The model file system's disk: writeback, syncs, the power cut, and what is left. See simfs.h for the model. */
#include "base/size.h"
#include "model/simfs.h"

#include <assert.h>
#include <string.h>

#include "evidence/survivors.h"

enum { SECTORS = PAGE_BYTES / SECTOR_BYTES, MAX_PATH_BYTES = 4096 };

/* --- writeback --- */

/* Bytes of the page that are part of the file. */
static uint64_t bytes_in_file(const struct simfs_page *p, uint64_t size_bytes)
{
    const uint64_t base = p->index * PAGE_BYTES;

    if (size_bytes <= base)
        return 0;
    return size_bytes - base < PAGE_BYTES ? size_bytes - base : PAGE_BYTES;
}

/* Writes the sectors in `mask` of the page as the cache holds it now; bytes beyond the end of file go out as zero. */
static void write_back(struct simfs *fs, struct simfs_page *p, unsigned mask)
{
    const uint64_t in_file = p->cache_zero ? 0 : bytes_in_file(p, p->inode->size_bytes);

    if (mask == SIMFS_SECTORS_ALL) {
        p->disk_zero = in_file == 0;
        if (in_file) {
            memcpy(p->disk, p->cache, in_file);
            memset(p->disk + in_file, 0, PAGE_BYTES - in_file);
        }
        p->dirty = false;
        SIMFS_HOOK(fs, landed, p);
        return;
    }
    if (p->disk_zero)
        memset(p->disk, 0, PAGE_BYTES);
    p->disk_zero = false;
    for (unsigned k = 0; k < SECTORS; k++) {
        const uint64_t at = (uint64_t)k * SECTOR_BYTES, n = in_file <= at                 ? 0
                                                            : in_file - at < SECTOR_BYTES ? in_file - at
                                                                                          : SECTOR_BYTES;

        if (!(mask & 1U << k))
            continue;
        if (n)
            memcpy(p->disk + at, p->cache + at, n);
        memset(p->disk + at + n, 0, SECTOR_BYTES - n);
    }
}

/* A page's chance in the adversary's hands: now and then only some of its sectors have arrived so far. */
static void write_back_some(struct simfs *fs, struct simfs_page *p)
{
    const uint64_t dice = rng_next(fs->rng);

    write_back(fs, p, dice & 3 ? SIMFS_SECTORS_ALL : (unsigned)(dice >> 8 & SIMFS_SECTORS_ALL));
}

static void write_back_pages(struct simfs *fs, unsigned odds)
{
    for (size_t k = 0; odds && k < fs->n_pages; k++)
        if (fs->pages[k]->dirty && rng_one_in(fs->rng, odds))
            write_back_some(fs, fs->pages[k]);
}

static void write_back_sizes(struct simfs *fs, unsigned odds)
{
    for (size_t k = 0; odds && k < fs->n_inodes; k++) {
        struct simfs_inode *i = fs->inodes[k];
        if (i->disk_size_bytes != i->size_bytes && rng_one_in(fs->rng, odds))
            i->disk_size_bytes = i->size_bytes;
    }
}

static void write_back_names(struct simfs *fs, unsigned odds)
{
    if (odds && fs->committed < fs->n_ops && rng_one_in(fs->rng, odds))
        simfs_commit_names(fs, fs->committed + 1 + rng_below(fs->rng, fs->n_ops - fs->committed));
}

void simfs_background(struct simfs *fs)
{
    write_back_pages(fs, fs->page_odds);
    write_back_sizes(fs, fs->size_odds);
    write_back_names(fs, fs->name_odds);
}

void simfs_start_writeback(struct simfs *fs, struct simfs_inode *i, uint64_t first_page, uint64_t end_page)
{
    for (size_t k = 0; k < fs->n_pages; k++) {
        struct simfs_page *p = fs->pages[k];
        if (p->dirty && (!i || (p->inode == i && p->index >= first_page && p->index < end_page)) && rng_below(fs->rng, 4))
            write_back_some(fs, p);
    }
}

/* --- syncs --- */

void simfs_sync(struct simfs *fs, struct simfs_sync s)
{
    SIMFS_HOOK(fs, sync, &s);

    struct simfs_inode *i = s.inode;

    for (struct simfs_page *p = i->first; p && p->index < s.end_page; p = p->next)
        if (p->dirty && p->index >= s.first_page)
            write_back(fs, p, SIMFS_SECTORS_ALL);

    const uint64_t needed = s.end_bytes < i->size_bytes ? s.end_bytes : i->size_bytes;

    if (s.size == SIMFS_SIZE_ALWAYS || (s.size == SIMFS_SIZE_IF_NEEDED && i->disk_size_bytes < needed))
        i->disk_size_bytes = i->size_bytes;
    if (s.names)
        simfs_commit_names(fs, i->last_op);
}

void simfs_sync_all(struct simfs *fs)
{
    for (size_t k = 0; k < fs->n_inodes; k++)
        simfs_sync(fs, (struct simfs_sync){.kind = SIMFS_SYNC_ALL,
                                           .inode = fs->inodes[k],
                                           .end_page = UINT64_MAX,
                                           .end_bytes = UINT64_MAX,
                                           .size = SIMFS_SIZE_ALWAYS,
                                           .names = true});
}

/* --- what is left --- */

/* Writes the entry's path from the root so that it ends at `end`; returns where it begins. */
static char *full_path(const struct simfs *fs, const struct simfs_names *t, const struct simfs_name *e, char *start, char *end)
{
    *--end = '\0';
    for (;;) {
        assert((size_t)(end - start) > e->len_bytes);
        end -= e->len_bytes;
        memcpy(end, e->text, e->len_bytes);
        if (e->dir == fs->root)
            return end;
        *--end = '/';
        const struct simfs_name *up = NULL;
        for (size_t k = 0; k < t->n && !up; k++)
            if (t->v[k].inode == e->dir)
                up = &t->v[k];
        assert(up); /* a directory reaches the disk before what is in it, and leaves after */
        if (!up)
            return end;
        e = up;
    }
}

static uint32_t count_links(const struct simfs_names *t, const struct simfs_inode *i)
{
    uint32_t n = i->kind == SIMFS_DIR ? 1 : 0; /* its own "." */

    for (size_t k = 0; k < t->n; k++)
        n += t->v[k].inode == i || (t->v[k].dir == i && t->v[k].inode->kind == SIMFS_DIR);
    return n;
}

static void add_content(struct survivors *s, const struct simfs_inode *i, uint64_t size_bytes, bool from_disk)
{
    for (const struct simfs_page *p = i->first; p && p->index * PAGE_BYTES < size_bytes; p = p->next) {
        const uint64_t n = bytes_in_file(p, size_bytes);

        if (from_disk ? !p->disk_zero : !p->cache_zero)
            memcpy(survivors_extent(s, p->index * PAGE_BYTES, n), from_disk ? p->disk : p->cache, n);
    }
}

/* What a store left in memory beyond the end of file, a new mapping still shows (rule D3). */
static void note_tail(const struct simfs *fs, struct survivors *s, const struct simfs_inode *i)
{
    const struct simfs_page *p = simfs_find_page(fs, i, i->size_bytes / PAGE_BYTES);

    if (i->size_bytes % PAGE_BYTES == 0 || !p || p->cache_zero)
        return;
    const uint64_t from = i->size_bytes % PAGE_BYTES, len = PAGE_BYTES - from;

    for (uint64_t at = from; at < PAGE_BYTES; at++)
        if (p->cache[at]) {
            memcpy(survivors_tail(s, i->size_bytes, len), p->cache + from, len);
            return;
        }
}

static void list(const struct simfs *fs, const struct simfs_names *t, bool from_disk, struct survivors *s)
{
    char path[MAX_PATH_BYTES];

    for (size_t k = 0; k < t->n; k++) {
        const struct simfs_inode *i = t->v[k].inode;
        struct survivor *v = survivors_add(s, full_path(fs, t, &t->v[k], path, path + sizeof path));

        v->kind = i->kind == SIMFS_DIR ? SURVIVOR_DIR : i->kind == SIMFS_FILE ? SURVIVOR_FILE : SURVIVOR_OTHER;
        v->ino = i->number;
        v->nlink = count_links(t, i);
        v->size_bytes = from_disk ? i->disk_size_bytes : i->size_bytes;
        if (!from_disk)
            note_tail(fs, s, i);
        if (i->kind == SIMFS_FILE)
            add_content(s, i, v->size_bytes, from_disk);
    }
    s->write_checked = true;
    survivors_finish(s);
}

void simfs_power_cut(struct simfs *fs, struct survivors *s)
{
    /* Requests in flight: none of them, all of them or any of them arrived; each kind has its own luck. */
    static const uint8_t odds[4] = {0, 1, 2, 4};
    const uint64_t dice = rng_next(fs->rng);

    write_back_pages(fs, odds[dice & 3]);
    write_back_sizes(fs, odds[dice >> 2 & 3]);
    write_back_names(fs, odds[dice >> 4 & 3]);
    if (fs->hooks->power_cut)
        fs->hooks->power_cut(fs);
    list(fs, &fs->disk, true, s);
}

void simfs_live(struct simfs *fs, struct survivors *s)
{
    if (fs->hooks->process_died)
        fs->hooks->process_died(fs);
    list(fs, &fs->live, false, s);
}
