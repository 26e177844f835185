/*
 * Counts of one epoch's states: how many were covered, lossy and violated. An epoch is exhaustive when all subsets of its writes
 * were covered, else it is sampled.
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

/* Sums and powers stop at 10^15, so that those of many epochs can be added up. */
uint64_t epoch_count_sum(uint64_t a, uint64_t b);
uint64_t epoch_count_subsets(uint32_t n_writes); /* 2^n_writes */

/*
 * Adds n states. The state that keeps no write of its epoch counts in the epoch before, all of whose writes it keeps; only the
 * first epoch has none before it.
 */
void epoch_count_add(struct epoch_count *c, uint64_t n, bool lossy, bool violated);
/*
 * Merges the count of the states that were visited one by one and the count of those in groups. Neither counts a state twice, but
 * both may count the same state. When the groups are exhaustive, the visited states are among theirs; else at least the larger
 * number of states was covered.
 */
struct epoch_count epoch_count_merge(const struct epoch_count *visited, const struct epoch_count *groups);
/*
 * Is epoch number `epoch` exhaustive? `all_given`: every state of the source was covered, so all subsets of small epochs were,
 * although some that have the same bytes are counted once.
 */
bool epoch_count_is_exhaustive(const struct epoch_count *c, uint32_t epoch, const struct epoch_writes *w, bool all_given);

/* How many states of the epoch to report as covered: of an exhaustive epoch all, also those that have the same bytes. */
uint64_t epoch_count_reported(const struct epoch_count *c, const struct epoch_writes *w, bool exhaustive);

#endif
