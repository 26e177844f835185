/*
 * Private to this room. Prefetch workers: processes that observe crash states ahead of their turn. The caller takes the
 * observations in an order of its own, so its results do not depend on the number of workers; it only waits less. How a state is
 * observed, and what the bytes of an observation mean, is the caller's business.
 */
#ifndef TORNPAGE_EXPLORE_PREFETCH_H
#define TORNPAGE_EXPLORE_PREFETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "states/crash_states.h"

struct error;
struct prefetch;

/* Runs in a worker: observes the state and adds the observation's bytes to `out`. `tag` tells observations of one state apart. */
typedef void (*prefetch_fn)(void *arg, const struct crash_state *s, uint64_t tag, struct buf *out);

/* Forks n workers, which die with the caller. They inherit its memory as it is now. 0 or -errno. */
int prefetch_new(unsigned n, prefetch_fn observe, void *arg, struct prefetch **ret, struct error *err);
/* Kills the workers and drops what they observed. */
void prefetch_free(struct prefetch *p);
/* Is a worker idle? */
bool prefetch_idle(struct prefetch *p);
/* Has an idle worker observe this state. Does nothing if no worker is idle, or if this observation was begun before. */
void prefetch_begin(struct prefetch *p, const struct crash_state *s, uint64_t tag);
/*
 * Puts the observation of this state into *ret, in place of what that held; waits for it, and has it made if it was not begun.
 * -ECHILD: a worker died, and no further observation can be had.
 */
int prefetch_take(struct prefetch *p, const struct crash_state *s, uint64_t tag, struct buf *ret, struct error *err);

#endif
