/* The machine of the `sim` backend: ticks, lanes and crashes. See sim.h. */
#include "model/machine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "evidence/survivors.h"
#include "language/verb.h"

struct sim *sim_new(void)
{
    return xcalloc(1, sizeof(struct sim));
}

void sim_free(struct sim *m)
{
    if (!m)
        return;
    simfs_free(&m->fs);
    for (size_t i = 0; i < m->made_own_pages; i++)
        free(m->own_pages[i]);
    free(m->own_pages);
    free(m->bindings);
    free(m->bound);
    free(m);
}

/* --- binding steps to models --- */

static const struct sim_verb *model_of(const char *name)
{
    static const struct sim_verb *const tables[] = {sim_file_verbs, sim_space_verbs, sim_map_verbs, sim_access_verbs,
                                                    sim_name_verbs};

    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct sim_verb *v = tables[t]; v->name; v++)
            if (strcmp(v->name, name) == 0)
                return v;
    return NULL;
}

/* The verb's binding, made when it is met for the first time; model NULL: not modelled. */
static size_t bind_verb(struct sim *m, const struct verb *v)
{
    for (size_t i = 0; i < m->n_bindings; i++)
        if (m->bindings[i].verb == v)
            return i;
    m->bindings = grow(m->bindings, &m->cap_bindings, m->n_bindings, sizeof *m->bindings);
    struct sim_binding *b = &m->bindings[m->n_bindings];

    *b = (struct sim_binding){.verb = v, .model = model_of(v->name)};
    for (const char *c = b->model ? b->model->flags : ""; *c; c++) {
        b->bit[*c - 'A'] = verb_flag(v, *c);
        b->index[*c - 'A'] = (int8_t)verb_flag_index(v, *c);
        b->known |= b->bit[*c - 'A'];
    }
    return m->n_bindings++;
}

static int bind_steps(struct sim *m, struct error *err)
{
    const struct plan *p = m->plan;

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];

        m->bound = grow(m->bound, &m->cap_bound, i, sizeof *m->bound);
        if (s->barrier_lanes)
            continue;
        const size_t at = bind_verb(m, s->verb);
        const struct sim_binding *b = &m->bindings[at];
        /* Over another name: that name would then lead to two mappings at once. */
        const bool over_other = s->flags & b->bit['O' - 'A'] && (uint64_t)s->handle != s->flag_arg[b->index['O' - 'A']].num;

        m->bound[i] = (uint16_t)at;
        if (!b->model || (s->flags & ~b->known) || over_other)
            return error_skip(err, "sim", "the model file system does not model %s%s; use dir or loop", s->verb->name,
                              b->model ? " with these flags" : "");
    }
    for (size_t i = 0; i < p->n_paths; i++)
        if (p->paths[i][0] == '/' && strcmp(p->paths[i], "/dev/null") != 0 && strcmp(p->paths[i], "/dev/full") != 0)
            return error_skip(err, "sim", "the model file system does not model %s; use dir or loop", p->paths[i]);
    return 0;
}

/* --- lanes --- */

static bool takes_part(const struct step *s, size_t lane)
{
    return s->barrier_lanes ? s->barrier_lanes >> lane & 1 : s->lane == lane;
}

/* Moves the lane on to its first step at or after index `from`. */
static void go_to(struct sim *m, size_t lane, uint32_t from)
{
    while (from < m->plan->n_steps && !takes_part(&m->plan->steps[from], lane))
        from++;
    m->lanes[lane].next = from;
    m->lanes[lane].state = SIM_IDLE;
}

static bool at_barrier(const struct sim *m, size_t lane)
{
    const uint32_t next = m->lanes[lane].next;

    return next < m->plan->n_steps && m->plan->steps[next].barrier_lanes;
}

static bool alive(const struct sim *m, size_t lane)
{
    return !m->actors[m->plan->lanes[lane].actor].exited && m->lanes[lane].next < m->plan->n_steps;
}

/* Lets the lanes of every barrier go on at which all living participants have arrived. */
static void open_barriers(struct sim *m)
{
    for (size_t l = 0; l < m->plan->n_lanes; l++) {
        if (!alive(m, l) || !at_barrier(m, l))
            continue;
        const uint32_t step = m->lanes[l].next;
        bool all = true;

        for (size_t o = 0; o < m->plan->n_lanes; o++)
            all &= !takes_part(&m->plan->steps[step], o) || !alive(m, o) || m->lanes[o].next >= step;
        for (size_t o = 0; all && o < m->plan->n_lanes; o++)
            if (m->lanes[o].next == step)
                go_to(m, o, step + 1);
    }
}

/* True when the lane has a step it may work on now. */
static bool runnable(const struct sim *m, size_t lane, bool setup)
{
    return alive(m, lane) && !at_barrier(m, lane) && (!setup || m->plan->steps[m->lanes[lane].next].setup);
}

/* --- ticks --- */

/* One chance in 2^bits to stop here and let others in. */
static bool pause_here(struct sim *m, unsigned bits)
{
    return rng_next(&m->rng) >> (64 - bits) == 0;
}

/* The actor's lanes stop where they are; what they held is free. */
static void end_actor(struct sim *m, uint8_t actor)
{
    m->actors[actor].exited = true;
    sim_unlock(m, actor, NULL);
    for (size_t l = 0; l < m->plan->n_lanes; l++)
        if (m->plan->lanes[l].actor == actor)
            m->lanes[l].writing = NULL;
}

/* Takes the lane one tick further; false when its step waits for something another lane holds. */
static bool tick(struct sim *m, size_t lane)
{
    struct sim_lane *l = &m->lanes[lane];
    struct sim_at at = {.sim = m,
                        .lane = l,
                        .actor = &m->actors[m->plan->lanes[lane].actor],
                        .step = &m->plan->steps[l->next],
                        .binding = &m->bindings[m->bound[l->next]]};

    if (l->state == SIM_IDLE) {
        atomic_fetch_add_explicit(&m->pos, 1, memory_order_relaxed);
        l->event = history_begin(m->history, l->next, (uint8_t)lane, &m->pos);
        if (!l->event) {
            m->failed = -ENOSPC;
            return true;
        }
        l->done = 0;
        l->state = SIM_WORKING;
        if (pause_here(m, 2))
            return true;
    }
    at.event = l->event;
    if (l->state == SIM_WORKING) {
        const enum sim_progress p = at.binding->model->work(&at);
        if (p != SIM_DONE)
            return p == SIM_MORE;
        l->state = SIM_ENDING;
        if (pause_here(m, 2))
            return true;
    }
    atomic_fetch_add_explicit(&m->pos, 1, memory_order_relaxed);
    history_end(m->history, l->event, &m->pos);
    go_to(m, lane, l->next + 1);
    if (at.actor->exiting)
        end_actor(m, m->plan->lanes[lane].actor);
    return true;
}

/*
 * Runs until no lane can go on (true) or `ticks` have passed (false). Lanes that all wait for each other end the run: their steps
 * never end.
 */
static bool run_lanes(struct sim *m, bool setup, uint64_t ticks)
{
    unsigned waiting = 0; /* bit per lane that could not go on since the last one that could */

    for (uint64_t t = 0; t < ticks && !m->failed; t++) {
        uint8_t can[PLAN_MAX_LANES];
        size_t n = 0;

        if (m->plan->n_lanes > 1)
            open_barriers(m);
        for (size_t l = 0; l < m->plan->n_lanes; l++)
            if (runnable(m, l, setup) && !(waiting & 1U << l))
                can[n++] = (uint8_t)l;
        if (n == 0)
            return true;
        const uint8_t lane = can[n == 1 ? 0 : rng_below(&m->rng, n)];

        waiting = tick(m, lane) ? 0 : waiting | 1U << lane;
        simfs_background(&m->fs);
    }
    return false;
}

/* --- the run --- */

static void reset(struct sim *m, const struct simfs_hooks *hooks, const struct plan *p, uint64_t seed, struct history *h)
{
    m->plan = p;
    m->history = h;
    m->failed = 0;
    m->n_locks = m->n_own_pages = 0;
    atomic_store_explicit(&m->pos, 0, memory_order_relaxed);
    rng_seed(&m->rng, seed);
    simfs_reset(&m->fs, hooks, &m->rng);
    for (size_t a = 0; a < p->n_actors; a++) {
        m->actors[a].exiting = m->actors[a].exited = false;
        for (size_t k = 0; k < p->n_handles + p->n_paths; k++) {
            const size_t slot = k < p->n_handles ? k : PLAN_MAX_HANDLES + (k - p->n_handles);
            m->actors[a].files[slot].open = m->actors[a].maps[slot].mapped = false;
        }
    }
    for (size_t l = 0; l < p->n_lanes; l++) {
        m->lanes[l].file = m->lanes[l].map = SIM_NO_SLOT;
        m->lanes[l].writing = NULL;
        go_to(m, l, 0);
    }
}

/* Records an act of the harness that syncs everything. */
static void harness_sync(struct sim *m, uint32_t step)
{
    atomic_fetch_add_explicit(&m->pos, 1, memory_order_relaxed);
    struct event *e = history_begin(m->history, step, HISTORY_LANE_HARNESS, &m->pos);

    if (!e) {
        m->failed = -ENOSPC;
        return;
    }
    simfs_sync_all(&m->fs);
    atomic_fetch_add_explicit(&m->pos, 1, memory_order_relaxed);
    history_end(m->history, e, &m->pos);
}

/* The planted bugs leave set-up alone: what stands above `---` is durable. */
static void start(struct sim *m)
{
    const struct simfs_hooks *hooks = m->fs.hooks;

    m->fs.hooks = &simfs_no_hooks;
    harness_sync(m, HISTORY_STEP_START);
    m->fs.hooks = hooks;
}

/* Of a step that the strike interrupts, the history holds only how many bytes a store has done. */
static void forget_running(struct sim *m)
{
    for (size_t l = 0; l < m->plan->n_lanes; l++) {
        if (m->lanes[l].state == SIM_IDLE || m->lanes[l].next >= m->plan->n_steps)
            continue;
        struct event *e = m->lanes[l].event;
        const struct verb *verb = m->plan->steps[e->step].verb;

        e->done_bytes = verb->properties & VERB_STORES ? m->lanes[l].done : 0;
        e->ret = 0;
        e->err = e->signo = e->si_code = 0;
        e->fault_off = e->ino = e->data_off = e->data_len = e->size_bytes = 0;
        if (!(verb->properties & VERB_NOTES_PLACE))
            e->place = 0;
    }
}

/* In how many ticks the crash comes: often when all is done, else anywhere. */
static uint64_t draw_crash(struct sim *m, enum strike strike)
{
    uint64_t n_steps = 0;

    for (size_t i = 0; i < m->plan->n_steps; i++)
        n_steps += !m->plan->steps[i].setup;
    return strike == STRIKE_NONE || pause_here(m, 2) ? UINT64_MAX : rng_below(&m->rng, 2 * n_steps + 1);
}

int sim_run(struct sim *m, const struct simfs_hooks *hooks, const struct plan *p, enum strike strike, uint64_t seed,
            struct history *h, struct survivors *s, uint64_t *ret_pos, struct error *err)
{
    m->plan = p;
    int rc = bind_steps(m, err);

    if (rc)
        return rc;
    reset(m, hooks, p, seed, h);
    run_lanes(m, true, UINT64_MAX);
    start(m);
    const bool finished = run_lanes(m, false, draw_crash(m, strike));

    survivors_clear(s);
    if (strike == STRIKE_POWER) {
        if (finished && pause_here(m, 2))
            harness_sync(m, HISTORY_STEP_UNMOUNT);
        simfs_power_cut(&m->fs, s);
    } else {
        simfs_live(&m->fs, s);
    }
    *ret_pos = atomic_load_explicit(&m->pos, memory_order_relaxed);
    if (strike == STRIKE_POWER && !finished && pause_here(m, 2))
        run_lanes(m, false, UINT64_MAX);
    forget_running(m);
    return m->failed ? error_set(err, -m->failed, "sim", NULL, "the history is full") : 0;
}
