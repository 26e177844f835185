/* For tests of the oracle against naive ones: worlds made by hand, and random times, syncs and moments. */
#ifndef TORNPAGE_CI_UNIT_NAIVE_H
#define TORNPAGE_CI_UNIT_NAIVE_H

#include <stdlib.h>

#include "base/rng.h"
#include "language/plan.h"
#include "truth/oracle.h"

enum { RANDOM_SEQ_MAX = 52, RANDOM_POS_MAX = 18 }; /* of random spans, the end excluded */

/* One file, inode 1, named "f". Built again for each round: what an earlier round left in its memory means nothing. */
struct hand_made {
    struct plan plan;
    struct history *history;
    struct world *world;
};

static inline void hand_made_new(struct hand_made *h)
{
    static char name[] = "f";

    *h = (struct hand_made){.plan = {.n_lanes = 1, .n_actors = 1, .paths = {name}}};
    h->history = history_init(malloc(history_bytes(1, 1)), 1, 1, 7);
    h->world = world_new();
}

static inline struct world *hand_made_again(struct hand_made *h, const struct guarantees *g)
{
    const struct span before = {.event = NO_EVENT, .certain = true};

    world_build(h->world, &h->plan, h->history, g);
    world_set_name(h->world, before, world_name(h->world, 0), world_new_inode(h->world, INODE_FILE, before));
    return h->world;
}

static inline void hand_made_free(struct hand_made *h)
{
    world_free(h->world);
    free(h->history);
}

/* It begins here and ends one later, on both clocks. */
static inline struct span span_at(uint64_t begin)
{
    return (struct span){.certain = true, .begin_seq = begin, .end_seq = begin + 1, .begin_pos = begin, .end_pos = begin + 1};
}

/* A span somewhere in time; one in six never ends, one in six is uncertain. Positions follow the same order as sequence numbers.
 */
static inline struct span random_span(struct rng *r)
{
    struct span s = {.event = (int32_t)rng_below(r, 100), .certain = !rng_one_in(r, 6)};

    s.begin_seq = 1 + rng_below(r, 40);
    s.end_seq = s.begin_seq + 1 + rng_below(r, 10);
    s.begin_pos = s.begin_seq / 3;
    s.end_pos = s.end_seq / 3;
    if (rng_one_in(r, 6)) {
        s.end_seq = s.end_pos = HISTORY_NEVER;
        s.certain = false;
    }
    return s;
}

static inline struct moment random_moment(struct rng *r)
{
    struct moment m = {.loss = rng_one_in(r, 2) ? LOSS_UNSYNCED : LOSS_NOTHING, .pos = rng_below(r, RANDOM_POS_MAX)};

    m.from = rng_below(r, RANDOM_SEQ_MAX);
    m.to = m.from + rng_below(r, 10);
    return m;
}

/* Ranged and full syncs of inode 1, up to `most`, within the first file_bytes. */
static inline void random_syncs(struct world *w, struct rng *r, uint64_t most, uint64_t file_bytes)
{
    for (uint64_t n = rng_below(r, most + 1); n; n--) {
        const uint64_t off = rng_below(r, file_bytes), end = off + 1 + rng_below(r, file_bytes - off);
        const struct span s = random_span(r);

        if (rng_one_in(r, 3))
            world_sync_data(w, 1, s);
        else
            world_sync_range(w, 1, s, off, end);
    }
}

#endif
