/*
 * All subsets of an epoch's writes, in groups that one observation each covers: whether a write to a block that was not read is
 * kept makes no difference. subsets.c opens with the reasoning.
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

enum { SUBSETS_MAX_WRITES = 512 }; /* of an epoch that can be covered exhaustively */

/*
 * The subsets of the writes of one epoch: the n `entries` of `log`, ascending, none of them FUA. Everything before log position
 * `durable` is on the media; the states exist up to the cut `end`. At most `max_groups` groups are given out.
 */
struct subsets *subsets_new(const struct writelog *log, const uint64_t *entries, uint32_t n, uint64_t durable, uint64_t end,
                            uint64_t max_groups);
void subsets_free(struct subsets *s);
/*
 * The first member of the next group, which becomes the current group. Returns 1, or 0 at the end. *ret is valid until the next
 * call. Between two calls the caller tests the member and calls subsets_split.
 */
int subsets_next(struct subsets *s, const struct crash_state **ret);
/* The first member of the group i places after the next one. Returns 1; 0 when it is not known yet, or there is none. */
int subsets_later(struct subsets *s, size_t i, const struct crash_state **ret);
/*
 * Says what was read when the first member was tested. The current group keeps the members that hold the same there; the others
 * are split off into groups that are given out later.
 */
void subsets_split(struct subsets *s, const struct read_note *reads, size_t n);
/* After the split: a random member of the current group. Valid until the next call of this function. */
const struct crash_state *subsets_any(struct subsets *s, struct rng *r);
/*
 * After the split: the undecided writes of the current group behind the last one that it keeps (log positions, ascending), and
 * how many undecided writes there are before that. The cuts of the members follow: 2^n_before members have the first member's
 * cut, and 2^(n_before + i) have their cut at free[i] + 1.
 */
const uint64_t *subsets_free_writes(const struct subsets *s, uint32_t *ret_n, uint32_t *ret_n_before);
bool subsets_has_whole(const struct subsets *s); /* does the current group have the state that keeps all writes? */
/* Were all subsets given out? Not if there were more than max_groups groups. */
bool subsets_complete(const struct subsets *s);

#endif
