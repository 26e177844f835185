/*
 * Which states prefetch workers observe ahead of their turn: those that come next and that nothing covers so far. By its turn a
 * state may be covered nevertheless, and its prefetched observation is then never used. Whether and how far states are prefetched
 * changes neither what is concluded nor in which order, only how long it takes.
 */
#include "explore/exploration.h"
#include "states/subsets.h"

/* Prefetches a state for those of its questions, from *question on, that nothing covers. False: no worker is idle. */
static bool prefetch_state(struct exploration *e, const struct crash_state *s, size_t *question)
{
    const struct explorer *x = e->x;
    size_t first, n;

    x->ops->questions(x->arg, s->cut, s->until, &first, &n);
    for (; *question < n; ++*question) {
        if (!x->ops->prefetch_idle(x->arg))
            return false;
        if (!x->prune || x->check_prune ||
            (crash_image_load(x->prefetch_image, x->log, s) == 0 &&
             conclusions_find(&e->conclusions, x->prefetch_image, first + *question) == READ_TRIE_NONE))
            x->ops->prefetch(x->arg, s, first + *question);
    }
    return true;
}

void prefetch_window(struct exploration *e, size_t question)
{
    const struct crash_state *s;

    if (!e->x->prefetch_image)
        return;
    if (e->prefetch_state == 0 && e->prefetch_question < question)
        e->prefetch_question = question;
    while ((s = window_at(e->window, e->prefetch_state)) != NULL && prefetch_state(e, s, &e->prefetch_question)) {
        e->prefetch_state++;
        e->prefetch_question = 0;
    }
}

void prefetch_groups(struct exploration *e, struct subsets *u, const struct crash_state *first)
{
    const struct crash_state *s = first;

    for (size_t i = 0; e->x->prefetch_image && i <= e->x->n_prefetch; i++) {
        size_t question = 0;

        if ((i > 0 && !subsets_later(u, i - 1, &s)) || !prefetch_state(e, s, &question))
            return;
    }
}
