/*
 * Which crash states of a recording are looked at, and what follows for the others.
 *
 * Each state that comes up is loaded into the disk. If it agrees with one that was mounted before in everything that recovery
 * read then (storage/read_trie.c), it shows the same survivors: it is covered, and only judged. Else it is mounted. What is legal
 * depends on the moment of the cut, so that every state is judged at all moments at which it may exist, mounted or not; what one
 * picture comes to at one moment is remembered.
 *
 * The order: every prefix, each write dropped alone, each kept alone; then, epoch by epoch, all subsets of its writes
 * (storage/subsets.c), given up where too many of them would have to be mounted; torn writes; and of the epochs given up the
 * small ones' subsets and samples of the others. So an epoch is either exhaustive (all subsets covered) or sampled, and the
 * result says how many there are of each.
 *
 * Without pruning every state is mounted, and only epochs of at most STATES_SMALL_EPOCH writes are exhaustive.
 *
 * Where there are lookers, they look at states whose turn comes later and that do not seem to be covered. What is concluded, and
 * in which order, is the same without them.
 */
#include <assert.h>
#include <errno.h>
#include <float.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/epoch_count.h"
#include "engine/outcomes.h"
#include "engine/power.h"
#include "engine/window.h"
#include "storage/read_trie.h"
#include "storage/subsets.h"

enum {
    SAMPLES = 8,           /* random subsets of a large epoch by default, */
    SAMPLES_DEEP = 64,     /*   and when more states than by default are asked for */
    MORE_STATES = 32,      /* candidates for each state that may be mounted */
    MAX_GROUPS = 4096,     /* of one epoch */
    AHEAD = 2,             /* states in the window for each looker */
    CHECKED_MEMBERS = 3,   /* of each group, when conclusions are to be checked */
    LEAST_SHARE = 16,      /* mounts an epoch may take to become exhaustive, while there are any */
    MEMORY_BYTES = 1 << 26 /* pictures and reads remembered; when it is used up pruning starts again */
};

struct explorer {
    struct power *p;
    struct tally *g;
    struct scene *scene;
    bool prune, exhausted, all_given; /* exhaust_epochs was called; the source gives all of small epochs */
    uint64_t max_states, n_mounted, may_mount;
    struct state_source *source;
    struct read_trie *trie;
    size_t *outcome_of; /* by number of the tested state */
    size_t cap_outcome_of;
    struct outcomes outcomes;
    struct epoch_count *groups, *visited; /* by epoch */
    struct crash_image *scout;            /* for states whose turn has not come */
    struct window *window;
    size_t n_ahead; /* states in the window */
};

/* What is known of a state. */
enum look { KNOWN, UNKNOWN, FAILED };

/* Is the time up? One state is looked at in any case. */
static bool stop(struct explorer *x)
{
    return x->n_mounted > 0 && tally_time_up(x->g);
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
static uint8_t judge(struct explorer *x, size_t outcome, size_t at, uint64_t pos)
{
    struct outcome *o = &x->outcomes.v[outcome];
    bool lossy = false;

    if (!(o->judged[at] & OUTCOME_JUDGED)) {
        struct survivors own = x->g->survivors;

        x->p->pos = x->scene->pos = pos;
        x->g->survivors = o->survivors;
        const bool violated = tally_survivors(x->g, CRASH_POWER, x->scene, &lossy);
        x->g->survivors = own;
        o->judged[at] = (uint8_t)(OUTCOME_JUDGED | (lossy ? OUTCOME_LOSSY : 0) | (violated ? OUTCOME_VIOLATED : 0));
    }
    return o->judged[at];
}

/* Judges it at every moment of [cut, until] at which the history differs. */
static uint8_t judge_range(struct explorer *x, size_t outcome, uint64_t cut, uint64_t until)
{
    const size_t first = moment(x->p, cut), last = moment(x->p, until);
    uint8_t sum = judge(x, outcome, first, cut);

    for (size_t i = first + 1; i <= last; i++)
        sum |= judge(x, outcome, i, x->p->bounds[i - 1]);
    return sum;
}

static void count(struct epoch_count *c, uint64_t n, uint8_t judged)
{
    epoch_count_add(c, n, judged & OUTCOME_LOSSY, judged & OUTCOME_VIOLATED);
}

static void take_counts(struct explorer *x, const struct epoch_count *c)
{
    struct result *r = x->g->result;

    r->states_covered = epoch_count_sum(r->states_covered, c->covered);
    r->states_lossy = epoch_count_sum(r->states_lossy, c->lossy);
    r->states_violated = epoch_count_sum(r->states_violated, c->violated);
}

static void begin_pruning(struct explorer *x)
{
    read_trie_free(x->trie);
    outcomes_forget(&x->outcomes);
    x->trie = read_trie_new();
}

/* Mounts the loaded state; *ret_outcome is the picture it shows, *ret_tested its number in the trie. */
static enum look mount_state(struct explorer *x, size_t *ret_outcome, int64_t *ret_tested)
{
    const struct power *p = x->p;
    uint64_t left, done;

    if (!x->prune || x->outcomes.bytes + read_trie_bytes(x->trie) > MEMORY_BYTES)
        begin_pruning(x);
    if (!power_look(x->p, p->state))
        return FAILED;
    *ret_outcome = outcomes_take(&x->outcomes, &x->g->survivors);
    if (x->prune) {
        *ret_tested = read_trie_add(x->trie, 0, p->image, p->reads, p->n_reads);
        x->outcome_of = grow(x->outcome_of, &x->cap_outcome_of, (size_t)*ret_tested, sizeof *x->outcome_of);
        x->outcome_of[*ret_tested] = *ret_outcome;
    }
    x->n_mounted++;
    states_progress(x->source, &done, &left);
    if (x->n_mounted + left > x->max_states)
        left = x->max_states > x->n_mounted ? x->max_states - x->n_mounted : 0;
    tally_mounted(x->g, left);
    return KNOWN;
}

/* Has a looker look at a state that does not seem to be covered, if one is free. */
static void look_ahead(struct explorer *x, const struct crash_state *s)
{
    if (!power_may_look_ahead(x->p))
        return;
    if (x->prune && (crash_image_load(x->scout, x->p->log, s) < 0 || read_trie_find(x->trie, 0, x->scout) != READ_TRIE_NONE))
        return;
    power_look_ahead(x->p, s);
}

/* Mounts a state that was concluded to show this picture. */
static enum look check(struct explorer *x, size_t outcome)
{
    const bool alone = power_look(x->p, x->p->state);
    struct buf both = {.data = NULL};
    struct error err = {0};

    if (!alone)
        return FAILED;
    const size_t seen = outcomes_take(&x->outcomes, &x->g->survivors);
    if (seen == outcome)
        return KNOWN;
    outcomes_compare(&x->outcomes.v[outcome].survivors, &x->outcomes.v[seen].survivors, &both);
    error_set(&err, EILSEQ, "prune", NULL, "the crash state at cut %llu shows something else than the one it agrees with: %s",
              (unsigned long long)x->p->state->cut, buf_text(&both));
    buf_free(&both);
    tally_fail(x->g, &err);
    return FAILED;
}

/* Finds out what the state shows, without a mount if possible, else with one if there may be more. */
static enum look look_at(struct explorer *x, const struct crash_state *s, size_t *ret_outcome, int64_t *ret_tested)
{
    x->p->state = s;
    if (!power_load(x->p, s))
        return FAILED;
    *ret_tested = x->prune ? read_trie_find(x->trie, 0, x->p->image) : READ_TRIE_NONE;
    if (*ret_tested != READ_TRIE_NONE) {
        if (x->g->job->pulse)
            atomic_fetch_add(&x->g->job->pulse->beats, 1);
        *ret_outcome = x->outcome_of[*ret_tested];
        return x->g->job->check_prune ? check(x, *ret_outcome) : KNOWN;
    }
    return x->n_mounted < x->may_mount ? mount_state(x, ret_outcome, ret_tested) : UNKNOWN;
}

/* All members of the group at hand show this picture. Counts them by their cuts. */
static void count_group(struct explorer *x, const struct subsets *u, const struct epoch_writes *w,
                        const struct crash_state *first, size_t outcome, bool again, struct epoch_count *c)
{
    uint32_t n, n_before;
    const uint64_t *free_writes = subsets_free_writes(u, &n, &n_before);
    const bool whole = w->n && subsets_has_whole(u);

    count(c, epoch_count_subsets(n_before) - again - (whole && n == 0), judge_range(x, outcome, first->cut, first->until));
    for (uint32_t i = 0; i < n; i++)
        count(c, epoch_count_subsets(n_before + i) - (whole && i == n - 1),
              judge_range(x, outcome, free_writes[i] + 1, first->until));
    if (whole) /* which exists beyond the epoch */
        count(c, 1, judge_range(x, outcome, w->entries[w->n - 1] + 1, w->whole_until));
}

/* Mounts some of the members that were concluded to show what the first one does. */
static enum look check_group(struct explorer *x, struct subsets *u, size_t outcome)
{
    enum look k = KNOWN;

    for (unsigned i = 0; x->g->job->check_prune && i < CHECKED_MEMBERS && k == KNOWN; i++) {
        x->p->state = subsets_any(u, &x->g->rng);
        k = power_load(x->p, x->p->state) ? check(x, outcome) : FAILED;
    }
    return k;
}

/* Tries to cover all subsets of an epoch. False: the job cannot go on. */
static bool exhaust(struct explorer *x, uint32_t epoch)
{
    const uint64_t may_mount = x->may_mount, left = may_mount - x->n_mounted, even = left / (states_epochs(x->source) - epoch),
                   share = even < LEAST_SHARE ? (left < LEAST_SHARE ? left : LEAST_SHARE) : even;
    struct epoch_count all = {0};
    const struct crash_state *first;
    struct epoch_writes w;
    struct subsets *u;
    enum look k = KNOWN;

    states_epoch(x->source, epoch, &w);
    if (w.forced || w.n > SUBSETS_MAX_WRITES) {
        free(w.entries);
        return true;
    }
    u = subsets_new(x->p->log, w.entries, w.n, w.durable, w.end, MAX_GROUPS);
    x->may_mount = x->n_mounted + share;
    while (k == KNOWN && !stop(x) && subsets_next(u, &first)) {
        const struct crash_state *later;
        size_t outcome, n_reads;
        int64_t tested;

        look_ahead(x, first);
        for (size_t i = 0; i < x->n_ahead && subsets_later(u, i, &later); i++)
            look_ahead(x, later);
        k = look_at(x, first, &outcome, &tested);
        if (k != KNOWN)
            break;
        const struct disk_note *reads = read_trie_reads(x->trie, tested, &n_reads);
        subsets_split(u, reads, n_reads);
        /* The state that keeps nothing of this epoch is the one before it with everything. */
        count_group(x, u, &w, first, outcome, epoch > 0 && first->n_kept == 0, &all);
        k = x->g->broken ? FAILED : check_group(x, u, outcome);
    }
    x->may_mount = may_mount;
    if (k == KNOWN && subsets_complete(u)) {
        all.exhaustive = true;
        states_skip(x->source, epoch);
    }
    x->groups[epoch] = all;
    subsets_free(u);
    free(w.entries);
    return k != FAILED;
}

static bool exhaust_epochs(struct explorer *x)
{
    const uint64_t torn = states_share(x->source, STATE_TORN) - states_share(x->source, STATE_ALONE);

    x->may_mount = x->max_states > torn ? x->max_states - torn : 0;
    if (x->may_mount < x->n_mounted)
        x->may_mount = x->n_mounted;
    for (uint32_t i = 0; i < states_epochs(x->source); i++)
        if (!exhaust(x, i))
            return false;
    return true;
}

/* Judges a state that the source gave, and counts it. */
static bool visit(struct explorer *x, const struct crash_state *s)
{
    size_t outcome = 0;
    int64_t tested;
    enum look k = look_at(x, s, &outcome, &tested);

    if (k != KNOWN)
        return k != FAILED;
    const uint8_t judged = judge_range(x, outcome, s->cut, s->until);
    struct epoch_count one = {0};
    if (crash_state_is_torn(s) || (s->epoch && !s->n_kept)) { /* no subset of whole writes, or one of the epoch before */
        count(&one, 1, judged);
        take_counts(x, &one);
    } else {
        count(&x->visited[s->epoch], 1, judged);
    }
    return true;
}

/* The next state whose turn it is; NULL: there is none. */
static const struct crash_state *next_state(struct explorer *x)
{
    /* Which states of later kinds there are is only known when exhaust_epochs was called. */
    const struct crash_state *s = window_next(x->window, x->exhausted ? STATE_KINDS : STATE_ALONE), *later;

    for (size_t i = 0; (later = window_at(x->window, i)) != NULL; i++)
        look_ahead(x, later);
    return s;
}

static void visit_all(struct explorer *x)
{
    const struct crash_state *s;

    while (!tally_over(x->g) && !stop(x) && (s = next_state(x))) {
        if (!x->exhausted && s->kind > STATE_ALONE) {
            x->exhausted = true;
            if (!exhaust_epochs(x))
                return;
        }
        x->may_mount = s->kind <= STATE_ALONE ? states_share(x->source, s->kind) : x->max_states;
        if (!visit(x, s))
            return;
    }
    if (!x->exhausted && !tally_over(x->g) && !stop(x))
        exhaust_epochs(x);
}

/* The lines of the steps that were under way while the epoch's writes were in flight. */
static void name_epoch(const struct explorer *x, struct epoch_result *e)
{
    const struct history *h = x->g->history;

    for (uint32_t i = 0; i < atomic_load(&h->n_events); i++) {
        const struct event *v = &h->events[i];

        if (v->lane == HISTORY_LANE_HARNESS || v->begin_pos > e->to || v->end_pos <= e->from)
            continue;
        const uint32_t line = x->g->job->plan->steps[v->step].line;
        e->first_line = e->first_line && e->first_line < line ? e->first_line : line;
        e->last_line = e->last_line > line ? e->last_line : line;
    }
}

static void tell_epoch(struct explorer *x, const struct epoch_writes *w, const struct epoch_count *c, bool exhaustive)
{
    struct result *r = x->g->result;
    struct epoch_result e = {.recording = (uint32_t)x->p->run,
                             .n_writes = w->n,
                             .from = w->durable,
                             .to = w->end,
                             .covered = epoch_count_told(c, w, exhaustive),
                             .exist = w->n_states,
                             .exhaustive = exhaustive};

    *(exhaustive ? &r->epochs_exhaustive : &r->epochs_sampled) += 1;
    if (w->n == 1 || r->n_epochs == RESULT_EPOCHS)
        return;
    name_epoch(x, &e);
    r->epochs = grow(r->epochs, &r->cap_epochs, r->n_epochs, sizeof *r->epochs);
    r->epochs[r->n_epochs++] = e;
}

static void sum_up(struct explorer *x)
{
    /* With pruning, what was left out of the small epochs is covered by their groups, or is not. */
    const bool all_given = x->all_given && !x->prune && !x->g->result->cut_short && !tally_over(x->g);

    for (uint32_t i = 0; i < states_epochs(x->source); i++) {
        const struct epoch_count c = epoch_count_merge(&x->visited[i], &x->groups[i]);
        struct epoch_writes w;

        take_counts(x, &c);
        states_epoch(x->source, i, &w);
        free(w.entries);
        if (w.n)
            tell_epoch(x, &w, &c, epoch_count_is_exhaustive(&c, i, &w, all_given));
    }
    const double exist = x->g->result->states_exist + states_exist(x->source);
    x->g->result->states_exist = exist < DBL_MAX ? exist : DBL_MAX;
}

void power_explore(struct power *p, uint64_t max_states, uint64_t seed, struct scene *scene)
{
    struct explorer x = {.p = p, .g = p->v.g, .scene = scene, .prune = !p->v.g->job->no_prune, .max_states = max_states};
    const struct state_limits limits = {.max_states = max_states,
                                        .max_more = x.prune ? max_states * MORE_STATES : 0,
                                        .samples = max_states > JOB_STATES ? SAMPLES_DEEP : SAMPLES,
                                        .sector = crash_image_sector(p->image),
                                        .torn = true};

    struct error err;

    assert(max_states > 0);
    x.exhausted = !x.prune;
    x.n_ahead = x.g->job->lookers > 1 ? (size_t)x.g->job->lookers * AHEAD : 1;
    if (x.n_ahead > 1 && crash_image_new(crash_image_base(p->image), crash_image_sector(p->image), &x.scout, &err) < 0) {
        tally_fail(x.g, &err);
        return;
    }
    x.source = states_new(p->log, p->from, writelog_length(p->log), &limits, seed);
    x.window = window_new(x.source, x.n_ahead);
    x.all_given = states_gives_all_subsets(x.source);
    x.groups = xcalloc(states_epochs(x.source), sizeof *x.groups);
    x.visited = xcalloc(states_epochs(x.source), sizeof *x.visited);
    outcomes_open(&x.outcomes, p->n_bounds + 1);
    begin_pruning(&x);
    visit_all(&x);
    sum_up(&x);
    if (!tally_over(x.g) && x.n_mounted == 0) {
        error_set(&err, ENODATA, "explore", NULL, "no crash state was looked at");
        tally_fail(x.g, &err);
    }
    outcomes_close(&x.outcomes);
    read_trie_free(x.trie);
    states_free(x.source);
    crash_image_free(x.scout);
    window_free(x.window);
    free(x.outcome_of);
    free(x.groups);
    free(x.visited);
}
