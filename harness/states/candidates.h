/*
 * Private to this room. Candidates for crash states: which parts of an epoch's writes each of them keeps. Several candidates may
 * hold the same bytes; crash_states.c leaves out those whose image it has given out before.
 */
#ifndef TORNPAGE_STATES_CANDIDATES_H
#define TORNPAGE_STATES_CANDIDATES_H

#include <stdbool.h>
#include <stdint.h>

#include "states/crash_states.h"
#include "states/epochs.h"

/* How a write is torn. But for the last way it is the last one kept, and the writes before it are whole. */
enum torn_way {
    FIRST_UNIT,
    ALL_BUT_LAST_UNIT,
    ALL_BUT_FIRST_UNIT,
    RANDOM_UNITS,
    FIRST_HALF,
    FIRST_HALF_AMONG_ALL, /* all other writes of the epoch are kept */
    TORN_WAYS
};

/* Which candidate: number `index` of its kind; for subsets and samples, number `in_epoch` of this epoch. */
struct candidate {
    enum state_kind kind;
    uint64_t index;
    uint32_t epoch;
    uint64_t in_epoch;
};

struct candidates {
    const struct epochs *e;
    unsigned sector; /* atomic unit */
    bool torn;       /* samples may hold torn writes */
    uint64_t seed;
    struct part *parts; /* of the last candidate filled, one for each item of its epoch; room for the largest epoch */
};

/* Fills c->parts, which belong to epoch *ret_epoch. False: there is no such state. */
bool candidates_fill(struct candidates *c, const struct candidate *w, uint32_t *ret_epoch);

#endif
