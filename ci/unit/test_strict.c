/*
 * The oracle is strict: scenarios run on the sane sim to their end, then one thing is made wrong in what was recorded or found,
 * and the verifier must say so (or must not, where it is legal after all).
 */
#include <signal.h>

#include "sim_run.h"
#include "truth/world.h"
#include "verifier/verify.h"

static const char HEAD[] = "test: t.\norigin: test\ncrash: none kill power\n";

/* The orderly unmount at a run's end syncs everything; without it the power is cut before. */
static void forget_unmount(struct history *h)
{
    if (h->n_events && h->events[h->n_events - 1].step == HISTORY_STEP_UNMOUNT)
        h->n_events--;
}

/* What the verifier says of the run when `tamper` has been at it; the crash comes after everything. */
static struct verify_result judged(const char *steps, enum strike strike, void (*tamper)(struct run *r))
{
    struct run r;
    struct world *w = world_new();
    struct verify_result result = {0};
    char text[1024];

    snprintf(text, sizeof text, "%s%s", HEAD, steps);
    run_start(&r, parse(text));
    assert_int_equal(run_once(&r, STRIKE_NONE, 1), 0);
    if (strike == STRIKE_POWER)
        forget_unmount(r.history);
    tamper(&r);
    world_build(w, r.plan, r.history, &guarantees_default);
    verify_steps(w, &result);
    verify_survivors(w, strike_table[strike].loss[VIEW_LOCAL], HISTORY_NEVER - 1, &r.survivors, &result);
    world_free(w);
    run_stop(&r);
    return result;
}

static void objects(const char *steps, enum strike strike, void (*tamper)(struct run *r), enum defect kind)
{
    struct verify_result v = judged(steps, strike, tamper);

    assert_int_equal(v.n_violations, 1);
    if (v.defects[0].kind != kind)
        fail_msg("found %s, expected %s: %s", defect_names[v.defects[0].kind], defect_names[kind], v.defects[0].text);
}

/* The event of the last step. */
static struct event *last_event(struct run *r)
{
    for (uint32_t i = r->history->n_events; i-- > 0;)
        if (r->history->events[i].lane != HISTORY_LANE_HARNESS)
            return &r->history->events[i];
    abort(); /* a scenario has steps */
}

static struct survivor *only_file(struct run *r)
{
    assert_true(r->survivors.n >= 1);
    return &r->survivors.v[0];
}

/* Makes [off, off + len) of the first file what step `step` (from 1) puts there into path 0; step 0: zeros. */
static void show(struct run *r, uint32_t step, uint64_t off, uint64_t len)
{
    static uint8_t bytes[16384];
    struct survivor *f = only_file(r);

    content(f, bytes, f->size_bytes);
    if (step)
        stamp_fill(r->history->key, 0, step, off, bytes + off, len);
    else
        memset(bytes + off, 0, len);
    f->extents[0] = (struct extent){.len = f->size_bytes, .data = bytes};
    f->n_extents = 1;
}

static void lose_last_file(struct run *r)
{
    r->survivors.n--;
}

static void names_are_exact_without_a_power_cut(void **state)
{
    (void)state;
    objects("open -f f\nopen -f g\n", STRIKE_KILL, lose_last_file, DEFECT_MISSING);
    objects("open -f f\nlink f g\n", STRIKE_KILL, lose_last_file, DEFECT_MISSING);
}

static void part_links(struct run *r)
{
    r->survivors.v[1].ino += 1000;
}

static void two_names_of_one_file_stay_so(void **state)
{
    (void)state;
    objects("open -f f\nlink f g\n", STRIKE_KILL, part_links, DEFECT_MISSING);
}

static void a_later_name_without_an_earlier_one_is_a_surprise(void **state)
{
    struct run r;
    struct world *w = world_new();
    struct verify_result v = {0};

    (void)state;
    run_start(&r, parse("test: t.\norigin: test\ncrash: power\nopen -f f\nopen -f g\n"));
    assert_int_equal(run_once(&r, STRIKE_NONE, 1), 0);
    forget_unmount(r.history);
    world_build(w, r.plan, r.history, &guarantees_default);
    struct survivors left = r.survivors;

    left.v++;
    left.n--;
    verify_survivors(w, LOSS_UNSYNCED, HISTORY_NEVER - 1, &left, &v);
    assert_int_equal(v.n_violations, 0);
    assert_int_equal(v.n_surprises, 1);
    assert_non_null(strstr(v.defects[0].text, "as if step 1 `open -f f`"));
    world_free(w);
    run_stop(&r);
}

static void show_tail(struct run *r)
{
    static uint8_t tail[] = {1, 2, 3};

    only_file(r)->tail = (struct extent){.off = 100, .len = sizeof tail, .data = tail};
}

static void bytes_behind_the_end_that_nobody_wrote_are_a_defect(void **state)
{
    (void)state;
    objects("open -f f\npwrite 0 100\n", STRIKE_KILL, show_tail, DEFECT_INCOHERENT);
    objects("open -f f\npwrite 0 100\nfsync\n", STRIKE_POWER, show_tail, DEFECT_INCOHERENT);
}

static void read_the_file(struct run *r)
{
    struct event *e = last_event(r);

    stamp_fill(r->history->key, 0, 2, 0, (uint8_t *)r->history + r->history->data_base + e->data_off, e->data_len);
}

static void a_private_mapping_shows_its_own_stores(void **state)
{
    (void)state;
    objects("open -f f\npwrite 0 4k\nmmap -p 0 4k\nmwrite 0 4k\nmread 0 64\n", STRIKE_KILL, read_the_file, DEFECT_INCOHERENT);
}

static void raise_sigbus(struct run *r)
{
    last_event(r)->signo = SIGBUS;
    last_event(r)->fault_off = 0;
}

static void sigbus_inside_the_file_is_wrong(void **state)
{
    (void)state;
    objects("open -f f\npwrite 0 4k\nmmap 0 8k\nmread 0 64\n", STRIKE_KILL, raise_sigbus, DEFECT_SIGNAL);
}

static void raise_sigbus_without_space(struct run *r)
{
    raise_sigbus(r);
    last_event(r)->no_space = 1;
}

static void run_out_of_space(struct run *r)
{
    last_event(r)->err = ENOSPC;
}

static void fail_with_eio(struct run *r)
{
    last_event(r)->err = EIO;
}

/* What the change makes of the last step of a sane run is no violation. */
static void accepts(const char *steps, void (*change)(struct run *), size_t surprises)
{
    struct verify_result v = judged(steps, STRIKE_NONE, change);

    assert_int_equal(v.n_violations, 0);
    assert_int_equal(v.n_surprises, surprises);
}

static void a_full_volume_is_legal(void **state)
{
    (void)state;
    accepts("open -f f\ntruncate 8k\nmmap 0 8k\nmwrite 0 64\n", raise_sigbus_without_space, 0);
    accepts("open -f f\npwrite 0 4k\n", run_out_of_space, 0);
    accepts("open -f f\nfalloc 0 4k\n", run_out_of_space, 0);
}

static void eio_is_a_surprise_only_of_direct_writes_beside_a_mapping(void **state)
{
    (void)state;
    accepts("open -fd f\npwrite 0 4k\nmmap 0 4k\nfsync\n", fail_with_eio, 1);
    objects("open -f f\npwrite 0 4k\nmmap 0 4k\nfsync\n", STRIKE_NONE, fail_with_eio, DEFECT_RESULT);
    objects("open -fd f\npwrite 0 4k\nfsync\n", STRIKE_NONE, fail_with_eio, DEFECT_RESULT);
    objects("open -fd f\npwrite 0 4k\nmmap 0 4k\nopen -f g\nfsync @g\n", STRIKE_NONE, fail_with_eio, DEFECT_RESULT);
}

static void read_less(struct run *r)
{
    last_event(r)->data_len--;
}

static void a_short_read_inside_the_file_is_wrong(void **state)
{
    (void)state;
    objects("open -f f\npwrite 0 4k\npread 0 64\n", STRIKE_KILL, read_less, DEFECT_RESULT);
}

static void stat_less(struct run *r)
{
    last_event(r)->ret--;
}

static void stat_tells_the_size(void **state)
{
    (void)state;
    objects("open -f f\npwrite 0 4k\nstat\n", STRIKE_KILL, stat_less, DEFECT_SIZE);
}

static void show_the_store_in_the_tail(struct run *r)
{
    show(r, 4, 100, 100);
}

static void growing_a_file_zeroes_what_was_stored_behind_its_end(void **state)
{
    (void)state;
    objects("open -f f\npwrite 0 100\nmmap 0 4k\nmwrite 100 100\ntruncate 4k\n", STRIKE_KILL, show_the_store_in_the_tail,
            DEFECT_STALE);
}

static void lose_the_store(struct run *r)
{
    show(r, 2, 8192, 4096);
}

static void an_msync_over_a_hole_promises_what_is_mapped(void **state)
{
    (void)state;
    objects("open -f f\npwrite 0 12k\nmmap 0 12k\nmwrite 0 12k\nmunmap 4k 4k\nmsync -s 0 12k -> ENOMEM\n", STRIKE_POWER,
            lose_the_store, DEFECT_LOST);
}

static void old_size(struct run *r)
{
    only_file(r)->size_bytes = 8192;
}

static void a_size_older_than_the_synced_one_is_wrong(void **state)
{
    (void)state;
    objects("open -f f\ntruncate 8k\nfsync\ntruncate 4k\nfsync\n", STRIKE_POWER, old_size, DEFECT_SIZE);
}

static void never_ended(struct run *r)
{
    last_event(r)->end_seq = last_event(r)->end_pos = HISTORY_NEVER;
}

static void what_a_running_write_wrote_is_legal(void **state)
{
    (void)state;
    assert_int_equal(judged("open -f f\npwrite 0 4k\npwrite 0 8k\n", STRIKE_KILL, never_ended).n_violations, 0);
}

static void show_other_bytes_in_a_mapping(struct run *r)
{
    only_file(r)->incoherent = true;
}

static void a_new_mapping_shows_what_read_shows(void **state)
{
    (void)state;
    objects("open -f f\npwrite 0 4k\n", STRIKE_KILL, show_other_bytes_in_a_mapping, DEFECT_INCOHERENT);
}

static struct event *event_of(struct run *r, const char *verb)
{
    for (uint32_t i = 0; i < r->history->n_events; i++) {
        struct event *e = &r->history->events[i];

        if (e->lane != HISTORY_LANE_HARNESS && strcmp(r->plan->steps[e->step].verb->name, verb) == 0)
            return e;
    }
    abort();
}

/* The two ran one after the other; now they overlap. */
static void overlap(struct event *first, struct event *second)
{
    uint64_t end = first->end_seq;

    assert_true(end < second->begin_seq);
    first->end_seq = second->begin_seq;
    second->begin_seq = end;
}

static void overlap_store_and_fsync(struct run *r)
{
    overlap(event_of(r, "mwrite"), event_of(r, "fsync"));
    show(r, 2, 0, 4096);
}

static void overlap_store_and_truncate(struct run *r)
{
    overlap(event_of(r, "mwrite"), event_of(r, "truncate"));
    show(r, 2, 0, 4096);
}

#define LANES "A: open -f f\nA: pwrite 0 4k\nA: mmap 0 4k\nA: open -f g\nbarrier\nB: open f\nB: open g\n---\n"

static void a_store_beside_a_call_that_leaves_its_size_alone_is_promised(void **state)
{
    (void)state;
    objects(LANES "A: mwrite 0 4k\nbarrier\nB: fsync @f\nbarrier\nA: msync -s 0 4k\n", STRIKE_POWER, overlap_store_and_fsync,
            DEFECT_LOST);
    objects(LANES "A: mwrite 0 4k\nbarrier\nB: truncate @g 100\nbarrier\nA: msync -s 0 4k\n", STRIKE_POWER,
            overlap_store_and_truncate, DEFECT_LOST);
}

static void bring_the_name_back(struct run *r)
{
    struct survivor *f = survivors_add(&r->survivors, "f");

    f->size_bytes = 4096;
    stamp_fill(r->history->key, 0, 2, 0, survivors_extent(&r->survivors, 0, 4096), 4096);
    survivors_finish(&r->survivors);
}

static void a_sync_without_a_name_promises_by_practice_only(void **state)
{
    struct verify_result v =
        judged("open -f f\npwrite 0 4k\nsync\nunlink f\npwrite 0 4k\nfsync\n", STRIKE_POWER, bring_the_name_back);

    (void)state;
    assert_int_equal(v.n_violations, 0);
    assert_true(v.n_surprises >= 1);
    assert_int_equal(v.defects[0].kind, DEFECT_LOST);
}

static void msync_says_no_memory(struct run *r)
{
    last_event(r)->err = ENOMEM; /* msync(2): some of the range was not mapped */
}

static void an_msync_of_what_is_mapped_may_not_say_enomem(void **state)
{
    (void)state;
    objects("open -f f\ntruncate 8k\n---\nmmap 0 8k\nmsync -s 0 8k\n", STRIKE_NONE, msync_says_no_memory, DEFECT_RESULT);
}

static void permission_is_refused(struct run *r)
{
    last_event(r)->err = EPERM;
}

static void a_refusal_without_reason_is_wrong(void **state)
{
    (void)state;
    objects("open -f f\n---\nfsync\n", STRIKE_NONE, permission_is_refused, DEFECT_RESULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_exact_without_a_power_cut),
        cmocka_unit_test(two_names_of_one_file_stay_so),
        cmocka_unit_test(a_later_name_without_an_earlier_one_is_a_surprise),
        cmocka_unit_test(bytes_behind_the_end_that_nobody_wrote_are_a_defect),
        cmocka_unit_test(a_private_mapping_shows_its_own_stores),
        cmocka_unit_test(sigbus_inside_the_file_is_wrong),
        cmocka_unit_test(a_full_volume_is_legal),
        cmocka_unit_test(eio_is_a_surprise_only_of_direct_writes_beside_a_mapping),
        cmocka_unit_test(a_short_read_inside_the_file_is_wrong),
        cmocka_unit_test(stat_tells_the_size),
        cmocka_unit_test(growing_a_file_zeroes_what_was_stored_behind_its_end),
        cmocka_unit_test(an_msync_over_a_hole_promises_what_is_mapped),
        cmocka_unit_test(a_size_older_than_the_synced_one_is_wrong),
        cmocka_unit_test(what_a_running_write_wrote_is_legal),
        cmocka_unit_test(a_new_mapping_shows_what_read_shows),
        cmocka_unit_test(a_store_beside_a_call_that_leaves_its_size_alone_is_promised),
        cmocka_unit_test(an_msync_of_what_is_mapped_may_not_say_enomem),
        cmocka_unit_test(a_refusal_without_reason_is_wrong),
        cmocka_unit_test(a_sync_without_a_name_promises_by_practice_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
