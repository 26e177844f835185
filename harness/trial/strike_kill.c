/*
 * Kills the actors of one scenario at every boundary of its steps, inside its stores and inside its system calls, each time in a
 * fresh directory of one mounted volume, and judges what is left. The machine lives on, so the page cache does too: what a new
 * open sees must be exactly what was stored.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/size.h"
#include "language/verb.h"
#include "trial/strike.h"
#include "trial/trial_volume.h"

enum { SPINS_MAX_LOG2 = 16, STORE_SAMPLES = 2 };

struct kill_list {
    struct kill_point *v;
    size_t n, cap;
};

static void add(struct kill_list *l, struct kill_point k)
{
    l->v = grow(l->v, &l->cap, l->n, sizeof *l->v);
    l->v[l->n++] = k;
}

/* Inside a store: after its first word, at its first page boundary, before its last word, and anywhere. */
static void add_inside(struct kill_list *l, const struct step *s, uint32_t step, struct rng *r)
{
    if (!(s->verb->properties & VERB_STORES) || !s->arg[1].given)
        return;
    const uint64_t off = s->arg[0].num, len = s->arg[1].num, page = PAGE_BYTES - off % PAGE_BYTES;
    uint64_t at[3 + STORE_SAMPLES] = {8, page, len > 8 ? len - 8 : 0};

    for (size_t i = 0; i < STORE_SAMPLES && len; i++)
        at[3 + i] = rng_below(r, len);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        bool again = at[i] == 0 || at[i] >= len;
        for (size_t k = 0; k < i; k++)
            again |= at[k] == at[i];
        if (!again)
            add(l, (struct kill_point){.kind = KILL_INSIDE, .step = step, .bytes = at[i]});
    }
}

/* Keeps `want` of the points, chosen by `r`, in their order. */
static void thin(struct kill_list *l, size_t want, struct rng *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++)
        if (rng_below(r, l->n - i) < want - kept)
            l->v[kept++] = l->v[i];
    l->n = kept;
}

static void list_kills(const struct plan *p, uint64_t cap, struct rng *r, struct kill_list *ret)
{
    bool lane_begun[PLAN_MAX_LANES] = {false};
    size_t n_async = 0;

    for (uint32_t i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];
        if (s->setup)
            continue;
        /* After one step is before the next of its lane: each boundary once. */
        if (!lane_begun[s->lane])
            add(ret, (struct kill_point){.kind = KILL_BEFORE, .step = i});
        lane_begun[s->lane] = true;
        add_inside(ret, s, i, r);
        add(ret, (struct kill_point){.kind = KILL_AFTER, .step = i});
        n_async++;
    }
    n_async *= p->repeat;
    if (ret->n > cap - cap / 4)
        thin(ret, (size_t)(cap - cap / 4), r);
    if (n_async > cap - ret->n)
        n_async = (size_t)(cap - ret->n);
    for (size_t done = 0, i = 0; done < n_async; i = (i + 1) % p->n_steps)
        if (!p->steps[i].setup) {
            uint64_t spins = rng_below(r, UINT64_C(1) << rng_below(r, SPINS_MAX_LOG2 + 1));
            add(ret, (struct kill_point){.kind = KILL_ASYNC, .step = (uint32_t)i, .spins = spins});
            done++;
        }
}

/* One kill, judged; the run directory stays. */
static bool one_kill(struct trial_volume *v, uint64_t n, const struct strike_point *at)
{
    bool lossy = false, violated = false;

    if (!trial_volume_run(v, n, at))
        return false;
    trial_judge_steps(v->trial, at);
    if (trial_shut_down(v->trial)) {
        violated = trial_volume_remount_and_judge(v, at, &lossy);
    } else {
        if (!trial_volume_readback(v))
            return false;
        violated = trial_judge_survivors(v->trial, &v->trial->survivors, at, &lossy);
    }
    trial_count(v->trial, COUNT_KILL, lossy, violated, 0);
    return !trial_is_over(v->trial);
}

static void run(struct trial *t)
{
    const struct job *j = t->job;
    struct kill_list kills = {0};
    struct trial_volume v;
    struct strike_point at = {.seed = j->seed};

    if (j->kill.kind != KILL_NEVER)
        add(&kills, j->kill);
    else
        list_kills(j->plan, j->max_states ? j->max_states : JOB_KILLS, &t->rng, &kills);
    if (!trial_volume_open(&v, t, false) || !trial_volume_mount(&v))
        goto out;
    for (size_t i = 0; i < kills.n; i++) {
        at.kill = kills.v[i];
        if (!one_kill(&v, i, &at))
            goto out;
        if (i + 1 == kills.n || trial_time_up(t)) /* what the last one left is looked at once more */
            break;
        if (!trial_volume_tidy(&v))
            goto out;
    }
    /* What the kill left must also be there after an orderly unmount: its pages are dirty as any other. */
    if (kills.n && v.disk && !trial_shut_down(t)) {
        bool lossy = false;
        if (trial_volume_remount_and_judge(&v, &at, &lossy))
            t->result->states_violated++;
    }
out:
    trial_volume_close(&v);
    free(kills.v);
}

const struct strike_executor strike_kill = {.run = run, .counts_as = COUNT_KILL, .weight = 1, .repeats = true};
