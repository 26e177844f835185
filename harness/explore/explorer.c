/*
 * The plan of an exploration.
 *
 * Each state that comes up is loaded. If it agrees with one that was looked at before in everything that was read then
 * (storage/read_trie.c), and with the same question in mind, the outcome is the same: it is covered, and only judged. Else it is
 * looked at. What is legal depends on the moment of the cut, so that every state is judged for all cuts at which it may exist.
 *
 * The states that the source gives (storage/crash_states.h) come each on its own. After those of a kind that the caller names
 * come the groups: epoch by epoch all subsets of its writes (storage/subsets.c), given up where too many of them would have to be
 * looked at. The source has no more subsets and samples of an epoch of which the groups covered all. So an epoch is either
 * exhaustive (all subsets covered) or sampled. Without pruning there are no groups, every state is looked at, and only epochs of
 * at most STATES_SMALL_EPOCH writes are exhaustive.
 *
 * Looking ahead at states whose turn comes later changes neither what is concluded nor in which order.
 */
#include "explore/explorer.h"

#include <float.h>
#include <stdlib.h>

#include "base/buf.h"
#include "explore/epoch_count.h"
#include "explore/window.h"
#include "states/read_trie.h"
#include "states/subsets.h"

enum {
    MAX_GROUPS = 4096,     /* of one epoch */
    CHECKED_MEMBERS = 3,   /* of each group, when conclusions are to be checked */
    LEAST_SHARE = 16,      /* mounts an epoch may take to become exhaustive, while there are any */
    MEMORY_BYTES = 1 << 26 /* outcomes and reads remembered; when it is used up pruning starts again */
};

/* The answer to one question about the state at hand. */
struct answer {
    size_t outcome;
    int64_t tested; /* in the trie, itself or the one it agrees with; READ_TRIE_NONE: nothing can be concluded from it */
};

/* The state at hand, and all that is asked of it. */
struct inquiry {
    const struct crash_state *s;
    size_t first, n; /* questions; n 0: it is nobody's concern */
    struct answer *answers;
    size_t cap;
};

struct tour {
    struct explorer *x;
    struct state_source *source;
    struct window *window;
    struct read_trie *trie;
    size_t *outcome_of; /* by number of the tested state */
    size_t cap_outcome_of;
    uint64_t may_mount; /* so many in all */
    struct inquiry view;
    /* What may be looked at ahead next: a state of the window, and how many of its questions are behind us. */
    size_t ahead_state, ahead_question;
    /* By epoch. What keeps nothing of an epoch, or parts of writes, is none of its subsets, and among the others. */
    struct epoch_count *visited, *groups, others;
    bool groups_begun; /* or there are none */
    bool left_out;     /* something that the source gave was not looked at, for want of mounts */
    bool all_given;    /* the source gave what it has, and nothing was left out */
};

/* What became of a state. */
enum look { KNOWN, UNKNOWN, FAILED };

static bool stop(const struct tour *t)
{
    return t->x->mounted > 0 && t->x->ops->stop(t->x->arg);
}

/* Which tested state the one in this image must come to the same as, or READ_TRIE_NONE. */
static int64_t conclude(const struct tour *t, const struct crash_image *image, size_t question)
{
    return t->trie ? read_trie_find(t->trie, question, image) : READ_TRIE_NONE;
}

/* Outcomes are forgotten between two states only, since a view refers to them. */
static void make_room(struct tour *t)
{
    const struct explorer *x = t->x;

    if (t->trie && x->ops->memory_bytes(x->arg) + read_trie_bytes(t->trie) <= MEMORY_BYTES)
        return;
    x->ops->forget(x->arg);
    read_trie_free(t->trie);
    t->trie = x->prune ? read_trie_new() : NULL;
}

/* Has somebody who is free look at what seems not to be covered, from this question of the state on. False: nobody is free. */
static bool look_ahead(struct tour *t, const struct crash_state *s, size_t *question)
{
    const struct explorer *x = t->x;
    size_t first, n;

    x->ops->questions(x->arg, s->cut, s->until, &first, &n);
    for (; *question < n; ++*question) {
        if (!x->ops->prefetch_idle(x->arg))
            return false;
        if (!x->prune || x->check_prune ||
            (crash_image_load(x->prefetch_image, x->log, s) == 0 &&
             conclude(t, x->prefetch_image, first + *question) == READ_TRIE_NONE))
            x->ops->prefetch(x->arg, s, first + *question);
    }
    return true;
}

/* The same for the window, from this question of the state at hand on. */
static void look_ahead_in_window(struct tour *t, size_t question)
{
    const struct crash_state *s;

    if (!t->x->prefetch_image)
        return;
    if (t->ahead_state == 0 && t->ahead_question < question)
        t->ahead_question = question;
    while ((s = window_at(t->window, t->ahead_state)) != NULL && look_ahead(t, s, &t->ahead_question)) {
        t->ahead_state++;
        t->ahead_question = 0;
    }
}

/* The same for the group at hand, which begins with `first`, and those after it. */
static void look_ahead_in_groups(struct tour *t, struct subsets *u, const struct crash_state *first)
{
    const struct crash_state *s = first;

    for (size_t i = 0; t->x->prefetch_image && i <= t->x->n_prefetch; i++) {
        size_t question = 0;

        if ((i > 0 && !subsets_later(u, i - 1, &s)) || !look_ahead(t, s, &question))
            return;
    }
}

/* Looks at the state at hand. */
static bool look(struct tour *t, size_t question, struct answer *ret)
{
    struct explorer *x = t->x;
    struct observation_ref seen = {.n_reads = 0};

    if (!x->ops->observe(x->arg, t->view.s, question, &seen))
        return false;
    *ret = (struct answer){.outcome = seen.observation, .tested = READ_TRIE_NONE};
    if (!x->prune || seen.inconclusive)
        return true;
    ret->tested = read_trie_add(t->trie, question, x->image, seen.reads, seen.n_reads);
    t->outcome_of = grow(t->outcome_of, &t->cap_outcome_of, (size_t)ret->tested, sizeof *t->outcome_of);
    t->outcome_of[ret->tested] = ret->outcome;
    return true;
}

/* Looks at the state at hand, of which this was concluded. */
static bool check(struct tour *t, size_t question, size_t concluded)
{
    const struct explorer *x = t->x;
    struct observation_ref seen = {.n_reads = 0};

    return x->ops->observe(x->arg, t->view.s, question, &seen) &&
           (seen.observation == concluded || x->ops->confirm(x->arg, t->view.s, question, concluded, seen.observation));
}

/* Answers one question about the state at hand. */
static bool answer(struct tour *t, enum state_origin origin, size_t question, bool *ret_looked)
{
    struct explorer *x = t->x;
    struct answer *a = &t->view.answers[question - t->view.first];

    if (origin == FROM_SOURCE)
        look_ahead_in_window(t, question - t->view.first);
    a->tested = conclude(t, x->image, question);
    const bool concluded = a->tested != READ_TRIE_NONE;
    if (concluded)
        a->outcome = t->outcome_of[a->tested];
    if (concluded ? x->check_prune && !check(t, question, a->outcome) : !look(t, question, a))
        return false;
    *ret_looked |= !concluded;
    return !x->ops->report || x->ops->report(x->arg, t->view.s, origin, question, a->outcome, !concluded);
}

/* Must the state at hand be looked at, for one question at least? */
static bool needs_look(const struct tour *t)
{
    const struct inquiry *v = &t->view;

    for (size_t i = 0; i < v->n; i++)
        if (conclude(t, t->x->image, v->first + i) == READ_TRIE_NONE)
            return true;
    return false;
}

/* Makes this the state at hand and answers all questions about it, without a look if possible, else with one if it may be. */
static enum look view(struct tour *t, const struct crash_state *s, enum state_origin origin)
{
    struct explorer *x = t->x;
    struct inquiry *v = &t->view;
    bool looked = false, ok = true;
    uint64_t given, left;

    v->s = s;
    x->ops->questions(x->arg, s->cut, s->until, &v->first, &v->n);
    if (v->n == 0)
        return KNOWN;
    v->answers = grow(v->answers, &v->cap, v->n - 1, sizeof *v->answers);
    if (origin != CHECKED_MEMBER)
        make_room(t);
    if (!x->ops->load(x->arg, s))
        return FAILED;
    if (x->mounted >= t->may_mount && needs_look(t))
        return UNKNOWN;
    for (size_t i = 0; i < v->n && ok; i++)
        ok = answer(t, origin, v->first + i, &looked);
    x->mounted += looked;
    states_progress(t->source, &given, &left);
    if (x->mounted + left > x->limits.max_states)
        left = x->limits.max_states > x->mounted ? x->limits.max_states - x->mounted : 0;
    x->ops->progress(x->arg, looked, left);
    return ok ? KNOWN : FAILED;
}

/* What the outcomes of the state at hand come to, for a state that exists at the cuts [cut, until]. */
static uint8_t judge(const struct tour *t, uint64_t cut, uint64_t until)
{
    const struct explorer *x = t->x;
    const struct inquiry *v = &t->view;
    uint8_t sum = 0;
    size_t first, n;

    x->ops->questions(x->arg, cut, until, &first, &n);
    for (size_t q = first; q < first + n; q++)
        sum |= x->ops->judge(x->arg, v->s, q, v->answers[q - v->first].outcome, cut, until);
    return sum;
}

static void count(struct epoch_count *c, uint64_t n, uint8_t comes_to)
{
    epoch_count_add(c, n, comes_to & JUDGED_LOSSY, comes_to & JUDGED_VIOLATED);
}

/* Replaces `before` by `after` in the sums. */
static void sum_changed(struct explorer *x, const struct epoch_count *before, const struct epoch_count *after)
{
    x->covered = epoch_count_sum(x->covered - before->covered, after->covered);
    x->lossy = epoch_count_sum(x->lossy - before->lossy, after->lossy);
    x->violated = epoch_count_sum(x->violated - before->violated, after->violated);
}

/*
 * Counts members of the group at hand by their cuts: of what its first member came to, only that concerns them. Not the one that
 * was counted `again`, in the epoch before, nor the one that keeps the whole epoch.
 */
static void count_group(const struct tour *t, const struct subsets *u, bool again, bool whole, struct epoch_count *c)
{
    uint32_t n, n_before;
    const uint64_t *free_writes = subsets_free_writes(u, &n, &n_before);
    const struct crash_state *first = t->view.s;

    count(c, epoch_count_subsets(n_before) - again - (whole && n == 0), judge(t, first->cut, first->until));
    for (uint32_t i = 0; i < n; i++)
        count(c, epoch_count_subsets(n_before + i) - (whole && i == n - 1), judge(t, free_writes[i] + 1, first->until));
}

/* The member that keeps all of the epoch's writes exists beyond the epoch, where more may be asked of it. */
static enum look cover_whole(struct tour *t, uint32_t epoch, const struct epoch_writes *w, struct epoch_count *c)
{
    const uint64_t may_mount = t->may_mount;
    struct crash_state s;

    states_whole_epoch(w, epoch, &s);
    t->may_mount = UINT64_MAX;
    const enum look k = view(t, &s, CHECKED_MEMBER);
    t->may_mount = may_mount;
    if (k == KNOWN)
        count(c, 1, judge(t, s.cut, s.until));
    t->view.s = NULL;
    free(s.kept);
    return k;
}

/* Looks at some of the members that were concluded to come to what the first one does. */
static enum look check_members(struct tour *t, struct subsets *u)
{
    enum look k = KNOWN;

    for (unsigned i = 0; t->x->check_prune && i < CHECKED_MEMBERS && k == KNOWN; i++)
        k = view(t, subsets_any(u, t->x->rng), CHECKED_MEMBER);
    return k;
}

/* Covers the group that begins with this state. */
static enum look cover_group(struct tour *t, struct subsets *u, const struct crash_state *first, uint32_t epoch,
                             const struct epoch_writes *w, struct epoch_count *c)
{
    const struct inquiry *v = &t->view;
    enum look k = view(t, first, FIRST_OF_GROUP);
    bool conclusive = v->n > 0;

    for (size_t i = 0; i < v->n && k == KNOWN; i++)
        conclusive &= v->answers[i].tested != READ_TRIE_NONE;
    if (k != KNOWN || !conclusive)
        return k == KNOWN ? UNKNOWN : k;
    for (size_t i = 0; i < v->n; i++) {
        size_t n_reads;
        const struct read_note *reads = read_trie_reads(t->trie, v->answers[i].tested, &n_reads);

        subsets_split(u, reads, n_reads);
    }
    /* The state that keeps nothing of this epoch is the one before it with everything. */
    const bool again = epoch > 0 && first->n_kept == 0, whole = subsets_has_whole(u);
    count_group(t, u, again, whole, c);
    k = check_members(t, u);
    return k == KNOWN && whole ? cover_whole(t, epoch, w, c) : k;
}

/* Tries to cover all subsets of an epoch's writes, with so many mounts at most. */
static enum look exhaust(struct tour *t, uint32_t epoch, const struct epoch_writes *w, uint64_t mounts)
{
    const uint64_t may_mount = t->may_mount;
    const struct epoch_count before = epoch_count_merge(&t->visited[epoch], &t->groups[epoch]);
    struct subsets *u = subsets_new(t->x->log, w->entries, w->n, w->durable, w->end, MAX_GROUPS);
    struct epoch_count *c = &t->groups[epoch];
    const struct crash_state *first;
    enum look k = KNOWN;

    t->may_mount = t->x->mounted + mounts;
    while (k == KNOWN && !stop(t) && subsets_next(u, &first)) {
        look_ahead_in_groups(t, u, first);
        k = cover_group(t, u, first, epoch, w, c);
    }
    t->may_mount = may_mount;
    c->exhaustive = k == KNOWN && subsets_complete(u);
    subsets_free(u);
    if (c->exhaustive)
        states_skip(t->source, epoch);
    const struct epoch_count after = epoch_count_merge(&t->visited[epoch], c);
    sum_changed(t->x, &before, &after);
    return k;
}

static bool is_exhaustive(const struct tour *t, uint32_t epoch, const struct epoch_writes *w)
{
    const struct epoch_count c = epoch_count_merge(&t->visited[epoch], &t->groups[epoch]);

    return epoch_count_is_exhaustive(&c, epoch, w, t->all_given);
}

/* Do the epoch's states concern anybody? */
static bool concerns(const struct tour *t, const struct epoch_writes *w)
{
    size_t first, n;

    t->x->ops->questions(t->x->arg, w->durable, w->end, &first, &n);
    return n > 0;
}

static bool exhaust_epochs(struct tour *t)
{
    const uint64_t torn = states_share(t->source, STATE_TORN) - states_share(t->source, STATE_ALONE),
                   max = t->x->limits.max_states, reserved = t->x->groups_after < STATE_TORN ? torn : 0;
    const uint32_t n = states_epochs(t->source);
    enum look k = KNOWN;

    t->may_mount = max > reserved ? max - reserved : 0;
    if (t->may_mount < t->x->mounted)
        t->may_mount = t->x->mounted;
    for (uint32_t i = 0; i < n && k != FAILED; i++) {
        /* The state that keeps an epoch whole is looked at even if that is one mount too many. */
        const uint64_t left = t->may_mount > t->x->mounted ? t->may_mount - t->x->mounted : 0, even = left / (n - i),
                       least = left < LEAST_SHARE ? left : LEAST_SHARE;
        struct epoch_writes w;

        states_epoch(t->source, i, &w);
        if ((w.n || i == 0) && w.n <= SUBSETS_MAX_WRITES && !w.forced && concerns(t, &w) && !is_exhaustive(t, i, &w) && !stop(t))
            k = exhaust(t, i, &w, even < LEAST_SHARE ? least : even);
        free(w.entries);
    }
    return k != FAILED;
}

/* Judges a state that the source gave, and counts it. */
static bool visit(struct tour *t, const struct crash_state *s)
{
    const bool subset = !crash_state_is_torn(s) && (s->epoch == 0 || s->n_kept);
    struct epoch_count *c = subset ? &t->visited[s->epoch] : &t->others, none = {0};
    const enum look k = view(t, s, FROM_SOURCE);

    t->left_out |= k == UNKNOWN;
    if (k != KNOWN || t->view.n == 0)
        return k != FAILED;
    const struct epoch_count *groups = subset ? &t->groups[s->epoch] : &none, before = epoch_count_merge(c, groups);
    count(c, 1, judge(t, s->cut, s->until));
    const struct epoch_count after = epoch_count_merge(c, groups);
    sum_changed(t->x, &before, &after);
    return true;
}

/* The next state whose turn it is; NULL: there is none. */
static const struct crash_state *next_state(struct tour *t)
{
    if (t->ahead_state > 0)
        t->ahead_state--;
    else
        t->ahead_question = 0;
    /* Which states of later kinds there are is only known when there were groups. */
    return window_next(t->window, t->groups_begun ? STATE_KINDS : t->x->groups_after);
}

static bool begin_groups(struct tour *t)
{
    t->groups_begun = true;
    return exhaust_epochs(t);
}

static bool visit_all(struct tour *t)
{
    const struct explorer *x = t->x;
    const struct crash_state *s;

    while ((s = next_state(t)) != NULL && !stop(t)) {
        if (!t->groups_begun && s->kind > x->groups_after && !begin_groups(t))
            return false;
        t->may_mount = s->kind <= x->groups_after ? states_share(t->source, s->kind) : x->limits.max_states;
        if (!visit(t, s))
            return false;
    }
    t->all_given = !s && !t->left_out && states_gives_all_subsets(t->source);
    return t->groups_begun || begin_groups(t);
}

static void sum_up_epoch(const struct tour *t, uint32_t i, const struct epoch_writes *w)
{
    struct explorer *x = t->x;
    const struct epoch_count c = epoch_count_merge(&t->visited[i], &t->groups[i]);
    const bool exhaustive = is_exhaustive(t, i, w);
    const struct epoch_result e = {.n_writes = w->n,
                                   .from = w->durable,
                                   .to = w->end,
                                   .covered = epoch_count_reported(&c, w, exhaustive),
                                   .exist = w->n_states,
                                   .exhaustive = exhaustive};

    *(exhaustive ? &x->epochs_exhaustive : &x->epochs_sampled) += 1;
    if (w->n > 1)
        x->ops->report_epoch(x->arg, &e);
}

static void sum_up(struct tour *t)
{
    const struct epoch_count none = {0};
    struct explorer *x = t->x;
    double exist = 0;

    x->covered = x->lossy = x->violated = 0;
    sum_changed(x, &none, &t->others);
    for (uint32_t i = 0; i < states_epochs(t->source); i++) {
        const struct epoch_count c = epoch_count_merge(&t->visited[i], &t->groups[i]);
        struct epoch_writes w;

        sum_changed(x, &none, &c);
        states_epoch(t->source, i, &w);
        if (concerns(t, &w)) {
            exist += exist > 0 ? w.n_states - 1 : w.n_states; /* what keeps nothing is a state of the epoch before */
            if (w.n || !is_exhaustive(t, i, &w))              /* what comes before the first write is a state, too */
                sum_up_epoch(t, i, &w);
        }
        free(w.entries);
    }
    x->exist = exist < DBL_MAX ? exist : DBL_MAX;
}

bool explorer_run(struct explorer *x)
{
    struct tour t = {.x = x, .groups_begun = !x->prune};

    t.source = states_new(x->log, x->from, x->to, &x->limits, x->seed);
    t.window = window_new(t.source, x->n_prefetch);
    const size_t n = states_epochs(t.source) + 1;
    t.visited = xcalloc(n, sizeof *t.visited);
    t.groups = xcalloc(n, sizeof *t.groups);
    const bool ok = visit_all(&t);
    t.all_given &= ok;
    sum_up(&t);
    x->ops->forget(x->arg);
    read_trie_free(t.trie);
    window_free(t.window);
    states_free(t.source);
    free(t.outcome_of);
    free(t.view.answers);
    free(t.visited);
    free(t.groups);
    return ok;
}
