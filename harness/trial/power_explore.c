/*
 * Exploring a recording of ours: what was seen in a crash state is a picture, the survivors, and the oracle judges it. What is
 * legal depends on the moment of the cut, so a picture is judged at every moment at which the history differs while the state
 * exists; what one picture comes to at one moment is remembered. One question is asked of a state: what has survived.
 */
#include <assert.h>
#include <errno.h>
#include <float.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "disk/writelog.h"
#include "explore/epoch_count.h"
#include "explore/explorer.h"
#include "trial/observations.h"
#include "trial/power.h"

enum {
    SAMPLES = 8,       /* random subsets of a large epoch by default, */
    SAMPLES_DEEP = 64, /*   and when more states than by default are asked for */
    MORE_STATES = 32,  /* candidates for each state that may be mounted */
    AHEAD = 2,         /* states in the window for each looker */
};

struct judging {
    struct power *p;
    struct trial *g;
    struct strike_point *scene;
    struct observations outcomes;
};

static void questions(void *arg, uint64_t cut, uint64_t until, size_t *ret_first, size_t *ret_n)
{
    (void)arg, (void)cut, (void)until;
    *ret_first = 0;
    *ret_n = 1;
}

static bool load(void *arg, const struct crash_state *s)
{
    struct power *p = ((struct judging *)arg)->p;

    p->state = s;
    return power_load(p, s);
}

static bool look(void *arg, const struct crash_state *s, size_t question, struct observation_ref *ret)
{
    struct judging *j = arg;

    (void)question;
    if (!power_look(j->p, s))
        return false;
    *ret = (struct observation_ref){
        .observation = observations_take(&j->outcomes, &j->g->survivors), .reads = j->p->reads, .n_reads = j->p->n_reads};
    return true;
}

static bool may_look_ahead(void *arg)
{
    return power_may_look_ahead(((struct judging *)arg)->p);
}

static void look_ahead(void *arg, const struct crash_state *s, size_t question)
{
    (void)question;
    power_look_ahead(((struct judging *)arg)->p, s);
}

/* The moment of the history at this position: how many bounds are at or before it. */
static size_t moment(const struct power *p, uint64_t pos)
{
    size_t lo = 0, hi = p->n_bounds;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (p->bounds[mid] <= pos)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Judges a picture at a moment, once. */
static uint8_t judge_at(struct judging *j, size_t outcome, size_t at, uint64_t pos)
{
    struct observation *o = &j->outcomes.v[outcome];
    bool lossy = false;

    if (!(o->judged[at] & OBSERVATION_JUDGED)) {
        struct survivors own = j->g->survivors;

        j->p->pos = j->scene->pos = pos;
        j->g->survivors = o->survivors;
        const bool violated = trial_survivors(j->g, j->scene, &lossy);
        j->g->survivors = own;
        o->judged[at] = (uint8_t)(OBSERVATION_JUDGED | (lossy ? JUDGED_LOSSY : 0) | (violated ? JUDGED_VIOLATED : 0));
    }
    return o->judged[at];
}

/* Judges it at every moment of [cut, until] at which the history differs. */
static uint8_t judge(void *arg, const struct crash_state *s, size_t question, size_t outcome, uint64_t cut, uint64_t until)
{
    struct judging *j = arg;
    const size_t first = moment(j->p, cut), last = moment(j->p, until);

    (void)question;
    j->p->state = s;
    uint8_t sum = judge_at(j, outcome, first, cut);
    for (size_t i = first + 1; i <= last; i++)
        sum |= judge_at(j, outcome, i, j->p->bounds[i - 1]);
    return sum;
}

static bool agree(void *arg, const struct crash_state *s, size_t question, size_t concluded, size_t seen)
{
    struct judging *j = arg;
    struct buf both = {.data = NULL};
    struct error err = {0};

    (void)question;
    observations_compare(&j->outcomes.v[concluded].survivors, &j->outcomes.v[seen].survivors, &both);
    error_set(&err, EILSEQ, "prune", NULL, "the crash state at cut %llu shows something else than the one it agrees with: %s",
              (unsigned long long)s->cut, buf_text(&both));
    buf_free(&both);
    trial_fail(j->g, &err);
    return false;
}

static size_t bytes(void *arg)
{
    return ((struct judging *)arg)->outcomes.bytes;
}

static void forget(void *arg)
{
    observations_forget(&((struct judging *)arg)->outcomes);
}

static void progress(void *arg, bool looked, uint64_t left)
{
    const struct judging *j = arg;

    if (looked)
        trial_mounted(j->g, left);
    else if (j->g->job->pulse)
        atomic_fetch_add(&j->g->job->pulse->beats, 1);
}

static bool stop(void *arg)
{
    struct trial *g = ((struct judging *)arg)->g;

    return trial_over(g) || trial_time_up(g);
}

/* The lines of the steps that were under way while the epoch's writes were in flight. */
static void name_epoch(const struct judging *j, struct epoch_result *e)
{
    const struct history *h = j->g->history;

    for (uint32_t i = 0; i < atomic_load(&h->n_events); i++) {
        const struct event *v = &h->events[i];

        if (v->lane == HISTORY_LANE_HARNESS || v->begin_pos > e->to || v->end_pos <= e->from)
            continue;
        const uint32_t line = j->g->job->plan->steps[v->step].line;
        e->first_line = e->first_line && e->first_line < line ? e->first_line : line;
        e->last_line = e->last_line > line ? e->last_line : line;
    }
}

static void keep_epoch(void *arg, const struct epoch_result *e)
{
    const struct judging *j = arg;
    struct result *r = j->g->result;

    if (r->n_epochs == RESULT_EPOCHS)
        return;
    r->epochs = grow(r->epochs, &r->cap_epochs, r->n_epochs, sizeof *r->epochs);
    r->epochs[r->n_epochs] = *e;
    r->epochs[r->n_epochs].recording = (uint32_t)j->p->run;
    name_epoch(j, &r->epochs[r->n_epochs++]);
}

static const struct explorer_ops ops = {
    .questions = questions,
    .load = load,
    .observe = look,
    .prefetch_idle = may_look_ahead,
    .prefetch = look_ahead,
    .judge = judge,
    .confirm = agree,
    .memory_bytes = bytes,
    .forget = forget,
    .progress = progress,
    .stop = stop,
    .report_epoch = keep_epoch,
};

static void add_to_result(struct result *r, const struct explorer *x)
{
    const double exist = r->states_exist + x->exist;

    r->states_covered = epoch_count_sum(r->states_covered, x->covered);
    r->states_lossy = epoch_count_sum(r->states_lossy, x->lossy);
    r->states_violated = epoch_count_sum(r->states_violated, x->violated);
    r->epochs_exhaustive += x->epochs_exhaustive;
    r->epochs_sampled += x->epochs_sampled;
    r->states_exist = exist < DBL_MAX ? exist : DBL_MAX;
}

void power_explore(struct power *p, uint64_t max_states, uint64_t seed, struct strike_point *scene)
{
    const struct job *job = p->v.g->job;
    struct judging j = {.p = p, .g = p->v.g, .scene = scene};
    struct explorer x = {.ops = &ops,
                         .arg = &j,
                         .log = p->log,
                         .from = p->from,
                         .to = writelog_length(p->log),
                         .seed = seed,
                         .limits = {.max_states = max_states,
                                    .max_more = job->no_prune ? 0 : max_states * MORE_STATES,
                                    .samples = max_states > JOB_STATES ? SAMPLES_DEEP : SAMPLES,
                                    .sector = crash_image_sector(p->image),
                                    .torn = true},
                         .image = p->image,
                         .n_prefetch = job->lookers > 1 ? (size_t)job->lookers * AHEAD : 1,
                         .prune = !job->no_prune,
                         .check_prune = job->check_prune,
                         .groups_after = STATE_ALONE,
                         .rng = &p->v.g->rng};
    struct error err;

    assert(max_states > 0);
    if (job->lookers > 1 && crash_image_new(crash_image_base(p->image), x.limits.sector, &x.prefetch_image, &err) < 0) {
        trial_fail(j.g, &err);
        return;
    }
    observations_open(&j.outcomes, p->n_bounds + 1);
    explorer_run(&x);
    add_to_result(j.g->result, &x);
    if (!trial_over(j.g) && x.mounted == 0) {
        error_set(&err, ENODATA, "explore", NULL, "no crash state was looked at");
        trial_fail(j.g, &err);
    }
    observations_close(&j.outcomes);
    crash_image_free(x.prefetch_image);
}
