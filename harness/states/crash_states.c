/*
 * Crash states: what may be on a disk after a power cut.
 *
 * The parts. A disk has media, which survive a power cut, and a volatile cache, which does not. The write log lists what the disk
 * did, in order of completion. A cut at log position p means that the entries [0, p) had completed.
 *
 * The rules:
 *
 *  1. A write that completed is in the cache. It may reach the media at any time, in any order, or never.
 *  2. A flush that completed has put on the media every write that stands before it in the log.
 *  3. A write with FUA is on the media when it completes. That says nothing about other writes.
 *  4. A write with a flush in front (LOG_FLUSH_FIRST) is a flush, then the write.
 *  5. A discard is a write of zeros.
 *  6. Writes to one sector reach the media in log order: an older one never replaces a newer one.
 *  7. A sector (the atomic unit) is old or new, never a mixture. A write of several sectors may reach the media in part: it is
 *     torn.
 *  8. A faulty disk: an ignored flush or FUA does nothing; a lost write (LOG_LOST) never reaches the media; a write that was
 * torn, corrupted or misdirected on purpose is logged as the disk really did it.
 *
 * So after a cut at p a write is *durable* if it stands before the last flush in [0, p) (rule 2) or has FUA (rule 3). The other
 * writes in [0, p) are *in flight*: the media holds any subset of them, each whole or any of its sectors. All are applied in log
 * order.
 *
 * Writes that had not completed at the cut need no rule. Their entries follow, and a cut behind such an entry, with its write
 * torn or left out, has the same image. This does not hold for a FUA write, which is durable behind its entry: states with a FUA
 * write torn by the cut are not visited.
 *
 * An *epoch* is the stretch between two flushes that are not ignored. A state keeps a subset of one epoch's writes; everything
 * before the epoch is durable. It exists from the cut right behind the last write that it keeps, until the epoch's flush or a FUA
 * write that it leaves out completes. Those are the cuts [cut, until]. A state that keeps the whole epoch exists in the next
 * epoch too.
 *
 * A worked timeline: three writes, two flushes, one cut.
 *
 *    entry 0   write A           epoch 0
 *    entry 1   flush
 *    entry 2   write B           epoch 1
 *    entry 3   write C
 *              <- cut at 4
 *    entry 4   flush
 *
 * At this cut A is durable, since a flush completed behind it. B and C are in flight. So there are four states without torn
 * writes:
 *
 *    A           no write of epoch 1 has reached the media    exists at the cuts 1 to 4
 *    A, B                                                     exists at the cuts 3 to 4
 *    A, C        C overtook B                                 exists at the cut 4
 *    A, B, C                                                  exists at the cuts 4 to 5: it keeps the whole epoch
 *
 * and states with torn writes, such as "A, B and the first half of C", which exists at the cut 4. At the cut 5 only "A, B, C" is
 * left. The fifth state, which keeps nothing, exists at the cuts 0 to 1, before the first flush completes.
 *
 * What is visited, in this order, for all epochs:
 *
 *  1. every prefix: above, nothing; A; A, B; and A, B, C,
 *  2. each write left out alone, of the whole epoch: A, C (the others were visited),
 *  3. each write kept alone,
 *  4. each write torn, in several ways as the last one kept, and in one way among all writes of its epoch,
 *  5. all subsets of epochs of at most STATES_SMALL_EPOCH writes,
 *  6. seeded samples of larger epochs.
 *
 * An image that was visited before is given out again only for cuts for which it was not: a file system may write old contents
 * again, and what was legal then may not be legal now. When there are more candidates than max_states, each kind gets a share and
 * is thinned evenly.
 */
#include "states/crash_states.h"

#include <assert.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "base/size.h"
#include "states/candidates.h"
#include "states/epochs.h"
#include "states/image_set.h"

enum { SAMPLES_MAX = 1 << 20 };

struct state_source {
    struct epochs e;
    struct state_limits lim;
    uint64_t seed, from;
    struct candidates candidates;
    struct candidate at;         /* where the enumeration is */
    uint64_t total[STATE_KINDS]; /* candidates */
    uint64_t quota[STATE_KINDS]; /* candidates that are tried, with max_states alone */
    uint64_t more[STATE_KINDS];  /* candidates that are tried, with max_more; the former are among them */
    bool is_more;                /* the current kind is at those that max_more adds */
    bool *skip;                  /* by epoch: no more subsets and samples */
    uint64_t n_tried, n_given;
    struct image_set seen;
    struct crash_state state;
};

/* Candidates of a kind that goes by epoch. */
static uint64_t candidates_of_epoch(const struct state_source *s, enum state_kind kind, uint32_t epoch)
{
    const uint32_t n = epoch_n_items(&s->e.epochs[epoch]);

    if (s->skip[epoch])
        return 0;
    if (kind == STATE_SUBSET)
        return n <= STATES_SMALL_EPOCH ? (uint64_t)1 << n : 0;
    return n > STATES_SMALL_EPOCH ? s->lim.samples : 0;
}

/*
 * Divides `left` states among the kinds: kinds with few candidates get as many as they have, the others an equal share. If there
 * are fewer states than kinds, all are prefixes: only prefixes are sure to be new.
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
        if (epoch_n_items(&s->e.epochs[i]) > largest)
            largest = epoch_n_items(&s->e.epochs[i]);
    }
    set_quotas(s, lim->max_states, s->quota);
    set_quotas(s, lim->max_states + lim->max_more, s->more);
    s->candidates = (struct candidates){.e = &s->e,
                                        .sector = lim->sector,
                                        .torn = lim->torn,
                                        .seed = seed,
                                        .parts = xcalloc(largest + 1, sizeof *s->candidates.parts)};
    return s;
}

void states_free(struct state_source *s)
{
    if (!s)
        return;
    epochs_free(&s->e);
    image_set_free(&s->seen);
    free(s->skip);
    free(s->candidates.parts);
    free(s->state.kept);
    free(s);
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

/* Makes the state of the candidate that was filled. False: its image was given out before. */
static bool make_state(struct state_source *s, uint32_t epoch)
{
    const struct epoch *ep = &s->e.epochs[epoch];
    struct crash_state *st = &s->state;
    uint64_t image[2], until;

    st->kind = s->at.kind;
    st->epoch = epoch;
    st->durable = st->cut = ep->start;
    st->n_kept = 0;
    for (uint32_t i = ep->last; i > ep->first && st->cut == ep->start; i--)
        if (s->candidates.parts[i - 1 - ep->first].count)
            st->cut = s->e.items[i - 1].entry + 1;
    if (s->at.kind == STATE_PREFIX && s->at.index)
        memcpy(image, s->e.items[s->e.first_item + s->at.index - 1].prefix, sizeof image);
    else
        epochs_image(&s->e, epoch, s->candidates.parts, image);
    until = epochs_until(&s->e, epoch, st->cut, image);
    if (!image_set_note(&s->seen, image, st->cut, &until))
        return false;
    st->until = until;
    memcpy(st->image, image, sizeof image);
    for (uint32_t i = ep->first; i < ep->last; i++)
        if (s->candidates.parts[i - ep->first].count)
            add_kept(s, &s->e.items[i], &s->candidates.parts[i - ep->first]);
    return true;
}

/* Goes to the next candidate. */
static void step(struct state_source *s)
{
    s->at.index++;
    s->at.in_epoch++;
    if (s->at.kind != STATE_SUBSET && s->at.kind != STATE_SAMPLE)
        return;
    while (s->at.epoch < s->e.n_epochs && s->at.in_epoch >= candidates_of_epoch(s, s->at.kind, s->at.epoch)) {
        s->at.in_epoch = 0;
        s->at.epoch++;
    }
}

/* Goes to the first candidate of the kind. */
static void begin_kind(struct state_source *s, enum state_kind kind, bool more)
{
    s->at.kind = kind;
    s->is_more = more;
    s->at.index = UINT64_MAX;
    s->at.in_epoch = UINT64_MAX;
    s->at.epoch = 0;
    step(s);
}

/* Is the current candidate among the quota, which is spread evenly over the total? */
static bool in_quota(const struct state_source *s, const uint64_t quota[STATE_KINDS])
{
    const rng_u128 q = quota[s->at.kind];
    const uint64_t t = s->total[s->at.kind];

    return (uint64_t)((s->at.index + 1) * q / t) != (uint64_t)(s->at.index * q / t);
}

static bool chosen(const struct state_source *s)
{
    return in_quota(s, s->quota) != s->is_more && (!s->is_more || in_quota(s, s->more));
}

static bool kind_is_over(const struct state_source *s)
{
    const bool by_epoch = s->at.kind == STATE_SUBSET || s->at.kind == STATE_SAMPLE;

    return s->at.index >= s->total[s->at.kind] || (by_epoch && s->at.epoch >= s->e.n_epochs);
}

int states_next(struct state_source *s, const struct crash_state **ret)
{
    while (s->at.kind < STATE_KINDS) {
        uint32_t epoch;
        bool given = false;

        if (kind_is_over(s)) {
            const bool more = !s->is_more && s->lim.max_more && s->quota[s->at.kind] < s->more[s->at.kind];

            begin_kind(s, more ? s->at.kind : s->at.kind + 1, more);
            continue;
        }
        if (chosen(s)) {
            s->n_tried++;
            given = candidates_fill(&s->candidates, &s->at, &epoch) && make_state(s, epoch);
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

/* How many states keep a write of the epoch: for each last write, any of those before it, but every FUA write. */
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
    ret->entries = xcalloc(epoch_n_items(ep) + 1, sizeof *ret->entries);
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
