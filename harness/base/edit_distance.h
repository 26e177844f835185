/* How alike two words are. */
#ifndef TORNPAGE_BASE_EDIT_DISTANCE_H
#define TORNPAGE_BASE_EDIT_DISTANCE_H

#include <stddef.h>

/* The least number of bytes to insert, delete or replace that makes one word the other; words too long to be compared are apart.
 */
size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
