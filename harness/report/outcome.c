/* How a run ended: see outcome.h. */
#include "report/outcome.h"

#include <string.h>

#include "base/buf.h"
#include "random/random.h"

bool outcome_misses(const struct result *r)
{
    return r->interrupted_by || (r->not_begun && !is_random_name(r->scenario));
}

bool outcome_fails(const struct result *r)
{
    return r->verdict == VERDICT_VIOLATED && !r->known;
}

void outcome_of(const struct result *results, size_t n, struct outcome *ret)
{
    *ret = (struct outcome){0};
    for (size_t i = 0; i < n; i++) {
        const struct result *r = &results[i];

        if (outcome_misses(r))
            ret->missing++;
        else
            ret->n[r->verdict]++;
        ret->known += r->known;
        ret->not_begun += r->not_begun;
        if (r->interrupted_by)
            ret->interrupted_by = r->interrupted_by;
    }
}

void outcome_incomplete(const struct outcome *o, size_t n_results, struct buf *out)
{
    if (!o->missing)
        return;
    if (o->interrupted_by)
        buf_printf(out, "interrupted by SIG%s", sigabbrev_np(o->interrupted_by));
    else
        buf_puts(out, "--time ran out");
    buf_printf(out, ": %zu of %zu results are missing", o->missing, n_results);
}
