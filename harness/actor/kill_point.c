/* Kill points in words: see kill_point.h. */
#include "actor/kill_point.h"

#include <assert.h>

#include "base/buf.h"
#include "language/plan.h"

static const char *const words[KILL_KINDS] = {
    [KILL_BEFORE] = "before",
    [KILL_AFTER] = "after",
    [KILL_INSIDE] = "inside",
    [KILL_ASYNC] = "during",
};

void kill_point_print(const struct plan *p, const struct kill_point *k, struct buf *out)
{
    if (k->kind == KILL_NEVER)
        return;
    assert(k->kind < KILL_KINDS && k->step < p->n_steps);
    buf_printf(out, "killed %s line %u", words[k->kind], p->steps[k->step].line);
    if (k->kind == KILL_INSIDE)
        buf_printf(out, " after %llu bytes", (unsigned long long)k->bytes);
    if (k->kind == KILL_ASYNC)
        buf_printf(out, " after %llu turns", (unsigned long long)k->spins);
}
