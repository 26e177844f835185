/* Marks of a log: see logmarks.h. */
#include "dm_log/logmarks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

enum { LISTED_MARKS = 8 }; /* in an error */

int logmarks_read(struct logwrites *l, struct logmarks *ret, struct error *err)
{
    struct logwrites_entry e;
    uint64_t flushed = 0;
    int r;

    *ret = (struct logmarks){.v = NULL};
    logwrites_rewind(l);
    while ((r = logwrites_next(l, &e, err)) == 1) {
        /* A flush with data is the flush, then the write. */
        if (e.flags & LOGWRITES_FLUSH)
            flushed = e.index + (e.len == 0);
        if (e.flags & LOGWRITES_MARK) {
            ret->v = grow(ret->v, &ret->cap, ret->n, sizeof *ret->v);
            ret->v[ret->n++] = (struct logmark){.index = e.index, .text = xstrdup(e.text), .flushed = flushed};
        }
        ret->n_entries = e.index + 1;
    }
    if (r < 0) {
        logmarks_free(ret);
        return r;
    }
    logwrites_rewind(l);
    return 0;
}

void logmarks_free(struct logmarks *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->v[i].text);
    free(m->v);
    *m = (struct logmarks){.v = NULL};
}

size_t logmarks_passed(const struct logmarks *m, uint64_t pos)
{
    size_t lo = 0, hi = m->n;

    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;

        if (m->v[mid].index < pos)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct logmark *logmarks_find(const struct logmarks *m, const char *text, uint64_t from, struct error *err)
{
    struct buf list = {.data = NULL};
    size_t n_listed = 0;

    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].index >= from && strcmp(m->v[i].text, text) == 0)
            return &m->v[i];
    for (size_t i = 0; i < m->n && n_listed < LISTED_MARKS; i++)
        if (m->v[i].index >= from)
            buf_printf(&list, "%s'%s'", n_listed++ ? ", " : "", m->v[i].text);
    error_set(err, EINVAL, "mark", text, "the log has no such mark%s%s%s%s", from ? " behind the first one asked for" : "",
              n_listed ? "; it has " : ", nor any other", buf_text(&list), n_listed == LISTED_MARKS ? ", ..." : "");
    buf_free(&list);
    return NULL;
}
