/*
 * Crash states: what may be on a disk after a power cut.
 *
 * The model in plain English. A disk has a volatile cache and media. A write that completed is in the cache, and may reach the
 * media at any time, in any order, or never. A flush that completed has put on the media every write that had completed before
 * it. A write with FUA is on the media when it completes, which says nothing about any other write. A write with a flush in front
 * (LOG_FLUSH_FIRST) is a flush, then the write. A discard is a write of zeros. Writes to one sector reach the media in their
 * order, so that an older one never covers a newer one. A sector (the atomic unit) is old or new, never a mixture; a write of
 * several sectors may reach the media in part: it is torn.
 *
 * So after a cut at log position p (entries [0, p) had completed) the media holds
 *   - every write before the last flush in [0, p) that was not ignored,
 *   - every FUA write in [0, p) that was not ignored,
 *   - of the other writes since that flush any subset, each whole or any of its sectors,
 * applied in log order. A disk that lies: an ignored flush or FUA does nothing; a dropped write (LOG_LOST) never reaches the
 * media; a torn, corrupted or misdirected write is logged as what the disk really did. Writes under way at the cut need no rule
 * of their own: their entry follows, and a cut behind that entry with the write torn or left out shows the same image. (Not so
 * for a FUA write, which is forced there; a FUA write torn by the cut is not shown.)
 *
 * The stretch between two flushes that count is an epoch. The images of one epoch are subsets of its writes; an image that keeps
 * a subset S is first possible right after the last write of S, and stays possible until the epoch's flush completes or a FUA
 * write that it leaves out does. That is [cut, until]. An image that holds the whole epoch goes on into the next.
 *
 * What is visited, in this order, for all epochs: every prefix; each write left out alone (of the whole epoch); each write alone;
 * each write torn in several ways as the last one, and in one way in the midst of its epoch; all subsets of epochs of at most
 * STATES_SMALL_EPOCH writes; seeded samples of larger ones. An image already visited is given out again only for cuts it was not
 * given out for: a file system may write old contents again, and what was legal then may not be now. When there are more
 * candidates than max_states, each kind gets its share and is thinned evenly.
 */
#include "states/crash_states.h"

#include <assert.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "base/size.h"
#include "states/epochs.h"
#include "states/image_set.h"

enum { TORN_WAYS = 6, TORN_AMIDST = 5, SAMPLES_MAX = 1 << 20 };

struct state_source {
    struct epochs e;
    struct state_limits lim;
    uint64_t seed, from;
    /* Where the enumeration is: candidate `index` of its kind; for kinds that go by epoch also the place within. */
    enum state_kind kind;
    uint64_t index;
    uint32_t epoch;
    uint64_t in_epoch;
    uint64_t total[STATE_KINDS], quota[STATE_KINDS]; /* candidates there are, and are tried */
    uint64_t more[STATE_KINDS];                      /* and are tried, those among them, with max_more */
    bool is_more;                                    /* those are being tried */
    bool *skip;                                      /* by epoch */
    uint64_t n_tried, n_given;
    struct image_set seen;
    struct part *parts; /* of the current candidate; room for the largest epoch */
    struct crash_state state;
};

static uint32_t epoch_items(const struct epoch *ep)
{
    return ep->last - ep->first;
}

/* Candidates of a kind that goes by epoch. */
static uint64_t candidates_of_epoch(const struct state_source *s, enum state_kind kind, uint32_t epoch)
{
    const uint32_t n = epoch_items(&s->e.epochs[epoch]);

    if (s->skip[epoch])
        return 0;
    if (kind == STATE_SUBSET)
        return n <= STATES_SMALL_EPOCH ? (uint64_t)1 << n : 0;
    return n > STATES_SMALL_EPOCH ? s->lim.samples : 0;
}

/*
 * Deals so many states out to the kinds: those with few candidates get them all, the others an equal share. If there are fewer
 * than kinds, all are prefixes: those alone are sure to be new.
 */
static void set_quotas(const struct state_source *s, uint64_t left, uint64_t quota[STATE_KINDS])
{
    uint64_t sum = 0;
    bool dealt[STATE_KINDS] = {false};

    for (int k = 0; k < STATE_KINDS; k++)
        sum += quota[k] = s->total[k];
    if (!left || sum <= left)
        return;
    if (left < STATE_KINDS) {
        for (int k = 0; k < STATE_KINDS; k++)
            quota[k] = k == STATE_PREFIX ? left : 0;
        return;
    }
    for (uint64_t kinds_left = STATE_KINDS; kinds_left > 0; kinds_left--) {
        int least = -1;

        for (int k = 0; k < STATE_KINDS; k++)
            if (!dealt[k] && (least < 0 || s->total[k] < s->total[least]))
                least = k;
        if (s->total[least] > left / kinds_left)
            quota[least] = left / kinds_left;
        left -= quota[least];
        dealt[least] = true;
    }
}

struct state_source *states_new(const struct writelog *l, uint64_t from, uint64_t to, const struct state_limits *lim,
                                uint64_t seed)
{
    struct state_source *s = xcalloc(1, sizeof *s);
    uint32_t largest = 0;
    uint64_t n;

    assert(is_sector_size(lim->sector));
    assert(lim->samples <= SAMPLES_MAX);
    s->lim = *lim;
    s->seed = seed;
    s->from = from;
    epochs_build(&s->e, l, from, to);
    s->skip = xcalloc(s->e.n_epochs, sizeof *s->skip);
    n = s->e.n_items - s->e.first_item;
    s->total[STATE_PREFIX] = n + 1;
    s->total[STATE_DROPPED] = s->total[STATE_ALONE] = n;
    s->total[STATE_TORN] = lim->torn ? n * TORN_WAYS : 0;
    for (uint32_t i = 0; i < s->e.n_epochs; i++) {
        s->total[STATE_SUBSET] += candidates_of_epoch(s, STATE_SUBSET, i);
        s->total[STATE_SAMPLE] += candidates_of_epoch(s, STATE_SAMPLE, i);
        if (epoch_items(&s->e.epochs[i]) > largest)
            largest = epoch_items(&s->e.epochs[i]);
    }
    set_quotas(s, lim->max_states, s->quota);
    set_quotas(s, lim->max_states + lim->max_more, s->more);
    s->parts = xcalloc(largest + 1, sizeof *s->parts);
    return s;
}

void states_free(struct state_source *s)
{
    if (!s)
        return;
    epochs_free(&s->e);
    image_set_free(&s->seen);
    free(s->skip);
    free(s->parts);
    free(s->state.kept);
    free(s);
}

static struct part whole(const struct item *it)
{
    return (struct part){.first = 0, .count = it->n_sectors};
}

/* Atomic units of an item; the first and the last may be short. */
static uint32_t units_of(const struct state_source *s, const struct item *it)
{
    const uint32_t unit = s->lim.sector / SECTOR_BYTES, lead = (uint32_t)(it->sector % unit);

    return (lead + it->n_sectors + unit - 1) / unit;
}

static struct part units_to_part(const struct state_source *s, const struct item *it, uint32_t first, uint32_t count)
{
    const struct kept_write k = {.first = first, .count = count};
    uint64_t skip, len;

    kept_bytes(&k, it->sector * SECTOR_BYTES, (uint64_t)it->n_sectors * SECTOR_BYTES, s->lim.sector, &skip, &len);
    return (struct part){.first = (uint32_t)(skip / SECTOR_BYTES), .count = (uint32_t)(len / SECTOR_BYTES)};
}

/* A seeded proper part of an item of several units. */
static struct part random_part(const struct state_source *s, const struct item *it, struct rng *r)
{
    const uint32_t n = units_of(s, it), first = (uint32_t)rng_below(r, n);
    uint32_t count = 1 + (uint32_t)rng_below(r, n - first);

    if (count == n)
        count--;
    return units_to_part(s, it, first, count);
}

/* Keeps of the epoch's items: all before item `n`, or only the forced ones. Nothing from `n` on. */
static void keep_before(struct state_source *s, const struct epoch *ep, uint32_t n, bool only_forced)
{
    for (uint32_t i = ep->first; i < ep->last; i++) {
        const struct item *it = &s->e.items[i];

        s->parts[i - ep->first] = i < n && (it->forced || !only_forced) ? whole(it) : (struct part){.count = 0};
    }
}

/* Fills parts for an item torn in one of TORN_WAYS ways. False: that way does not exist for it. */
static bool tear(struct state_source *s, const struct epoch *ep, uint32_t item, unsigned way)
{
    const struct item *it = &s->e.items[item];
    const uint32_t n = units_of(s, it);
    struct part *p = &s->parts[item - ep->first];
    struct rng r;

    if (it->forced || n < 2)
        return false;
    keep_before(s, ep, way == TORN_AMIDST ? ep->last : item, false);
    switch (way) {
    case 0:
        *p = units_to_part(s, it, 0, 1);
        return true;
    case 1:
        *p = units_to_part(s, it, 0, n - 1);
        return true;
    case 2:
        *p = units_to_part(s, it, 1, n - 1);
        return true;
    case 3:
        rng_seed(&r, s->seed ^ rng_mix(it->entry));
        *p = random_part(s, it, &r);
        return true;
    default: /* half, as the last write and amidst the others */
        *p = units_to_part(s, it, 0, n / 2);
        return true;
    }
}

/* A random subset: a random stretch of the epoch, each write of it kept with one probability, some of them torn. */
static void sample(struct state_source *s, const struct epoch *ep, uint64_t nth)
{
    const uint32_t n = epoch_items(ep);
    struct rng r;

    rng_seed(&r, s->seed ^ rng_mix(ep->start) ^ rng_mix(~nth));
    /* Half of the samples take the whole epoch: there most is in flight. */
    const uint32_t cut = rng_one_in(&r, 2) ? n : 1 + (uint32_t)rng_below(&r, n);
    const uint64_t keep_in_8 = 1 + rng_below(&r, 7);
    const bool torn = s->lim.torn && rng_one_in(&r, 2);

    keep_before(s, ep, ep->first + cut, true);
    for (uint32_t i = 0; i < cut; i++) {
        const struct item *it = &s->e.items[ep->first + i];

        if (it->forced || rng_below(&r, 8) >= keep_in_8)
            continue;
        s->parts[i] = torn && units_of(s, it) > 1 && rng_one_in(&r, 4) ? random_part(s, it, &r) : whole(it);
    }
}

/* The subset of a small epoch that has the bits of `mask`. False: it leaves out a forced write and keeps a later one. */
static bool subset(struct state_source *s, const struct epoch *ep, uint64_t mask)
{
    uint64_t left_out = 0;

    for (uint32_t i = 0; i < epoch_items(ep); i++) {
        const struct item *it = &s->e.items[ep->first + i];
        const bool kept = mask >> i & 1;

        if (kept && left_out)
            return false;
        left_out |= !kept && it->forced;
        s->parts[i] = kept ? whole(it) : (struct part){.count = 0};
    }
    return true;
}

/* Fills parts for the current candidate. False: there is no such state. */
static bool fill(struct state_source *s, uint32_t *ret_epoch)
{
    const uint32_t per_item = s->kind == STATE_TORN ? TORN_WAYS : 1;
    uint32_t item = s->e.first_item + (uint32_t)(s->index / per_item);
    const struct epoch *ep;

    if (s->kind == STATE_SUBSET || s->kind == STATE_SAMPLE) {
        *ret_epoch = s->epoch;
        if (s->kind == STATE_SUBSET)
            return subset(s, &s->e.epochs[s->epoch], s->in_epoch);
        sample(s, &s->e.epochs[s->epoch], s->in_epoch);
        return true;
    }
    if (s->kind == STATE_PREFIX) {
        /* Candidate 0 holds nothing of the log after `from`; candidate n its first n items. */
        *ret_epoch = s->index ? s->e.items[--item].epoch : 0;
        keep_before(s, &s->e.epochs[*ret_epoch], s->index ? item + 1 : 0, false);
        return true;
    }
    *ret_epoch = s->e.items[item].epoch;
    ep = &s->e.epochs[*ret_epoch];
    if (s->kind == STATE_TORN)
        return tear(s, ep, item, (unsigned)(s->index % per_item));
    keep_before(s, ep, s->kind == STATE_DROPPED ? ep->last : item, s->kind == STATE_ALONE);
    s->parts[item - ep->first] = s->kind == STATE_ALONE ? whole(&s->e.items[item]) : (struct part){.count = 0};
    return s->kind == STATE_ALONE || !s->e.items[item].forced;
}

static void add_kept(struct state_source *s, const struct item *it, const struct part *p)
{
    const uint32_t unit = s->lim.sector / SECTOR_BYTES, lead = (uint32_t)(it->sector % unit);
    struct crash_state *st = &s->state;
    struct kept_write k = {.entry = it->entry};

    if (p->count != it->n_sectors) {
        k.first = (lead + p->first) / unit;
        k.count = (lead + p->first + p->count + unit - 1) / unit - k.first;
    }
    st->kept = grow(st->kept, &st->cap_kept, st->n_kept, sizeof *st->kept);
    st->kept[st->n_kept++] = k;
}

/* Makes the state of the parts that are filled in. False: its image was given out before. */
static bool make_state(struct state_source *s, uint32_t epoch)
{
    const struct epoch *ep = &s->e.epochs[epoch];
    struct crash_state *st = &s->state;
    uint64_t image[2], until;

    st->kind = s->kind;
    st->epoch = epoch;
    st->durable = st->cut = ep->start;
    st->n_kept = 0;
    for (uint32_t i = ep->last; i > ep->first && st->cut == ep->start; i--)
        if (s->parts[i - 1 - ep->first].count)
            st->cut = s->e.items[i - 1].entry + 1;
    if (s->kind == STATE_PREFIX && s->index)
        memcpy(image, s->e.items[s->e.first_item + s->index - 1].prefix, sizeof image);
    else
        epochs_image(&s->e, epoch, s->parts, image);
    until = epochs_until(&s->e, epoch, st->cut, image);
    if (!image_set_note(&s->seen, image, st->cut, &until))
        return false;
    st->until = until;
    memcpy(st->image, image, sizeof image);
    for (uint32_t i = ep->first; i < ep->last; i++)
        if (s->parts[i - ep->first].count)
            add_kept(s, &s->e.items[i], &s->parts[i - ep->first]);
    return true;
}

/* Goes to the next candidate. */
static void step(struct state_source *s)
{
    s->index++;
    s->in_epoch++;
    if (s->kind != STATE_SUBSET && s->kind != STATE_SAMPLE)
        return;
    while (s->epoch < s->e.n_epochs && s->in_epoch >= candidates_of_epoch(s, s->kind, s->epoch)) {
        s->in_epoch = 0;
        s->epoch++;
    }
}

/* Goes to the first candidate of the kind. */
static void begin_kind(struct state_source *s, enum state_kind kind, bool more)
{
    s->kind = kind;
    s->is_more = more;
    s->index = UINT64_MAX;
    s->in_epoch = UINT64_MAX;
    s->epoch = 0;
    step(s);
}

/* Is candidate `index` among the quota evenly taken from the total? */
static bool in_quota(const struct state_source *s, const uint64_t quota[STATE_KINDS])
{
    const rng_u128 q = quota[s->kind];
    const uint64_t t = s->total[s->kind];

    return (uint64_t)((s->index + 1) * q / t) != (uint64_t)(s->index * q / t);
}

static bool chosen(const struct state_source *s)
{
    return in_quota(s, s->quota) != s->is_more && (!s->is_more || in_quota(s, s->more));
}

static bool kind_is_over(const struct state_source *s)
{
    const bool by_epoch = s->kind == STATE_SUBSET || s->kind == STATE_SAMPLE;

    return s->index >= s->total[s->kind] || (by_epoch && s->epoch >= s->e.n_epochs);
}

int states_next(struct state_source *s, const struct crash_state **ret)
{
    while (s->kind < STATE_KINDS) {
        uint32_t epoch;
        bool given = false;

        if (kind_is_over(s)) {
            const bool more = !s->is_more && s->lim.max_more && s->quota[s->kind] < s->more[s->kind];

            begin_kind(s, more ? s->kind : s->kind + 1, more);
            continue;
        }
        if (chosen(s)) {
            s->n_tried++;
            given = fill(s, &epoch) && make_state(s, epoch);
        }
        step(s);
        if (given) {
            s->n_given++;
            *ret = &s->state;
            return 1;
        }
    }
    return 0;
}

uint64_t states_share(const struct state_source *s, enum state_kind last)
{
    uint64_t sum = 0;

    if (!s->lim.max_states)
        return UINT64_MAX;
    for (int k = 0; k <= (int)last; k++)
        sum += s->quota[k];
    return sum;
}

bool states_gives_all_subsets(const struct state_source *s)
{
    return s->quota[STATE_SUBSET] >= s->total[STATE_SUBSET];
}

uint32_t states_epochs(const struct state_source *s)
{
    return (uint32_t)s->e.n_epochs;
}

/* States of an epoch that keep a write: by the last one. Those before it are free, but FUA writes are kept. */
static double states_of_epoch(const struct state_source *s, uint32_t epoch)
{
    double sum = 0, before = 1;

    for (uint32_t i = s->e.epochs[epoch].first; i < s->e.epochs[epoch].last; i++) {
        sum += before;
        before *= s->e.items[i].forced ? 1 : 2;
    }
    return sum < DBL_MAX ? sum : DBL_MAX;
}

void states_epoch(const struct state_source *s, uint32_t epoch, struct epoch_writes *ret)
{
    const struct epoch *ep = &s->e.epochs[epoch];

    *ret = (struct epoch_writes){.durable = ep->start, .end = ep->end, .n_states = 1 + states_of_epoch(s, epoch)};
    ret->entries = xcalloc(epoch_items(ep) + 1, sizeof *ret->entries);
    for (uint32_t i = ep->first; i < ep->last; i++) {
        ret->entries[ret->n++] = s->e.items[i].entry;
        ret->forced |= s->e.items[i].forced;
    }
    const struct item *last = ret->n ? &s->e.items[ep->last - 1] : NULL;
    ret->whole_until = epochs_until(&s->e, epoch, last ? last->entry + 1 : ep->start, last ? last->prefix : ep->durable);
}

void states_whole_epoch(const struct epoch_writes *w, uint32_t epoch, struct crash_state *ret)
{
    const uint64_t cut = w->n ? w->entries[w->n - 1] + 1 : w->durable;

    *ret = (struct crash_state){.epoch = epoch, .durable = w->durable, .cut = cut, .until = w->whole_until, .n_kept = w->n};
    ret->kept = xcalloc(w->n + 1, sizeof *ret->kept);
    for (uint32_t i = 0; i < w->n; i++)
        ret->kept[i].entry = w->entries[i];
}

void states_skip(struct state_source *s, uint32_t epoch)
{
    assert(epoch < s->e.n_epochs);
    s->skip[epoch] = true;
}

void states_progress(const struct state_source *s, uint64_t *ret_done, uint64_t *ret_left)
{
    uint64_t sum = 0, left;

    for (int k = 0; k < STATE_KINDS; k++)
        sum += s->lim.max_more ? s->more[k] : s->quota[k];
    if (sum < s->n_tried)
        sum = s->n_tried;
    /* Of the candidates still to be tried the same share will be new as up to now. */
    left = s->n_tried ? (uint64_t)((rng_u128)(sum - s->n_tried) * s->n_given / s->n_tried) : sum;
    *ret_done = s->n_given;
    *ret_left = left ? left : 1;
}
