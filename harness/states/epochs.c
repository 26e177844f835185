/*
 * Epochs and image identities: see epochs.h.
 *
 * An image's identity is the xor, over all sectors that the log has written so far, of a 128-bit mix of sector number and content
 * hash. It is relative to the base image, which needs not be known: sectors that nobody wrote contribute nothing. So a sector
 * written with what was there before counts as another image than one left alone; that costs a visit and hides nothing.
 */
#include "states/epochs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/size.h"
#include "disk/writelog.h"

/* The last version of each sector while the log is read. Open addressing; the number of slots is a power of two. */
struct sector_map {
    struct {
        uint64_t sector;
        uint32_t version; /* VERSION_NONE: free */
    } * slots;
    size_t n_slots, n_used;
};

static size_t map_find(const struct sector_map *m, uint64_t sector)
{
    size_t i = rng_mix(sector) & (m->n_slots - 1);

    while (m->slots[i].version != VERSION_NONE && m->slots[i].sector != sector)
        i = (i + 1) & (m->n_slots - 1);
    return i;
}

static void map_grow(struct sector_map *m)
{
    const struct sector_map old = *m;

    m->n_slots = old.n_slots ? old.n_slots * 2 : 1024;
    m->slots = xcalloc(m->n_slots, sizeof *m->slots);
    for (size_t i = 0; i < m->n_slots; i++)
        m->slots[i].version = VERSION_NONE;
    for (size_t i = 0; i < old.n_slots; i++)
        if (old.slots[i].version != VERSION_NONE)
            m->slots[map_find(m, old.slots[i].sector)] = old.slots[i];
    free(old.slots);
}

/* Puts the sector's newest version and returns the one before. */
static uint32_t map_put(struct sector_map *m, uint64_t sector, uint32_t version)
{
    size_t i;
    uint32_t before;

    if (2 * (m->n_used + 1) > m->n_slots)
        map_grow(m);
    i = map_find(m, sector);
    before = m->slots[i].version;
    m->n_used += before == VERSION_NONE;
    m->slots[i].sector = sector;
    m->slots[i].version = version;
    return before;
}

static uint64_t sector_of(const struct epochs *e, const struct version *v)
{
    const struct item *it = &e->items[v->item];

    return it->sector + (uint64_t)(v - e->versions) - it->first_version;
}

/* Adds a version's contribution to an identity, or takes it away. */
static void toggle(const struct epochs *e, uint32_t version, uint64_t image[2])
{
    const struct version *v;
    uint64_t h;

    if (version == VERSION_NONE)
        return;
    v = &e->versions[version];
    h = rng_mix(sector_of(e, v)) ^ v->content;
    image[0] ^= rng_mix(h);
    image[1] ^= rng_mix(hash_fold(h ^ 0xc0ac29b7c97c50ddU, rng_mix(v->content ^ 0x3f84d5b5b5470917U)));
}

static void add_item(struct epochs *e, struct sector_map *m, const struct writelog *l, uint64_t entry, uint32_t epoch,
                     uint64_t image[2])
{
    static const uint8_t zeros[SECTOR_BYTES];
    const struct log_entry *le = writelog_entry(l, entry);
    const uint8_t *data = le->op == LOG_WRITE ? writelog_data(l, le) : NULL;
    const uint64_t zero_content = data ? 0 : hash_bytes(zeros, SECTOR_BYTES);
    const uint32_t n_sectors = (uint32_t)(le->len / SECTOR_BYTES), item = (uint32_t)e->n_items;

    assert(e->n_items < VERSION_NONE && e->n_versions + n_sectors < VERSION_NONE);
    e->items = grow(e->items, &e->cap_items, e->n_items, sizeof *e->items);
    e->items[e->n_items++] = (struct item){
        .entry = entry,
        .sector = le->off / SECTOR_BYTES,
        .n_sectors = n_sectors,
        .first_version = (uint32_t)e->n_versions,
        .epoch = epoch,
        .forced = (le->flags & LOG_FUA) && !(le->flags & LOG_IGNORED),
    };
    for (uint32_t i = 0; i < n_sectors; i++) {
        const uint32_t v = (uint32_t)e->n_versions;
        const uint32_t before = map_put(m, le->off / SECTOR_BYTES + i, v);
        uint32_t base = before;

        if (before != VERSION_NONE) {
            e->versions[before].next = v;
            if (e->items[e->versions[before].item].epoch == epoch)
                base = e->versions[before].base;
        }
        e->versions = grow(e->versions, &e->cap_versions, e->n_versions, sizeof *e->versions);
        e->versions[e->n_versions++] = (struct version){
            .content = data ? hash_bytes(data + (size_t)i * SECTOR_BYTES, SECTOR_BYTES) : zero_content,
            .item = item,
            .next = VERSION_NONE,
            .base = base,
        };
        toggle(e, before, image);
        toggle(e, v, image);
    }
    e->items[item].prefix[0] = image[0];
    e->items[item].prefix[1] = image[1];
}

static void begin_epoch(struct epochs *e, uint64_t start, const uint64_t image[2])
{
    e->epochs = grow(e->epochs, &e->cap_epochs, e->n_epochs, sizeof *e->epochs);
    e->epochs[e->n_epochs++] = (struct epoch){
        .start = start,
        .end = start,
        .first = (uint32_t)e->n_items,
        .last = (uint32_t)e->n_items,
        .durable = {image[0], image[1]},
    };
}

static void end_epoch(struct epochs *e, uint64_t end)
{
    e->epochs[e->n_epochs - 1].end = end;
    e->epochs[e->n_epochs - 1].last = (uint32_t)e->n_items;
}

static bool reaches_media(const struct log_entry *le)
{
    return (le->op == LOG_WRITE || le->op == LOG_DISCARD) && !(le->flags & LOG_LOST);
}

void epochs_build(struct epochs *e, const struct writelog *l, uint64_t from, uint64_t to)
{
    struct sector_map m = {.slots = NULL};
    uint64_t image[2] = {0, 0};

    assert(from <= to && to <= writelog_length(l));
    *e = (struct epochs){.epochs = NULL};
    map_grow(&m);
    /* What was written before is durable, and one epoch apart from all others. */
    for (uint64_t i = 0; i < from; i++)
        if (reaches_media(writelog_entry(l, i)))
            add_item(e, &m, l, i, UINT32_MAX, image);
    e->first_item = (uint32_t)e->n_items;
    begin_epoch(e, from, image);
    for (uint64_t i = from; i < to; i++) {
        const struct log_entry *le = writelog_entry(l, i);
        const bool ignored = le->flags & LOG_IGNORED;

        if (le->op == LOG_FLUSH && !ignored) {
            end_epoch(e, i);
            begin_epoch(e, i + 1, image);
        } else if (le->op == LOG_WRITE && (le->flags & LOG_FLUSH_FIRST) && !ignored) {
            end_epoch(e, i);
            begin_epoch(e, i, image);
        }
        if (reaches_media(le))
            add_item(e, &m, l, i, (uint32_t)e->n_epochs - 1, image);
    }
    end_epoch(e, to);
    free(m.slots);
}

void epochs_free(struct epochs *e)
{
    free(e->epochs);
    free(e->items);
    free(e->versions);
    *e = (struct epochs){.epochs = NULL};
}

/* Is this version covered by a later kept one of the same epoch? */
static bool hidden(const struct epochs *e, const struct epoch *ep, const struct version *v, const struct part *parts)
{
    for (uint32_t n = v->next; n != VERSION_NONE && e->versions[n].item < ep->last; n = e->versions[n].next) {
        const uint32_t item = e->versions[n].item, sector = n - e->items[item].first_version;
        const struct part *p = &parts[item - ep->first];

        if (sector >= p->first && sector - p->first < p->count)
            return true;
    }
    return false;
}

void epochs_image(const struct epochs *e, uint32_t epoch, const struct part *parts, uint64_t ret[2])
{
    const struct epoch *ep = &e->epochs[epoch];

    ret[0] = ep->durable[0];
    ret[1] = ep->durable[1];
    for (uint32_t i = ep->first; i < ep->last; i++) {
        const struct part *p = &parts[i - ep->first];

        for (uint32_t s = 0; s < p->count; s++) {
            const uint32_t v = e->items[i].first_version + p->first + s;

            if (hidden(e, ep, &e->versions[v], parts))
                continue;
            toggle(e, e->versions[v].base, ret);
            toggle(e, v, ret);
        }
    }
}

/* Where a forced write at or after `cut` ends what may exist in this epoch; the epoch's end if none does. */
static uint64_t epoch_limit(const struct epochs *e, const struct epoch *ep, uint64_t cut)
{
    for (uint32_t i = ep->first; i < ep->last; i++)
        if (e->items[i].forced && e->items[i].entry >= cut)
            return e->items[i].entry;
    return ep->end;
}

uint64_t epochs_until(const struct epochs *e, uint32_t epoch, uint64_t cut, const uint64_t image[2])
{
    uint64_t until = epoch_limit(e, &e->epochs[epoch], cut);

    /* Past the flush only the image that holds everything goes on, for the whole of the next epoch. */
    while (until == e->epochs[epoch].end && epoch + 1 < e->n_epochs && image[0] == e->epochs[epoch + 1].durable[0] &&
           image[1] == e->epochs[epoch + 1].durable[1]) {
        epoch++;
        until = epoch_limit(e, &e->epochs[epoch], e->epochs[epoch].start);
    }
    return until;
}
