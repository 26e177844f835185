/* Builds the world from all events of a history: each verb's effect in turn, and the harness's own syncs. See world.h. */
#include "base/buf.h"
#include "language/verb.h"
#include "truth/world_model.h"

static void add_name_sync(struct world *w, struct span when, int dir, int file_inode)
{
    w->name_syncs = grow(w->name_syncs, &w->cap_name_syncs, w->n_name_syncs, sizeof *w->name_syncs);
    w->name_syncs[w->n_name_syncs++] = (struct name_sync){.when = when, .dir = dir, .file_inode = file_inode};
}

void world_sync_dir(struct world *w, int inode, struct span when)
{
    if (when.certain)
        add_name_sync(w, when, inode, NO_INODE);
}

void world_sync_inode(struct world *w, int inode, struct span when)
{
    if (!when.certain)
        return;
    world_sync_data(w, inode, when);
    if (w->inodes[inode].kind == INODE_DIR)
        world_sync_dir(w, inode, when);
    else
        add_name_sync(w, when, NO_INODE, inode);
}

void world_sync_all(struct world *w, struct span when)
{
    if (!when.certain)
        return;
    for (size_t i = 0; i < w->n_inodes; i++)
        world_sync_data(w, (int)i, when);
    add_name_sync(w, when, NO_INODE, NO_INODE);
}

static void clear(struct world *w)
{
    w->n_inodes = w->n_names = w->n_ops = w->n_name_syncs = w->n_accesses = w->n_own_pool = 0;
    w->n_uses = 0;
    w->raced_seq = w->shutdown_seq = HISTORY_NEVER;
    for (size_t a = 0; a < w->plan->n_actors; a++)
        for (size_t h = 0; h < w->plan->n_handles; h++) {
            w->files[a][h].valid = false;
            w->maps[a][h].valid = false;
            w->maps[a][h].n_own = 0;
        }
    for (size_t l = 0; l < PLAN_MAX_LANES; l++)
        w->current_file[l] = w->current_map[l] = -1;
}

void world_build(struct world *w, const struct plan *p, const struct history *h, const struct guarantees *g)
{
    uint32_t n = atomic_load(&h->n_events);

    w->plan = p;
    w->history = h;
    w->guarantees = g;
    clear(w);
    if (n)
        w->expected = grow(w->expected, &w->cap_expected, n, sizeof *w->expected);
    world_new_inode(w, INODE_DIR, (struct span){.event = NO_EVENT, .certain = true});
    for (uint32_t i = 0; i < n; i++) {
        const struct event *e = &h->events[i];

        w->expected[i] = (struct expectation){.size_inode = NO_INODE, .synced = NO_INODE};
        if (e->begin_seq == 0)
            continue;
        if (e->lane == HISTORY_LANE_HARNESS) {
            /* After a shutdown the harness's own unmount syncs nothing. */
            if (w->shutdown_seq == HISTORY_NEVER)
                world_sync_all(w, span_of(w, e, event_ok(e)));
            continue;
        }
        const struct step *s = &p->steps[e->step];

        w->now = e;
        if (s->verb->effect)
            s->verb->effect(w, s, e);
    }
    w->now = NULL;
    world_find_name_races(w);
}
