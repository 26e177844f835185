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
 * Where there are lookers, they look at states whose turn comes later. What is concluded, and in which order, is the same without
 * them. Positions in `loaded.log` count from loaded.first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/foreign_look.h"
#include "engine/foreign_tell.h"
#include "engine/window.h"
#include "storage/read_trie.h"

enum {
    SAMPLES = 64,          /* random subsets of an epoch too large for all */
    AHEAD = 2,             /* states in the window for each looker */
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

/* The loaded state came to this. */
static void remember(struct exploring *e, size_t n_marks, const struct glimpse *seen)
{
    if (seen->kind == FOREIGN_HUNG)
        return;
    if (e->trie && e->known_bytes + read_trie_bytes(e->trie) > MEMORY_BYTES)
        forget(e);
    if (!e->trie)
        e->trie = read_trie_new();
    const struct disk_note *reads = (const struct disk_note *)(const void *)seen->reads.data;
    const int64_t tested = read_trie_add(e->trie, n_marks, e->image, reads, seen->reads.len_bytes / sizeof *reads);
    if ((size_t)tested < e->n_known) /* it has a twin */
        return;
    e->known = grow(e->known, &e->cap_known, e->n_known, sizeof *e->known);
    struct glimpse *g = &e->known[e->n_known++];
    *g = (struct glimpse){.violated = seen->violated, .kind = seen->kind, .status = seen->status};
    if (seen->said.len_bytes)
        buf_puts(&g->said, buf_text(&seen->said));
    e->known_bytes += sizeof *g + g->said.cap_bytes;
}

/* What a state in this image must come to, or NULL when that is not known. */
static const struct glimpse *conclude(const struct exploring *e, const struct crash_image *image, size_t n_marks)
{
    const int64_t tested = e->trie ? read_trie_find(e->trie, n_marks, image) : READ_TRIE_NONE;

    return tested == READ_TRIE_NONE ? NULL : &e->known[tested];
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
            (crash_image_load(e->scout, e->x->loaded.log, s) < 0 || conclude(e, e->scout, n_marks)))
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

/* Finds out what the loaded state comes to, without a mount if possible. *ret_looked is set if there was one. */
static int see(struct exploring *e, const struct crash_state *s, size_t n_marks, bool *ret_looked, struct glimpse *ret)
{
    const struct glimpse *known = conclude(e, e->image, n_marks);
    int r;

    if (known) {
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
    if (e->prune)
        remember(e, n_marks, ret);
    return 0;
}

/* Checks a state at every number of marks that may have been passed while it exists within [from, to]. */
static int visit(struct exploring *e, const struct crash_state *s)
{
    const struct foreign *x = e->x;
    bool violated = false, looked = false;
    uint64_t lo, hi;
    size_t first, last;
    int r;

    if (!stretch(x, s, &lo, &hi) || !marks_of(x, s, &first, &last))
        return 0;
    r = crash_image_load(e->image, x->loaded.log, s);
    if (r < 0)
        return error_set(&e->err, -r, "crash_image_load", "", "the crash state does not fit in memory");
    for (size_t n = first; n <= last && r == 0; n++) {
        struct glimpse seen;
        /* The first position at which so many marks have been passed. */
        const uint64_t cut = n && x->marks.v[n - 1].index + 1 > lo ? x->marks.v[n - 1].index + 1 : lo;

        look_ahead(e, n - first);
        r = see(e, s, n, &looked, &seen);
        if (r == 0 && seen.violated) {
            e->counts->states_violated += !violated;
            violated = true;
            if (e->counts->states_violated <= FOREIGN_TOLD)
                r = foreign_tell_violation(&e->teller, e->image, s, cut, n, &seen, &e->err);
        }
        glimpse_free(&seen);
    }
    buf_clear(&e->teller.image);
    e->counts->states_covered++;
    e->counts->states_mounted += looked;
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

static int visit_all(struct exploring *e)
{
    const struct foreign *x = e->x;
    const uint64_t max = x->opt->max_states ? x->opt->max_states : FOREIGN_STATES;
    const struct state_limits limits = {.max_states = max, .samples = SAMPLES, .sector = x->sector, .torn = true};
    struct state_source *source = states_new(x->loaded.log, 0, x->to - x->loaded.first, &limits, x->opt->seed);
    const struct crash_state *s;
    int r = 0;

    e->window = window_new(source, x->jobs > 1 ? (size_t)x->jobs * AHEAD : 1);
    while (r == 0 && (s = next_state(e))) {
        uint64_t given, left;

        r = visit(e, s);
        states_progress(source, &given, &left);
        e->teller.m.left = given + left > max ? (max > given ? max - given : 0) : left;
        if (r == 0)
            foreign_tell_progress(&e->teller);
    }
    window_free(e->window);
    states_free(source);
    return r;
}

void foreign_states(const struct foreign *x, int to_parent)
{
    struct exploring e = {.x = x, .prune = !x->opt->no_prune, .teller = {.x = x, .to_parent = to_parent}};
    int r = crash_image_new(x->image_fd, x->sector, &e.image, &e.err);

    e.counts = &e.teller.m.counts;
    if (r == 0 && x->jobs > 1)
        r = crash_image_new(x->image_fd, x->sector, &e.scout, &e.err);
    if (r == 0)
        r = foreign_looks_new(x, e.image, &e.looks, &e.err);
    if (r == 0)
        r = visit_all(&e);
    foreign_looks_free(e.looks);
    forget(&e);
    free(e.known);
    crash_image_free(e.scout);
    crash_image_free(e.image);
    buf_free(&e.teller.image);
    foreign_tell_end(&e.teller, r < 0 ? &e.err : NULL);
}
