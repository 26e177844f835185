/*
 * Exploring a foreign log, the isolated process: which crash states are looked at, at which numbers of marks, and what follows
 * for the others.
 *
 * What a look comes to depends on what mount, command and unmount read from the disk, and on the mark and the number of marks
 * that the command is told. So a state that agrees, in all that was read then, with one that was looked at with as many marks
 * comes to the same, and is not mounted (storage/read_trie.c: the number of marks is the question). The number of marks says
 * which mark was the last. A command that was killed at its deadline says as much about the machine as about the state, so
 * nothing is concluded from that.
 *
 * First come the states that the source gives (crash_states.h), each on its own. Then, epoch by epoch, all subsets of the writes
 * of those epochs of which the source gave only samples, in groups whose members come to the same (storage/subsets.h), while the
 * limits allow it. Without pruning there are no groups.
 *
 * Where there are lookers, they look at states whose turn comes later. What is concluded, and in which order, is the same without
 * them. Positions in `loaded.log` count from loaded.first.
 */
#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "engine/epoch_count.h"
#include "engine/foreign_look.h"
#include "engine/foreign_tell.h"
#include "engine/window.h"
#include "storage/read_trie.h"
#include "storage/subsets.h"

enum {
    SAMPLES = 64,          /* random subsets of an epoch too large for all */
    AHEAD = 2,             /* states in the window for each looker */
    MAX_GROUPS = 4096,     /* of one epoch */
    CHECKED_MEMBERS = 3,   /* of each group, when conclusions are to be checked */
    LEAST_SHARE = 16,      /* mounts an epoch may take to become exhaustive, while there are any */
    MEMORY_BYTES = 1 << 26 /* outcomes and reads remembered; when it is used up pruning starts again */
};

struct exploring {
    const struct foreign *x;
    struct crash_image *image; /* of the state whose turn it is */
    struct foreign_looks *looks;
    struct foreign_teller teller;
    struct foreign_counts *counts; /* the teller's */
    bool prune;
    struct read_trie *trie;
    struct glimpse *known; /* by number of the tested state; without what was read */
    size_t n_known, cap_known, known_bytes;
    struct window *window;
    struct crash_image *scout; /* for states whose turn has not come; NULL: there are no lookers */
    /* What lookers may begin with next: a state of the window, and how many numbers of marks of it are behind us. */
    size_t ahead_state, ahead_marks;
    struct epoch_count *visited; /* by epoch: states that were visited, or are known to come to the same as one that was */
    uint64_t n_violated;         /* states that were seen to be violated, each once */
    uint64_t *hung;              /* numbers of the states at which the command hung */
    size_t n_hung, cap_hung;
    size_t n_told_epochs;
    struct rng rng; /* for the checks of conclusions */
    double end_s;   /* of clock_s; 0: no limit */
    struct error err;
};

/* The stretch [*ret_lo, *ret_hi] of [from, to], in positions of the file, in which the state exists. False: none. */
static bool stretch(const struct foreign *x, const struct crash_state *s, uint64_t *ret_lo, uint64_t *ret_hi)
{
    const uint64_t lo = s->cut + x->loaded.first, hi = s->until + x->loaded.first;

    *ret_lo = lo < x->from ? x->from : lo;
    *ret_hi = hi > x->to ? x->to : hi;
    return *ret_lo <= *ret_hi;
}

/* How many marks may have been passed while it exists. False: it does not exist within [from, to]. */
static bool marks_of(const struct foreign *x, const struct crash_state *s, size_t *ret_first, size_t *ret_last)
{
    uint64_t lo, hi;

    if (!stretch(x, s, &lo, &hi))
        return false;
    *ret_first = logmarks_passed(&x->marks, lo);
    *ret_last = logmarks_passed(&x->marks, hi);
    return true;
}

static void forget(struct exploring *e)
{
    for (size_t i = 0; i < e->n_known; i++)
        glimpse_free(&e->known[i]);
    e->n_known = e->known_bytes = 0;
    read_trie_free(e->trie);
    e->trie = NULL;
}

/* The loaded state came to this: its number, or READ_TRIE_NONE. */
static int64_t remember(struct exploring *e, size_t n_marks, const struct glimpse *seen)
{
    if (!e->prune || seen->kind == FOREIGN_HUNG)
        return READ_TRIE_NONE;
    if (e->trie && e->known_bytes + read_trie_bytes(e->trie) > MEMORY_BYTES)
        forget(e);
    if (!e->trie)
        e->trie = read_trie_new();
    const struct disk_note *reads = (const struct disk_note *)(const void *)seen->reads.data;
    const int64_t tested = read_trie_add(e->trie, n_marks, e->image, reads, seen->reads.len_bytes / sizeof *reads);
    if ((size_t)tested < e->n_known) /* it has a twin */
        return tested;
    e->known = grow(e->known, &e->cap_known, e->n_known, sizeof *e->known);
    struct glimpse *g = &e->known[e->n_known++];
    *g = (struct glimpse){.violated = seen->violated, .kind = seen->kind, .status = seen->status};
    if (seen->said.len_bytes)
        buf_puts(&g->said, buf_text(&seen->said));
    e->known_bytes += sizeof *g + g->said.cap_bytes;
    return tested;
}

/* The tested state that one in this image must come to the same as, or READ_TRIE_NONE. */
static int64_t conclude(const struct exploring *e, const struct crash_image *image, size_t n_marks)
{
    return e->trie ? read_trie_find(e->trie, n_marks, image) : READ_TRIE_NONE;
}

/* Has free lookers begin with what comes up, from number `nth` of the marks of the state at hand on. */
static void look_ahead(struct exploring *e, size_t nth)
{
    const struct crash_state *s;

    if (!e->scout)
        return;
    if (e->ahead_state == 0 && e->ahead_marks < nth)
        e->ahead_marks = nth;
    while ((s = window_at(e->window, e->ahead_state)) != NULL && foreign_may_look_ahead(e->looks)) {
        size_t first, last;

        if (!marks_of(e->x, s, &first, &last) || first + e->ahead_marks > last) {
            e->ahead_state++;
            e->ahead_marks = 0;
            continue;
        }
        const size_t n_marks = first + e->ahead_marks++;
        if (e->prune && !e->x->opt->check_prune &&
            (crash_image_load(e->scout, e->x->loaded.log, s) < 0 || conclude(e, e->scout, n_marks) != READ_TRIE_NONE))
            continue;
        foreign_look_ahead(e->looks, s, n_marks);
    }
}

/* Looks at a state that was concluded to come to `want`. */
static int check_conclusion(struct exploring *e, const struct crash_state *s, size_t n_marks, const struct glimpse *want)
{
    struct glimpse seen = {.violated = false};
    int r = foreign_look(e->looks, s, n_marks, &seen, &e->err);

    if (r == 0 && (seen.violated != want->violated || seen.kind != want->kind || seen.status != want->status))
        r = error_set(&e->err, EILSEQ, "prune", e->x->opt->check,
                      "at position %llu, with %zu marks passed, this ends as '%s' with status %d; on a state that agrees in all "
                      "that was read then it ended as '%s' with status %d. If it depends on more than the volume and the mark, "
                      "use --no-prune",
                      (unsigned long long)(s->cut + e->x->loaded.first), n_marks, foreign_kind_names[seen.kind], seen.status,
                      foreign_kind_names[want->kind], want->status);
    glimpse_free(&seen);
    return r;
}

/*
 * Finds out what the loaded state comes to, without a mount if possible. *ret_looked is set if there was one. *ret_tested is the
 * state that it comes to the same as, be it itself, or READ_TRIE_NONE.
 */
static int see(struct exploring *e, const struct crash_state *s, size_t n_marks, bool *ret_looked, struct glimpse *ret,
               int64_t *ret_tested)
{
    int r;

    *ret_tested = conclude(e, e->image, n_marks);
    if (*ret_tested != READ_TRIE_NONE) {
        const struct glimpse *known = &e->known[*ret_tested];

        *ret = (struct glimpse){.violated = known->violated, .kind = known->kind, .status = known->status};
        buf_puts(&ret->said, buf_text(&known->said));
        return e->x->opt->check_prune ? check_conclusion(e, s, n_marks, ret) : 0;
    }
    *ret = (struct glimpse){.violated = false};
    r = foreign_look(e->looks, s, n_marks, ret, &e->err);
    if (r < 0)
        return r;
    *ret_looked = true;
    e->counts->checks += ret->kind != FOREIGN_MOUNT;
    e->counts->untraced |= ret->untraced;
    *ret_tested = remember(e, n_marks, ret);
    return 0;
}

/* Is the time up? One state is visited in any case. */
static bool stop(struct exploring *e)
{
    if (e->end_s > 0 && e->counts->states_covered && clock_s() >= e->end_s)
        e->counts->cut_short = true;
    return e->counts->cut_short;
}

/* Was the command seen to hang on this state for the first time? */
static bool note_hang(struct exploring *e, const struct crash_state *s)
{
    const uint64_t number = foreign_state_number(s);

    for (size_t i = 0; i < e->n_hung; i++)
        if (e->hung[i] == number)
            return false;
    e->hung = grow(e->hung, &e->cap_hung, e->n_hung, sizeof *e->hung);
    e->hung[e->n_hung++] = number;
    return true;
}

/* What a state came to, at each number of marks that may have been passed while it exists within [from, to]. */
struct view {
    bool exists; /* at all, within [from, to] */
    size_t first, last;
    bool *violated; /* by number of marks, from `first` on; freed by the caller */
    bool looked, any_violated;
    bool is_known; /* what was read at each number of marks is known */
};

/* Whose state it is: the source's; the first member of a group, which is split by what was read; any other member. */
enum whose { OF_SOURCE, OF_GROUP, OF_MEMBER };

/* Finds out, and tells what was violated. Of groups only that which was looked at: something like the rest was told before. */
static int view(struct exploring *e, const struct crash_state *s, enum whose whose, struct subsets *u, struct view *ret)
{
    const struct foreign *x = e->x;
    uint64_t lo, hi;
    int r;

    *ret = (struct view){.is_known = true};
    ret->exists = stretch(x, s, &lo, &hi) && marks_of(x, s, &ret->first, &ret->last);
    if (!ret->exists)
        return 0;
    ret->violated = xcalloc(ret->last - ret->first + 1, sizeof *ret->violated);
    r = crash_image_load(e->image, x->loaded.log, s);
    if (r < 0)
        return error_set(&e->err, -r, "crash_image_load", "", "the crash state does not fit in memory");
    bool is_new = false; /* and violated */
    for (size_t n = ret->first; n <= ret->last && r == 0; n++) {
        /* The first position at which so many marks have been passed. */
        const uint64_t cut = n && x->marks.v[n - 1].index + 1 > lo ? x->marks.v[n - 1].index + 1 : lo;
        struct glimpse seen;
        bool looked = false;
        int64_t tested;

        if (whose == OF_SOURCE)
            look_ahead(e, n - ret->first);
        r = see(e, s, n, &looked, &seen, &tested);
        ret->looked |= looked;
        ret->is_known &= tested != READ_TRIE_NONE;
        ret->violated[n - ret->first] = r == 0 && seen.violated;
        bool tell = r == 0 && seen.violated && (looked || whose == OF_SOURCE);
        if (tell && seen.kind == FOREIGN_HUNG) /* nothing is concluded from that, so it may come again */
            tell = note_hang(e, s) || whose == OF_SOURCE;
        if (tell) {
            e->n_violated += !is_new;
            is_new = true;
            if (e->n_violated <= FOREIGN_TOLD)
                r = foreign_tell_violation(&e->teller, e->image, s, cut, n, &seen, &e->err);
        }
        ret->any_violated |= ret->violated[n - ret->first];
        if (whose == OF_GROUP && r == 0 && tested != READ_TRIE_NONE) {
            size_t n_reads;
            const struct disk_note *reads = read_trie_reads(e->trie, tested, &n_reads);

            subsets_split(u, reads, n_reads);
        }
        glimpse_free(&seen);
        if (r == 0)
            foreign_tell_progress(&e->teller);
    }
    buf_clear(&e->teller.image);
    e->counts->states_mounted += ret->looked;
    return r;
}

/* Visits a state that the source gave, and counts it. */
static int visit(struct exploring *e, const struct crash_state *s)
{
    struct view v;
    const int r = view(e, s, OF_SOURCE, NULL, &v);

    if (v.exists) {
        e->counts->states_covered++;
        e->counts->states_violated += v.any_violated;
        if (!crash_state_is_torn(s) && (s->epoch == 0 || s->n_kept))
            epoch_count_add(&e->visited[s->epoch], 1, false, v.any_violated);
    }
    free(v.violated);
    return r;
}

/* Counts n members of a group, which exist from this cut on: of what its first member came to, only that concerns them. */
static void count_members(const struct exploring *e, const struct view *v, uint64_t cut, uint64_t n, struct epoch_count *c)
{
    const uint64_t at = cut + e->x->loaded.first;
    bool violated = false;

    for (size_t i = logmarks_passed(&e->x->marks, at < e->x->from ? e->x->from : at); i <= v->last; i++)
        violated |= v->violated[i - v->first];
    epoch_count_add(c, n, false, violated);
}

/* Looks at some of the members that were concluded to come to what the first one does. */
static int check_members(struct exploring *e, struct subsets *u)
{
    int r = 0;

    for (unsigned i = 0; e->x->opt->check_prune && i < CHECKED_MEMBERS && r == 0; i++) {
        struct view v;

        r = view(e, subsets_any(u, &e->rng), OF_MEMBER, NULL, &v); /* which is concluded, and checked */
        free(v.violated);
    }
    return r;
}

/* Judges and counts the state that keeps all of the epoch's writes, which exists beyond the epoch. */
static int cover_whole(struct exploring *e, uint32_t epoch, const struct epoch_writes *w, struct epoch_count *c)
{
    struct crash_state s;
    struct view v;

    states_whole_epoch(w, epoch, &s);
    const int r = view(e, &s, OF_MEMBER, NULL, &v);
    epoch_count_add(c, 1, false, v.any_violated);
    free(v.violated);
    free(s.kept);
    return r;
}

/* Covers the group that begins with this state. *ret_is_known: whether that was possible. */
static int cover_group(struct exploring *e, struct subsets *u, const struct crash_state *first, uint32_t epoch,
                       const struct epoch_writes *w, struct epoch_count *c, bool *ret_is_known)
{
    struct view v;
    int r = view(e, first, OF_GROUP, u, &v);

    *ret_is_known = v.is_known;
    if (r == 0 && v.exists && v.is_known) {
        uint32_t n, n_before;
        const uint64_t *free_writes = subsets_free_writes(u, &n, &n_before);
        /* The state that keeps nothing of this epoch is the one before it with everything. */
        const bool again = epoch > 0 && first->n_kept == 0, whole = subsets_has_whole(u);

        count_members(e, &v, first->cut, epoch_count_subsets(n_before) - again - (whole && n == 0), c);
        for (uint32_t i = 0; i < n; i++)
            count_members(e, &v, free_writes[i] + 1, epoch_count_subsets(n_before + i) - (whole && i == n - 1), c);
        r = check_members(e, u);
        if (r == 0 && whole)
            r = cover_whole(e, epoch, w, c);
    }
    free(v.violated);
    return r;
}

/* Has free lookers begin with groups that come up. */
static void look_ahead_of_groups(struct exploring *e, struct subsets *u)
{
    const struct crash_state *s;

    for (size_t i = 0; e->scout && i < (size_t)e->x->jobs * AHEAD && subsets_later(u, i, &s) && foreign_may_look_ahead(e->looks);
         i++) {
        size_t first, last;

        if (!marks_of(e->x, s, &first, &last) || crash_image_load(e->scout, e->x->loaded.log, s) < 0)
            continue;
        for (size_t n = first; n <= last && foreign_may_look_ahead(e->looks); n++)
            if (conclude(e, e->scout, n) == READ_TRIE_NONE)
                foreign_look_ahead(e->looks, s, n);
    }
}

/* Tries to cover all subsets of an epoch's writes, with so many mounts at most. */
static int exhaust(struct exploring *e, uint32_t epoch, const struct epoch_writes *w, uint64_t max_mounts)
{
    const uint64_t end = e->counts->states_mounted + max_mounts;
    struct subsets *u = subsets_new(e->x->loaded.log, w->entries, w->n, w->durable, w->end, MAX_GROUPS);
    const struct crash_state *first;
    struct epoch_count all = {.covered = 0};
    bool is_known = true;
    int r = 0;

    while (r == 0 && is_known && e->counts->states_mounted < end && !stop(e) && subsets_next(u, &first)) {
        look_ahead_of_groups(e, u);
        r = cover_group(e, u, first, epoch, w, &all, &is_known);
        foreign_tell_progress(&e->teller);
    }
    all.exhaustive = r == 0 && is_known && subsets_complete(u);
    subsets_free(u);
    const struct epoch_count before = e->visited[epoch], now = epoch_count_merge(&before, &all);
    e->visited[epoch] = now;
    e->counts->states_covered = epoch_count_sum(e->counts->states_covered - before.covered, now.covered);
    e->counts->states_violated = epoch_count_sum(e->counts->states_violated - before.violated, now.violated);
    return r;
}

/* Tries to cover what the source gave only samples of. */
static int exhaust_epochs(struct exploring *e, const struct state_source *source, uint64_t max_states, bool all_given)
{
    int r = 0;

    for (uint32_t i = 0; i < states_epochs(source) && r == 0 && e->counts->states_mounted < max_states; i++) {
        const uint64_t left = max_states - e->counts->states_mounted, even = left / (states_epochs(source) - i);
        struct epoch_writes w;

        states_epoch(source, i, &w);
        if (w.n && w.n <= SUBSETS_MAX_WRITES && !w.forced && w.end + e->x->loaded.first >= e->x->from &&
            !epoch_count_is_exhaustive(&e->visited[i], i, &w, all_given) && !stop(e))
            r = exhaust(e, i, &w, even > LEAST_SHARE ? even : left < LEAST_SHARE ? left : LEAST_SHARE);
        free(w.entries);
    }
    return r;
}

static const struct crash_state *next_state(struct exploring *e)
{
    if (e->ahead_state > 0)
        e->ahead_state--;
    else
        e->ahead_marks = 0;
    return window_next(e->window, STATE_KINDS);
}

static void sum_up_epoch(struct exploring *e, uint32_t i, const struct epoch_writes *w, bool all_given)
{
    const uint64_t first = e->x->loaded.first;
    const bool exhaustive = epoch_count_is_exhaustive(&e->visited[i], i, w, all_given);
    const struct epoch_result told = {.n_writes = w->n,
                                      .from = w->durable + first,
                                      .to = w->end + first,
                                      .covered = epoch_count_told(&e->visited[i], w, exhaustive),
                                      .exist = w->n_states,
                                      .exhaustive = exhaustive};

    *(told.exhaustive ? &e->counts->epochs_exhaustive : &e->counts->epochs_sampled) += 1;
    if (w->n > 1 && e->n_told_epochs++ < RESULT_EPOCHS)
        foreign_tell_epoch(&e->teller, &told);
}

/* Epochs that ended before --from are nobody's concern: none of their states exist behind it. */
static void sum_up(struct exploring *e, const struct state_source *source, bool all_given)
{
    double exist = 0;

    for (uint32_t i = 0; i < states_epochs(source); i++) {
        struct epoch_writes w;

        states_epoch(source, i, &w);
        if (w.end + e->x->loaded.first >= e->x->from) {
            exist += exist > 0 ? w.n_states - 1 : w.n_states; /* what keeps nothing is a state of the epoch before */
            if (w.n)
                sum_up_epoch(e, i, &w, all_given);
        }
        free(w.entries);
    }
    /* What was told is counted, whatever could be concluded from it. */
    if (e->counts->states_violated < e->n_violated)
        e->counts->states_violated = e->n_violated;
    if (e->counts->states_covered < e->counts->states_mounted)
        e->counts->states_covered = e->counts->states_mounted;
    e->counts->states_exist = exist < DBL_MAX ? exist : DBL_MAX;
}

static int visit_all(struct exploring *e)
{
    const struct foreign *x = e->x;
    const uint64_t max = x->opt->max_states ? x->opt->max_states : FOREIGN_STATES;
    const struct state_limits limits = {.max_states = max, .samples = SAMPLES, .sector = x->sector, .torn = true};
    struct state_source *source = states_new(x->loaded.log, 0, x->to - x->loaded.first, &limits, x->opt->seed);
    const struct crash_state *s;
    int r = 0;

    e->window = window_new(source, x->jobs > 1 ? (size_t)x->jobs * AHEAD : 1);
    e->visited = xcalloc(states_epochs(source) + 1, sizeof *e->visited);
    while (r == 0 && (s = next_state(e)) && !stop(e)) {
        uint64_t given, left;

        r = visit(e, s);
        states_progress(source, &given, &left);
        e->teller.m.left = given + left > max ? (max > given ? max - given : 0) : left;
        if (r == 0)
            foreign_tell_progress(&e->teller);
    }
    const bool all_given = r == 0 && !e->counts->cut_short && states_gives_all_subsets(source);
    if (r == 0 && e->prune)
        r = exhaust_epochs(e, source, max, all_given);
    sum_up(e, source, all_given);
    free(e->visited);
    window_free(e->window);
    states_free(source);
    return r;
}

void foreign_states(const struct foreign *x, int to_parent)
{
    struct exploring e = {.x = x, .prune = !x->opt->no_prune, .teller = {.x = x, .to_parent = to_parent}};
    int r = crash_image_new(x->image_fd, x->sector, &e.image, &e.err);

    e.counts = &e.teller.m.counts;
    rng_seed(&e.rng, x->opt->seed);
    e.end_s = x->opt->time_s > 0 ? clock_s() + x->opt->time_s : 0;
    if (r == 0 && x->jobs > 1)
        r = crash_image_new(x->image_fd, x->sector, &e.scout, &e.err);
    if (r == 0)
        r = foreign_looks_new(x, e.image, &e.looks, &e.err);
    if (r == 0)
        r = visit_all(&e);
    foreign_looks_free(e.looks);
    forget(&e);
    free(e.known);
    free(e.hung);
    crash_image_free(e.scout);
    crash_image_free(e.image);
    buf_free(&e.teller.image);
    foreign_tell_end(&e.teller, r < 0 ? &e.err : NULL);
}
