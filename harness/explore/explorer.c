/*
 * The order of an exploration: see explorer.h. What happens to each state is in cover_state.c.
 *
 * 1. A state is *covered* when for each of its questions there is an observation: its own, or that of an observed state that
 *    agrees with it in everything that was read then (conclusions.h). Only in the first case it is mounted.
 *
 * 2. A covered state is judged, at all cuts at which it may exist: what is legal depends on the moment of the cut, so states that
 *    share an observation need not share a judgement.
 *
 * 3. First come the states of the source (states/crash_states.c), one by one, up to those of the kind `groups_after`; then the
 *    groups (cover_groups.c), which are all subsets of the writes of one epoch after the other; then the states that the source
 *    has left. It has no more subsets and samples of an epoch whose groups were all covered.
 *
 * 4. An epoch is *exhaustive* when all subsets of its writes were covered, else *sampled*.
 *
 * 5. Without pruning each state is observed and there are no groups, so only epochs of at most STATES_SMALL_EPOCH writes become
 *    exhaustive.
 *
 * A worked timeline, with the log of crash_states.c (one write A, a flush, two writes B and C, a flush; each write fills a block
 * of its own) and a mount that reads the block of A, and if A is there also that of C:
 *
 *    state        exists at cuts   mounted?                                         judged at
 *    nothing      0 to 1           yes; reads A                                     0 to 1
 *    A            1 to 4           yes; reads A and C                               1 to 4
 *    A, B         3 to 4           no: agrees with "A" in the blocks of A and C     3 to 4, with the observation of "A"
 *    A, B, C      4 to 5           yes; reads A and C                               4 to 5
 *    A, C         4                no: agrees with "A, B, C"                        4, with the observation of "A, B, C"
 *
 * Five states are covered by three mounts, and both epochs are exhaustive. If a sync of B had returned before the cut at 4, then
 * the loss of B would be legal in "A" at the cuts 1 to 3 and a violation at 4.
 */
#include "explore/explorer.h"

#include <stdlib.h>

#include "base/buf.h"
#include "explore/exploration.h"

/* Covers, judges and counts a state of the source. False: the exploration cannot go on. */
static bool visit(struct exploration *e, const struct crash_state *s)
{
    const bool is_subset = !crash_state_is_torn(s) && (s->epoch == 0 || s->n_kept);
    struct epoch_count *count = is_subset ? &e->visited[s->epoch] : &e->others, none = {0};
    const enum coverage c = cover_state(e, s, FROM_SOURCE);

    e->left_out |= c == NOT_COVERED;
    if (c != COVERED || e->current.n == 0)
        return c != FAILED;
    const struct epoch_count *groups = is_subset ? &e->groups[s->epoch] : &none, before = epoch_count_merge(count, groups);
    sums_add(count, 1, judge_current_state(e, s->cut, s->until));
    const struct epoch_count after = epoch_count_merge(count, groups);
    sums_replace(e->x, &before, &after);
    return true;
}

/* The next state of the source; NULL: there is none. */
static const struct crash_state *next_state(struct exploration *e)
{
    if (e->prefetch_state > 0)
        e->prefetch_state--;
    else
        e->prefetch_question = 0;
    /* Which states of later kinds the source has depends on the groups that were covered. */
    return window_next(e->window, e->groups_done ? STATE_KINDS : e->x->groups_after);
}

static bool visit_groups(struct exploration *e)
{
    e->groups_done = true;
    return cover_groups(e);
}

static bool visit_all(struct exploration *e)
{
    const struct explorer *x = e->x;
    const struct crash_state *s;

    while ((s = next_state(e)) != NULL && !exploration_stops(e)) {
        if (!e->groups_done && s->kind > x->groups_after && !visit_groups(e))
            return false;
        e->may_mount = s->kind <= x->groups_after ? states_share(e->source, s->kind) : x->limits.max_states;
        if (!visit(e, s))
            return false;
    }
    e->all_given = !s && !e->left_out && states_gives_all_subsets(e->source);
    return e->groups_done || visit_groups(e);
}

bool explorer_run(struct explorer *x)
{
    struct exploration e = {.x = x, .groups_done = !x->prune};

    e.source = states_new(x->log, x->from, x->to, &x->limits, x->seed);
    e.window = window_new(e.source, x->n_prefetch);
    const size_t n = states_epochs(e.source) + 1;
    e.visited = xcalloc(n, sizeof *e.visited);
    e.groups = xcalloc(n, sizeof *e.groups);
    const bool ok = visit_all(&e);
    e.all_given &= ok;
    sums_finish(&e);
    x->ops->forget(x->arg);
    conclusions_free(&e.conclusions);
    window_free(e.window);
    states_free(e.source);
    free(e.current.covers);
    free(e.visited);
    free(e.groups);
    return ok;
}
