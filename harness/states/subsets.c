/*
 * Subsets of an epoch's writes, in groups that recovery cannot tell apart.
 *
 * A group is a decision for some of the writes (kept or left out), the others being undecided: with u of these it has 2^u
 * members. The first group is all undecided. Of a group the member that keeps no undecided write is tested. Recovery read some
 * blocks; take each, and the writes that touch it, the latest first. A decided one is passed by; if it is kept and covers the
 * block, what is below is hidden and the block is done. An undecided one splits the group: its members that keep this write are a
 * group of their own, for later; from here on it is left out. When all blocks that were read are through, the members that are
 * left all hold the same in them, so all of them behave as the one that was tested. Groups never overlap, and together they are
 * all subsets.
 *
 * The member tested is the one that may exist first: every other keeps a write behind its last one or the same, and all may exist
 * until the epoch's flush completes. So whoever judges this member at all its positions has judged the others at all of theirs.
 *
 * Groups wait in a queue, so that states with few changes against nothing kept come first.
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
    struct group at;
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

/* The state that keeps what the group keeps. */
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
    s->at = s->queue[s->head++];
    first_member(s, &s->at, &s->state);
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

/* Bytes [*from, *to) of the disk that a note names at the least. */
static void span(struct read_note note, uint64_t *from, uint64_t *to)
{
    const uint64_t block = (uint64_t)note.block * BLOCK_BYTES;

    *from = block + SECTOR_BYTES * (uint64_t)__builtin_ctz(note.sectors);
    *to = block + SECTOR_BYTES * (uint64_t)(32 - __builtin_clz(note.sectors));
}

/* Splits off what differs in the places of one note. */
static void split_at(struct subsets *s, struct read_note note)
{
    uint64_t from, to;

    span(note, &from, &to);
    for (uint32_t i = s->n; i-- > 0;) {
        const struct log_entry *e = writelog_entry(s->log, s->entries[i]);
        const bool covers = e->off <= from && to <= e->off + e->len;

        if (to <= e->off || e->off + e->len <= from)
            continue;
        if (!has(&s->at.decided, i)) {
            struct group other = s->at;

            set(&other.decided, i);
            set(&other.kept, i);
            push(s, &other);
            set(&s->at.decided, i);
        } else if (covers && has(&s->at.kept, i)) {
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
    struct group g = s->at;

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
        if (has(&s->at.decided, i))
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
        if (has(&s->at.decided, i) && !has(&s->at.kept, i))
            return false;
    return true;
}

bool subsets_complete(const struct subsets *s)
{
    return !s->incomplete && s->head == s->n_queue;
}
