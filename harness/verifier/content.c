/* How many bytes equal a content: a store's stamps, one byte over and over, or zeros. */
#include <string.h>

#include "evidence/stamp.h"
#include "verifier/judge.h"

static uint64_t fill_match(uint8_t fill, const uint8_t *data, uint64_t len)
{
    uint64_t word = 0x0101010101010101U * fill, i = 0;

    for (; i + 8 <= len; i += 8) {
        uint64_t x;

        memcpy(&x, data + i, 8);
        if (x != word)
            break;
    }
    while (i < len && data[i] == fill)
        i++;
    return i;
}

uint64_t content_match(const struct world *w, const struct content *c, uint64_t off, const uint8_t *data, uint64_t len)
{
    static const uint8_t zeros[64];
    uint8_t fill = c->kind == CONTENT_FILL ? c->fill : 0;

    if (c->kind == CONTENT_ANY)
        return len;
    if (c->kind != CONTENT_STAMP)
        return data ? fill_match(fill, data, len) : fill == 0 ? len : 0;
    uint64_t from = (uint64_t)((int64_t)off - c->shift);

    if (data)
        return stamp_match(w->history->key, c->file, c->store, from, data, len);
    /* A hole: no stamp is zero for long. */
    return stamp_match(w->history->key, c->file, c->store, from, zeros, len < sizeof zeros ? len : sizeof zeros);
}
