/*
 * All subsets of an epoch's writes, without visiting each: a stretch of writes that nobody read the blocks of is left undecided.
 * subsets.c opens with the reasoning.
 */
#ifndef TORNPAGE_STATES_SUBSETS_H
#define TORNPAGE_STATES_SUBSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "states/crash_states.h"
#include "states/read_notes.h"

struct rng;
struct subsets;

enum { SUBSETS_MAX_WRITES = 512 }; /* of an epoch, so that it can be covered exhaustively */

/*
 * The subsets of the writes in one epoch: `entries`, ascending, of `log`. Everything before log position `durable` is on the
 * media; an image stays possible up to position `end`. None of them is FUA. At most `max_groups` are visited.
 */
struct subsets *subsets_new(const struct writelog *log, const uint64_t *entries, uint32_t n, uint64_t durable, uint64_t end,
                            uint64_t max_groups);
void subsets_free(struct subsets *s);
/*
 * The next group's first member: the one with the earliest cut, in which no undecided write is kept. Returns 1; 0 at the end.
 * *ret is owned by the enumeration until the next call. Between two calls, subsets_split.
 */
int subsets_next(struct subsets *s, const struct crash_state **ret);
/* The first member of the group that comes i groups after the next one. Returns 1; 0 when it is not known yet or there is none.
 */
int subsets_later(struct subsets *s, size_t i, const struct crash_state **ret);
/*
 * Recovery of that member read these places: all members that agree on them behave alike. The others are split off into groups
 * that are given out later. Undecided writes of the group are then listed in subsets_free_writes.
 */
void subsets_split(struct subsets *s, const struct read_note *reads, size_t n);
/* After the split: a member of the group by chance, to be compared with the first; until the next call of this. */
const struct crash_state *subsets_any(struct subsets *s, struct rng *r);
/*
 * Entries (log positions, ascending) of the group's undecided writes behind the last one that it keeps, and how many others there
 * are before that. 2^(all of them) states are in the group; those that keep free[i] and none behind it have their cut at
 * free[i] + 1, and there are 2^(n_before + i) of them.
 */
const uint64_t *subsets_free_writes(const struct subsets *s, uint32_t *ret_n, uint32_t *ret_n_before);
bool subsets_has_whole(const struct subsets *s); /* is the state that keeps all of the epoch's writes in this group? */
/* Was everything visited, and nothing over the limit? */
bool subsets_complete(const struct subsets *s);

#endif
