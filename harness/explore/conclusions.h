/*
 * Private to this room. What observations say about states that were not mounted: the reads of each observed state and which
 * observation came of it. A state that agrees with an observed one in everything that was read then, for the same question, is
 * covered by its observation (states/read_trie.c says why).
 */
#ifndef TORNPAGE_EXPLORE_CONCLUSIONS_H
#define TORNPAGE_EXPLORE_CONCLUSIONS_H

#include <stdint.h>

#include "explore/explorer.h"
#include "states/read_trie.h"

struct conclusions {
    struct read_trie *trie; /* NULL: nothing is concluded */
    size_t *observation_of; /* by number of the tested state */
    size_t cap_observation_of;
};

/* Forgets everything. `conclude`: conclusions are drawn from what is added from here on. */
void conclusions_restart(struct conclusions *c, bool conclude);
void conclusions_free(struct conclusions *c);
size_t conclusions_bytes(const struct conclusions *c); /* memory they take; 0 when nothing is concluded */
/* The tested state that covers the state in `image` for this question, or READ_TRIE_NONE. */
int64_t conclusions_find(const struct conclusions *c, const struct crash_image *image, size_t question);
/* Adds an observation of the state in `image` and returns its number among the tested states. */
int64_t conclusions_add(struct conclusions *c, const struct crash_image *image, size_t question, const struct observation_ref *o);

#endif
