/*
 * A trie of what observations read: for each tested crash state the contents that were read, in order. Another state that holds
 * the same in all those places gives the same observation, so it needs no mount. read_trie.c opens with the reasoning.
 *
 * States may be observed in several ways. Each way is a question with a number, counted from 0; a state tested for one question
 * says nothing about another.
 */
#ifndef TORNPAGE_STATES_READ_TRIE_H
#define TORNPAGE_STATES_READ_TRIE_H

#include <stddef.h>
#include <stdint.h>

#include "states/crash_image.h"

enum { READ_TRIE_NONE = -1 };

struct read_trie;

struct read_trie *read_trie_new(void);
void read_trie_free(struct read_trie *t);
/* The number of a tested state with whose reads the loaded state agrees, or READ_TRIE_NONE. */
int64_t read_trie_find(struct read_trie *t, size_t question, const struct crash_image *c);
/*
 * Adds the loaded state as tested; the notes are what was read, in order. Returns its number, counted from 0 over all questions:
 * a new one, or that of a state which read the same contents in the same order.
 */
int64_t read_trie_add(struct read_trie *t, size_t question, const struct crash_image *c, const struct read_note *notes, size_t n);
/* What was read from a tested state, in order. Valid until the next add. */
const struct read_note *read_trie_reads(const struct read_trie *t, int64_t tested, size_t *ret_n);
size_t read_trie_bytes(const struct read_trie *t); /* memory it takes */

#endif
