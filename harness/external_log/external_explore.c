/*
 * Exploring a foreign log, the isolated process: the command is the judge.
 *
 * What a look comes to depends on what mount, command and unmount read from the disk, and on the mark and the number of marks
 * that the command is told. So each number of marks that may have been passed while a state exists is a question of its own; it
 * says which mark was the last. A command that was killed at its deadline says as much about the machine as about the state, so
 * nothing is concluded from that.
 *
 * Violations of the source's states are told one by one; of a group only those that were looked at, since something like the
 * others was told before. Positions in `loaded.log` count from loaded.first.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rng.h"
#include "explore/explorer.h"
#include "external_log/external_observe.h"
#include "external_log/external_report.h"

enum {
    SAMPLES = 64, /* random subsets of an epoch too large for all */
    AHEAD = 2,    /* states in the window for each prefetch worker */
};

struct judging {
    const struct external_log *x;
    struct explorer *explorer;
    struct external_checker checker;
    struct observer *observer;
    struct external_reporter teller;
    struct external_counts *counts; /* the teller's */
    struct check_observation *seen; /* by outcome; without what was read */
    size_t n_seen, cap_seen, seen_bytes;
    bool told;           /* a violation of the state at hand */
    uint64_t n_violated; /* states of which one was told, each once */
    uint64_t *hung;      /* numbers of the states at which the command hung */
    size_t n_hung, cap_hung;
    size_t n_epochs; /* told */
    double end_s;    /* of clock_s; 0: no limit */
    struct error err;
};

/* Numbers of marks that may have been passed while it exists, within [from, to]. */
static void questions(void *arg, uint64_t cut, uint64_t until, size_t *ret_first, size_t *ret_n)
{
    const struct external_log *x = ((struct judging *)arg)->x;
    const uint64_t first = cut + x->loaded.first, last = until + x->loaded.first, lo = first < x->from ? x->from : first,
                   hi = last > x->to ? x->to : last;

    *ret_first = lo <= hi ? logmarks_passed(&x->marks, lo) : 0;
    *ret_n = lo <= hi ? logmarks_passed(&x->marks, hi) - *ret_first + 1 : 0;
}

static bool load(void *arg, const struct crash_state *s)
{
    struct judging *j = arg;

    j->told = false;
    buf_clear(&j->teller.image);
    return observer_load(j->observer, s, &j->err) == 0;
}

static bool observe(void *arg, const struct crash_state *s, size_t n_marks, struct observation_ref *ret)
{
    struct judging *j = arg;
    struct check_observation *seen = &j->checker.at_hand;

    if (observer_observe(j->observer, s, n_marks, &j->err) < 0)
        return false;
    *ret = (struct observation_ref){.observation = j->n_seen, .inconclusive = seen->kind == EXTERNAL_HUNG};
    ret->reads = observer_reads(j->observer, &ret->n_reads);
    j->counts->untraced |= !observer_is_traced(j->observer);
    j->seen = grow(j->seen, &j->cap_seen, j->n_seen, sizeof *j->seen);
    j->seen[j->n_seen++] = *seen;
    j->seen_bytes += sizeof *seen + seen->said.cap_bytes;
    *seen = (struct check_observation){.violated = false};
    return true;
}

static bool prefetch_is_idle(void *arg)
{
    return observer_prefetch_idle(((struct judging *)arg)->observer);
}

static void prefetch(void *arg, const struct crash_state *s, size_t n_marks)
{
    observer_prefetch(((struct judging *)arg)->observer, s, n_marks);
}

static uint8_t judge(void *arg, const struct crash_state *s, size_t n_marks, size_t outcome, uint64_t cut, uint64_t until)
{
    (void)s, (void)n_marks, (void)cut, (void)until;
    return ((struct judging *)arg)->seen[outcome].violated ? JUDGED_VIOLATED : 0;
}

/* Was the command seen to hang on this state for the first time? */
static bool note_hang(struct judging *j, const struct crash_state *s)
{
    const uint64_t number = external_state_number(s);

    for (size_t i = 0; i < j->n_hung; i++)
        if (j->hung[i] == number)
            return false;
    j->hung = grow(j->hung, &j->cap_hung, j->n_hung, sizeof *j->hung);
    j->hung[j->n_hung++] = number;
    return true;
}

/* The first position at which the state exists and so many marks have been passed. */
static uint64_t position(const struct external_log *x, const struct crash_state *s, size_t n_marks)
{
    const uint64_t cut = s->cut + x->loaded.first, lo = cut < x->from ? x->from : cut;

    return n_marks && x->marks.v[n_marks - 1].index + 1 > lo ? x->marks.v[n_marks - 1].index + 1 : lo;
}

static bool found(void *arg, const struct crash_state *s, enum state_origin origin, size_t n_marks, size_t outcome, bool looked)
{
    struct judging *j = arg;
    const struct check_observation *g = &j->seen[outcome];
    bool tell = g->violated && (looked || origin == FROM_SOURCE);

    j->counts->checks += looked && g->kind != EXTERNAL_MOUNT;
    if (tell && g->kind == EXTERNAL_HUNG) /* nothing is concluded from that, so it may come again */
        tell = note_hang(j, s) || origin == FROM_SOURCE;
    if (tell) {
        j->n_violated += !j->told;
        j->told = true;
    }
    external_report_progress(&j->teller);
    return !tell || j->n_violated > EXTERNAL_TOLD ||
           external_report_violation(&j->teller, j->explorer->image, s, position(j->x, s, n_marks), n_marks, g, &j->err) == 0;
}

static bool agree(void *arg, const struct crash_state *s, size_t n_marks, size_t concluded, size_t seen)
{
    struct judging *j = arg;
    const struct check_observation *want = &j->seen[concluded], *got = &j->seen[seen];

    if (got->violated == want->violated && got->kind == want->kind && got->status == want->status)
        return true;
    error_set(&j->err, EILSEQ, "prune", j->x->opt->check,
              "at position %llu, with %zu marks passed, this ends as '%s' with status %d; on a state that agrees in all that was "
              "read then it ended as '%s' with status %d. If it depends on more than the volume and the mark, use --no-prune",
              (unsigned long long)(s->cut + j->x->loaded.first), n_marks, external_kind_names[got->kind], got->status,
              external_kind_names[want->kind], want->status);
    return false;
}

static size_t bytes(void *arg)
{
    return ((struct judging *)arg)->seen_bytes;
}

static void forget(void *arg)
{
    struct judging *j = arg;

    for (size_t i = 0; i < j->n_seen; i++)
        check_observation_free(&j->seen[i]);
    j->n_seen = j->seen_bytes = 0;
}

/* What was told is counted, whatever could be concluded from it. */
static void take_counts(struct judging *j)
{
    const struct explorer *e = j->explorer;
    struct external_counts *c = j->counts;

    c->states_mounted = e->mounted;
    c->states_covered = e->covered > e->mounted ? e->covered : e->mounted;
    c->states_violated = e->violated > j->n_violated ? e->violated : j->n_violated;
    c->epochs_exhaustive = e->epochs_exhaustive;
    c->epochs_sampled = e->epochs_sampled;
    c->states_exist = e->exist;
}

static void progress(void *arg, bool looked, uint64_t left)
{
    struct judging *j = arg;

    (void)looked;
    take_counts(j);
    j->teller.m.left = left;
    external_report_progress(&j->teller);
}

static bool stop(void *arg)
{
    struct judging *j = arg;

    if (j->end_s > 0 && clock_s() >= j->end_s)
        j->counts->cut_short = true;
    return j->counts->cut_short;
}

static void tell_epoch(void *arg, const struct epoch_result *e)
{
    struct judging *j = arg;
    struct epoch_result shifted = *e;

    if (j->n_epochs++ >= RESULT_EPOCHS)
        return;
    shifted.from += j->x->loaded.first;
    shifted.to += j->x->loaded.first;
    external_report_epoch(&j->teller, &shifted);
}

static const struct explorer_ops ops = {
    .questions = questions,
    .load = load,
    .observe = observe,
    .prefetch_idle = prefetch_is_idle,
    .prefetch = prefetch,
    .judge = judge,
    .report = found,
    .confirm = agree,
    .memory_bytes = bytes,
    .forget = forget,
    .progress = progress,
    .stop = stop,
    .report_epoch = tell_epoch,
};

void external_explore_states(const struct external_log *x, int to_parent)
{
    struct judging j = {.x = x, .checker = {.x = x}, .teller = {.x = x, .to_parent = to_parent}};
    struct rng rng;
    struct explorer e = {.ops = &ops,
                         .arg = &j,
                         .log = x->loaded.log,
                         .to = x->to - x->loaded.first,
                         .seed = x->opt->seed,
                         .limits = {.max_states = x->opt->max_states ? x->opt->max_states : EXTERNAL_STATES,
                                    .samples = SAMPLES,
                                    .sector = x->sector,
                                    .torn = true},
                         .n_prefetch = x->jobs > 1 ? (size_t)x->jobs * AHEAD : 1,
                         .prune = !x->opt->no_prune,
                         .check_prune = x->opt->check_prune,
                         .groups_after = STATE_KINDS,
                         .rng = &rng};
    int r = crash_image_new(x->image_fd, x->sector, &e.image, &j.err);

    j.explorer = &e;
    j.counts = &j.teller.m.counts;
    rng_seed(&rng, x->opt->seed);
    j.end_s = x->opt->time_s > 0 ? clock_s() + x->opt->time_s : 0;
    if (r == 0 && x->jobs > 1)
        r = crash_image_new(x->image_fd, x->sector, &e.prefetch_image, &j.err);
    if (r == 0) {
        const struct observer_setup setup = {.config = &x->config,
                                             .image = e.image,
                                             .log = x->loaded.log,
                                             .workers = x->jobs,
                                             .ops = &external_observing,
                                             .arg = &j.checker};
        j.observer = observer_new(&setup);
        r = observer_control(j.observer, &j.err);
    }
    const bool ok = r == 0 && explorer_run(&e);
    take_counts(&j);
    observer_free(j.observer);
    check_observation_free(&j.checker.at_hand);
    free(j.seen);
    free(j.hung);
    buf_free(&j.teller.image);
    crash_image_free(e.prefetch_image);
    crash_image_free(e.image);
    external_report_end(&j.teller, ok ? NULL : &j.err);
}
