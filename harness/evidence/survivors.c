/* Survivors: see survivors.h. Paths and data live in one arena; until survivors_finish they are offsets into it, since it may
 * move. */
#include "evidence/survivors.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "host/nofork_pages.h"

/* From this size on the arena is in pages of its own: a process that kills forks between any two readbacks. */
enum { PAGES_FROM_BYTES = NOFORK_UNIT_BYTES };

/* While the arena may still move, a "pointer" is its offset plus one. */
static const void *from_offset(size_t off)
{
    return (const void *)(uintptr_t)(off + 1); /* NOLINT(performance-no-int-to-ptr) */
}

static const void *to_pointer(const struct survivors *s, const void *p)
{
    return (const char *)s->mem + (uintptr_t)p - 1;
}

static void arena_free(struct survivors *s)
{
    if (s->mem_cap < PAGES_FROM_BYTES)
        free(s->mem);
    else
        nofork_free(s->mem, s->mem_cap);
}

static void arena_grow(struct survivors *s, size_t want)
{
    size_t cap = s->mem_cap ? s->mem_cap : 256;

    while (cap < want)
        cap *= 2;
    if (cap < PAGES_FROM_BYTES) {
        s->mem = grow(s->mem, &s->mem_cap, cap - 1, 1);
        return;
    }
    bool in_pages = s->mem_cap >= PAGES_FROM_BYTES;
    void *mem = nofork_grow(in_pages ? s->mem : NULL, s->mem_cap, cap);

    if (!in_pages) {
        if (s->mem_len)
            memcpy(mem, s->mem, s->mem_len);
        free(s->mem);
    }
    s->mem = mem;
    s->mem_cap = cap;
}

static size_t arena_new(struct survivors *s, size_t len)
{
    size_t off = s->mem_len;

    if (s->mem_len + len > s->mem_cap)
        arena_grow(s, s->mem_len + len);
    s->mem_len += len;
    return off;
}

struct survivor *survivors_add(struct survivors *s, const char *path)
{
    size_t old_cap = s->cap;

    s->v = grow(s->v, &s->cap, s->n, sizeof *s->v);
    if (s->cap > old_cap)
        memset(s->v + old_cap, 0, (s->cap - old_cap) * sizeof *s->v);
    struct survivor *sv = &s->v[s->n++];
    struct extent *extents = sv->extents;
    size_t cap_extents = sv->cap_extents, len = strlen(path) + 1, off = arena_new(s, len);

    memcpy((char *)s->mem + off, path, len);
    *sv = (struct survivor){.path = from_offset(off), .extents = extents, .cap_extents = cap_extents};
    return sv;
}

static struct extent data_new(struct survivors *s, uint64_t off, uint64_t len)
{
    size_t at = arena_new(s, (s->mem_len + 7) / 8 * 8 - s->mem_len + len); /* keeps data aligned */

    return (struct extent){.off = off, .len = len, .data = from_offset((at + 7) / 8 * 8)};
}

/* Where the bytes of an extent are now: the arena may move with the next one. */
static uint8_t *data_of(const struct survivors *s, const struct extent *e)
{
    return (uint8_t *)s->mem + (uintptr_t)e->data - 1;
}

uint8_t *survivors_extent(struct survivors *s, uint64_t off, uint64_t len)
{
    struct extent e = data_new(s, off, len);
    struct survivor *sv = &s->v[s->n - 1];

    sv->extents = grow(sv->extents, &sv->cap_extents, sv->n_extents, sizeof *sv->extents);
    sv->extents[sv->n_extents++] = e;
    return data_of(s, &e);
}

void survivors_cut(struct survivors *s, uint64_t len)
{
    struct survivor *sv = &s->v[s->n - 1];
    struct extent *e = &sv->extents[sv->n_extents - 1];

    assert(len <= e->len);
    e->len = len;
    if (len == 0)
        sv->n_extents--;
}

uint8_t *survivors_tail(struct survivors *s, uint64_t off, uint64_t len)
{
    struct survivor *sv = &s->v[s->n - 1];

    sv->tail = data_new(s, off, len);
    return data_of(s, &sv->tail);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct survivor *)a)->path, ((const struct survivor *)b)->path);
}

void survivors_finish(struct survivors *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct survivor *sv = &s->v[i];

        sv->path = to_pointer(s, sv->path);
        if (sv->tail.len)
            sv->tail.data = to_pointer(s, sv->tail.data);
        for (size_t k = 0; k < sv->n_extents; k++)
            sv->extents[k].data = to_pointer(s, sv->extents[k].data);
    }
    if (s->n > 1)
        qsort(s->v, s->n, sizeof *s->v, by_path);
}

void survivors_clear(struct survivors *s)
{
    struct survivors kept = {.v = s->v, .cap = s->cap, .mem = s->mem, .mem_cap = s->mem_cap};

    *s = kept;
}

void survivors_free(struct survivors *s)
{
    for (size_t i = 0; i < s->cap; i++)
        free(s->v[i].extents);
    free(s->v);
    arena_free(s);
    *s = (struct survivors){0};
}

static void pack_extent(const struct extent *e, struct buf *out)
{
    buf_add(out, e, sizeof *e);
    if (e->len)
        buf_add(out, e->data, e->len);
}

void survivors_pack(const struct survivors *s, struct buf *out)
{
    buf_add(out, s, sizeof *s);
    for (size_t i = 0; i < s->n; i++) {
        const struct survivor *v = &s->v[i];

        buf_add(out, v, sizeof *v);
        buf_add(out, v->path, strlen(v->path) + 1);
        for (size_t k = 0; k < v->n_extents; k++)
            pack_extent(&v->extents[k], out);
        pack_extent(&v->tail, out);
    }
}

static const char *take(const char *from, void *dst, size_t len)
{
    memcpy(dst, from, len);
    return from + len;
}

static const char *unpack_survivor(struct survivors *s, const char *at)
{
    struct survivor packed;
    struct extent e;

    at = take(at, &packed, sizeof packed);
    survivors_add(s, at);
    at += strlen(at) + 1;
    for (size_t k = 0; k < packed.n_extents; k++) {
        at = take(at, &e, sizeof e);
        at = take(at, survivors_extent(s, e.off, e.len), e.len);
    }
    at = take(at, &e, sizeof e);
    if (e.len)
        at = take(at, survivors_tail(s, e.off, e.len), e.len);
    const struct survivor made = s->v[s->n - 1];
    struct survivor *v = &s->v[s->n - 1];
    *v = packed;
    v->path = made.path;
    v->extents = made.extents;
    v->n_extents = made.n_extents;
    v->cap_extents = made.cap_extents;
    v->tail = made.tail;
    return at;
}

const char *survivors_unpack(struct survivors *s, const char *packed)
{
    struct survivors head;

    survivors_clear(s);
    packed = take(packed, &head, sizeof head);
    for (size_t i = 0; i < head.n; i++)
        packed = unpack_survivor(s, packed);
    s->mount_err = head.mount_err;
    memcpy(s->mount_msg, head.mount_msg, sizeof s->mount_msg);
    s->write_checked = head.write_checked;
    s->write_err = head.write_err;
    memcpy(s->fsck, head.fsck, sizeof s->fsck);
    survivors_finish(s);
    return packed;
}
