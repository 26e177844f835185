/* A crash state in words: see crash_states.h. */
#include <inttypes.h>

#include "base/buf.h"
#include "states/crash_states.h"

void crash_state_renumber(const struct crash_state *s, uint64_t (*number)(const void *arg, uint64_t pos), const void *arg,
                          struct crash_state *ret)
{
    *ret = *s;
    ret->kept = xcalloc(s->n_kept + 1, sizeof *s->kept);
    ret->durable = number(arg, s->durable);
    ret->cut = number(arg, s->cut);
    ret->until = number(arg, s->until);
    for (size_t i = 0; i < s->n_kept; i++) {
        ret->kept[i] = s->kept[i];
        ret->kept[i].entry = number(arg, s->kept[i].entry);
    }
}

void crash_state_print(const struct crash_state *s, struct buf *out)
{
    const char *word = "; kept";

    buf_printf(out, "cut at %" PRIu64, s->cut);
    if (s->until > s->cut)
        buf_printf(out, " to %" PRIu64, s->until);
    buf_printf(out, "; durable up to %" PRIu64, s->durable);
    for (size_t i = 0; i < s->n_kept; i++) {
        size_t last = i;

        if (s->kept[i].count)
            continue;
        while (last + 1 < s->n_kept && !s->kept[last + 1].count && s->kept[last + 1].entry == s->kept[last].entry + 1)
            last++;
        buf_printf(out, "%s %" PRIu64, word, s->kept[i].entry);
        if (last > i)
            buf_printf(out, "-%" PRIu64, s->kept[last].entry);
        word = "";
        i = last;
    }
    word = "; torn";
    for (size_t i = 0; i < s->n_kept; i++) {
        if (!s->kept[i].count)
            continue;
        buf_printf(out, "%s %" PRIu64 " (sectors %" PRIu32 "-%" PRIu32 ")", word, s->kept[i].entry, s->kept[i].first,
                   s->kept[i].first + s->kept[i].count - 1);
        word = ",";
    }
}
