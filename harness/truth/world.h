/*
 * The world: a plan and its history, turned into what the oracle reasons about. For each inode: its versions (who set which
 * bytes, when), its sizes, its syncs; for the name space: its operations in order. Verbs describe themselves through the calls
 * below (struct verb, effect). Memory is proportional to the number of events, never to file sizes.
 */
#ifndef TORNPAGE_TRUTH_WORLD_H
#define TORNPAGE_TRUTH_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evidence/history.h"
#include "language/plan.h"
#include "truth/guarantees.h"

/*
 * Builds the world from all events of `h` in the order they began. The plan, history and guarantees must outlive it. A world can
 * be built again in the same memory (world_build clears it): no allocation once it is warm.
 */
struct world *world_new(void);
void world_build(struct world *w, const struct plan *p, const struct history *h, const struct guarantees *g);
void world_free(struct world *w);

#endif
