/*
 * How many states of each epoch were covered and what they came to, for whoever explores: an epoch is exhaustive when all subsets
 * of its writes were covered, else sampled.
 */
#ifndef TORNPAGE_EXPLORE_EPOCH_COUNT_H
#define TORNPAGE_EXPLORE_EPOCH_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "states/crash_states.h"

struct epoch_count {
    uint64_t covered, lossy, violated;
    bool exhaustive; /* known without counting */
};

/* Sums and powers go no further than 10^15, so that those of many epochs can be added up. */
uint64_t epoch_count_sum(uint64_t a, uint64_t b);
uint64_t epoch_count_subsets(uint32_t n_writes);

/*
 * Adds n states. The one that keeps nothing of its epoch is no matter of that epoch, but of the one before, of which it keeps
 * everything; only of the first epoch there is none before.
 */
void epoch_count_add(struct epoch_count *c, uint64_t n, bool lossy, bool violated);
/*
 * Of states that were visited one by one, and of groups of states. Neither overlap among themselves, but they do each other: when
 * the groups are all there is, the visited ones are among them; else there are at least as many as the more of either.
 */
struct epoch_count epoch_count_merge(const struct epoch_count *visited, const struct epoch_count *groups);
/*
 * Is epoch number `epoch` exhaustive? `all_given`: every state that the source had to give was covered, and all subsets of small
 * epochs were among them, though some may have had the same bytes.
 */
bool epoch_count_is_exhaustive(const struct epoch_count *c, uint32_t epoch, const struct epoch_writes *w, bool all_given);

/* How many of the epoch's states were covered, to be told: those of an exhaustive one all were, also those with the same bytes.
 */
uint64_t epoch_count_reported(const struct epoch_count *c, const struct epoch_writes *w, bool exhaustive);

#endif
