/*
 * The oracle for bytes against a naive one. The naive oracle keeps no intervals: it asks the rule of every byte and every version
 * alone, as the comment of oracle.c says it. Random versions, stores behind the end, private stores and syncs with overlapping
 * spans, random guarantees and moments; both must agree on every byte, and on what a segment tells of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "naive.h"

enum { FILE_BYTES = 24, ROUNDS = 6000, OWN_MAX = 4 };

static const struct content *random_content(struct rng *r)
{
    static struct content c;

    c = (struct content){.kind = CONTENT_FILL, .fill = (uint8_t)rng_below(r, 256)};
    return &c;
}

static void random_bytes(struct world *w, struct rng *r)
{
    for (uint64_t n = rng_below(r, 8); n; n--) {
        const uint64_t off = rng_below(r, FILE_BYTES), end = off + 1 + rng_below(r, FILE_BYTES - off);

        if (rng_one_in(r, 5))
            world_tail_store(w, 1, random_span(r), off, end, *random_content(r));
        else
            world_write(w, 1, random_span(r), off, end, *random_content(r));
    }
    random_syncs(w, r, 3, FILE_BYTES);
    for (size_t i = 0; i < w->inodes[1].n_syncs; i++)
        w->inodes[1].syncs[i].nameless = rng_one_in(r, 4);
}

static size_t random_own(struct version *own, struct rng *r)
{
    const size_t n = rng_one_in(r, 2) ? 0 : rng_below(r, OWN_MAX + 1);

    for (size_t i = 0; i < n; i++) {
        const uint64_t off = rng_below(r, FILE_BYTES), end = off + 1 + rng_below(r, FILE_BYTES - off);

        own[i] = (struct version){.when = random_span(r), .off = off, .end = end};
    }
    return n;
}

static struct guarantees random_guarantees(struct rng *r)
{
    struct guarantees g = guarantees_default;

    g.no_stale_blocks = !rng_one_in(r, 4);
    g.zero_tail = !rng_one_in(r, 4);
    return g;
}

/* ---- the naive oracle: of the byte `b` ---- */

struct naive {
    const struct world *w;
    const struct inode *ino;
    const struct moment *m;
    uint64_t b;
};

static bool began(const struct span *s, const struct moment *m)
{
    return m->loss == LOSS_UNSYNCED ? s->begin_pos <= m->pos : s->begin_seq < m->to;
}

static bool ended(const struct span *s, const struct moment *m)
{
    if (s->end_seq == HISTORY_NEVER)
        return false;
    return m->loss == LOSS_UNSYNCED ? s->end_pos <= m->pos : s->end_seq < m->from;
}

static bool at(const struct version *v, uint64_t b)
{
    return v->off <= b && b < v->end;
}

/* The sync of this byte that had ended and began last; NULL: none. Practice counts those of a file without a name, too. */
static const struct sync_record *last_sync(const struct naive *n, bool practice)
{
    const struct sync_record *last = NULL;

    for (size_t i = 0; i < n->ino->n_syncs; i++) {
        const struct sync_record *s = &n->ino->syncs[i];

        if (s->off <= n->b && n->b < s->end && ended(&s->when, n->m) && (practice || !s->nameless) &&
            (!last || s->when.begin_seq > last->when.begin_seq))
            last = s;
    }
    return last;
}

/* Must u, or something later, be there? */
static bool settled(const struct naive *n, const struct version *u, bool practice)
{
    if (!at(u, n->b) || u->tail || !u->when.certain || !ended(&u->when, n->m))
        return false;
    if (n->m->loss == LOSS_NOTHING)
        return true;
    const struct sync_record *s = last_sync(n, practice);

    return s && u->when.end_seq <= s->when.begin_seq;
}

static const struct version *newest_settled(const struct naive *n, bool practice)
{
    const struct version *newest = NULL;

    for (size_t i = 0; i < n->ino->n_versions; i++) {
        const struct version *u = &n->ino->versions[i];

        if (settled(n, u, practice) && (!newest || u->when.begin_seq > newest->when.begin_seq))
            newest = u;
    }
    return newest;
}

/* v NULL: the initial zeros. */
static bool legal(const struct naive *n, const struct version *v)
{
    const bool exposed = !n->w->guarantees->zero_tail;

    if (v && (!at(v, n->b) || !began(&v->when, n->m)))
        return false;
    if (v && v->tail && exposed)
        return true;
    if (v && v->tail && !n->m->live)
        return false;
    for (size_t i = 0; i < n->ino->n_versions; i++) {
        const struct version *u = &n->ino->versions[i];

        if (settled(n, u, false) && (!v || u->when.begin_seq >= v->when.end_seq))
            return false;
    }
    return true;
}

static const struct version *newest_ended(const struct naive *n)
{
    const struct version *newest = NULL;

    for (size_t i = 0; i < n->ino->n_versions; i++) {
        const struct version *u = &n->ino->versions[i];

        if (at(u, n->b) && !u->tail && u->when.certain && ended(&u->when, n->m) &&
            (!newest || u->when.begin_seq > newest->when.begin_seq))
            newest = u;
    }
    return newest;
}

/* What practice promises beyond documents: by a later sync, of a file without a name. */
static uint64_t practice_seq(const struct naive *n)
{
    const struct sync_record *binding = last_sync(n, false), *practice = last_sync(n, true);
    const struct version *newest = newest_settled(n, true);

    if (n->m->loss == LOSS_NOTHING || !practice || !newest)
        return 0;
    return !binding || practice->when.begin_seq > binding->when.begin_seq ? newest->when.begin_seq : 0;
}

/* ---- comparison ---- */

static const struct segment *segment_at(const struct legal_map *map, uint64_t b)
{
    for (size_t i = 0; i < map->n_segs; i++)
        if (map->segs[i].off <= b && b < map->segs[i].end)
            return &map->segs[i];
    fail_msg("no segment at %llu", (unsigned long long)b);
    return NULL;
}

static size_t times_legal(const struct legal_map *map, const struct segment *s, const struct version *v)
{
    size_t n = 0;

    for (size_t k = 0; k < s->n; k++)
        n += map->legal[s->first + k] == v;
    return n;
}

static void compare_file(const struct naive *n, const struct legal_map *map, const struct segment *s, bool hidden)
{
    assert_int_equal(times_legal(map, s, NULL), !hidden && legal(n, NULL));
    for (size_t i = 0; i < n->ino->n_versions; i++)
        assert_int_equal(times_legal(map, s, &n->ino->versions[i]), !hidden && legal(n, &n->ino->versions[i]));
}

static void compare_rest(const struct naive *n, const struct segment *s, bool hidden)
{
    const struct sync_record *promise = n->m->loss == LOSS_NOTHING ? NULL : last_sync(n, false);
    const struct version *floor = newest_settled(n, false);

    assert_ptr_equal(s->live, newest_ended(n));
    assert_ptr_equal(s->floor, floor);
    assert_int_equal(s->promised_by, floor && promise ? promise->when.event : NO_EVENT);
    assert_int_equal(s->practice_seq, practice_seq(n));
    assert_int_equal(s->anything, !hidden && n->m->loss == LOSS_UNSYNCED && !floor && !n->w->guarantees->no_stale_blocks);
}

/* A mapping's own stores hide the file, and own stores before it, from the newest one on that is complete. */
static bool compare_own(const struct legal_map *map, const struct segment *s, uint64_t b, const struct version *own, size_t n_own)
{
    size_t newest = 0;
    bool hidden = false;

    for (size_t i = 0; i < n_own; i++)
        if (at(&own[i], b) && own[i].when.certain) {
            newest = i;
            hidden = true;
        }
    for (size_t i = 0; i < n_own; i++)
        assert_int_equal(times_legal(map, s, &own[i]), at(&own[i], b) && i >= newest);
    return hidden;
}

static void newest_first(const struct legal_map *map, const struct segment *s)
{
    for (size_t k = 1; k < s->n; k++)
        if (map->legal[s->first + k])
            assert_true(map->legal[s->first + k] < map->legal[s->first + k - 1]);
        else
            assert_int_equal(k, s->n - 1);
}

static void segments_agree_with_the_naive_oracle(void **state)
{
    struct hand_made h;
    struct legal_map map = {0};
    struct version own[OWN_MAX];
    struct rng r;

    (void)state;
    hand_made_new(&h);
    rng_seed(&r, 1);
    for (int round = 0; round < ROUNDS; round++) {
        const struct guarantees g = random_guarantees(&r);
        struct world *w = hand_made_again(&h, &g);
        struct moment m = random_moment(&r);
        const size_t n_own = random_own(own, &r);

        m.live = m.loss == LOSS_NOTHING && rng_one_in(&r, 2);
        random_bytes(w, &r);
        oracle_bytes(w, 1, &m, FILE_BYTES, own, n_own, &map);
        assert_true(map.n_segs <= 2 * (w->inodes[1].n_versions + w->inodes[1].n_syncs + n_own) + 1);
        for (uint64_t b = 0; b < FILE_BYTES; b++) {
            const struct naive n = {.w = w, .ino = &w->inodes[1], .m = &m, .b = b};
            const struct segment *s = segment_at(&map, b);
            const bool hidden = compare_own(&map, s, b, own, n_own);

            compare_file(&n, &map, s, hidden);
            compare_rest(&n, s, hidden);
            if (n_own == 0)
                newest_first(&map, s);
        }
    }
    legal_map_free(&map);
    hand_made_free(&h);
}

static void segments_cover_the_file_once_and_in_order(void **state)
{
    struct hand_made h;
    struct legal_map map = {0};
    struct rng r;

    (void)state;
    hand_made_new(&h);
    rng_seed(&r, 2);
    for (int round = 0; round < ROUNDS; round++) {
        struct world *w = hand_made_again(&h, &guarantees_default);
        const struct moment m = random_moment(&r);
        uint64_t off = 0;

        random_bytes(w, &r);
        oracle_bytes(w, 1, &m, FILE_BYTES, NULL, 0, &map);
        for (size_t i = 0; i < map.n_segs; i++) {
            assert_int_equal(map.segs[i].off, off);
            assert_true(map.segs[i].end > off);
            assert_true(map.segs[i].n > 0); /* something is always legal */
            off = map.segs[i].end;
        }
        assert_int_equal(off, FILE_BYTES);
    }
    legal_map_free(&map);
    hand_made_free(&h);
}

static void a_map_that_was_freed_may_be_used_again(void **state)
{
    const struct moment m = {.loss = LOSS_UNSYNCED, .pos = 1000};
    struct hand_made h;
    struct legal_map map = {0};

    (void)state;
    hand_made_new(&h);
    struct world *w = hand_made_again(&h, &guarantees_default);

    world_write(w, 1, span_at(1), 4, 8, (struct content){.kind = CONTENT_FILL});
    for (int i = 0; i < 2; i++) {
        oracle_bytes(w, 1, &m, FILE_BYTES, NULL, 0, &map);
        assert_int_equal(map.n_segs, 3);
        legal_map_free(&map);
        assert_int_equal(map.n_segs, 0);
    }
    hand_made_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_agree_with_the_naive_oracle),
        cmocka_unit_test(segments_cover_the_file_once_and_in_order),
        cmocka_unit_test(a_map_that_was_freed_may_be_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
