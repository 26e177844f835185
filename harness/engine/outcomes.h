/*
 * What mounted crash states showed, each different picture once, and at which moments of the history it was judged already. Many
 * states show the same; judging is pure, so once for each picture and moment is enough. Private to the engine.
 */
#ifndef TORNPAGE_ENGINE_OUTCOMES_H
#define TORNPAGE_ENGINE_OUTCOMES_H

#include <stddef.h>
#include <stdint.h>

#include "truth/survivors.h"

struct buf;

enum { OUTCOME_JUDGED = 4 }; /* beside COMES_TO_... of explorer.h */

struct outcome {
    struct survivors survivors;
    uint64_t hash;
    uint8_t *judged; /* by moment: OUTCOME_JUDGED, and what it came to */
};

struct outcomes {
    struct outcome *v;
    size_t n, cap, n_moments, bytes;
    struct survivors spare; /* memory of a forgotten one, for the next to be taken */
};

/* `n_moments`: how many moments each may be judged at. */
void outcomes_open(struct outcomes *o, size_t n_moments);
void outcomes_close(struct outcomes *o);
/* Takes the survivors over (and leaves an empty picture behind); the index of this picture. */
size_t outcomes_take(struct outcomes *o, struct survivors *s);
void outcomes_forget(struct outcomes *o); /* all of them */
/* What two pictures differ in, in words. */
void outcomes_compare(const struct survivors *a, const struct survivors *b, struct buf *out);

#endif
