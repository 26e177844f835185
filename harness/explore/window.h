/*
 * Private to this room. A window on a source of crash states: the current state and the ones after it, drawn early so that they
 * can be prefetched.
 */
#ifndef TORNPAGE_EXPLORE_WINDOW_H
#define TORNPAGE_EXPLORE_WINDOW_H

#include <stddef.h>

#include "states/crash_states.h"

struct window;

/* A window of n_states > 0 states. The source stays the caller's, and must outlive the window. */
struct window *window_new(struct state_source *source, size_t n_states);
void window_free(struct window *w);
/*
 * Moves on by one state and returns it, until the next call; NULL at the end. States after it are drawn up to the first one of a
 * kind beyond `last`, and no further: until then the caller may change which states of those kinds the source has.
 */
const struct crash_state *window_next(struct window *w, enum state_kind last);
/* The state i places after the current one (0: that itself); NULL: it is not drawn. */
const struct crash_state *window_at(const struct window *w, size_t i);

#endif
