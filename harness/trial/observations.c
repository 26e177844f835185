/* Observations of crash states: see observations.h. */
#include "trial/observations.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"

void observations_open(struct observations *o, size_t n_moments)
{
    *o = (struct observations){.n_moments = n_moments};
}

void observations_forget(struct observations *o)
{
    for (size_t i = 0; i < o->n; i++) {
        survivors_free(&o->spare);
        o->spare = o->v[i].survivors;
        free(o->v[i].judged);
    }
    o->n = o->bytes = 0;
}

void observations_close(struct observations *o)
{
    observations_forget(o);
    survivors_free(&o->spare);
    free(o->v);
    *o = (struct observations){.v = NULL};
}

static uint64_t mix_bytes(uint64_t h, const void *data, size_t len)
{
    uint8_t rest[32] = {0};
    const size_t whole = len / sizeof rest * sizeof rest;

    if (len > whole)
        memcpy(rest, (const uint8_t *)data + whole, len - whole);
    h = hash_fold(h ^ hash_bytes(data, whole), 0x9e3779b97f4a7c15U) + len;
    return hash_fold(h ^ hash_bytes(rest, sizeof rest), 0xbf58476d1ce4e5b9U);
}

static uint64_t mix_extent(uint64_t h, const struct extent *e)
{
    const uint64_t place[2] = {e->off, e->len};

    h = mix_bytes(h, place, sizeof place);
    return e->len ? mix_bytes(h, e->data, e->len) : h;
}

static uint64_t mix_survivor(uint64_t h, const struct survivor *v)
{
    const uint64_t one[] = {(uint64_t)v->kind,      v->ino,          v->size_bytes, v->nlink,
                            (uint64_t)v->read_err,  v->read_err_off, v->incoherent, v->incoherent_off,
                            (uint64_t)v->map_signo, v->n_extents};

    h = mix_bytes(h, v->path, strlen(v->path));
    h = mix_bytes(h, one, sizeof one);
    for (size_t k = 0; k < v->n_extents; k++)
        h = mix_extent(h, &v->extents[k]);
    return mix_extent(h, &v->tail);
}

static uint64_t hash_of(const struct survivors *s)
{
    const uint64_t all[] = {(uint64_t)s->mount_err, s->write_checked, (uint64_t)s->write_err, s->n};
    uint64_t h = mix_bytes(0, all, sizeof all);

    h = mix_bytes(h, s->mount_msg, strlen(s->mount_msg));
    h = mix_bytes(h, s->fsck, strlen(s->fsck));
    for (size_t i = 0; i < s->n; i++)
        h = mix_survivor(h, &s->v[i]);
    return h;
}

size_t observations_take(struct observations *o, struct survivors *s)
{
    const uint64_t hash = hash_of(s);

    for (size_t i = 0; i < o->n; i++)
        if (o->v[i].hash == hash)
            return i;
    o->v = grow(o->v, &o->cap, o->n, sizeof *o->v);
    o->v[o->n] = (struct observation){.survivors = *s, .hash = hash, .judged = xcalloc(o->n_moments, 1)};
    o->bytes += s->mem_cap + o->n_moments;
    *s = o->spare;
    o->spare = (struct survivors){.v = NULL};
    survivors_clear(s);
    return o->n++;
}

static void tell_survivor(const struct survivor *v, struct buf *out)
{
    buf_printf(out, "%s, inode %llu, %llu bytes in %zu extents, %u links, read error %d, signal %d", v->path,
               (unsigned long long)v->ino, (unsigned long long)v->size_bytes, v->n_extents, v->nlink, v->read_err, v->map_signo);
}

void observations_compare(const struct survivors *a, const struct survivors *b, struct buf *out)
{
    if (a->mount_err != b->mount_err || strcmp(a->mount_msg, b->mount_msg) != 0) {
        buf_printf(out, "%s; or %s", a->mount_err ? a->mount_msg : "it mounts", b->mount_err ? b->mount_msg : "it mounts");
        return;
    }
    if (strcmp(a->fsck, b->fsck) != 0 || a->write_checked != b->write_checked || a->write_err != b->write_err)
        buf_printf(out, "fsck \"%s\", write error %d; or \"%s\", %d; ", a->fsck, a->write_err, b->fsck, b->write_err);
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (mix_survivor(0, &a->v[i]) != mix_survivor(0, &b->v[i])) {
            tell_survivor(&a->v[i], out);
            buf_puts(out, "; or ");
            tell_survivor(&b->v[i], out);
            return;
        }
    if (a->n != b->n)
        buf_printf(out, "%zu entries; or %zu", a->n, b->n);
}
