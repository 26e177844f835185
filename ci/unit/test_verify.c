/*
 * The verifier on survivors made by hand: each defect is planted and must be named; each legal loss must not be. Plans are run on
 * paper: every step succeeds, one after the other, and positions grow by one at each begin and each end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "evidence/stamp.h"
#include "paper.h"
#include "verifier/verify.h"

enum { KEY = 12345, PAGE = 4096 };

struct bench {
    struct plan *plan;
    struct history *history;
    struct world *world;
    struct survivors survivors;
    struct verify_result result;
};

static struct event *act(struct history *h, uint32_t step, uint8_t lane, _Atomic uint64_t *pos)
{
    struct event *e = history_begin(h, step, lane, pos);

    (*pos)++;
    history_end(h, e, pos);
    (*pos)++;
    return e;
}

static struct bench *on_paper(const char *steps)
{
    struct bench *b = xcalloc(1, sizeof *b);
    _Atomic uint64_t pos = 0;
    bool started = false;

    b->plan = paper_plan(steps);
    b->history = history_init(xmalloc(history_bytes(64, 64)), 64, 64, KEY);
    for (size_t i = 0; i < b->plan->n_steps; i++) {
        const struct step *s = &b->plan->steps[i];

        if (!s->setup && !started)
            act(b->history, HISTORY_STEP_START, HISTORY_LANE_HARNESS, &pos);
        started |= !s->setup;
        paper_succeed(s, act(b->history, (uint32_t)i, s->lane, &pos));
    }
    b->world = world_new();
    world_build(b->world, b->plan, b->history, &guarantees_default);
    return b;
}

static void drop(struct bench *b)
{
    world_free(b->world);
    survivors_free(&b->survivors);
    plan_free(b->plan);
    free(b->history);
    free(b);
}

/* The store (or write) of step number `step`, counted from 1 in the file's order. */
static void seen_stamp(struct bench *b, uint32_t step, uint64_t off, uint64_t len)
{
    stamp_fill(KEY, 0, step, off, survivors_extent(&b->survivors, off, len), len);
}

static void seen_fill(struct bench *b, uint8_t byte, uint64_t off, uint64_t len)
{
    memset(survivors_extent(&b->survivors, off, len), byte, len);
}

static void seen_file(struct bench *b, const char *path, uint64_t size)
{
    survivors_add(&b->survivors, path)->size_bytes = size;
}

/* Judges after the end of everything. */
static const struct verify_result *judge(struct bench *b, enum strike strike)
{
    survivors_finish(&b->survivors);
    verify_survivors(b->world, strike_table[strike].loss[VIEW_LOCAL], 1000, &b->survivors, &b->result);
    return &b->result;
}

/* Steps: 1 open, 2 pwrite, 3 mmap, 4 mwrite, 5 msync. */
#define SYNCED "open -f f\npwrite 0 8k\n---\nmmap -r -w 0 8k\nmwrite 0 4k\nmsync -s 0 4k\n"
/* The same without the msync. */
#define UNSYNCED "open -f f\npwrite 0 8k\n---\nmmap -r -w 0 8k\nmwrite 0 4k\n"

static void expect_defect(const char *steps, void (*fill)(struct bench *b), enum strike strike, enum defect kind)
{
    struct bench *b = on_paper(steps);

    fill(b);
    const struct verify_result *r = judge(b, strike);

    assert_int_equal(r->n_violations, 1);
    if (r->defects[0].kind != kind)
        fail_msg("found %s, expected %s: %s", defect_names[r->defects[0].kind], defect_names[kind], r->defects[0].text);
    drop(b);
}

static void expect_fine(const char *steps, void (*fill)(struct bench *b), enum strike strike, bool lossy)
{
    struct bench *b = on_paper(steps);

    fill(b);
    const struct verify_result *r = judge(b, strike);

    if (r->n_violations)
        fail_msg("%s: %s", defect_names[r->defects[0].kind], r->defects[0].text);
    assert_int_equal(r->lossy, lossy);
    drop(b);
}

static void all_there(struct bench *b)
{
    seen_file(b, "f", 8192);
    seen_stamp(b, 4, 0, PAGE);
    seen_stamp(b, 2, PAGE, PAGE);
}

static void store_gone(struct bench *b)
{
    seen_file(b, "f", 8192);
    seen_stamp(b, 2, 0, 8192);
}

static void store_half_there(struct bench *b)
{
    seen_file(b, "f", 8192);
    seen_stamp(b, 4, 0, 2048);
    seen_stamp(b, 2, 2048, 8192 - 2048);
}

static void what_was_synced_and_is_there_is_fine(void **state)
{
    (void)state;
    expect_fine(SYNCED, all_there, STRIKE_POWER, false);
    expect_fine(SYNCED, all_there, STRIKE_KILL, false);
}

static void an_unsynced_store_may_be_lost_at_a_power_cut(void **state)
{
    (void)state;
    expect_fine(UNSYNCED, store_gone, STRIKE_POWER, true);
    expect_fine(UNSYNCED, store_half_there, STRIKE_POWER, true);
    expect_fine(UNSYNCED, all_there, STRIKE_POWER, false);
}

static void an_unsynced_store_may_not_be_lost_at_a_kill(void **state)
{
    (void)state;
    expect_defect(UNSYNCED, store_gone, STRIKE_KILL, DEFECT_LOST);
}

static void a_synced_store_that_is_gone_is_lost(void **state)
{
    struct bench *b = on_paper(SYNCED);

    (void)state;
    store_gone(b);
    const struct verify_result *r = judge(b, STRIKE_POWER);

    assert_int_equal(r->n_violations, 1);
    assert_int_equal(r->defects[0].kind, DEFECT_LOST);
    assert_int_equal(r->defects[0].off, 0);
    assert_int_equal(r->defects[0].len, PAGE);
    assert_int_equal(r->defects[0].step, 4); /* the msync */
    assert_non_null(strstr(r->defects[0].text, "step 4 `mwrite 0 4k`"));
    assert_non_null(strstr(r->defects[0].text, "Promised by step 5 `msync -s 0 4k`"));
    drop(b);
}

static void sights_tell_lost_kept_torn_and_mixed(void **state)
{
    struct bench *b = on_paper(UNSYNCED);

    (void)state;
    store_half_there(b);
    unsigned sights = judge(b, STRIKE_POWER)->sights;

    assert_int_equal(sights, 1U << SIGHT_LOST | 1U << SIGHT_KEPT | 1U << SIGHT_TORN | 1U << SIGHT_MIXED);
    drop(b);
}

static void zeros_over_old_data_are_zeroed(struct bench *b)
{
    seen_file(b, "f", 8192);
    seen_stamp(b, 2, PAGE, PAGE);
}

static void garbage(struct bench *b)
{
    seen_file(b, "f", 8192);
    seen_stamp(b, 4, 0, PAGE);
    seen_stamp(b, 2, PAGE, PAGE - 8);
    seen_fill(b, 0xaa, 8192 - 8, 8);
}

static void misdirected(struct bench *b)
{
    seen_file(b, "f", 8192);
    seen_stamp(b, 4, 0, PAGE);
    stamp_fill(KEY, 0, 4, 0, survivors_extent(&b->survivors, PAGE, PAGE), PAGE);
}

static void torn_within_a_word(struct bench *b)
{
    uint8_t *p;
    uint8_t new_word[8];

    seen_file(b, "f", 8192);
    p = survivors_extent(&b->survivors, 0, PAGE);
    stamp_fill(KEY, 0, 4, 0, p, PAGE);
    stamp_fill(KEY, 0, 2, 64, new_word, 8);
    memcpy(p + 64, new_word, 4); /* half of the old word is back */
    seen_stamp(b, 2, PAGE, PAGE);
}

static void short_file(struct bench *b)
{
    seen_file(b, "f", 4096);
    seen_stamp(b, 4, 0, PAGE);
}

static void no_file(struct bench *b)
{
    (void)b;
}

static void another_file(struct bench *b)
{
    all_there(b);
    seen_file(b, "g", 0);
}

static void each_defect_has_its_name(void **state)
{
    (void)state;
    expect_defect(SYNCED, zeros_over_old_data_are_zeroed, STRIKE_POWER, DEFECT_ZEROED);
    expect_defect(SYNCED, garbage, STRIKE_POWER, DEFECT_NOBODY);
    expect_defect(SYNCED, misdirected, STRIKE_POWER, DEFECT_MISDIRECTED);
    expect_defect(SYNCED, torn_within_a_word, STRIKE_POWER, DEFECT_TORN);
    expect_defect(SYNCED, short_file, STRIKE_POWER, DEFECT_SIZE);
    expect_defect(SYNCED, no_file, STRIKE_POWER, DEFECT_MISSING);
    expect_defect(SYNCED, another_file, STRIKE_POWER, DEFECT_EXTRA);
}

/* Steps: 1 open f, 2 pwrite, 3 close, 4 open g, 5 pwrite, 6 fsync. */
#define TWO_FILES "open -f f\npwrite 0 4k\nclose\n---\nopen -f g\npwrite 0 4k\nfsync\n"

static void foreign_bytes(struct bench *b)
{
    seen_file(b, "f", PAGE);
    stamp_fill(KEY, 1, 5, 0, survivors_extent(&b->survivors, 0, PAGE), PAGE);
    seen_file(b, "g", PAGE);
    stamp_fill(KEY, 1, 5, 0, survivors_extent(&b->survivors, 0, PAGE), PAGE);
}

static void another_files_bytes_are_foreign(void **state)
{
    (void)state;
    expect_defect(TWO_FILES, foreign_bytes, STRIKE_POWER, DEFECT_FOREIGN);
}

/* Steps: 1 open, 2 pwrite, 3 pwrite, 4 pwrite, 5 fsync. */
#define THREE_WRITES "open -f f\npwrite 0 4k\n---\npwrite 0 4k\npwrite 0 4k\nfsync\n"

static void oldest_write(struct bench *b)
{
    seen_file(b, "f", PAGE);
    seen_stamp(b, 2, 0, PAGE);
}

static void older_than_the_one_before_is_stale(void **state)
{
    (void)state;
    expect_defect(THREE_WRITES, oldest_write, STRIKE_POWER, DEFECT_STALE);
}

/* Steps: 1 open old, 2 pwrite, 3 close, 4 open tmp, 5 pwrite, 6 fsync, 7 rename. */
#define REPLACE "open -f f\npwrite 0 4k\nclose\n---\nopen -f t\npwrite 0 4k\nfsync\nrename t f\n"

static void old_and_temporary(struct bench *b)
{
    seen_file(b, "f", PAGE);
    seen_stamp(b, 2, 0, PAGE);
    seen_file(b, "t", PAGE);
    stamp_fill(KEY, 1, 5, 0, survivors_extent(&b->survivors, 0, PAGE), PAGE);
}

static void only_new(struct bench *b)
{
    seen_file(b, "f", PAGE);
    stamp_fill(KEY, 1, 5, 0, survivors_extent(&b->survivors, 0, PAGE), PAGE);
}

static void only_temporary(struct bench *b)
{
    seen_file(b, "t", PAGE);
    stamp_fill(KEY, 1, 5, 0, survivors_extent(&b->survivors, 0, PAGE), PAGE);
}

static void mixed_target(struct bench *b)
{
    uint8_t *p;

    seen_file(b, "f", PAGE);
    p = survivors_extent(&b->survivors, 0, PAGE);
    stamp_fill(KEY, 0, 2, 0, p, PAGE);
    stamp_fill(KEY, 1, 5, 0, p, PAGE / 2);
}

static void a_rename_leaves_the_old_file_or_the_new(void **state)
{
    (void)state;
    expect_fine(REPLACE, old_and_temporary, STRIKE_POWER, true);
    expect_fine(REPLACE, only_new, STRIKE_POWER, false);
    expect_defect(REPLACE, only_temporary, STRIKE_POWER, DEFECT_MISSING);
    struct bench *b = on_paper(REPLACE);

    mixed_target(b);
    assert_true(judge(b, STRIKE_POWER)->n_violations > 0);
    drop(b);
}

static void after_the_directory_sync_only_the_new_file_is_legal(void **state)
{
    (void)state;
    expect_fine(REPLACE "fsyncdir .\n", only_new, STRIKE_POWER, false);
    struct bench *b = on_paper(REPLACE "fsyncdir .\n");

    old_and_temporary(b);
    assert_true(judge(b, STRIKE_POWER)->n_violations > 0);
    drop(b);
}

/* Steps: 1 open, 2 pwrite, 3 fsync. */
static void a_synced_file_without_a_name_is_a_surprise(void **state)
{
    struct bench *b = on_paper("open -f f\npwrite 0 4k\nfsync\n");

    (void)state;
    const struct verify_result *r = judge(b, STRIKE_POWER);

    assert_int_equal(r->n_violations, 0);
    assert_int_equal(r->n_surprises, 1);
    drop(b);
}

static void truncated_bytes_stay_gone_after_a_sync(void **state)
{
    struct bench *b = on_paper("open -f f\npwrite 0 8k\n---\ntruncate 4k\ntruncate 8k\nfsync\n");

    (void)state;
    seen_file(b, "f", 8192);
    seen_stamp(b, 2, 0, 8192);
    assert_int_equal(judge(b, STRIKE_POWER)->n_violations, 1);
    drop(b);
}

static void a_volume_that_does_not_mount_or_write_is_a_defect(void **state)
{
    struct bench *b = on_paper(SYNCED);

    (void)state;
    b->survivors.mount_err = 117;
    assert_int_equal(judge(b, STRIKE_POWER)->defects[0].kind, DEFECT_MOUNT);
    survivors_clear(&b->survivors);
    b->result = (struct verify_result){0};
    all_there(b);
    b->survivors.write_checked = true;
    b->survivors.write_err = 30;
    assert_int_equal(judge(b, STRIKE_POWER)->defects[0].kind, DEFECT_READONLY);
    drop(b);
}

static void steps_are_judged(void **state)
{
    struct bench *b =
        on_paper("open -f f\ntruncate 4k\n---\nmmap -r -w 0 8k\nmwrite 4k 4k\nopen @r -r f\nmmap @m -w -F r 0 4k\n");

    (void)state;
    /* On paper both succeeded: a store wholly beyond end of file, and a shared writable mapping of a read-only descriptor. */
    verify_steps(b->world, &b->result);
    assert_int_equal(b->result.n_violations, 2);
    assert_int_equal(b->result.defects[0].rule, RULE_F1);
    assert_int_equal(b->result.defects[1].rule, RULE_I3);
    drop(b);
}

static void a_read_that_misses_a_store_is_incoherent(void **state)
{
    struct bench *b = on_paper("open -f f\npwrite 0 4k\n---\nmmap -r -w 0 4k\nmwrite 0 64\npread 0 64\n");
    struct event *e = &b->history->events[b->history->n_events - 1];

    (void)state;
    stamp_fill(KEY, 0, 2, 0, history_data_new(b->history, e, 64), 64);
    world_build(b->world, b->plan, b->history, &guarantees_default);
    verify_steps(b->world, &b->result);
    assert_int_equal(b->result.n_violations, 1);
    assert_int_equal(b->result.defects[0].kind, DEFECT_INCOHERENT);
    drop(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_synced_and_is_there_is_fine),
        cmocka_unit_test(an_unsynced_store_may_be_lost_at_a_power_cut),
        cmocka_unit_test(an_unsynced_store_may_not_be_lost_at_a_kill),
        cmocka_unit_test(a_synced_store_that_is_gone_is_lost),
        cmocka_unit_test(sights_tell_lost_kept_torn_and_mixed),
        cmocka_unit_test(each_defect_has_its_name),
        cmocka_unit_test(another_files_bytes_are_foreign),
        cmocka_unit_test(older_than_the_one_before_is_stale),
        cmocka_unit_test(a_rename_leaves_the_old_file_or_the_new),
        cmocka_unit_test(after_the_directory_sync_only_the_new_file_is_legal),
        cmocka_unit_test(a_synced_file_without_a_name_is_a_surprise),
        cmocka_unit_test(truncated_bytes_stay_gone_after_a_sync),
        cmocka_unit_test(a_volume_that_does_not_mount_or_write_is_a_defect),
        cmocka_unit_test(steps_are_judged),
        cmocka_unit_test(a_read_that_misses_a_store_is_incoherent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
