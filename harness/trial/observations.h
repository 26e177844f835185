/*
 * What mounted crash states showed, each different picture once, and at which moments of the history it was judged already. Many
 * states show the same; judging is pure, so once for each picture and moment is enough. Private to the engine.
 */
#ifndef TORNPAGE_TRIAL_OBSERVATIONS_H
#define TORNPAGE_TRIAL_OBSERVATIONS_H

#include <stddef.h>
#include <stdint.h>

#include "evidence/survivors.h"

struct buf;

enum { OBSERVATION_JUDGED = 4 }; /* beside COMES_TO_... of explorer.h */

struct observation {
    struct survivors survivors;
    uint64_t hash;
    uint8_t *judged; /* by moment: OBSERVATION_JUDGED, and what it came to */
};

struct observations {
    struct observation *v;
    size_t n, cap, n_moments, bytes;
    struct survivors spare; /* memory of a forgotten one, for the next to be taken */
};

/* `n_moments`: how many moments each may be judged at. */
void observations_open(struct observations *o, size_t n_moments);
void observations_close(struct observations *o);
/* Takes the survivors over (and leaves an empty picture behind); the index of this picture. */
size_t observations_take(struct observations *o, struct survivors *s);
void observations_forget(struct observations *o); /* all of them */
/* What two pictures differ in, in words. */
void observations_compare(const struct survivors *a, const struct survivors *b, struct buf *out);

#endif
