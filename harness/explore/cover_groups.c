/*
 * Covers all subsets of an epoch's writes, in groups whose members recovery cannot tell apart (states/subsets.c). The first
 * member of a group is covered, and what it read decides which subsets the group has.
 *
 * An epoch is given up when it would take too many mounts. Each gets an equal share of the mounts that are left, and at least
 * LEAST_SHARE, so that small epochs become exhaustive also in long logs.
 *
 * Members are judged by their cuts: of the questions and observations of the first member only those count that a member's own
 * cuts ask for. The state that keeps a whole epoch goes on into later ones, where it may be asked more. So it is covered by
 * itself, and even if that is one mount too many: else nearly all of an epoch could be covered and the epoch not be exhaustive.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "explore/exploration.h"
#include "states/subsets.h"

enum {
    MAX_GROUPS = 4096,   /* of one epoch */
    CHECKED_MEMBERS = 3, /* of each group, when conclusions are to be checked */
    LEAST_SHARE = 16,    /* mounts an epoch may take to become exhaustive, while there are any */
};

/* An epoch whose subsets are being covered. */
struct epoch_groups {
    uint32_t epoch;
    const struct epoch_writes *w;
    struct subsets *subsets;
    struct epoch_count *count;
};

/*
 * Counts the members of the current group by their cuts. `counted_before`: its first member is a state of the epoch before.
 * `has_whole`: the member that keeps the whole epoch is counted by itself.
 */
static void count_group(const struct exploration *e, const struct epoch_groups *g, bool counted_before, bool has_whole)
{
    uint32_t n, n_before;
    const uint64_t *free_writes = subsets_free_writes(g->subsets, &n, &n_before);
    const struct crash_state *first = e->current.s;

    sums_add(g->count, epoch_count_subsets(n_before) - counted_before - (has_whole && n == 0),
             judge_current_state(e, first->cut, first->until));
    for (uint32_t i = 0; i < n; i++)
        sums_add(g->count, epoch_count_subsets(n_before + i) - (has_whole && i == n - 1),
                 judge_current_state(e, free_writes[i] + 1, first->until));
}

/* Covers and counts the state that keeps all of the epoch's writes. */
static enum coverage cover_whole(struct exploration *e, const struct epoch_groups *g)
{
    const uint64_t may_mount = e->may_mount;
    struct crash_state s;

    states_whole_epoch(g->w, g->epoch, &s);
    e->may_mount = UINT64_MAX;
    const enum coverage c = cover_state(e, &s, CHECKED_MEMBER);
    e->may_mount = may_mount;
    if (c == COVERED)
        sums_add(g->count, 1, judge_current_state(e, s.cut, s.until));
    e->current.s = NULL;
    free(s.kept);
    return c;
}

/* Has some members observed although their group's first one covers them, if conclusions are to be checked. */
static enum coverage check_members(struct exploration *e, const struct epoch_groups *g)
{
    enum coverage c = COVERED;

    for (unsigned i = 0; e->x->check_prune && i < CHECKED_MEMBERS && c == COVERED; i++)
        c = cover_state(e, subsets_any(g->subsets, e->x->rng), CHECKED_MEMBER);
    return c;
}

/* Do the covers of the current state cover the others of its group? */
static bool is_conclusive(const struct current_state *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->covers[i].tested == READ_TRIE_NONE)
            return false;
    return s->n > 0;
}

/* Covers the group that begins with this state. */
static enum coverage cover_group(struct exploration *e, const struct epoch_groups *g, const struct crash_state *first)
{
    const struct current_state *s = &e->current;
    enum coverage c = cover_state(e, first, FIRST_OF_GROUP);

    if (c != COVERED || !is_conclusive(s))
        return c == COVERED ? NOT_COVERED : c;
    for (size_t i = 0; i < s->n; i++) {
        size_t n_reads;
        const struct read_note *reads = read_trie_reads(e->conclusions.trie, s->covers[i].tested, &n_reads);

        subsets_split(g->subsets, reads, n_reads);
    }
    /* The state that keeps nothing of this epoch is the one that keeps all of the epoch before. */
    const bool counted_before = g->epoch > 0 && first->n_kept == 0, has_whole = subsets_has_whole(g->subsets);
    count_group(e, g, counted_before, has_whole);
    c = check_members(e, g);
    return c == COVERED && has_whole ? cover_whole(e, g) : c;
}

/* Tries to cover all subsets of an epoch's writes, with at most so many mounts. */
static enum coverage cover_epoch(struct exploration *e, uint32_t epoch, const struct epoch_writes *w, uint64_t mounts)
{
    const uint64_t may_mount = e->may_mount;
    struct epoch_count *count = &e->groups[epoch];
    const struct epoch_count before = epoch_count_merge(&e->visited[epoch], count);
    struct subsets *u = subsets_new(e->x->log, w->entries, w->n, w->durable, w->end, MAX_GROUPS);
    const struct epoch_groups g = {.epoch = epoch, .w = w, .subsets = u, .count = count};
    const struct crash_state *first;
    enum coverage c = COVERED;

    e->may_mount = e->x->mounted + mounts;
    while (c == COVERED && !exploration_stops(e) && subsets_next(u, &first)) {
        prefetch_groups(e, u, first);
        c = cover_group(e, &g, first);
    }
    e->may_mount = may_mount;
    count->exhaustive = c == COVERED && subsets_complete(u);
    subsets_free(u);
    if (count->exhaustive)
        states_skip(e->source, epoch);
    const struct epoch_count after = epoch_count_merge(&e->visited[epoch], count);
    sums_replace(e->x, &before, &after);
    return c;
}

/* May all subsets of the epoch be covered in groups, and is there a point in it? */
static bool is_worth_covering(const struct exploration *e, uint32_t epoch, const struct epoch_writes *w)
{
    return (w->n || epoch == 0) && w->n <= SUBSETS_MAX_WRITES && !w->forced && sums_is_asked(e, w) &&
           !sums_is_exhaustive(e, epoch, w) && !exploration_stops(e);
}

/* Sets how many states may be mounted until all groups are covered: torn states that come later keep their share. */
static void reserve_mounts(struct exploration *e)
{
    const struct explorer *x = e->x;
    const uint64_t torn = states_share(e->source, STATE_TORN) - states_share(e->source, STATE_ALONE), max = x->limits.max_states,
                   reserved = x->groups_after < STATE_TORN ? torn : 0;

    e->may_mount = max > reserved ? max - reserved : 0;
    if (e->may_mount < x->mounted)
        e->may_mount = x->mounted;
}

bool cover_groups(struct exploration *e)
{
    const uint32_t n = states_epochs(e->source);
    enum coverage c = COVERED;

    reserve_mounts(e);
    for (uint32_t i = 0; i < n && c != FAILED; i++) {
        /* States that keep a whole epoch may have taken more than there were. */
        const uint64_t left = e->may_mount > e->x->mounted ? e->may_mount - e->x->mounted : 0, even = left / (n - i),
                       least = left < LEAST_SHARE ? left : LEAST_SHARE;
        struct epoch_writes w;

        states_epoch(e->source, i, &w);
        if (is_worth_covering(e, i, &w))
            c = cover_epoch(e, i, &w, even < LEAST_SHARE ? least : even);
        free(w.entries);
    }
    return c != FAILED;
}
