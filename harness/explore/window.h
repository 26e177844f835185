/* A window on a source of crash states: the one whose turn it is, and those that come after it. */
#ifndef TORNPAGE_EXPLORE_WINDOW_H
#define TORNPAGE_EXPLORE_WINDOW_H

#include <stddef.h>

#include "states/crash_states.h"

struct window;

struct window *window_new(struct state_source *source, size_t n_states);
void window_free(struct window *w); /* the source stays */
/*
 * Moves on by one state and returns it, until the next call; NULL at the end. What comes after it is drawn from the source up to
 * the first state of a kind beyond `last`, not further: the caller may still have a say in which ones those are.
 */
const struct crash_state *window_next(struct window *w, enum state_kind last);
/* The state i places behind the one whose turn it is (0: itself); NULL: not drawn. */
const struct crash_state *window_at(const struct window *w, size_t i);

#endif
