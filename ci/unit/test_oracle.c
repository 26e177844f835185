/*
 * The oracle against a naive one. The naive oracle keeps no intervals: it asks the rule of every byte and every version alone, as
 * the comment of oracle.c says it. Random versions, sizes and syncs with overlapping spans, random moments; both must agree on
 * every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "language/plan.h"
#include "truth/oracle.h"

enum { FILE_BYTES = 24, ROUNDS = 4000 };

static char name[] = "f";

/* A world with one file, inode 1, named "f". */
static struct world *empty_world(struct plan *p, struct history *h)
{
    struct world *w = world_new();

    world_build(w, p, h, &guarantees_default);
    world_new_inode(w, INODE_FILE, (struct span){.event = NO_EVENT, .certain = true});
    p->paths[0] = name;
    world_set_name(w, (struct span){.event = NO_EVENT, .certain = true}, world_name(w, 0), 1);
    return w;
}

/* A span somewhere in time; one in six never ends, one in six is uncertain. Positions follow the same order as sequence numbers.
 */
static struct span random_span(struct rng *r)
{
    struct span s = {.event = (int32_t)rng_below(r, 100), .certain = !rng_one_in(r, 6)};

    s.begin_seq = 1 + rng_below(r, 40);
    s.end_seq = s.begin_seq + 1 + rng_below(r, 10);
    s.begin_pos = s.begin_seq / 3;
    s.end_pos = s.end_seq / 3;
    if (rng_one_in(r, 6)) {
        s.end_seq = s.end_pos = HISTORY_NEVER;
        s.certain = false;
    }
    return s;
}

static void random_inode(struct world *w, struct rng *r)
{
    for (uint64_t n = 1 + rng_below(r, 7); n; n--) {
        uint64_t off = rng_below(r, FILE_BYTES), end = off + 1 + rng_below(r, FILE_BYTES - off);

        world_write(w, 1, random_span(r), off, end, (struct content){.kind = CONTENT_FILL, .fill = (uint8_t)n});
    }
    for (uint64_t n = rng_below(r, 4); n; n--) {
        uint64_t off = rng_below(r, FILE_BYTES), end = off + 1 + rng_below(r, FILE_BYTES - off);
        struct span s = random_span(r);

        if (rng_one_in(r, 3))
            world_sync_data(w, 1, s);
        else
            world_sync_range(w, 1, s, off, end);
    }
}

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

/* Must u, or something later, be there at byte b? */
static bool naive_settled(const struct inode *ino, const struct version *u, const struct moment *m, uint64_t b)
{
    if (!u->when.certain || !ended(&u->when, m))
        return false;
    if (m->loss == LOSS_NOTHING)
        return true;
    for (size_t i = 0; i < ino->n_syncs; i++) {
        const struct sync_record *s = &ino->syncs[i];

        if (s->off <= b && b < s->end && ended(&s->when, m) && u->when.end_seq <= s->when.begin_seq)
            return true;
    }
    return false;
}

/* v NULL: the initial zeros. */
static bool naive_legal(const struct inode *ino, const struct version *v, const struct moment *m, uint64_t b)
{
    if (v && (b < v->off || b >= v->end || !began(&v->when, m)))
        return false;
    for (size_t i = 0; i < ino->n_versions; i++) {
        const struct version *u = &ino->versions[i];

        if (u->off <= b && b < u->end && naive_settled(ino, u, m, b) && (!v || u->when.begin_seq >= v->when.end_seq))
            return false;
    }
    return true;
}

static bool oracle_allows(const struct legal_map *map, const struct version *v, uint64_t b)
{
    for (size_t i = 0; i < map->n_segs; i++) {
        const struct segment *s = &map->segs[i];

        for (size_t k = 0; s->off <= b && b < s->end && k < s->n; k++)
            if (map->legal[s->first + k] == v)
                return true;
    }
    return false;
}

static void bytes_agree_with_the_naive_oracle(void **state)
{
    struct plan plan = {.n_lanes = 1};
    struct history *h = history_init(malloc(history_bytes(1, 1)), 1, 1, 7);
    struct legal_map map = {0};
    struct rng r;

    (void)state;
    rng_seed(&r, 1);
    for (int round = 0; round < ROUNDS; round++) {
        struct world *w = empty_world(&plan, h);
        struct moment m = {.loss = rng_one_in(&r, 2) ? LOSS_UNSYNCED : LOSS_NOTHING, .pos = rng_below(&r, 16)};
        const struct inode *ino;

        m.from = rng_below(&r, 50);
        m.to = m.from + rng_below(&r, 10);
        random_inode(w, &r);
        ino = &w->inodes[1];
        oracle_bytes(w, 1, &m, FILE_BYTES, NULL, 0, &map);
        for (uint64_t b = 0; b < FILE_BYTES; b++) {
            assert_int_equal(oracle_allows(&map, NULL, b), naive_legal(ino, NULL, &m, b));
            for (size_t i = 0; i < ino->n_versions; i++)
                assert_int_equal(oracle_allows(&map, &ino->versions[i], b), naive_legal(ino, &ino->versions[i], &m, b));
        }
        world_free(w);
    }
    legal_map_free(&map);
    free(h);
}

static void segments_cover_the_file_once_and_in_order(void **state)
{
    struct plan plan = {.n_lanes = 1};
    struct history *h = history_init(malloc(history_bytes(1, 1)), 1, 1, 7);
    struct legal_map map = {0};
    struct rng r;

    (void)state;
    rng_seed(&r, 2);
    for (int round = 0; round < ROUNDS; round++) {
        struct world *w = empty_world(&plan, h);
        struct moment m = {.loss = LOSS_UNSYNCED, .pos = rng_below(&r, 16)};
        uint64_t at = 0;

        random_inode(w, &r);
        oracle_bytes(w, 1, &m, FILE_BYTES, NULL, 0, &map);
        for (size_t i = 0; i < map.n_segs; i++) {
            assert_int_equal(map.segs[i].off, at);
            assert_true(map.segs[i].end > at);
            assert_true(map.segs[i].n > 0); /* something is always legal */
            at = map.segs[i].end;
        }
        assert_int_equal(at, FILE_BYTES);
        world_free(w);
    }
    legal_map_free(&map);
    free(h);
}

static struct span span_at(uint64_t begin)
{
    return (struct span){.certain = true, .begin_seq = begin, .end_seq = begin + 1, .begin_pos = begin, .end_pos = begin + 1};
}

static bool size_legal(const struct world *w, uint64_t pos, uint64_t size)
{
    struct moment m = {.loss = LOSS_UNSYNCED, .pos = pos, .from = HISTORY_NEVER, .to = HISTORY_NEVER};
    int32_t promise;

    return oracle_size(w, 1, &m, size, &promise);
}

static void a_ranged_sync_promises_the_size_its_range_needs(void **state)
{
    struct plan plan = {.n_lanes = 1};
    struct history *h = history_init(malloc(history_bytes(1, 1)), 1, 1, 7);
    struct world *w = empty_world(&plan, h);

    (void)state;
    world_resize(w, 1, span_at(1), 4096);
    world_sync_data(w, 1, span_at(3));
    world_resize(w, 1, span_at(5), 65536);
    world_write(w, 1, span_at(6), 61440, 61448, (struct content){.kind = CONTENT_FILL, .fill = 1});
    world_sync_range(w, 1, span_at(8), 61440, 65536);
    assert_true(size_legal(w, 6, 4096));
    assert_true(size_legal(w, 6, 65536));
    assert_true(size_legal(w, 6, 8192)); /* on its way */
    assert_false(size_legal(w, 6, 65537));
    assert_false(size_legal(w, 9, 4096));
    assert_true(size_legal(w, 9, 65536));
    world_free(w);
    free(h);
}

static void a_ranged_sync_promises_no_size_for_zeros_alone(void **state)
{
    struct plan plan = {.n_lanes = 1};
    struct history *h = history_init(malloc(history_bytes(1, 1)), 1, 1, 7);
    struct world *w = empty_world(&plan, h);

    (void)state;
    world_extend(w, 1, span_at(1), 0, 3000);
    world_write(w, 1, span_at(1), 0, 3000, (struct content){.kind = CONTENT_FILL, .fill = 1});
    world_sync_data(w, 1, span_at(3));
    world_extend(w, 1, span_at(5), 7000, 8000);
    world_write(w, 1, span_at(5), 7000, 8000, (struct content){.kind = CONTENT_FILL, .fill = 2});
    world_sync_range(w, 1, span_at(7), 0, 4096);
    assert_true(size_legal(w, 8, 3000));
    world_sync_range(w, 1, span_at(9), 4096, 8192);
    assert_false(size_legal(w, 10, 7999));
    assert_true(size_legal(w, 10, 8000));
    world_free(w);
    free(h);
}

static void a_ranged_sync_promises_no_size_beyond_its_range(void **state)
{
    struct plan plan = {.n_lanes = 1};
    struct history *h = history_init(malloc(history_bytes(1, 1)), 1, 1, 7);
    struct world *w = empty_world(&plan, h);

    (void)state;
    world_resize(w, 1, span_at(1), 8192);
    world_sync_data(w, 1, span_at(3));
    world_resize(w, 1, span_at(5), 65536);
    world_write(w, 1, span_at(6), 0, 65536, (struct content){.kind = CONTENT_FILL, .fill = 1});
    world_sync_range(w, 1, span_at(8), 0, 4096);
    assert_true(size_legal(w, 9, 8192));
    assert_true(size_legal(w, 9, 65536));
    assert_false(size_legal(w, 9, 0));
    world_free(w);
    free(h);
}

static void an_extending_write_may_leave_any_size_on_its_way(void **state)
{
    struct plan plan = {.n_lanes = 1};
    struct history *h = history_init(malloc(history_bytes(1, 1)), 1, 1, 7);
    struct world *w = empty_world(&plan, h);

    (void)state;
    world_extend(w, 1, span_at(1), 0, 10000);
    assert_true(size_legal(w, 2, 0));
    assert_true(size_legal(w, 2, 4096));
    assert_true(size_legal(w, 2, 10000));
    assert_false(size_legal(w, 2, 10001));
    world_sync_data(w, 1, span_at(3));
    assert_false(size_legal(w, 4, 4096));
    assert_true(size_legal(w, 4, 10000));
    world_free(w);
    free(h);
}

static void a_copy_moves_what_the_source_held(void **state)
{
    struct plan plan = {.n_lanes = 1};
    struct history *h = history_init(malloc(history_bytes(1, 1)), 1, 1, 7);
    struct world *w = empty_world(&plan, h);
    int dst = world_new_inode(w, INODE_FILE, span_at(0));
    struct content stamp = {.kind = CONTENT_STAMP, .file = 3, .store = 9};

    (void)state;
    world_write(w, 1, span_at(1), 4096, 8192, stamp);
    world_copy(w, 1, 0, dst, 65536, 8192, span_at(3));
    assert_int_equal(w->inodes[dst].n_versions, 2);
    assert_int_equal(w->inodes[dst].versions[0].content.kind, CONTENT_ZERO);
    assert_int_equal(w->inodes[dst].versions[0].end, 65536 + 4096);
    assert_int_equal(w->inodes[dst].versions[1].content.kind, CONTENT_STAMP);
    assert_int_equal(w->inodes[dst].versions[1].content.shift, 65536);
    world_free(w);
    free(h);
}

/* An entry that the table lacks is all zero: it would cite the rule of scenarios, and lose nothing. */
static void each_strikes_loss_model_has_its_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOSS_MODELS; i++) {
        assert_int_not_equal(loss_models[i].rule_missing, RULE_SCENARIO);
        assert_int_not_equal(loss_models[i].rule_alien, RULE_SCENARIO);
        assert_int_equal(loss_models[i].unsynced, i == LOSS_UNSYNCED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_agree_with_the_naive_oracle),
        cmocka_unit_test(segments_cover_the_file_once_and_in_order),
        cmocka_unit_test(a_ranged_sync_promises_the_size_its_range_needs),
        cmocka_unit_test(a_ranged_sync_promises_no_size_for_zeros_alone),
        cmocka_unit_test(a_ranged_sync_promises_no_size_beyond_its_range),
        cmocka_unit_test(an_extending_write_may_leave_any_size_on_its_way),
        cmocka_unit_test(a_copy_moves_what_the_source_held),
        cmocka_unit_test(each_strikes_loss_model_has_its_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
