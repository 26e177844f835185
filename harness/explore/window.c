/* A window on a source of crash states: see window.h. It is a ring of copies. */
#include "explore/window.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct window {
    struct state_source *source;
    struct crash_state *v;
    size_t size, head, n;
    bool begun;
};

struct window *window_new(struct state_source *source, size_t n_states)
{
    struct window *w = xcalloc(1, sizeof *w);

    w->source = source;
    w->size = n_states;
    w->v = xcalloc(n_states, sizeof *w->v);
    return w;
}

void window_free(struct window *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->size; i++)
        free(w->v[i].kept);
    free(w->v);
    free(w);
}

static struct crash_state *place(const struct window *w, size_t i)
{
    return &w->v[(w->head + i) % w->size];
}

static void copy(struct crash_state *to, const struct crash_state *s)
{
    const struct crash_state had = *to;
    size_t cap = had.cap_kept;

    *to = *s;
    to->kept = grow(had.kept, &cap, s->n_kept, sizeof *s->kept);
    to->cap_kept = cap;
    if (s->n_kept)
        memcpy(to->kept, s->kept, s->n_kept * sizeof *s->kept);
}

const struct crash_state *window_next(struct window *w, enum state_kind last)
{
    const struct crash_state *s;

    if (w->n && w->begun) {
        w->head = (w->head + 1) % w->size;
        w->n--;
    }
    w->begun = true;
    while (w->n < w->size && (w->n == 0 || place(w, w->n - 1)->kind <= last) && states_next(w->source, &s) == 1)
        copy(place(w, w->n++), s);
    return window_at(w, 0);
}

const struct crash_state *window_at(const struct window *w, size_t i)
{
    return i < w->n ? place(w, i) : NULL;
}
