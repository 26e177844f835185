/*
 * Explores a recording. The observation of a crash state is its survivors, and the oracle judges them. What is legal depends on
 * the moment of the cut, so an observation is judged at every moment at which the history differs while the state exists; the
 * judgement of one observation at one moment is remembered. One question is asked of a state: what has survived.
 */
#include <assert.h>
#include <errno.h>
#include <float.h>
#include <stdlib.h>

#include "backend/volume.h"
#include "base/buf.h"
#include "base/error.h"
#include "disk/writelog.h"
#include "explore/epoch_count.h"
#include "explore/explorer.h"
#include "explore/observer.h"
#include "states/crash_disk.h"
#include "trial/observations.h"
#include "trial/power.h"
#include "trial/trial_volume.h"

enum {
    SAMPLES = 8,       /* random subsets of a large epoch by default, */
    SAMPLES_DEEP = 64, /*   and when more states than by default are asked for */
    MORE_STATES = 32,  /* candidates for each state that may be mounted */
    AHEAD = 2,         /* states in the window for each prefetch worker */
};

/* One exploration. `state` and `pos` describe what is being judged, for findings. */
struct judging {
    struct power *p;
    struct trial *t;
    struct observer *observer;
    struct observations observations;
    const struct crash_state *state;
    uint64_t pos;
};

/* ---- observing: in whichever process ---- */

static int inspect(void *arg, const char *root, uint64_t question, struct error *err)
{
    (void)question;
    return trial_readback_fresh(((struct judging *)arg)->t, root, TRIAL_POWER_DIR, err);
}

static void refused(void *arg, const struct error *mount_err)
{
    survivors_of_refused_mount(&((struct judging *)arg)->t->survivors, mount_err);
}

static int unmounted(void *arg, struct volume *v, struct error *err)
{
    struct trial *t = ((struct judging *)arg)->t;

    return t->job->fsck ? volume_fsck(v, t->survivors.fsck, sizeof t->survivors.fsck, err) : 0;
}

static void pack(void *arg, struct buf *out)
{
    survivors_pack(&((struct judging *)arg)->t->survivors, out);
}

static void unpack(void *arg, const char *packed, size_t len_bytes)
{
    (void)len_bytes;
    survivors_unpack(&((struct judging *)arg)->t->survivors, packed);
}

/* Their memory may be of the kind that is not inherited. */
static void before_fork(void *arg)
{
    survivors_free(&((struct judging *)arg)->t->survivors);
}

static const struct observer_ops observing = {
    .inspect = inspect, .refused = refused, .unmounted = unmounted, .pack = pack, .unpack = unpack, .before_fork = before_fork};

/* ---- what the explorer asks ---- */

static bool checked(const struct judging *j, int rc, const struct error *err)
{
    if (rc < 0)
        trial_fail(j->t, err);
    return rc == 0;
}

static void questions(void *arg, uint64_t cut, uint64_t until, size_t *ret_first, size_t *ret_n)
{
    (void)arg, (void)cut, (void)until;
    *ret_first = 0;
    *ret_n = 1;
}

static bool load(void *arg, const struct crash_state *s)
{
    struct judging *j = arg;
    struct error err = {0};

    return checked(j, observer_load(j->observer, s, &err), &err);
}

static bool observe(void *arg, const struct crash_state *s, size_t question, struct observation_ref *ret)
{
    struct judging *j = arg;
    struct error err = {0};

    if (!checked(j, observer_observe(j->observer, s, question, &err), &err))
        return false;
    *ret = (struct observation_ref){.observation = observations_take(&j->observations, &j->t->survivors)};
    ret->reads = observer_reads(j->observer, &ret->n_reads);
    return true;
}

static bool prefetch_is_idle(void *arg)
{
    return observer_prefetch_idle(((struct judging *)arg)->observer);
}

static void prefetch(void *arg, const struct crash_state *s, size_t question)
{
    observer_prefetch(((struct judging *)arg)->observer, s, question);
}

static void describe_state(void *arg, struct buf *out)
{
    const struct judging *j = arg;
    const struct log_numbers *numbers = &j->t->numbers;
    struct crash_state numbered;

    buf_printf(out, "judged at position %llu; ", (unsigned long long)log_number(numbers, j->pos));
    crash_state_renumber(j->state, log_number, numbers, &numbered);
    crash_state_print(&numbered, out);
    free(numbered.kept);
}

static int state_image(void *arg)
{
    const struct judging *j = arg;

    return crash_image_load(j->p->image, j->p->log, j->state) < 0 ? -1 : crash_image_snapshot(j->p->image);
}

/* On a volume of its own: others may be mounted in other processes, or wait in this one. */
static void explain_refusal(void *arg, struct buf *out)
{
    const struct judging *j = arg;
    struct volume *v = NULL;

    if (crash_image_load(j->p->image, j->p->log, j->state) == 0 &&
        volume_open_image(j->t->job->config, j->p->image, &v, NULL) == 0 && crash_disk_show(volume_crash_disk(v), NULL) == 0) {
        volume_explain_refusal(v, out);
        crash_disk_settle(volume_crash_disk(v), NULL);
    }
    volume_close(v);
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

/* Judges an observation at a moment, once. */
static uint8_t judge_at(struct judging *j, size_t observation, size_t at, uint64_t pos)
{
    struct observation *o = &j->observations.v[observation];

    if (!(o->judged[at] & OBSERVATION_JUDGED)) {
        const struct strike_point where = {.seed = j->t->job->seed,
                                           .pos = pos,
                                           .describe = describe_state,
                                           .image = state_image,
                                           .explain_refusal = explain_refusal,
                                           .arg = j};
        bool lossy = false;

        j->pos = pos;
        const bool violated = trial_judge_survivors(j->t, &o->survivors, &where, &lossy);
        o->judged[at] = (uint8_t)(OBSERVATION_JUDGED | (lossy ? JUDGED_LOSSY : 0) | (violated ? JUDGED_VIOLATED : 0));
    }
    return o->judged[at];
}

/* Judges it at every moment of [cut, until] at which the history differs. */
static uint8_t judge(void *arg, const struct crash_state *s, size_t question, size_t observation, uint64_t cut, uint64_t until)
{
    struct judging *j = arg;
    const size_t first = moment(j->p, cut), last = moment(j->p, until);

    (void)question;
    j->state = s;
    uint8_t sum = judge_at(j, observation, first, cut);
    for (size_t i = first + 1; i <= last; i++)
        sum |= judge_at(j, observation, i, j->p->bounds[i - 1]);
    return sum;
}

static bool agree(void *arg, const struct crash_state *s, size_t question, size_t concluded, size_t seen)
{
    struct judging *j = arg;
    struct buf both = {.data = NULL};
    struct error err = {0};

    (void)question;
    observations_compare(&j->observations.v[concluded].survivors, &j->observations.v[seen].survivors, &both);
    error_set(&err, EILSEQ, "prune", NULL, "the crash state at cut %llu shows something else than the one it agrees with: %s",
              (unsigned long long)log_number(&j->t->numbers, s->cut), buf_text(&both));
    buf_free(&both);
    trial_fail(j->t, &err);
    return false;
}

static size_t bytes(void *arg)
{
    return ((struct judging *)arg)->observations.bytes;
}

static void forget(void *arg)
{
    observations_forget(&((struct judging *)arg)->observations);
}

static void progress(void *arg, bool looked, uint64_t left)
{
    const struct judging *j = arg;

    if (looked)
        trial_mounted(j->t, left);
    else if (j->t->job->pulse)
        atomic_fetch_add(&j->t->job->pulse->beats, 1);
}

static bool stop(void *arg)
{
    struct trial *t = ((struct judging *)arg)->t;

    return trial_is_over(t) || trial_time_up(t);
}

/* The lines of the steps that were under way while the epoch's writes were in flight. */
static void name_epoch(const struct judging *j, struct epoch_result *e)
{
    const struct history *h = j->t->history;

    for (uint32_t i = 0; i < atomic_load(&h->n_events); i++) {
        const struct event *v = &h->events[i];

        if (v->lane == HISTORY_LANE_HARNESS || v->begin_pos > e->to || v->end_pos <= e->from)
            continue;
        const uint32_t line = j->t->job->plan->steps[v->step].line;
        e->first_line = e->first_line && e->first_line < line ? e->first_line : line;
        e->last_line = e->last_line > line ? e->last_line : line;
    }
}

static void keep_epoch(void *arg, const struct epoch_result *e)
{
    const struct judging *j = arg;
    struct result *r = j->t->result;

    if (r->n_epochs == RESULT_EPOCHS)
        return;
    r->epochs = grow(r->epochs, &r->cap_epochs, r->n_epochs, sizeof *r->epochs);
    r->epochs[r->n_epochs] = *e;
    r->epochs[r->n_epochs].recording = (uint32_t)j->p->run;
    name_epoch(j, &r->epochs[r->n_epochs]);
    r->epochs[r->n_epochs].from = log_number(&j->t->numbers, e->from);
    r->epochs[r->n_epochs++].to = log_number(&j->t->numbers, e->to);
}

static const struct explorer_ops ops = {
    .questions = questions,
    .load = load,
    .observe = observe,
    .prefetch_idle = prefetch_is_idle,
    .prefetch = prefetch,
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

void power_explore(struct power *p, uint64_t max_states, uint64_t seed)
{
    const struct job *job = p->trial->job;
    struct judging j = {.p = p, .t = p->trial};
    const struct observer_setup setup = {.config = job->config,
                                         .image = p->image,
                                         .log = p->log,
                                         .control = p->from,
                                         .workers = job->prefetch_workers,
                                         .ops = &observing,
                                         .arg = &j};
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
                         .n_prefetch = job->prefetch_workers > 1 ? (size_t)job->prefetch_workers * AHEAD : 1,
                         .prune = !job->no_prune,
                         .check_prune = job->check_prune,
                         .groups_after = STATE_ALONE,
                         .rng = &p->trial->rng};
    struct error err = {0};

    assert(max_states > 0);
    if (job->prefetch_workers > 1 &&
        !checked(&j, crash_image_new(crash_image_base(p->image), x.limits.sector, &x.prefetch_image, &err), &err))
        return;
    j.observer = observer_new(&setup);
    observations_open(&j.observations, p->n_bounds + 1);
    explorer_run(&x);
    add_to_result(j.t->result, &x);
    j.t->result->untraced |= !observer_is_traced(j.observer);
    if (!trial_is_over(j.t) && x.mounted == 0) {
        error_set(&err, ENODATA, "explore", NULL, "no crash state was observed");
        trial_fail(j.t, &err);
    }
    observations_close(&j.observations);
    observer_free(j.observer);
    crash_image_free(x.prefetch_image);
}
