/* What happens to an inode's bytes and size: versions, sizes, copies and syncs. See world_model.h. */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/size.h"
#include "language/verb.h"
#include "truth/world_model.h"

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

/* The sizes that may be seen from begin_seq to end_seq. */
static void size_bounds(const struct inode *ino, uint64_t begin_seq, uint64_t end_seq, uint64_t *ret_min, uint64_t *ret_max)
{
    uint64_t settled_seq = 0, min = UINT64_MAX, max = 0;

    for (size_t i = 0; i < ino->n_sizes; i++) {
        const struct span *s = &ino->sizes[i].when;

        if (s->certain && s->end_seq < begin_seq && s->begin_seq > settled_seq)
            settled_seq = s->begin_seq;
    }
    for (size_t i = 0; i < ino->n_sizes; i++) {
        const struct size_version *v = &ino->sizes[i];

        if (v->when.end_seq < settled_seq || v->when.begin_seq > end_seq)
            continue;
        /* A change that is still going on may show any size it passes through. */
        bool exact = v->when.certain && !v->loose && v->when.end_seq <= begin_seq;
        uint64_t lo = exact ? v->hi : v->lo;

        min = lo < min ? lo : min;
        max = v->hi > max ? v->hi : max;
    }
    if (settled_seq == 0)
        min = 0; /* the file began empty */
    *ret_min = min;
    *ret_max = max;
}

void world_size_bounds(const struct world *w, int inode, const struct event *e, uint64_t *ret_min, uint64_t *ret_max)
{
    size_bounds(&w->inodes[inode], e->begin_seq, e->end_seq, ret_min, ret_max);
}

/* What a change of the inode finds: its size, and whether another lane changes that at the same time. */
struct found_size {
    uint64_t min, max;
    bool contended;
};

static struct found_size find_size(const struct world *w, int inode, const struct span *when)
{
    struct found_size f = {0};

    size_bounds(&w->inodes[inode], when->begin_seq, when->end_seq, &f.min, &f.max);
    f.contended = w->plan->n_lanes > 1 && world_contended(w, &w->history->events[when->event], inode);
    return f;
}

static void add_size(struct world *w, int inode, struct size_version v)
{
    struct inode *ino = &w->inodes[inode];

    ino->sizes = grow(ino->sizes, &ino->cap_sizes, ino->n_sizes, sizeof *ino->sizes);
    ino->sizes[ino->n_sizes++] = v;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static struct span uncertain(struct span when)
{
    when.certain = false;
    return when;
}

static const struct content zeros = {.kind = CONTENT_ZERO};

/* Bytes [the old size, end) read 0 from now on; where the old size cannot be told, perhaps. */
static void zero_gap(struct world *w, int inode, struct span when, const struct found_size *f, uint64_t end)
{
    world_write(w, inode, uncertain(when), f->min, least(f->max, end), zeros);
    world_write(w, inode, when, f->max, end, zeros);
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
    struct found_size f = find_size(w, inode, &when);

    if (size > f.min)
        zero_gap(w, inode, when, &f, size > f.max ? most(size, page_up(f.max)) : size);
    if (size < f.max || f.contended) {
        world_write(w, inode, when, size, OFF_MAX, zeros);
        world_drop_private(w, inode, size);
    }
    add_size(w, inode, (struct size_version){.when = when, .lo = least(f.min, size), .hi = size});
}

void world_shift_size(struct world *w, int inode, struct span when, uint64_t size)
{
    add_size(w, inode, (struct size_version){.when = when, .lo = size, .hi = size});
}

void world_extend(struct world *w, int inode, struct span when, uint64_t off, uint64_t end)
{
    struct found_size f = find_size(w, inode, &when);

    if (off == end || (end <= f.min && !f.contended))
        return;
    zero_gap(w, inode, when, &f, off);
    add_size(w, inode,
             (struct size_version){
                 .when = when, .lo = least(f.min, end), .hi = most(f.max, end), .loose = end < f.max || f.contended});
}

uint64_t world_append(struct world *w, int inode, struct span when, uint64_t len, struct content c)
{
    struct found_size f = find_size(w, inode, &when);

    if (f.min == f.max && !f.contended) {
        c.shift += (int64_t)f.max;
        world_extend(w, inode, when, f.max, f.max + len);
        world_write(w, inode, when, f.max, f.max + len, c);
        return f.max;
    }
    /* Where it went cannot be told: nowhere, if another lane emptied the file before it. */
    world_write(w, inode, uncertain(when), 0, OFF_MAX, (struct content){.kind = CONTENT_ANY});
    add_size(w, inode, (struct size_version){.when = when, .lo = f.contended ? 0 : f.min, .hi = f.max + len, .loose = true});
    return UINT64_MAX;
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

/*
 * Versions beside `main_seq`'s that a reader of [at, end) might have seen as well, since they overlap it in time or are not
 * certain, came along to the copy, perhaps. Returns whether there are any.
 */
static bool copy_others(struct world *w, int src, size_t n, const struct version *main, uint64_t at, uint64_t end, int dst,
                        int64_t shift, struct span when)
{
    uint64_t main_seq = main ? main->when.begin_seq : 0;
    size_t main_place = main ? (size_t)(main - w->inodes[src].versions) : n;
    bool any = false;

    for (size_t i = 0; i < n; i++) {
        struct version v = w->inodes[src].versions[i]; /* a copy: writing may move them */
        uint64_t from = most(at, v.off), upto = least(end, v.end);

        if (i == main_place || v.tail || v.when.end_seq <= main_seq || from >= upto)
            continue;
        any = true;
        v.content.shift += shift;
        world_write(w, dst, uncertain(when), (uint64_t)((int64_t)from + shift), (uint64_t)((int64_t)upto + shift), v.content);
    }
    return any;
}

void world_copy(struct world *w, int src, uint64_t src_off, int dst, uint64_t dst_off, uint64_t len, struct span when)
{
    size_t n = w->inodes[src].n_versions; /* what was there before this call */
    uint64_t at = src_off, end = src_off + len;
    int64_t shift = (int64_t)dst_off - (int64_t)src_off;
    bool contended = w->plan->n_lanes > 1 && world_bytes_contended(w, &w->history->events[when.event]);

    if (contended)
        world_write(w, dst, uncertain(when), dst_off, dst_off + len, (struct content){.kind = CONTENT_ANY});
    while (at < end) {
        uint64_t upto = end;
        const struct version *v = newest(&w->inodes[src], n, at, &upto);
        struct content c = v ? v->content : zeros;
        bool others = copy_others(w, src, n, v, at, upto, dst, shift, when);

        c.shift += shift;
        world_write(w, dst, others || contended ? uncertain(when) : when, (uint64_t)((int64_t)at + shift),
                    (uint64_t)((int64_t)upto + shift), c);
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
