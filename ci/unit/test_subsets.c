/* The groups of subsets, one call at a time: what splits them, what is left, what waits. Recoveries are in test_prune.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/size.h"
#include "states/subsets.h"

enum { N = 3, DURABLE = 1, END = 5, MAX_GROUPS = 100 };

/* A write, and an epoch of three: a whole block, its second half, another block. */
static struct writelog *some_log(void)
{
    struct writelog *l = writelog_new(16, 1 << 20);
    static const uint8_t data[BLOCK_BYTES];

    writelog_append(l, LOG_WRITE, 0, 0, data, BLOCK_BYTES);
    writelog_append(l, LOG_WRITE, 0, BLOCK_BYTES, data, BLOCK_BYTES);
    writelog_append(l, LOG_WRITE, 0, BLOCK_BYTES + BLOCK_BYTES / 2, data, BLOCK_BYTES / 2);
    writelog_append(l, LOG_WRITE, 0, (uint64_t)2 * BLOCK_BYTES, data, BLOCK_BYTES);
    return l;
}

static const uint64_t entries[N] = {1, 2, 3};

static void state_is(const struct crash_state *s, const uint64_t *kept, size_t n, uint64_t cut)
{
    assert_int_equal(s->durable, DURABLE);
    assert_int_equal(s->until, END);
    assert_int_equal(s->cut, cut);
    assert_int_equal(s->n_kept, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(s->kept[i].entry, kept[i]);
        assert_int_equal(s->kept[i].count, 0);
    }
}

static void groups_wait_in_their_order(void **state)
{
    struct writelog *l = some_log();
    struct subsets *s = subsets_new(l, entries, N, DURABLE, END, MAX_GROUPS);
    const struct read_note reads[] = {{.block = 1, .sectors = 0xff}, {.block = 2, .sectors = 1}};
    const struct crash_state *given;

    (void)state;
    assert_false(subsets_complete(s));
    assert_int_equal(subsets_later(s, 0, &given), 1);
    state_is(given, NULL, 0, DURABLE);
    assert_int_equal(subsets_later(s, 1, &given), 0);
    assert_int_equal(subsets_next(s, &given), 1);
    state_is(given, NULL, 0, DURABLE);
    assert_true(subsets_has_whole(s));
    subsets_split(s, reads, 2);
    assert_false(subsets_has_whole(s));
    /* The newest write of a block splits first. */
    assert_int_equal(subsets_later(s, 0, &given), 1);
    state_is(given, (uint64_t[]){2}, 1, 3);
    assert_int_equal(subsets_later(s, 1, &given), 1);
    state_is(given, (uint64_t[]){1}, 1, 2);
    assert_int_equal(subsets_later(s, 2, &given), 1);
    state_is(given, (uint64_t[]){3}, 1, 4);
    assert_int_equal(subsets_later(s, 3, &given), 0);
    assert_int_equal(subsets_next(s, &given), 1);
    state_is(given, (uint64_t[]){2}, 1, 3);
    assert_int_equal(subsets_later(s, 0, &given), 1);
    state_is(given, (uint64_t[]){1}, 1, 2);
    subsets_free(s);
    writelog_free(l);
}

static void a_write_that_covers_what_was_read_hides_those_before(void **state)
{
    static const struct {
        uint8_t sectors;
        size_t n_groups; /* that split off the group which keeps the second half */
    } cases[] = {{0x01, 1}, {0x08, 1}, {0x10, 0}, {0xf0, 0}, {0x18, 1}, {0xff, 1}};
    struct writelog *l = some_log();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct subsets *s = subsets_new(l, entries, N, DURABLE, END, MAX_GROUPS);
        const struct read_note half = {.block = 1, .sectors = 0x80}, read = {.block = 1, .sectors = cases[i].sectors};
        const struct crash_state *given;
        size_t n = 0;

        subsets_next(s, &given);
        subsets_split(s, &half, 1);
        assert_int_equal(subsets_next(s, &given), 1); /* the second half is kept, the block is undecided */
        state_is(given, (uint64_t[]){2}, 1, 3);
        while (subsets_later(s, n, &given))
            n++;
        subsets_split(s, &read, 1);
        size_t after = n;

        while (subsets_later(s, after, &given))
            after++;
        assert_int_equal(after - n, cases[i].n_groups);
        subsets_free(s);
    }
    writelog_free(l);
}

static void a_read_elsewhere_splits_nothing(void **state)
{
    static const struct read_note elsewhere[] = {{.block = 0, .sectors = 0xff}, {.block = 3, .sectors = 0xff}};
    struct writelog *l = some_log();
    struct subsets *s = subsets_new(l, entries, N, DURABLE, END, MAX_GROUPS);
    const struct crash_state *given;
    uint32_t n, n_before;

    (void)state;
    subsets_next(s, &given);
    subsets_split(s, elsewhere, 2);
    assert_int_equal(subsets_later(s, 0, &given), 0);
    assert_memory_equal(subsets_free_writes(s, &n, &n_before), entries, sizeof entries);
    assert_int_equal(n, N);
    assert_int_equal(n_before, 0);
    assert_true(subsets_complete(s));
    assert_int_equal(subsets_next(s, &given), 0);
    subsets_free(s);
    writelog_free(l);
}

/* Any member keeps what its group keeps, leaves out what it leaves out, and of the others each now and then. */
static void any_member_is_one_of_the_group(void **state)
{
    const struct read_note read = {.block = 2, .sectors = 1};
    struct writelog *l = some_log();
    struct subsets *s = subsets_new(l, entries, N, DURABLE, END, MAX_GROUPS);
    const struct crash_state *given;
    unsigned seen = 0;
    struct rng r;

    (void)state;
    rng_seed(&r, 1);
    subsets_next(s, &given);
    subsets_split(s, &read, 1); /* the third write is left out, then kept */
    for (unsigned kept = 0; kept < 2; kept++) {
        for (int i = 0; i < 100; i++) {
            const struct crash_state *any = subsets_any(s, &r);
            unsigned members = 0;

            for (size_t k = 0; k < any->n_kept; k++)
                members |= 1U << any->kept[k].entry;
            assert_int_equal(members >> 3 & 1, kept);
            assert_int_equal(any->durable, DURABLE);
            assert_int_equal(any->cut, any->n_kept ? any->kept[any->n_kept - 1].entry + 1 : DURABLE);
            seen |= 1U << members / 2;
        }
        assert_int_equal(seen, kept ? 0xff : 0x0f);
        subsets_next(s, &given);
    }
    subsets_free(s);
    writelog_free(l);
}

static void free_writes_are_told_before_and_behind_the_cut(void **state)
{
    const struct read_note read = {.block = 1, .sectors = 0x80};
    struct writelog *l = some_log();
    struct subsets *s = subsets_new(l, entries, N, DURABLE, END, MAX_GROUPS);
    const struct crash_state *given;
    uint32_t n, n_before;

    (void)state;
    subsets_next(s, &given);
    subsets_split(s, &read, 1);
    assert_int_equal(subsets_next(s, &given), 1);
    state_is(given, (uint64_t[]){2}, 1, 3);
    assert_int_equal(subsets_free_writes(s, &n, &n_before)[0], 3);
    assert_int_equal(n, 1);
    assert_int_equal(n_before, 1);
    subsets_free(s);
    writelog_free(l);
}

static void over_the_limit_groups_are_dropped(void **state)
{
    const struct read_note read = {.block = 2, .sectors = 1};
    struct writelog *l = some_log();
    const struct crash_state *given;

    (void)state;
    for (uint64_t max = 1; max <= 2; max++) {
        struct subsets *s = subsets_new(l, entries, N, DURABLE, END, max);

        subsets_next(s, &given);
        subsets_split(s, &read, 1);
        assert_int_equal(subsets_next(s, &given), max - 1);
        assert_int_equal(subsets_complete(s), max == 2);
        subsets_free(s);
    }
    subsets_free(NULL);
    writelog_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_wait_in_their_order),
        cmocka_unit_test(a_write_that_covers_what_was_read_hides_those_before),
        cmocka_unit_test(a_read_elsewhere_splits_nothing),
        cmocka_unit_test(any_member_is_one_of_the_group),
        cmocka_unit_test(free_writes_are_told_before_and_behind_the_cut),
        cmocka_unit_test(over_the_limit_groups_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
