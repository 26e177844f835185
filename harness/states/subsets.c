/*
 * Subsets of an epoch's writes, in groups that recovery cannot tell apart.
 *
 * The rules:
 *
 *  1. A group is a decision for some of the writes: kept or left out. The others are undecided. A group with u undecided writes
 *     has 2^u members. In the first group all writes are undecided.
 *  2. Of each group the first member is tested: the one that keeps no undecided write.
 *  3. Recovery of that member read some blocks. Take each of them, and the epoch's writes to it, the latest first:
 *     - A write that is left out changes nothing.
 *     - A write that is kept and covers all that was read of the block hides the writes below it. The block is done.
 *     - An undecided write splits the group. The members that keep it are a group of their own, for later. In this group it is
 *       left out from here on.
 *  4. When all blocks that were read are done, all members that are left hold the same in them. So they all behave as the first
 *     member, and its observation covers them.
 *  5. Groups never overlap, and together they are all subsets.
 *  6. The first member exists at every cut at which another member exists: a member that keeps an undecided write has the same
 *     last write or a later one, and all exist until the epoch's flush completes. So judging the first member at all its cuts
 *     covers every other member's cuts.
 *  7. Groups wait in a queue, so that states which keep few writes are tested first.
 *
 * A worked timeline, with the log of crash_states.c: a write A, a flush, then an epoch of two writes B and C, and a flush. Each
 * write fills a block of its own. Recovery reads the blocks of A and C.
 *
 *    group 1   B and C undecided. The first member keeps neither ("A"). Recovery read the block of C, so C splits the group; in
 *              the block of A there is no write of this epoch. Left are "A" and "A, B": B is still undecided.
 *    group 2   C kept, B undecided. The first member is "A, C". C is kept and covers its block, so nothing splits. Left are
 *              "A, C" and "A, B, C".
 *
 * Two tested states cover all four subsets.
 */
#include "states/subsets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "base/size.h"
#include "disk/writelog.h"

enum { WORD_BITS = 64, WORDS = SUBSETS_MAX_WRITES / WORD_BITS };

/* A set of writes. */
struct bits {
    uint64_t w[WORDS];
};

struct group {
    struct bits decided, kept; /* kept is part of decided */
};

struct subsets {
    const struct writelog *log;
    uint64_t *entries;
    uint32_t n;
    uint64_t durable, end, max_groups;
    struct group *queue;
    size_t n_queue, cap_queue, head;
    struct group current;
    bool incomplete;
    struct crash_state state, later;
    uint64_t *free_writes;
};

static bool has(const struct bits *b, uint32_t i)
{
    return b->w[i / WORD_BITS] >> (i % WORD_BITS) & 1;
}

static void set(struct bits *b, uint32_t i)
{
    b->w[i / WORD_BITS] |= UINT64_C(1) << (i % WORD_BITS);
}

static void push(struct subsets *s, const struct group *g)
{
    if (s->n_queue >= s->max_groups) {
        s->incomplete = true;
        return;
    }
    s->queue = grow(s->queue, &s->cap_queue, s->n_queue, sizeof *s->queue);
    s->queue[s->n_queue++] = *g;
}

struct subsets *subsets_new(const struct writelog *log, const uint64_t *entries, uint32_t n, uint64_t durable, uint64_t end,
                            uint64_t max_groups)
{
    struct subsets *s = xcalloc(1, sizeof *s);
    const struct group everything = {.decided = {.w = {0}}};

    assert(n <= SUBSETS_MAX_WRITES && max_groups > 0);
    s->log = log;
    s->n = n;
    s->durable = durable;
    s->end = end;
    s->max_groups = max_groups;
    s->entries = xcalloc(n + 1, sizeof *s->entries);
    s->free_writes = xcalloc(n + 1, sizeof *s->free_writes);
    s->state.kept = xcalloc(n + 1, sizeof *s->state.kept);
    s->later.kept = xcalloc(n + 1, sizeof *s->later.kept);
    if (n)
        memcpy(s->entries, entries, n * sizeof *entries);
    push(s, &everything);
    return s;
}

void subsets_free(struct subsets *s)
{
    if (!s)
        return;
    free(s->entries);
    free(s->free_writes);
    free(s->state.kept);
    free(s->later.kept);
    free(s->queue);
    free(s);
}

/* The state that keeps what the group keeps, and no undecided write. */
static void first_member(const struct subsets *s, const struct group *g, struct crash_state *ret)
{
    ret->durable = ret->cut = s->durable;
    ret->until = s->end;
    ret->n_kept = 0;
    for (uint32_t i = 0; i < s->n; i++)
        if (has(&g->kept, i)) {
            ret->kept[ret->n_kept++] = (struct kept_write){.entry = s->entries[i]};
            ret->cut = s->entries[i] + 1;
        }
}

int subsets_next(struct subsets *s, const struct crash_state **ret)
{
    if (s->head == s->n_queue)
        return 0;
    s->current = s->queue[s->head++];
    first_member(s, &s->current, &s->state);
    *ret = &s->state;
    return 1;
}

int subsets_later(struct subsets *s, size_t i, const struct crash_state **ret)
{
    if (i >= s->n_queue - s->head)
        return 0;
    first_member(s, &s->queue[s->head + i], &s->later);
    *ret = &s->later;
    return 1;
}

/* The bytes [*from, *to) of the disk from the first sector that was read to the last. */
static void span(struct read_note note, uint64_t *from, uint64_t *to)
{
    const uint64_t block = (uint64_t)note.block * BLOCK_BYTES;

    *from = block + SECTOR_BYTES * (uint64_t)__builtin_ctz(note.sectors);
    *to = block + SECTOR_BYTES * (uint64_t)(32 - __builtin_clz(note.sectors));
}

/* Splits off the members that differ in what one note says was read. */
static void split_at(struct subsets *s, struct read_note note)
{
    uint64_t from, to;

    span(note, &from, &to);
    for (uint32_t i = s->n; i-- > 0;) {
        const struct log_entry *e = writelog_entry(s->log, s->entries[i]);
        const bool covers = e->off <= from && to <= e->off + e->len;

        if (to <= e->off || e->off + e->len <= from)
            continue;
        if (!has(&s->current.decided, i)) {
            struct group other = s->current;

            set(&other.decided, i);
            set(&other.kept, i);
            push(s, &other);
            set(&s->current.decided, i);
        } else if (covers && has(&s->current.kept, i)) {
            return;
        }
    }
}

void subsets_split(struct subsets *s, const struct read_note *reads, size_t n)
{
    for (size_t i = 0; i < n; i++)
        split_at(s, reads[i]);
}

const struct crash_state *subsets_any(struct subsets *s, struct rng *r)
{
    struct group g = s->current;

    for (uint32_t i = 0; i < s->n; i++)
        if (!has(&g.decided, i) && rng_one_in(r, 2))
            set(&g.kept, i);
    first_member(s, &g, &s->later);
    return &s->later;
}

const uint64_t *subsets_free_writes(const struct subsets *s, uint32_t *ret_n, uint32_t *ret_n_before)
{
    uint32_t n = 0, n_before = 0;

    for (uint32_t i = 0; i < s->n; i++) {
        if (has(&s->current.decided, i))
            continue;
        if (s->entries[i] < s->state.cut)
            n_before++;
        else
            s->free_writes[n++] = s->entries[i];
    }
    *ret_n = n;
    *ret_n_before = n_before;
    return s->free_writes;
}

bool subsets_has_whole(const struct subsets *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (has(&s->current.decided, i) && !has(&s->current.kept, i))
            return false;
    return true;
}

bool subsets_complete(const struct subsets *s)
{
    return !s->incomplete && s->head == s->n_queue;
}
