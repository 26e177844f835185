/* How similar two words are. */
#ifndef TORNPAGE_BASE_EDIT_DISTANCE_H
#define TORNPAGE_BASE_EDIT_DISTANCE_H

#include <stddef.h>

/* How many bytes must be inserted, deleted or replaced to turn one word into the other, whatever the case of letters. Words of
 * more than 96 bytes count as wholly different. */
size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len);

/* The entry of the NULL-terminated list that is most similar to `word`; NULL if none is similar. */
const char *edit_similar(const char *word, const char *const *list);

#endif
