/*
 * What recovery reads, as a trie: each crash state that was mounted leaves the contents it read, in the order in which it read
 * them. A state that holds the same in all those places makes recovery do the same, so it needs no mount. read_trie.c opens with
 * the reasoning.
 *
 * What is done with a mounted state may differ: each way to look at it is a question with a number of its own, counted from 0,
 * and only what was tested for the same question says anything about it.
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
/* Which tested state the one that is loaded now agrees with in all that was read then: its number, or READ_TRIE_NONE. */
int64_t read_trie_find(struct read_trie *t, size_t question, const struct crash_image *c);
/*
 * The loaded state was tested, and the notes are what that read, in order. Takes it in and returns its number: they count from 0,
 * through all questions. A state with a twin (which reads alike, and holds the same there) gets its twin's number.
 */
int64_t read_trie_add(struct read_trie *t, size_t question, const struct crash_image *c, const struct read_note *notes, size_t n);
/* What a tested state read, in order. Valid until the next add. */
const struct read_note *read_trie_reads(const struct read_trie *t, int64_t tested, size_t *ret_n);
size_t read_trie_bytes(const struct read_trie *t); /* memory it takes */

#endif
