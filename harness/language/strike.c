/* The table of strikes as data: see strike.h. */
#include "language/strike.h"

#include <string.h>

#define STRIKE_INFO(id, word, called, what_dies, ...)                                                                            \
    [STRIKE_##id] = {.name = #word, .noun = (called), .dies = (what_dies), .loss = {__VA_ARGS__}},
const struct strike_info strike_table[STRIKES] = {STRIKE_TABLE(STRIKE_INFO)};

enum strike strike_parse(const char *name, size_t len_bytes)
{
    for (unsigned k = 0; k < STRIKES; k++)
        if (strlen(strike_table[k].name) == len_bytes && memcmp(strike_table[k].name, name, len_bytes) == 0)
            return (enum strike)k;
    return STRIKES;
}
