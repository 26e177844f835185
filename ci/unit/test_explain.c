/* What `explain` prints: what is legal after each step, in whole texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "paper.h"
#include "verifier/explain.h"

/* Explains the steps; set-up ends before step `set_up` (counted from 1), and `change` changes what was recorded. */
static void explains(const char *steps, uint32_t set_up, const struct guarantees *g, void (*change)(struct paper *),
                     const char *expected)
{
    struct paper p;
    struct buf out = {0};

    paper_new(&p, steps);
    paper_harness(&p, set_up, HISTORY_STEP_START);
    if (change)
        change(&p);
    world_explain(p.world, p.plan, p.history, g, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
    paper_free(&p);
}

static void only_what_a_step_changed_is_printed(void **state)
{
    (void)state;
    explains("open -f f\npwrite 0 4k\nmmap 0 4k\nmwrite 0 1k\nmsync -s 0 4k\ntruncate 6k\n", 3, &guarantees_default, NULL,
             "after the sync after set-up\n"
             "    after a kill:\n"
             "      f: size 4096\n"
             "        0 to 4k: the bytes of step 2 `pwrite 0 4k` (line 5)\n"
             "    after a power cut:\n"
             "      f: size 4096\n"
             "        0 to 4k: the bytes of step 2 `pwrite 0 4k` (line 5)\n"
             "after step 3 `mmap 0 4k` (line 6)\n"
             "    after a kill: as before\n"
             "    after a power cut: as before\n"
             "after step 4 `mwrite 0 1k` (line 7)\n"
             "    after a kill:\n"
             "      f: size 4096\n"
             "        0 to 1k: the bytes of step 4 `mwrite 0 1k` (line 7)\n"
             "        1k to 4k: the bytes of step 2 `pwrite 0 4k` (line 5)\n"
             "    after a power cut:\n"
             "      f: size 4096\n"
             "        0 to 1k: the bytes of step 4 `mwrite 0 1k` (line 7); or the bytes of step 2 `pwrite 0 4k` (line 5)\n"
             "        1k to 4k: the bytes of step 2 `pwrite 0 4k` (line 5)\n"
             "after step 5 `msync -s 0 4k` (line 8)\n"
             "    after a kill: as before\n"
             "    after a power cut:\n"
             "      f: size 4096\n"
             "        0 to 1k: the bytes of step 4 `mwrite 0 1k` (line 7)\n"
             "        1k to 4k: the bytes of step 2 `pwrite 0 4k` (line 5)\n"
             "after step 6 `truncate 6k` (line 9)\n"
             "    after a kill:\n"
             "      f: size 6144\n"
             "        0 to 1k: the bytes of step 4 `mwrite 0 1k` (line 7)\n"
             "        1k to 4k: the bytes of step 2 `pwrite 0 4k` (line 5)\n"
             "        4k to 6k: the zeros of step 6 `truncate 6k` (line 9)\n"
             "    after a power cut:\n"
             "      f: size 4096 to 6144\n"
             "        0 to 1k: the bytes of step 4 `mwrite 0 1k` (line 7)\n"
             "        1k to 4k: the bytes of step 2 `pwrite 0 4k` (line 5)\n"
             "        4k to 6k: the zeros of step 6 `truncate 6k` (line 9); or zeros (new space)\n");
}

/* Also where a sync ends, and where only some sizes reach. */
static void stretches_of_the_same_contents_are_one(void **state)
{
    (void)state;
    explains("open -f f\npwrite 0 8k\nmmap 0 8k\nmsync -s 0 4k\ntruncate 4k\n", 3, &guarantees_default, NULL,
             "after the sync after set-up\n"
             "    after a kill:\n"
             "      f: size 8192\n"
             "        0 to 8k: the bytes of step 2 `pwrite 0 8k` (line 5)\n"
             "    after a power cut:\n"
             "      f: size 8192\n"
             "        0 to 8k: the bytes of step 2 `pwrite 0 8k` (line 5)\n"
             "after step 3 `mmap 0 8k` (line 6)\n"
             "    after a kill: as before\n"
             "    after a power cut: as before\n"
             "after step 4 `msync -s 0 4k` (line 7)\n"
             "    after a kill: as before\n"
             "    after a power cut: as before\n"
             "after step 5 `truncate 4k` (line 8)\n"
             "    after a kill:\n"
             "      f: size 4096\n"
             "        0 to 4k: the bytes of step 2 `pwrite 0 8k` (line 5)\n"
             "        4k to 8k: the zeros of step 5 `truncate 4k` (line 8)\n"
             "    after a power cut:\n"
             "      f: size 8192, 4096\n"
             "        0 to 4k: the bytes of step 2 `pwrite 0 8k` (line 5)\n"
             "        4k to 8k: the zeros of step 5 `truncate 4k` (line 8); or the bytes of step 2 `pwrite 0 8k` (line 5)\n");
}

static void a_name_has_all_files_that_it_may_stand_for(void **state)
{
    (void)state;
    explains("mkdir d\nopen -f f\nopen -f d/t\npwrite 0 10\nrename d/t f\nfsyncdir .\nunlink f\n", 3, &guarantees_default, NULL,
             "after the sync after set-up\n"
             "    after a kill:\n"
             "      d: directory\n"
             "      f: size 0\n"
             "    after a power cut:\n"
             "      d: directory\n"
             "      f: size 0\n"
             "after step 3 `open -f d/t` (line 6)\n"
             "    after a kill:\n"
             "      d: directory\n"
             "      f: size 0\n"
             "      t: size 0\n"
             "    after a power cut:\n"
             "      d: directory\n"
             "      f: size 0\n"
             "      t: may be absent; size 0\n"
             "after step 4 `pwrite 0 10` (line 7)\n"
             "    after a kill:\n"
             "      d: directory\n"
             "      f: size 0\n"
             "      t: size 10\n"
             "        0 to 10: the bytes of step 4 `pwrite 0 10` (line 7)\n"
             "    after a power cut:\n"
             "      d: directory\n"
             "      f: size 0\n"
             "      t: may be absent; size 0 to 10\n"
             "        0 to 10: the bytes of step 4 `pwrite 0 10` (line 7); or zeros (new space)\n"
             "after step 5 `rename d/t f` (line 8)\n"
             "    after a kill:\n"
             "      d: directory\n"
             "      f: size 10\n"
             "        0 to 10: the bytes of step 4 `pwrite 0 10` (line 7)\n"
             "    after a power cut:\n"
             "      d: directory\n"
             "      f:\n"
             "       the file of step 2 `open -f f` (line 5): size 0\n"
             "       the file of step 3 `open -f d/t` (line 6): size 0 to 10\n"
             "        0 to 10: the bytes of step 4 `pwrite 0 10` (line 7); or zeros (new space)\n"
             "      t: may be absent; size 0 to 10\n"
             "        0 to 10: the bytes of step 4 `pwrite 0 10` (line 7); or zeros (new space)\n"
             "after step 6 `fsyncdir .` (line 9)\n"
             "    after a kill: as before\n"
             "    after a power cut:\n"
             "      d: directory\n"
             "      f: size 0 to 10\n"
             "        0 to 10: the bytes of step 4 `pwrite 0 10` (line 7); or zeros (new space)\n"
             "after step 7 `unlink f` (line 10)\n"
             "    after a kill:\n"
             "      d: directory\n"
             "    after a power cut:\n"
             "      d: directory\n"
             "      f: may be absent; size 0 to 10\n"
             "        0 to 10: the bytes of step 4 `pwrite 0 10` (line 7); or zeros (new space)\n");
}

static void directories_and_special_files_have_no_bytes(void **state)
{
    (void)state;
    explains("mkdir d\nmkfifo p\nrmdir d\n", 1, &guarantees_default, NULL,
             "after the sync after set-up\n"
             "    after a kill:\n"
             "      nothing\n"
             "    after a power cut:\n"
             "      nothing\n"
             "after step 1 `mkdir d` (line 4)\n"
             "    after a kill:\n"
             "      d: directory\n"
             "    after a power cut:\n"
             "      d: may be absent; directory\n"
             "after step 2 `mkfifo p` (line 5)\n"
             "    after a kill:\n"
             "      d: directory\n"
             "      p: special file\n"
             "    after a power cut:\n"
             "      d: may be absent; directory\n"
             "      p: may be absent; special file\n"
             "after step 3 `rmdir d` (line 6)\n"
             "    after a kill:\n"
             "      p: special file\n"
             "    after a power cut: as before\n");
}

static void stale_bytes_are_named_where_they_are_documented(void **state)
{
    struct guarantees g = guarantees_default;

    g.no_stale_blocks = false;
    (void)state;
    explains("open -f f\npwrite 0 4k\nfsync\n", 2, &g, NULL,
             "after the sync after set-up\n"
             "    after a kill:\n"
             "      f: size 0\n"
             "    after a power cut:\n"
             "      f: size 0\n"
             "after step 2 `pwrite 0 4k` (line 5)\n"
             "    after a kill:\n"
             "      f: size 4096\n"
             "        0 to 4k: the bytes of step 2 `pwrite 0 4k` (line 5)\n"
             "    after a power cut:\n"
             "      f: size 0 to 4096\n"
             "        0 to 4k: the bytes of step 2 `pwrite 0 4k` (line 5); or zeros (new space); or stale bytes\n"
             "after step 3 `fsync` (line 6)\n"
             "    after a kill: as before\n"
             "    after a power cut:\n"
             "      f: size 4096\n"
             "        0 to 4k: the bytes of step 2 `pwrite 0 4k` (line 5)\n");
}

static void overlap(struct paper *p)
{
    paper_overlap(p, 5, 6);
}

static void steps_that_overlap_are_running_when_the_other_ends(void **state)
{
    (void)state;
    explains("A: open -f f\nA: pwrite 0 8\nB: open f\nA: pwrite 0 8\nB: pwrite 4 8\n", 4, &guarantees_default, overlap,
             "after the sync after set-up\n"
             "    after a kill:\n"
             "      f: size 8\n"
             "        0 to 8: the bytes of step 2 `A: pwrite 0 8` (line 5)\n"
             "    after a power cut:\n"
             "      f: size 8\n"
             "        0 to 8: the bytes of step 2 `A: pwrite 0 8` (line 5)\n"
             "after step 4 `A: pwrite 0 8` (line 7)\n"
             "    after a kill:\n"
             "      f: size 8 to 12\n"
             "        0 to 4: the bytes of step 4 `A: pwrite 0 8` (line 7)\n"
             "        4 to 8: the bytes of step 5 `B: pwrite 4 8` (line 8), which did not finish; or the bytes of step 4 `A: "
             "pwrite 0 8` (line 7)\n"
             "        8 to 12: the bytes of step 5 `B: pwrite 4 8` (line 8), which did not finish; or zeros (new space)\n"
             "    after a power cut:\n"
             "      f: size 8 to 12\n"
             "        0 to 4: the bytes of step 4 `A: pwrite 0 8` (line 7); or the bytes of step 2 `A: pwrite 0 8` (line 5)\n"
             "        4 to 8: the bytes of step 5 `B: pwrite 4 8` (line 8), which did not finish; or the bytes of step 4 `A: "
             "pwrite 0 8` (line 7); or the bytes of step 2 `A: pwrite 0 8` (line 5)\n"
             "        8 to 12: the bytes of step 5 `B: pwrite 4 8` (line 8), which did not finish; or zeros (new space)\n"
             "after step 5 `B: pwrite 4 8` (line 8)\n"
             "    after a kill:\n"
             "      f: size 8 to 12\n"
             "        0 to 4: the bytes of step 4 `A: pwrite 0 8` (line 7)\n"
             "        4 to 8: the bytes of step 5 `B: pwrite 4 8` (line 8); or the bytes of step 4 `A: pwrite 0 8` (line 7)\n"
             "        8 to 12: the bytes of step 5 `B: pwrite 4 8` (line 8)\n"
             "    after a power cut:\n"
             "      f: size 8 to 12\n"
             "        0 to 4: the bytes of step 4 `A: pwrite 0 8` (line 7); or the bytes of step 2 `A: pwrite 0 8` (line 5)\n"
             "        4 to 8: the bytes of step 5 `B: pwrite 4 8` (line 8); or the bytes of step 4 `A: pwrite 0 8` (line 7); or "
             "the bytes of step 2 `A: pwrite 0 8` (line 5)\n"
             "        8 to 12: the bytes of step 5 `B: pwrite 4 8` (line 8); or zeros (new space)\n");
}

/* Nor is step 2, which never ended. */
static void of_power_alone(struct paper *p)
{
    p->plan->strikes = 1U << STRIKE_POWER;
    paper_event(p, 3)->end_seq = paper_event(p, 3)->end_pos = HISTORY_NEVER;
}

static void only_crashes_of_the_scenario_are_printed_and_steps_that_ended(void **state)
{
    (void)state;
    explains("open -f f\npwrite 0 8\nstat\n", 2, &guarantees_default, of_power_alone,
             "after the sync after set-up\n"
             "    after a power cut:\n"
             "      f: size 0\n"
             "after step 3 `stat` (line 6)\n"
             "    after a power cut:\n"
             "      f: size 0 to 8\n"
             "        0 to 8: the bytes of step 2 `pwrite 0 8` (line 5), which did not finish; or zeros (new space)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_a_step_changed_is_printed),
        cmocka_unit_test(stretches_of_the_same_contents_are_one),
        cmocka_unit_test(a_name_has_all_files_that_it_may_stand_for),
        cmocka_unit_test(directories_and_special_files_have_no_bytes),
        cmocka_unit_test(stale_bytes_are_named_where_they_are_documented),
        cmocka_unit_test(steps_that_overlap_are_running_when_the_other_ends),
        cmocka_unit_test(only_crashes_of_the_scenario_are_printed_and_steps_that_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
