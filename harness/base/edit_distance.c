/* Levenshtein distance, one row of the table at a time: see edit_distance.h. */
#include "base/edit_distance.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { MAX_WORD = 96 };

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[MAX_WORD + 1];

    if (a_len > MAX_WORD || b_len > MAX_WORD)
        return a_len > b_len ? a_len : b_len;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            const size_t above = row[j];

            row[j] = lesser(lesser(above, row[j - 1]) + 1, diagonal + !same(a[i - 1], b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *edit_similar(const char *word, const char *const *list)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 2; /* a distance that is no longer similar */

    for (; *list; list++) {
        size_t d = strlen(word) >= 3 && strncasecmp(*list, word, strlen(word)) == 0
                       ? 0
                       : edit_distance(word, strlen(word), *list, strlen(*list));
        if (d < best_distance && d < strlen(*list)) {
            best = *list;
            best_distance = d;
        }
    }
    return best;
}
