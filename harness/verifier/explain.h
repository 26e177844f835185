/* What is legal after each step, in words. */
#ifndef TORNPAGE_VERIFIER_EXPLAIN_H
#define TORNPAGE_VERIFIER_EXPLAIN_H

#include "evidence/history.h"
#include "language/plan.h"
#include "truth/guarantees.h"
#include "truth/world.h"

struct buf;

/* For `explain`: what is legal after each step from the end of set-up on, per crash kind, in words. Rebuilds *w as it goes. */
void world_explain(struct world *w, const struct plan *p, const struct history *h, const struct guarantees *g, struct buf *out);

#endif
