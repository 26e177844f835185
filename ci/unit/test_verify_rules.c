/* What the verifier says of errors, signals, lengths and losses: each observation made by hand, at both sides of its border. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>

#include "evidence/stamp.h"
#include "paper.h"
#include "verifier/verify.h"

enum { PAGE = 4096 };

/* ---- survivors ---- */

struct found {
    uint64_t size_bytes;
    uint32_t step; /* whose stamps fill the file; 0: a hole */
    int read_err, map_signo;
};

/* Judges the file "f" as found after a strike at the end of everything. */
static struct verify_result judge_found(const char *steps, enum loss loss, struct found f)
{
    struct paper p;
    struct survivors s = {.v = NULL};
    struct verify_result r = {0};

    paper_new(&p, steps);
    struct survivor *v = survivors_add(&s, "f");

    v->size_bytes = f.size_bytes;
    v->read_err = f.read_err;
    v->read_err_off = f.read_err ? 100 : 0;
    v->map_signo = f.map_signo;
    if (f.step)
        stamp_fill(PAPER_KEY, 0, f.step, 0, survivors_extent(&s, 0, f.size_bytes), f.size_bytes);
    survivors_finish(&s);
    verify_survivors(paper_build(&p), loss, 1000, &s, &r);
    survivors_free(&s);
    paper_free(&p);
    return r;
}

#define WRITTEN "open -f f\npwrite 0 4k\n"

static void a_file_that_cannot_be_read_is_a_violation(void **state)
{
    const struct verify_result r = judge_found(WRITTEN, LOSS_NOTHING, (struct found){.size_bytes = PAGE, .read_err = EIO});

    (void)state;
    assert_int_equal(r.n_violations, 1);
    assert_int_equal(r.defects[0].kind, DEFECT_UNREADABLE);
    assert_int_equal(r.defects[0].off, 100);
}

static void a_signal_of_the_new_mapping_is_a_violation(void **state)
{
    const struct found fine = {.size_bytes = PAGE, .step = 2}, bus = {.size_bytes = PAGE, .step = 2, .map_signo = SIGBUS};

    (void)state;
    assert_int_equal(judge_found(WRITTEN, LOSS_NOTHING, fine).n_violations, 0);
    const struct verify_result r = judge_found(WRITTEN, LOSS_NOTHING, bus);

    assert_int_equal(r.n_violations, 1);
    assert_int_equal(r.defects[0].kind, DEFECT_SIGNAL);
    assert_int_equal(r.defects[0].rule, RULE_F1);
}

static void bytes_that_show_initial_zeros_are_lost(void **state)
{
    const struct verify_result r = judge_found(WRITTEN, LOSS_UNSYNCED, (struct found){.size_bytes = PAGE});

    (void)state;
    assert_int_equal(r.n_violations, 0);
    assert_true(r.lossy);
    assert_true(r.sights & 1U << SIGHT_LOST);
}

static bool surprises_by_lost_bytes(const struct verify_result *r)
{
    for (size_t i = 0; i < r->n_defects; i++)
        if (r->defects[i].surprise && r->defects[i].kind == DEFECT_LOST)
            return true;
    return false;
}

static void a_sync_without_a_name_binds_by_practice_only(void **state)
{
    static const char steps[] = "open -f f\npwrite 0 4k\nunlink f\nfsync\n";
    struct verify_result r = judge_found(steps, LOSS_UNSYNCED, (struct found){.size_bytes = PAGE});

    (void)state;
    assert_int_equal(r.n_violations, 0);
    assert_true(surprises_by_lost_bytes(&r));
    r = judge_found(steps, LOSS_UNSYNCED, (struct found){.size_bytes = PAGE, .step = 2});
    assert_int_equal(r.n_violations, 0);
    assert_false(surprises_by_lost_bytes(&r));
    /* Nor does it bind the size. */
    r = judge_found(steps, LOSS_UNSYNCED, (struct found){.size_bytes = 0});
    assert_int_equal(r.n_violations, 0);
    r = judge_found("open -f f\ntruncate 4k\nmmap -r -w 0 4k\nmwrite 0 4k\nunlink f\nmsync -s 0 4k\n", LOSS_UNSYNCED,
                    (struct found){.size_bytes = 0});
    assert_int_equal(r.n_violations, 0);
    r = judge_found("open -f f\ntruncate 4k\nmmap -r -w 0 4k\nmwrite 0 4k\nmsync -s 0 4k\nunlink f\n", LOSS_UNSYNCED,
                    (struct found){.size_bytes = 0});
    assert_int_equal(r.n_violations, 1);
}

static void names_out_of_many_may_each_be_missing_alone(void **state)
{
    static const char leaves[] = "abcdeghijklmnopqr";
    char steps[512] = "";
    struct paper p;
    struct survivors s = {.v = NULL};
    struct verify_result r = {0};
    size_t at = 0;

    (void)state;
    assert_true(sizeof leaves - 1 > MAX_LOOSE_OPS);
    for (const char *c = leaves; *c; c++)
        at += (size_t)snprintf(steps + at, sizeof steps - at, "mkdir %c\n", *c);
    paper_new(&p, steps);
    for (const char *c = leaves; *c; c++)
        if (*c != 'd') {
            const char path[] = {*c, '\0'};

            survivors_add(&s, path)->kind = SURVIVOR_DIR;
        }
    survivors_finish(&s);
    verify_survivors(paper_build(&p), LOSS_UNSYNCED, 1000, &s, &r);
    assert_int_equal(r.n_violations, 0);
    assert_int_equal(r.n_surprises, 1);
    survivors_free(&s);
    paper_free(&p);
}

enum { MANY = VERIFY_MAX_DEFECTS + 4 };

/* Judges, frees both, and expects MANY violations, of which only so many are kept. */
static void many_are_found(struct paper *p, struct survivors *s)
{
    struct verify_result r = {0};

    survivors_finish(s);
    verify_survivors(paper_build(p), LOSS_NOTHING, 1000, s, &r);
    assert_int_equal(r.n_violations, MANY);
    assert_int_equal(r.n_defects, VERIFY_MAX_DEFECTS);
    assert_int_equal(r.n_forms, 1);
    verify_clear(&r);
    assert_true(r.n_violations + r.n_surprises + r.n_defects + r.n_forms == 0 && !r.more_forms && !r.open && !r.sights &&
                !r.lossy);
    survivors_free(s);
    paper_free(p);
}

static void more_defects_than_are_kept_are_counted(void **state)
{
    struct paper p;
    struct survivors s = {.v = NULL};

    (void)state;
    paper_new(&p, "sync\n");
    for (unsigned i = 0; i < MANY; i++) {
        char path[16];

        snprintf(path, sizeof path, "stray%u", i);
        survivors_add(&s, path);
    }
    many_are_found(&p, &s);
}

struct listed {
    const char *path;
    enum survivor_kind kind;
    int read_err; /* of asking for it or listing it */
};

/* Judges names that were found after a kill. */
static struct verify_result judge_names(const char *steps, const struct listed *found, size_t n)
{
    struct paper p;
    struct survivors s = {.v = NULL};
    struct verify_result r = {.n_defects = 0};

    paper_new(&p, steps);
    for (size_t i = 0; i < n; i++) {
        struct survivor *v = survivors_add(&s, found[i].path);

        v->kind = found[i].kind;
        v->read_err = found[i].read_err;
    }
    survivors_finish(&s);
    verify_survivors(paper_build(&p), LOSS_NOTHING, 1000, &s, &r);
    survivors_free(&s);
    paper_free(&p);
    return r;
}

static void expect_extra(const char *steps, const struct listed *found, size_t n, const char *path)
{
    const struct verify_result r = judge_names(steps, found, n);

    assert_int_equal(r.n_violations, 1);
    assert_int_equal(r.defects[0].kind, DEFECT_EXTRA);
    assert_string_equal(r.defects[0].path, path);
}

static void a_stray_name_is_extra_whatever_it_ends_with(void **state)
{
    const struct listed beside[] = {{.path = "f"}, {.path = "of"}},
                        below[] = {{.path = "d", .kind = SURVIVOR_DIR}, {.path = "d/f"}, {.path = "f"}},
                        shorter[] = {{.path = "f"}, {.path = "of"}};

    (void)state;
    expect_extra("open -f f\n", beside, 2, "of");
    expect_extra("open -f of\n", shorter, 2, "f");
    /* A name in another directory than the one in which a step made it. */
    expect_extra("open -f f\nmkdir d\n", below, 3, "d/f");
}

static void a_name_below_a_renamed_directory_is_no_stray(void **state)
{
    const struct listed found[] = {{.path = "e", .kind = SURVIVOR_DIR}, {.path = "e/f"}, {.path = "e/of"}};

    (void)state;
    assert_int_equal(judge_names("mkdir d\nopen -f d/f\nrename d e\n", found, 2).n_violations, 0);
    expect_extra("mkdir d\nopen -f d/f\nrename d e\n", found, 3, "e/of");
}

static void expect_unreadable(const char *steps, const struct listed *found, size_t n, const char *path, const char *text)
{
    const struct verify_result r = judge_names(steps, found, n);

    assert_int_equal(r.n_violations, 1);
    assert_int_equal(r.defects[0].kind, DEFECT_UNREADABLE);
    assert_string_equal(r.defects[0].path, path);
    assert_string_equal(r.defects[0].text, text);
}

static void a_name_that_is_listed_and_cannot_be_asked_for_is_unreadable(void **state)
{
    const struct listed found[] = {{.path = "f", .kind = SURVIVOR_UNKNOWN, .read_err = EUCLEAN}},
                        stray[] = {{.path = "f"}, {.path = "g", .kind = SURVIVOR_UNKNOWN, .read_err = EUCLEAN}};

    (void)state;
    expect_unreadable("open -f f\n", found, 1, "f", "The name is listed, but stat of it fails: Structure needs cleaning.");
    /* One that no step made is both. */
    assert_int_equal(judge_names("open -f f\n", stray, 2).n_violations, 2);
}

static void names_below_a_directory_that_cannot_be_listed_are_not_missing(void **state)
{
    const struct listed found[] = {{.path = "d", .kind = SURVIVOR_DIR, .read_err = EUCLEAN}};

    (void)state;
    expect_unreadable("mkdir d\nopen -f d/f\n", found, 1, "d", "The directory cannot be listed: Structure needs cleaning.");
    /* But those beside it are. */
    const struct verify_result r = judge_names("mkdir d\nopen -f d/f\nmkdir dd\n", found, 1);

    assert_int_equal(r.n_violations, 2);
    assert_int_equal(r.n_forms, 2);
    assert_int_equal(r.forms[0].kind, DEFECT_UNREADABLE);
    assert_int_equal(r.forms[1].kind, DEFECT_MISSING);
}

static void more_names_are_missing_than_defects_are_kept(void **state)
{
    struct paper p;
    struct survivors s = {.v = NULL};
    char steps[512] = "";
    size_t at = 0;

    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        at += (size_t)snprintf(steps + at, sizeof steps - at, "mkdir d%u\n", i);
    paper_new(&p, steps);
    many_are_found(&p, &s);
}

/* ---- steps ---- */

static struct verify_result judge_steps(const struct paper *p)
{
    struct verify_result r = {0};

    verify_steps(paper_build(p), &r);
    return r;
}

/* How many violations an EINVAL of the last step is, in a file of 32 KiB, where whole pages may be shifted or not. */
static size_t refused(const char *step, bool shifts_pages)
{
    struct guarantees g = guarantees_default;
    struct verify_result r = {0};
    struct buf text = {0};
    struct paper p;

    g.shifts_pages = shifts_pages;
    buf_printf(&text, "open -f f\npwrite 0 32k\n%s\n", step);
    paper_new(&p, buf_text(&text));
    paper_event(&p, 3)->err = EINVAL;
    world_build(p.world, p.plan, p.history, &g);
    verify_steps(p.world, &r);
    paper_free(&p);
    buf_free(&text);
    return r.n_violations;
}

static void a_shift_may_be_refused_where_its_unit_is_larger_than_what_was_asked(void **state)
{
    (void)state;
    assert_int_equal(refused("fcollapse 8k 8k", true), 1);
    assert_int_equal(refused("finsert 8k 8k", true), 1);
    assert_int_equal(refused("fcollapse 8k 8k", false), 0);
    assert_int_equal(refused("finsert 8k 8k", false), 0);
    assert_int_equal(refused("fcollapse 100 8k", true), 0);
    assert_int_equal(refused("fcollapse 24k 8k", true), 0); /* it reaches the end of the file */
}

/* A read of 64 bytes in a file of 32 that returned `got` bytes. */
static struct verify_result judge_read_of(uint64_t got)
{
    struct paper p;

    paper_new(&p, "open -f f\npwrite 0 32\npread 0 64\n");
    uint8_t *data = history_data_new(p.history, paper_event(&p, 3), got);

    memset(data, 0, got);
    stamp_fill(PAPER_KEY, 0, 2, 0, data, got < 32 ? got : 32);
    const struct verify_result r = judge_steps(&p);

    paper_free(&p);
    return r;
}

static void a_read_ends_with_the_file(void **state)
{
    (void)state;
    assert_int_equal(judge_read_of(32).n_violations, 0);
    assert_int_equal(judge_read_of(31).n_violations, 1);
    const struct verify_result r = judge_read_of(33);

    assert_int_equal(r.n_violations, 1);
    assert_int_equal(r.defects[0].kind, DEFECT_RESULT);
    assert_int_equal(r.defects[0].rule, RULE_I1);
}

/* A load of the second and third page of a file of two pages, that raised SIGBUS at this offset. */
static struct verify_result judge_bus_at(uint64_t fault_off)
{
    struct paper p;

    paper_new(&p, "open -f f\npwrite 0 8k\nmmap 0 16k\nmread 4k 8k\n");
    paper_event(&p, 4)->signo = SIGBUS;
    paper_event(&p, 4)->fault_off = fault_off;
    const struct verify_result r = judge_steps(&p);

    paper_free(&p);
    return r;
}

static void sigbus_strikes_pages_beyond_the_end_that_were_touched(void **state)
{
    (void)state;
    assert_int_equal(judge_bus_at(2 * PAGE).n_violations, 0);
    assert_int_equal(judge_bus_at(3 * PAGE - 1).n_violations, 0);
    assert_int_equal(judge_bus_at(2 * PAGE - 1).n_violations, 1);
    assert_int_equal(judge_bus_at(3 * PAGE).n_violations, 1);
}

static void an_error_of_names_is_excused_only_by_what_overlaps_it(void **state)
{
    static const char steps[] = "A: open -f f\nB: unlink g\n";
    struct paper p;

    (void)state;
    paper_new(&p, steps);
    assert_int_equal(judge_steps(&p).n_violations, 1); /* there is no g */
    paper_event(&p, 2)->err = ENOENT;
    assert_int_equal(judge_steps(&p).n_violations, 0);
    paper_event(&p, 2)->err = 0;
    paper_overlap(&p, 1, 2);
    assert_int_equal(judge_steps(&p).n_violations, 0);
    paper_free(&p);
}

static void steps_after_a_shutdown_may_fail(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "open -f f\npwrite 0 4k\nshutdown\nfsync\n");
    paper_event(&p, 4)->err = EIO;
    assert_int_equal(judge_steps(&p).n_violations, 0);
    paper_event(&p, 4)->err = 0;
    paper_event(&p, 2)->err = EIO;
    assert_int_equal(judge_steps(&p).n_violations, 1);
    paper_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_cannot_be_read_is_a_violation),
        cmocka_unit_test(a_signal_of_the_new_mapping_is_a_violation),
        cmocka_unit_test(bytes_that_show_initial_zeros_are_lost),
        cmocka_unit_test(a_sync_without_a_name_binds_by_practice_only),
        cmocka_unit_test(names_out_of_many_may_each_be_missing_alone),
        cmocka_unit_test(more_defects_than_are_kept_are_counted),
        cmocka_unit_test(a_stray_name_is_extra_whatever_it_ends_with),
        cmocka_unit_test(a_name_below_a_renamed_directory_is_no_stray),
        cmocka_unit_test(a_name_that_is_listed_and_cannot_be_asked_for_is_unreadable),
        cmocka_unit_test(names_below_a_directory_that_cannot_be_listed_are_not_missing),
        cmocka_unit_test(more_names_are_missing_than_defects_are_kept),
        cmocka_unit_test(a_read_ends_with_the_file),
        cmocka_unit_test(sigbus_strikes_pages_beyond_the_end_that_were_touched),
        cmocka_unit_test(an_error_of_names_is_excused_only_by_what_overlaps_it),
        cmocka_unit_test(steps_after_a_shutdown_may_fail),
        cmocka_unit_test(a_shift_may_be_refused_where_its_unit_is_larger_than_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
