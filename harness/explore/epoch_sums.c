/*
 * The sums of an exploration: how many states were covered, lossy and violated, and which epochs are exhaustive. Each epoch has
 * two counts, of states visited one by one and of states in groups, which overlap (epoch_count.h says how they are merged).
 */
#include <float.h>
#include <stdlib.h>

#include "explore/exploration.h"

void sums_add(struct epoch_count *c, uint64_t n_states, uint8_t judgement)
{
    epoch_count_add(c, n_states, judgement & JUDGED_LOSSY, judgement & JUDGED_VIOLATED);
}

void sums_replace(struct explorer *x, const struct epoch_count *before, const struct epoch_count *after)
{
    x->covered = epoch_count_sum(x->covered - before->covered, after->covered);
    x->lossy = epoch_count_sum(x->lossy - before->lossy, after->lossy);
    x->violated = epoch_count_sum(x->violated - before->violated, after->violated);
}

bool sums_is_asked(const struct exploration *e, const struct epoch_writes *w)
{
    size_t first, n;

    e->x->ops->questions(e->x->arg, w->durable, w->end, &first, &n);
    return n > 0;
}

bool sums_is_exhaustive(const struct exploration *e, uint32_t epoch, const struct epoch_writes *w)
{
    const struct epoch_count c = epoch_count_merge(&e->visited[epoch], &e->groups[epoch]);

    return epoch_count_is_exhaustive(&c, epoch, w, e->all_given);
}

static void finish_epoch(const struct exploration *e, uint32_t epoch, const struct epoch_writes *w)
{
    struct explorer *x = e->x;
    const struct epoch_count c = epoch_count_merge(&e->visited[epoch], &e->groups[epoch]);
    const bool exhaustive = sums_is_exhaustive(e, epoch, w);
    const struct epoch_result result = {.n_writes = w->n,
                                        .from = w->durable,
                                        .to = w->end,
                                        .covered = epoch_count_reported(&c, w, exhaustive),
                                        .exist = w->n_states,
                                        .exhaustive = exhaustive};

    *(exhaustive ? &x->epochs_exhaustive : &x->epochs_sampled) += 1;
    if (w->n > 1)
        x->ops->report_epoch(x->arg, &result);
}

void sums_finish(struct exploration *e)
{
    const struct epoch_count none = {0};
    struct explorer *x = e->x;
    double exist = 0;

    x->covered = x->lossy = x->violated = 0;
    sums_replace(x, &none, &e->others);
    for (uint32_t i = 0; i < states_epochs(e->source); i++) {
        const struct epoch_count c = epoch_count_merge(&e->visited[i], &e->groups[i]);
        struct epoch_writes w;

        sums_replace(x, &none, &c);
        states_epoch(e->source, i, &w);
        if (sums_is_asked(e, &w)) {
            exist += exist > 0 ? w.n_states - 1 : w.n_states; /* the state that keeps nothing belongs to the epoch before */
            if (w.n || !sums_is_exhaustive(e, i, &w))         /* an epoch without writes has one state: nothing to report */
                finish_epoch(e, i, &w);
        }
        free(w.entries);
    }
    x->exist = exist < DBL_MAX ? exist : DBL_MAX;
}
