/* Candidates for crash states: see candidates.h. */
#include "states/candidates.h"

#include "base/rng.h"
#include "base/size.h"

static struct part whole(const struct item *it)
{
    return (struct part){.first = 0, .count = it->n_sectors};
}

/* Atomic units of an item; the first and the last may be short. */
static uint32_t units_of(const struct candidates *c, const struct item *it)
{
    const uint32_t unit = c->sector / SECTOR_BYTES, lead = (uint32_t)(it->sector % unit);

    return (lead + it->n_sectors + unit - 1) / unit;
}

static struct part units_to_part(const struct candidates *c, const struct item *it, uint32_t first, uint32_t count)
{
    const struct kept_write k = {.first = first, .count = count};
    uint64_t skip, len;

    kept_bytes(&k, it->sector * SECTOR_BYTES, (uint64_t)it->n_sectors * SECTOR_BYTES, c->sector, &skip, &len);
    return (struct part){.first = (uint32_t)(skip / SECTOR_BYTES), .count = (uint32_t)(len / SECTOR_BYTES)};
}

/* A seeded proper part of an item of several units. */
static struct part random_part(const struct candidates *c, const struct item *it, struct rng *r)
{
    const uint32_t n = units_of(c, it), first = (uint32_t)rng_below(r, n);
    uint32_t count = 1 + (uint32_t)rng_below(r, n - first);

    if (count == n)
        count--;
    return units_to_part(c, it, first, count);
}

/* Keeps all items of the epoch before item `n`, or only the forced ones, and nothing from `n` on. */
static void keep_before(struct candidates *c, const struct epoch *ep, uint32_t n, bool only_forced)
{
    for (uint32_t i = ep->first; i < ep->last; i++) {
        const struct item *it = &c->e->items[i];

        c->parts[i - ep->first] = i < n && (it->forced || !only_forced) ? whole(it) : (struct part){.count = 0};
    }
}

/* The part of a write of n >= 2 units that is kept. */
static struct part torn_part(const struct candidates *c, const struct item *it, uint32_t n, enum torn_way way)
{
    struct rng r;

    switch (way) {
    case FIRST_UNIT:
        return units_to_part(c, it, 0, 1);
    case ALL_BUT_LAST_UNIT:
        return units_to_part(c, it, 0, n - 1);
    case ALL_BUT_FIRST_UNIT:
        return units_to_part(c, it, 1, n - 1);
    case RANDOM_UNITS:
        rng_seed(&r, c->seed ^ rng_mix(it->entry));
        return random_part(c, it, &r);
    default:
        return units_to_part(c, it, 0, n / 2);
    }
}

/* Fills parts for an item torn in this way. False: it cannot be torn. */
static bool tear(struct candidates *c, const struct epoch *ep, uint32_t item, enum torn_way way)
{
    const struct item *it = &c->e->items[item];
    const uint32_t n = units_of(c, it);

    if (it->forced || n < 2)
        return false;
    keep_before(c, ep, way == FIRST_HALF_AMONG_ALL ? ep->last : item, false);
    c->parts[item - ep->first] = torn_part(c, it, n, way);
    return true;
}

/* A random subset of the epoch up to a random write. All writes have the same chance to be kept; some are torn. */
static void sample(struct candidates *c, const struct epoch *ep, uint64_t nth)
{
    const uint32_t n = epoch_n_items(ep);
    struct rng r;

    rng_seed(&r, c->seed ^ rng_mix(ep->start) ^ rng_mix(~nth));
    /* Half of the samples reach to the end of the epoch, where most writes are in flight. */
    const uint32_t cut = rng_one_in(&r, 2) ? n : 1 + (uint32_t)rng_below(&r, n);
    const uint64_t keep_in_8 = 1 + rng_below(&r, 7);
    const bool torn = c->torn && rng_one_in(&r, 2);

    keep_before(c, ep, ep->first + cut, true);
    for (uint32_t i = 0; i < cut; i++) {
        const struct item *it = &c->e->items[ep->first + i];

        if (it->forced || rng_below(&r, 8) >= keep_in_8)
            continue;
        c->parts[i] = torn && units_of(c, it) > 1 && rng_one_in(&r, 4) ? random_part(c, it, &r) : whole(it);
    }
}

/* The subset of a small epoch that has the bits of `mask`. False: it leaves out a forced write and keeps a later one. */
static bool subset(struct candidates *c, const struct epoch *ep, uint64_t mask)
{
    uint64_t left_out = 0;

    for (uint32_t i = 0; i < epoch_n_items(ep); i++) {
        const struct item *it = &c->e->items[ep->first + i];
        const bool kept = mask >> i & 1;

        if (kept && left_out)
            return false;
        left_out |= !kept && it->forced;
        c->parts[i] = kept ? whole(it) : (struct part){.count = 0};
    }
    return true;
}

bool candidates_fill(struct candidates *c, const struct candidate *w, uint32_t *ret_epoch)
{
    const uint32_t per_item = w->kind == STATE_TORN ? TORN_WAYS : 1;
    uint32_t item = c->e->first_item + (uint32_t)(w->index / per_item);
    const struct epoch *ep;

    if (w->kind == STATE_SUBSET || w->kind == STATE_SAMPLE) {
        *ret_epoch = w->epoch;
        if (w->kind == STATE_SUBSET)
            return subset(c, &c->e->epochs[w->epoch], w->in_epoch);
        sample(c, &c->e->epochs[w->epoch], w->in_epoch);
        return true;
    }
    if (w->kind == STATE_PREFIX) {
        /* Candidate 0 keeps no item; candidate n the first n items. */
        *ret_epoch = w->index ? c->e->items[--item].epoch : 0;
        keep_before(c, &c->e->epochs[*ret_epoch], w->index ? item + 1 : 0, false);
        return true;
    }
    *ret_epoch = c->e->items[item].epoch;
    ep = &c->e->epochs[*ret_epoch];
    if (w->kind == STATE_TORN)
        return tear(c, ep, item, (enum torn_way)(w->index % per_item));
    keep_before(c, ep, w->kind == STATE_DROPPED ? ep->last : item, w->kind == STATE_ALONE);
    c->parts[item - ep->first] = w->kind == STATE_ALONE ? whole(&c->e->items[item]) : (struct part){.count = 0};
    return w->kind == STATE_ALONE || !c->e->items[item].forced;
}
