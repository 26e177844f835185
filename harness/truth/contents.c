/* What happens to an inode's bytes and size: versions, sizes, copies and syncs. See model.h. */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "language/verb.h"
#include "truth/model.h"

static uint64_t page_up(uint64_t off)
{
    return (off + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static void add_version(struct world *w, int inode, struct version v)
{
    struct inode *ino = &w->inodes[inode];

    if (v.off >= v.end)
        return;
    ino->versions = grow(ino->versions, &ino->cap_versions, ino->n_versions, sizeof *ino->versions);
    ino->versions[ino->n_versions++] = v;
}

void world_write(struct world *w, int inode, struct span when, uint64_t off, uint64_t end, struct content c)
{
    add_version(w, inode, (struct version){.when = when, .content = c, .off = off, .end = end});
}

void world_tail_store(struct world *w, int inode, struct span when, uint64_t off, uint64_t end, struct content c)
{
    add_version(w, inode, (struct version){.when = when, .content = c, .off = off, .end = end, .tail = true});
}

uint64_t world_size(const struct world *w, int inode)
{
    const struct inode *ino = &w->inodes[inode];

    for (size_t i = ino->n_sizes; i-- > 0;)
        if (ino->sizes[i].when.certain)
            return ino->sizes[i].hi;
    return 0;
}

void world_size_bounds(const struct world *w, int inode, const struct event *e, uint64_t *ret_min, uint64_t *ret_max)
{
    const struct inode *ino = &w->inodes[inode];
    uint64_t settled_seq = 0, min = UINT64_MAX, max = 0;

    for (size_t i = 0; i < ino->n_sizes; i++) {
        const struct span *s = &ino->sizes[i].when;

        if (s->certain && s->end_seq < e->begin_seq && s->begin_seq > settled_seq)
            settled_seq = s->begin_seq;
    }
    for (size_t i = 0; i < ino->n_sizes; i++) {
        const struct size_version *v = &ino->sizes[i];

        if (v->when.end_seq < settled_seq || v->when.begin_seq > e->end_seq)
            continue;
        /* A change that overlaps the event may show any size it passes through. */
        bool overlaps = v->when.end_seq > e->begin_seq;
        uint64_t lo = overlaps ? v->lo : v->hi;

        min = lo < min ? lo : min;
        max = v->hi > max ? v->hi : max;
    }
    if (settled_seq == 0)
        min = 0; /* the file began empty */
    *ret_min = min;
    *ret_max = max;
}

static void add_size(struct world *w, int inode, struct span when, uint64_t lo, uint64_t hi)
{
    struct inode *ino = &w->inodes[inode];

    ino->sizes = grow(ino->sizes, &ino->cap_sizes, ino->n_sizes, sizeof *ino->sizes);
    ino->sizes[ino->n_sizes++] = (struct size_version){.when = when, .lo = lo, .hi = hi};
}

void world_drop_private(struct world *w, int inode, uint64_t from)
{
    for (size_t a = 0; a < w->plan->n_actors; a++)
        for (size_t h = 0; h < w->plan->n_handles; h++) {
            struct mapping *m = &w->maps[a][h];

            for (size_t i = 0; m->valid && m->inode == inode && i < m->n_own; i++)
                if (m->own[i].end > from)
                    m->own[i].when.certain = false;
        }
}

void world_resize(struct world *w, int inode, struct span when, uint64_t size)
{
    const struct content zero = {.kind = CONTENT_ZERO};
    uint64_t old = world_size(w, inode);

    if (size > old)
        world_write(w, inode, when, old, size > page_up(old) ? size : page_up(old), zero);
    else if (size < old)
        world_write(w, inode, when, size, OFF_MAX, zero);
    if (size < old)
        world_drop_private(w, inode, size);
    add_size(w, inode, when, old < size ? old : size, size);
}

void world_shift_size(struct world *w, int inode, struct span when, uint64_t size)
{
    add_size(w, inode, when, size, size);
}

void world_extend(struct world *w, int inode, struct span when, uint64_t off, uint64_t end)
{
    uint64_t old = world_size(w, inode);

    if (end <= old || off == end)
        return;
    world_write(w, inode, when, old, off, (struct content){.kind = CONTENT_ZERO});
    add_size(w, inode, when, old, end);
}

/* The newest certain version of byte `off`, and up to where (at most `end`) it stays that one. NULL: initial zeros. */
static const struct version *newest(const struct inode *ino, size_t n_versions, uint64_t off, uint64_t *end)
{
    for (size_t i = n_versions; i-- > 0;) {
        const struct version *v = &ino->versions[i];

        if (!v->when.certain || v->tail || v->end <= off)
            continue;
        if (v->off <= off) {
            *end = v->end < *end ? v->end : *end;
            return v;
        }
        *end = v->off < *end ? v->off : *end;
    }
    return NULL;
}

void world_copy(struct world *w, int src, uint64_t src_off, int dst, uint64_t dst_off, uint64_t len, struct span when)
{
    size_t n = w->inodes[src].n_versions; /* what was there before this call */
    uint64_t at = src_off, end = src_off + len;

    while (at < end) {
        uint64_t upto = end;
        const struct version *v = newest(&w->inodes[src], n, at, &upto);
        struct content c = v ? v->content : (struct content){.kind = CONTENT_ZERO};

        c.shift += (int64_t)dst_off - (int64_t)src_off;
        world_write(w, dst, when, at - src_off + dst_off, upto - src_off + dst_off, c);
        at = upto;
    }
}

static bool has_name(const struct world *w, int inode)
{
    for (size_t i = 0; i < w->n_names; i++)
        if (w->names[i].now == inode)
            return true;
    return false;
}

static void add_sync(struct world *w, int inode, struct sync_record r)
{
    struct inode *ino = &w->inodes[inode];

    if (!r.when.certain || !w->guarantees->sync_durable)
        return;
    r.nameless = ino->kind == INODE_FILE && !has_name(w, inode);
    ino->syncs = grow(ino->syncs, &ino->cap_syncs, ino->n_syncs, sizeof *ino->syncs);
    ino->syncs[ino->n_syncs++] = r;
}

void world_sync_range(struct world *w, int inode, struct span when, uint64_t off, uint64_t end)
{
    add_sync(w, inode, (struct sync_record){.when = when, .off = off, .end = end});
}

void world_sync_data(struct world *w, int inode, struct span when)
{
    add_sync(w, inode, (struct sync_record){.when = when, .off = 0, .end = UINT64_MAX, .full = true});
}

struct content content_of(const struct world *w, const struct step *s, uint32_t path)
{
    int seed = verb_flag_index(s->verb, 'S');

    if (seed >= 0 && s->flag_arg[seed].given)
        return (struct content){.kind = CONTENT_FILL, .fill = (uint8_t)s->flag_arg[seed].num};
    return (struct content){.kind = CONTENT_STAMP, .file = path, .store = (uint32_t)(s - w->plan->steps) + 1};
}
