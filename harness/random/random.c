/*
 * Random plans: valid ones, whose steps succeed, because the generator keeps a small model of what exists while it goes: names,
 * inodes with their sizes, and each actor's descriptors and mappings. Two things may still raise SIGBUS, on purpose: loads and
 * stores on pages that lie wholly beyond the end of file.
 *
 * With two actors only one of them acts between two barriers, so the order of all steps is defined. A plan is a pure function of
 * the random numbers: the same generator state gives the same plan.
 */
#include <assert.h>

#include "base/buf.h"
#include "base/size.h"
#include "random/random.h"
#include "random/random_private.h"

static void emit_barrier(struct gen *g)
{
    struct step *s = random_emit(g, "barrier");

    s->lane = 0;
    s->barrier_lanes = (1U << g->p->n_lanes) - 1;
}

/* Set-up: one or two files with something in them, mapped; then the second actor, if any, opens and maps the first. */
static void set_up(struct gen *g)
{
    static bool (*const fill[])(struct gen * g) = {random_pwrite, random_pwrite, random_truncate, random_falloc};
    const int files = 1 + rng_one_in(g->r, 2);

    if (rng_one_in(g->r, 4)) {
        random_set_path(g, random_emit(g, "mkdir"), 0, "d");
        g->has_dir = true;
    }
    for (int i = 0; i < files; i++) {
        random_open(g, i);
        fill[rng_below(g->r, 4)](g);
        if (!rng_one_in(g->r, 4))
            random_mmap(g);
    }
    if (g->p->n_lanes > 1) {
        emit_barrier(g);
        g->turn = 1;
        random_open(g, 0);
        random_mmap(g);
    }
}

struct plan *plan_random(struct rng *r, size_t max_steps)
{
    struct gen g = {.r = r, .p = xcalloc(1, sizeof(struct plan)), .setup = true};
    struct plan *p = g.p;

    assert(max_steps && max_steps <= PLAN_MAX_STEPS / 2); /* leaves room for the set-up */
    p->name = xstrdup("random");
    p->file = xstrdup("random");
    p->test = xstrdup("whatever a random plan does, what is left is legal");
    p->origin = xstrdup("random");
    p->strikes = (1U << STRIKES) - 1;
    p->repeat = 1;
    p->n_actors = p->n_lanes = 1 + (size_t)rng_one_in(r, 4);
    for (size_t i = 0; i < p->n_actors; i++) {
        p->actors[i][0] = (char)('A' + i);
        p->lanes[i].actor = (uint8_t)i;
    }
    for (int i = 0; i < N_NAMES; i++)
        g.name_inode[i] = NO_FILE;
    for (int a = 0; a < MAX_ACTORS; a++)
        g.hands[a].current[FILES] = g.hands[a].current[MAPS] = -1;
    set_up(&g);
    g.setup = false;
    g.end_step = p->n_steps + 1 + rng_below(r, max_steps);
    while (p->n_steps < g.end_step) {
        if (p->n_lanes > 1 && p->n_steps + 1 < g.end_step && rng_one_in(r, 6)) {
            emit_barrier(&g);
            g.turn = !g.turn;
        }
        random_act(&g);
    }
    return p;
}
