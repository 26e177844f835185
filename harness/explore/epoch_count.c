/* Counts of states by epoch: see epoch_count.h. */
#include "explore/epoch_count.h"

#define MANY UINT64_C(1000000000000000)

uint64_t epoch_count_sum(uint64_t a, uint64_t b)
{
    return a > MANY - b ? MANY : a + b;
}

uint64_t epoch_count_subsets(uint32_t n_writes)
{
    return n_writes < 50 && UINT64_C(1) << n_writes < MANY ? UINT64_C(1) << n_writes : MANY;
}

void epoch_count_add(struct epoch_count *c, uint64_t n, bool lossy, bool violated)
{
    c->covered = epoch_count_sum(c->covered, n);
    if (lossy)
        c->lossy = epoch_count_sum(c->lossy, n);
    if (violated)
        c->violated = epoch_count_sum(c->violated, n);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

struct epoch_count epoch_count_merge(const struct epoch_count *visited, const struct epoch_count *groups)
{
    return (struct epoch_count){
        .covered = groups->exhaustive ? groups->covered : larger(visited->covered, groups->covered),
        .lossy = larger(visited->lossy, groups->lossy),
        .violated = larger(visited->violated, groups->violated),
        .exhaustive = groups->exhaustive,
    };
}

bool epoch_count_is_exhaustive(const struct epoch_count *c, uint32_t epoch, const struct epoch_writes *w, bool all_given)
{
    /* The state that keeps nothing counts as the last one of the epoch before. */
    return c->exhaustive || (all_given && w->n <= STATES_SMALL_EPOCH) || (double)c->covered >= w->n_states - (epoch > 0);
}

uint64_t epoch_count_reported(const struct epoch_count *c, const struct epoch_writes *w, bool exhaustive)
{
    return !exhaustive ? c->covered : w->n_states < (double)MANY ? (uint64_t)w->n_states : MANY;
}
