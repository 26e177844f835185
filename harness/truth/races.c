/* What lanes did at the same time, where the history does not tell the order. See world_model.h. */
#include "language/verb.h"
#include "truth/world_model.h"

/* Another lane's event that overlaps `e` in time. */
static bool races(const struct event *o, const struct event *e)
{
    return o->lane != e->lane && o->lane != HISTORY_LANE_HARNESS && o->begin_seq && o->begin_seq < e->end_seq &&
           o->end_seq > e->begin_seq;
}

/*
 * The inode that the step of `o` works on, while the effect of `e` is applied and `o` overlaps it; NO_INODE if that is unknown,
 * because its actor opens or closes descriptors meanwhile.
 */
static int raced_inode(const struct world *w, const struct event *o, const struct event *e)
{
    const struct step *s = &w->plan->steps[o->step];
    int actor = world_actor(w, s), h = s->handle >= 0 ? s->handle : w->current_file[s->lane];
    uint32_t n = atomic_load(&w->history->n_events);

    if (h < 0 || !w->files[actor][h].valid)
        return NO_INODE;
    for (uint32_t i = 0; i < n; i++) {
        const struct event *other = &w->history->events[i];

        if (other->lane == HISTORY_LANE_HARNESS || !other->begin_seq || other->begin_seq > o->begin_seq ||
            other->end_seq < e->begin_seq)
            continue;
        const struct step *t = &w->plan->steps[other->step];

        if (world_actor(w, t) == actor && (t->verb->target == TARGET_NEW_FILE || t->verb->properties & VERB_CLOSES))
            return NO_INODE;
    }
    return w->files[actor][h].inode;
}

static bool may_resize(const struct step *s)
{
    return (s->verb->properties & VERB_RESIZES) &&
           (s->verb->target != TARGET_NEW_FILE || (s->flags & verb_flag(s->verb, 't')) != 0);
}

bool world_contended(const struct world *w, const struct event *e, int inode)
{
    uint32_t n = w->plan->n_lanes > 1 ? atomic_load(&w->history->n_events) : 0;

    for (uint32_t i = 0; i < n; i++) {
        const struct event *o = &w->history->events[i];

        if (!races(o, e) || !may_resize(&w->plan->steps[o->step]))
            continue;
        int theirs = w->plan->steps[o->step].verb->target == TARGET_FILE ? raced_inode(w, o, e) : NO_INODE;

        if (theirs == NO_INODE || theirs == inode)
            return true;
    }
    return false;
}

bool world_bytes_contended(const struct world *w, const struct event *e)
{
    uint32_t n = w->plan->n_lanes > 1 ? atomic_load(&w->history->n_events) : 0;

    for (uint32_t i = 0; i < n; i++)
        if (races(&w->history->events[i], e) && w->plan->steps[w->history->events[i].step].verb->properties & VERB_WRITES)
            return true;
    return false;
}

/*
 * When a lane used a name while another one set it, the history does not tell which came first, and so not which file a name, or
 * a descriptor opened by it, stands for.
 */
void world_find_name_races(struct world *w)
{
    for (size_t i = 0; i < w->n_ops; i++) {
        const struct span *op = &w->ops[i].when;

        for (size_t u = 0; u < w->n_uses; u++) {
            const struct event *e = &w->history->events[w->uses[u].event];
            bool same = w->ops[i].set[0].name == w->uses[u].name || (w->ops[i].n > 1 && w->ops[i].set[1].name == w->uses[u].name);
            uint64_t begin = op->begin_seq < e->begin_seq ? op->begin_seq : e->begin_seq;

            if (same && races(e, &w->history->events[op->event]) && begin < w->raced_seq)
                w->raced_seq = begin;
        }
    }
}
