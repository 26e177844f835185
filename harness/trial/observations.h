/*
 * Private to this room. The observations of crash states, each different one once, and at which moments of the history it was
 * judged. Many states give the same observation. Judging is pure, so once for each observation and moment is enough.
 */
#ifndef TORNPAGE_TRIAL_OBSERVATIONS_H
#define TORNPAGE_TRIAL_OBSERVATIONS_H

#include <stddef.h>
#include <stdint.h>

#include "evidence/survivors.h"

struct buf;

enum { OBSERVATION_JUDGED = 4 }; /* beside JUDGED_LOSSY and JUDGED_VIOLATED of explorer.h */

struct observation {
    struct survivors survivors;
    uint64_t hash;
    uint8_t *judged; /* by moment: OBSERVATION_JUDGED, and the judgement */
};

struct observations {
    struct observation *v;
    size_t n, cap, n_moments, bytes;
    struct survivors spare; /* memory of a forgotten observation, for the next one */
};

/* `n_moments`: how many moments each may be judged at. */
void observations_open(struct observations *o, size_t n_moments);
void observations_close(struct observations *o);
/* Takes the survivors over, and leaves none behind. Returns the index of the observation: a known one where it is the same. */
size_t observations_take(struct observations *o, struct survivors *s);
void observations_forget(struct observations *o); /* all of them */
/* Adds in words what differs between two observations. */
void observations_compare(const struct survivors *a, const struct survivors *b, struct buf *out);

#endif
