/*
 * Lookers: processes that look at crash states ahead of time. Whoever explores takes what they saw in an order of its own, and so
 * comes to the same whatever their number is; they only make it wait less. What a look is, and what it comes to, is the caller's.
 */
#ifndef TORNPAGE_EXPLORE_PREFETCH_H
#define TORNPAGE_EXPLORE_PREFETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "states/crash_states.h"

struct error;
struct prefetch;

/* In the looker's process: looks at the state and adds what that comes to. `tag` tells looks at one state apart. */
typedef void (*prefetch_fn)(void *arg, const struct crash_state *s, uint64_t tag, struct buf *out);

/* Forks n of them, which die with the caller. They have its memory as it is now. */
int prefetch_new(unsigned n, prefetch_fn look, void *arg, struct prefetch **ret, struct error *err);
void prefetch_free(struct prefetch *l);
/* Is one of them free? */
bool prefetch_idle(struct prefetch *l);
/* Has a free one, if there is any, look at this state, unless that was begun before. */
void prefetch_begin(struct prefetch *l, const struct crash_state *s, uint64_t tag);
/* What a look at this state comes to, waiting for it. It is then forgotten. -ECHILD: a looker died. */
int prefetch_take(struct prefetch *l, const struct crash_state *s, uint64_t tag, struct buf *ret, struct error *err);

#endif
