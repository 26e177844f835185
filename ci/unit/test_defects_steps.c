/* What the verifier says of steps: whole reports of how they end and what they read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>

#include "found.h"

/* Judges the steps as `change` changes what was recorded of them; NULL: all as it should be. */
static void steps_give(const char *steps, void (*change)(struct paper *p), const char *expected)
{
    struct paper p;
    struct verify_result r = {0};
    struct buf text = {0};

    paper_new(&p, steps);
    if (change)
        change(&p);
    verify_steps(paper_build(&p), &r);
    result_text(&r, &text);
    assert_string_equal(buf_text(&text), expected);
    buf_free(&text);
    paper_free(&p);
}

/* What step `reader` read: bytes of step `step` (from 1; 0: zeros) at `off` of path 0. */
static void reads(struct paper *p, uint32_t reader, uint32_t step, uint64_t off, uint64_t len)
{
    uint8_t *data = history_data_new(p->history, paper_event(p, reader), len);

    if (step)
        stamp_fill(PAPER_KEY, 0, step, off, data, len);
    else
        memset(data, 0, len);
}

static void step_3_fails(struct paper *p)
{
    paper_event(p, 3)->err = EINVAL;
}

static void step_1_fails_otherwise(struct paper *p)
{
    paper_event(p, 1)->err = EACCES;
}

static void step_1_finds_nothing(struct paper *p)
{
    paper_event(p, 1)->err = ENOENT;
}

static void a_call_ends_as_its_effect_predicts(void **state)
{
    (void)state;
    steps_give("open -f f\npwrite 0 64\nfsync\n", NULL, "");
    steps_give("open -f f\npwrite 0 64\nfsync\n", step_3_fails,
               "wrong result - 0+0 I3 step 3: step 3 `fsync` (line 6) failed with EINVAL; it must succeed.\n");
    steps_give("unlink f\n", NULL,
               "wrong result - 0+0 H1 step 1: step 1 `unlink f` (line 4) succeeded; it must fail with ENOENT.\n");
    steps_give("unlink f\n", step_1_fails_otherwise,
               "wrong result - 0+0 H1 step 1: step 1 `unlink f` (line 4) failed with EACCES; it must fail with ENOENT.\n");
    steps_give("unlink f\n", step_1_finds_nothing, "");
    steps_give("open -r f\n", step_1_finds_nothing, "");
    steps_give("open -f f\nclose\npwrite 0 8\n", step_3_fails,
               "wrong result - 0+0 I3 step 3: step 3 `pwrite 0 8` (line 6) failed with EINVAL; it must fail with EBADF.\n");
}

static void step_3_raises_SIGSEGV_without_space(struct paper *p)
{
    paper_event(p, 3)->signo = SIGSEGV;
    paper_event(p, 3)->no_space = 1;
}

static void step_3_fails_with_ENOSPC(struct paper *p)
{
    paper_event(p, 3)->err = ENOSPC;
}

static void step_3_fails_with_EDQUOT(struct paper *p)
{
    paper_event(p, 3)->err = EDQUOT;
}

static void step_3_fails_with_EOPNOTSUPP(struct paper *p)
{
    paper_event(p, 3)->err = EOPNOTSUPP;
}

static void step_3_fails_with_ENOSYS(struct paper *p)
{
    paper_event(p, 3)->err = ENOSYS;
}

static void step_3_fails_with_ENOTTY(struct paper *p)
{
    paper_event(p, 3)->err = ENOTTY;
}

static void step_3_fails_with_EMFILE(struct paper *p)
{
    paper_event(p, 3)->err = EMFILE;
}

static void step_3_fails_with_ENFILE(struct paper *p)
{
    paper_event(p, 3)->err = ENFILE;
}

static void step_3_fails_with_ENOMEM(struct paper *p)
{
    paper_event(p, 3)->err = ENOMEM;
}

static void step_4_fails_with_ENOMEM(struct paper *p)
{
    paper_event(p, 4)->err = ENOMEM;
}

static void step_4_raises_SIGBUS_without_space(struct paper *p)
{
    paper_event(p, 4)->signo = SIGBUS;
    paper_event(p, 4)->no_space = 1;
}

static void errors_of_machine_space_and_features_are_no_defects(void **state)
{
    (void)state;
    steps_give("open -f f\npwrite 0 64\nfsync -> EINVAL\n", step_3_raises_SIGSEGV_without_space,
               "wrong signal - 0+0 scenario step 3: step 3 `fsync -> EINVAL` (line 6) raised SIGSEGV at file offset 0; it must "
               "end as the scenario says.\n");
    steps_give("open -f f\npwrite 0 64\nfsync\n", step_3_fails_with_ENOSPC, "");
    steps_give("open -f f\npwrite 0 64\nfsync\n", step_3_fails_with_EDQUOT, "");
    steps_give("open -f f\npwrite 0 64\nfsync\n", step_3_fails_with_EOPNOTSUPP, "");
    steps_give("open -f f\npwrite 0 64\nfsync\n", step_3_fails_with_ENOSYS, "");
    steps_give("open -f f\npwrite 0 64\nfsync\n", step_3_fails_with_ENOTTY, "");
    steps_give("open -f f\npwrite 0 64\nfsync\n", step_3_fails_with_EMFILE, "");
    steps_give("open -f f\npwrite 0 64\nfsync\n", step_3_fails_with_ENFILE, "");
    steps_give("open -f f\npwrite 0 64\nfsync\n", step_3_fails_with_ENOMEM, "");
    steps_give("open -f f\npwrite 0 64\nmmap 0 4k\nmsync -s 0 4k\n", step_4_fails_with_ENOMEM,
               "wrong result - 0+0 I3 step 4: step 4 `msync -s 0 4k` (line 7) failed with ENOMEM; it must succeed.\n");
    steps_give("open -f f\npwrite 0 64\nmmap 0 4k\nmread 0 8\n", step_4_raises_SIGBUS_without_space, "");
}

static void step_3_fails_with_EIO(struct paper *p)
{
    paper_event(p, 3)->err = EIO;
}

static void step_4_raises_SIGBUS_behind_the_end(struct paper *p)
{
    paper_event(p, 4)->signo = SIGBUS;
    paper_event(p, 4)->fault_off = 4096;
}

static void step_2_is_short(struct paper *p)
{
    paper_event(p, 2)->ret = 63;
}

static void step_2_is_short_and_fails(struct paper *p)
{
    paper_event(p, 2)->ret = 63;
    paper_event(p, 2)->err = EINVAL;
}

static void a_scenario_overrules_how_a_step_ends(void **state)
{
    (void)state;
    steps_give(
        "open -f f\npwrite 0 64\nfsync -> EIO\n", NULL,
        "wrong result - 0+0 scenario step 3: step 3 `fsync -> EIO` (line 6) succeeded; it must end as the scenario says.\n");
    steps_give("open -f f\npwrite 0 64\nfsync -> EIO\n", step_3_fails_with_EIO, "");
    steps_give("open -f f\npwrite 0 64\nfsync -> EIO|EINVAL\n", step_3_fails_with_EIO, "");
    steps_give("open -f f\npwrite 0 64\nfsync -> EINVAL|EIO\n", step_3_fails_with_EIO, "");
    steps_give("open -f f\npwrite 0 64\nfsync -> EINVAL\n", step_3_fails_with_EIO,
               "wrong result - 0+0 scenario step 3: step 3 `fsync -> EINVAL` (line 6) failed with EIO; it must end as the "
               "scenario says.\n");
    steps_give("open -f f\npwrite 0 64\nfsync -> EINVAL\n", step_3_fails_with_ENOSPC, "");
    steps_give("open -f f\npwrite 0 64\nmmap 0 8k\nmread 4k 8 -> SIGBUS\n", step_4_raises_SIGBUS_behind_the_end, "");
    steps_give("open -f f\npwrite 0 64\nmmap 0 8k\nmread 4k 8 -> SIGSEGV\n", step_4_raises_SIGBUS_behind_the_end,
               "wrong signal - 0+0 scenario step 4: step 4 `mread 4k 8 -> SIGSEGV` (line 7) raised SIGBUS at file offset 4096; "
               "it must end as the scenario says.\n");
    steps_give("open -f f\npwrite 0 64 -> ENOSPC\n", NULL,
               "wrong result - 0+0 scenario step 2: step 2 `pwrite 0 64 -> ENOSPC` (line 5) succeeded; it must end as the "
               "scenario says.\n");
    steps_give("open -f f\npwrite 0 64 -> ENOSPC\n", step_2_is_short, "");
    steps_give("open -f f\npwrite 0 64 -> EIO\n", step_2_is_short,
               "wrong result - 0+0 scenario step 2: step 2 `pwrite 0 64 -> EIO` (line 5) succeeded; it must end as the scenario "
               "says.\n");
    steps_give(
        "open -f f\npwrite 0 64\nfsync -> ENOSPC\n", NULL,
        "wrong result - 0+0 scenario step 3: step 3 `fsync -> ENOSPC` (line 6) succeeded; it must end as the scenario says.\n");
    steps_give("open -f f\npwrite 0 64 -> ENOSPC\n", step_2_is_short_and_fails,
               "wrong result - 0+0 scenario step 2: step 2 `pwrite 0 64 -> ENOSPC` (line 5) failed with EINVAL; it must end as "
               "the scenario says.\n");
}

static void step_3_raises_SIGSEGV(struct paper *p)
{
    paper_event(p, 3)->signo = SIGSEGV;
    paper_event(p, 3)->fault_off = 16;
}

static void step_4_raises_SIGSEGV(struct paper *p)
{
    paper_event(p, 4)->signo = SIGSEGV;
}

static void step_4_raises_SIGBUS_at_the_begin(struct paper *p)
{
    paper_event(p, 4)->signo = SIGBUS;
}

static void signals_come_only_where_rules_name_them(void **state)
{
    (void)state;
    steps_give(
        "open -f f\npwrite 0 64\nfsync\n", step_3_raises_SIGSEGV,
        "wrong signal - 0+0 F5 step 3: step 3 `fsync` (line 6) raised SIGSEGV at file offset 16; it must raise nothing.\n");
    steps_give("open -f f\npwrite 0 64\nmmap -r 0 4k\nmwrite 0 8\n", NULL,
               "wrong result - 0+0 F5 step 4: step 4 `mwrite 0 8` (line 7) succeeded; it must raise SIGSEGV: the mapping is not "
               "writable.\n");
    steps_give("open -f f\npwrite 0 64\nmmap -r 0 4k\nmwrite 0 8\n", step_4_raises_SIGSEGV, "");
    steps_give(
        "open -f f\npwrite 0 64\nmmap 0 4k\nmwrite 0 8\n", step_4_raises_SIGSEGV,
        "wrong signal - 0+0 F5 step 4: step 4 `mwrite 0 8` (line 7) raised SIGSEGV at file offset 0; it must raise nothing.\n");
    steps_give("open -f f\npwrite 0 64\nmmap 0 8k\nmwrite 4k 8\n", NULL,
               "wrong result - 0+0 F1 step 4: step 4 `mwrite 4k 8` (line 7) succeeded; it must raise SIGBUS: it touches a page "
               "wholly beyond end of file.\n");
    steps_give("open -f f\npwrite 0 64\nmmap 0 8k\nmwrite 4k 8\n", step_4_raises_SIGBUS_behind_the_end, "");
    steps_give("open -f f\npwrite 0 64\nmmap 0 8k\nmwrite 0 8\n", step_4_raises_SIGBUS_at_the_begin,
               "wrong signal - 0+0 F1 step 4: step 4 `mwrite 0 8` (line 7) raised SIGBUS at file offset 0; it must raise nothing "
               "there: the page is not wholly beyond end of file.\n");
    steps_give("open -f f\npwrite 0 64\nmmap 0 8k\nmwrite 64 4032\n", NULL, "");
    steps_give("open -f f\npwrite 0 64\nmmap 0 8k\nmwrite 64 4032\n", step_4_raises_SIGBUS_behind_the_end,
               "wrong signal - 0+0 F1 step 4: step 4 `mwrite 64 4032` (line 7) raised SIGBUS at file offset 4096; it must raise "
               "nothing there: the page is not wholly beyond end of file.\n");
}

static void step_3_reads_it(struct paper *p)
{
    reads(p, 3, 2, 0, 64);
}

static void step_3_reads_zeros(struct paper *p)
{
    reads(p, 3, 0, 0, 64);
}

static void step_3_reads_nothing(struct paper *p)
{
    (void)p;
}

static void step_3_reads_half(struct paper *p)
{
    reads(p, 3, 2, 0, 32);
}

static void step_3_reads_the_end(struct paper *p)
{
    reads(p, 3, 2, 32, 32);
}

static void step_3_reads_a_byte(struct paper *p)
{
    reads(p, 3, 0, 100, 1);
}

static void step_5_reads_the_file(struct paper *p)
{
    reads(p, 5, 2, 0, 16);
}

static void step_4_reads_zeros(struct paper *p)
{
    reads(p, 4, 0, 0, 16);
}

static void reads_see_what_was_written(void **state)
{
    (void)state;
    steps_give("open -f f\npwrite 0 64\npread 0 64\n", step_3_reads_it, "");
    steps_give("open -f f\npwrite 0 64\npread 0 64\n", step_3_reads_zeros,
               "incoherent - 0+64 I1 step 2: step 3 `pread 0 64` (line 6) read zeros (new space). Legal: the bytes of step 2 "
               "`pwrite 0 64` (line 5).\n");
    steps_give("open -f f\npwrite 0 64\npread 0 64\n", step_3_reads_nothing,
               "wrong result - 0+0 I1 step 3: step 3 `pread 0 64` (line 6) succeeded; it must read up to the end of the file, "
               "and no further.\n");
    steps_give("open -f f\npwrite 0 64\npread 0 64\n", step_3_reads_half,
               "wrong result - 0+0 I1 step 3: step 3 `pread 0 64` (line 6) read 32 bytes; it must read up to the end of the "
               "file, and no further.\n");
    steps_give("open -f f\npwrite 0 64\npread 32 64\n", step_3_reads_the_end, "");
    steps_give("open -f f\npwrite 0 64\npread 64 64\n", step_3_reads_nothing, "");
    steps_give("open -f f\npwrite 0 64\npread 100 64\n", step_3_reads_nothing, "");
    steps_give("open -f f\npwrite 0 64\npread 100 64\n", step_3_reads_a_byte,
               "wrong result - 0+0 I1 step 3: step 3 `pread 100 64` (line 6) read 1 bytes; it must read up to the end of the "
               "file, and no further.\n");
    steps_give("open -f f\npwrite 0 64\nmmap -p 0 4k\nmwrite 0 8\nmread 0 16\n", step_5_reads_the_file,
               "incoherent - 0+8 I2 step 2: step 5 `mread 0 16` (line 8) read the bytes of step 2 `pwrite 0 64` (line 5). Legal: "
               "the bytes of step 4 `mwrite 0 8` (line 7).\n");
    steps_give("open -f f\npwrite 0 64\nmmap 0 4k\nmread 0 16\n", step_4_reads_zeros,
               "incoherent - 0+16 I1 step 2: step 4 `mread 0 16` (line 7) read zeros (new space). Legal: the bytes of step 2 "
               "`pwrite 0 64` (line 5).\n");
}

static void step_6_reads_step_3(struct paper *p)
{
    reads(p, 6, 3, 0, 64);
}

static void step_6_reads_step_5(struct paper *p)
{
    reads(p, 6, 5, 0, 64);
}

static void step_6_reads_step_2(struct paper *p)
{
    reads(p, 6, 2, 0, 64);
}

static void two_reads_of_own_stores(struct paper *p)
{
    reads(p, 5, 4, 0, 8);
    reads(p, 7, 4, 0, 16);
    stamp_fill(PAPER_KEY, 0, 6, 8, (uint8_t *)p->history + p->history->data_base + paper_event(p, 7)->data_off + 8, 8);
}

/* A page that it has not stored to may show the file as it was when it was mapped, or at any time since. */
static void a_private_mapping_shows_its_own_stores_and_what_the_file_held_since(void **state)
{
    (void)state;
    steps_give("open -f f\npwrite 0 64\npwrite 0 64\nmmap -p 0 4k\npwrite 0 64\nmread 0 64\n", step_6_reads_step_3, "");
    steps_give("open -f f\npwrite 0 64\npwrite 0 64\nmmap -p 0 4k\npwrite 0 64\nmread 0 64\n", step_6_reads_step_5, "");
    steps_give("open -f f\npwrite 0 64\npwrite 0 64\nmmap -p 0 4k\npwrite 0 64\nmread 0 64\n", step_6_reads_step_2,
               "incoherent - 0+64 I2 step 3: step 6 `mread 0 64` (line 9) read the bytes of step 2 `pwrite 0 64` (line 5). "
               "Legal: the bytes of step 5 `pwrite 0 64` (line 8); or the bytes of step 3 `pwrite 0 64` (line 6).\n");
    steps_give("open -f f\npwrite 0 64\nmmap -p 0 4k\nmwrite 0 8\nmread 0 8\nmwrite 8 8\nmread 0 16\n", two_reads_of_own_stores,
               "");
}

static void step_3_returns_64(struct paper *p)
{
    paper_event(p, 3)->ret = 64;
}

static void step_3_returns_63(struct paper *p)
{
    paper_event(p, 3)->ret = 63;
}

static void step_3_returns_63_and_fails(struct paper *p)
{
    paper_event(p, 3)->ret = 63;
    paper_event(p, 3)->err = EINVAL;
}

static void stat_tells_the_size(void **state)
{
    (void)state;
    steps_give("open -f f\npwrite 0 64\nstat\n", step_3_returns_64, "");
    steps_give("open -f f\npwrite 0 64\nstat\n", step_3_returns_63,
               "wrong size - 0+0 I1 step 3: step 3 `stat` (line 6) returned 63. Legal: 64.\n");
    steps_give("open -f f\npwrite 0 64\nstat\n", step_3_returns_63_and_fails,
               "wrong result - 0+0 I3 step 3: step 3 `stat` (line 6) failed with EINVAL; it must succeed.\n");
}

static void step_4_fails_with_EIO(struct paper *p)
{
    paper_event(p, 4)->err = EIO;
}

static void a_sync_beside_direct_writes_and_a_mapping_may_fail(void **state)
{
    (void)state;
    steps_give("open -fd f\npwrite 0 4k\nmmap 0 4k\nsync\n", step_4_fails_with_EIO,
               "surprise: wrong result - 0+0 I6 step 4: step 4 `sync` (line 7) failed with EIO; it must succeed.\n");
    steps_give("open -f f\npwrite 0 4k\nmmap 0 4k\nsync\n", step_4_fails_with_EIO,
               "wrong result - 0+0 I3 step 4: step 4 `sync` (line 7) failed with EIO; it must succeed.\n");
    steps_give("open -fd f\npwrite 0 4k\nfsync\nsync\n", step_4_fails_with_EIO,
               "wrong result - 0+0 I3 step 4: step 4 `sync` (line 7) failed with EIO; it must succeed.\n");
}

static void step_3_never_ends(struct paper *p)
{
    paper_event(p, 3)->err = EINVAL;
    paper_event(p, 3)->end_seq = HISTORY_NEVER;
}

static void step_3_never_begins(struct paper *p)
{
    paper_event(p, 3)->err = EINVAL;
    paper_event(p, 3)->begin_seq = 0;
}

static void names_race(struct paper *p)
{
    paper_overlap(p, 1, 2);
    paper_event(p, 3)->err = EIO;
}

static void step_3_finds_nothing(struct paper *p)
{
    paper_event(p, 3)->err = ENOENT;
}

/* Those that never ended or never began, and those after a shutdown. */
static void steps_that_cannot_be_told_are_not_judged(void **state)
{
    (void)state;
    steps_give("open -f f\npwrite 0 64\nfsync\n", step_3_never_ends, "");
    steps_give("open -f f\npwrite 0 64\nfsync\n", step_3_never_begins, "");
    steps_give("open -f f\npwrite 0 64\nshutdown\nfsync\n", step_4_fails_with_EIO, "");
    steps_give("A: open -f f\nB: unlink f\nA: fsync\n", names_race, "");
    steps_give("A: open -f f\nA: rename f g\nB: unlink g\n", step_3_finds_nothing,
               "wrong result - 0+0 H1 step 3: step 3 `B: unlink g` (line 6) failed with ENOENT; it must succeed.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_ends_as_its_effect_predicts),
        cmocka_unit_test(errors_of_machine_space_and_features_are_no_defects),
        cmocka_unit_test(a_scenario_overrules_how_a_step_ends),
        cmocka_unit_test(signals_come_only_where_rules_name_them),
        cmocka_unit_test(reads_see_what_was_written),
        cmocka_unit_test(a_private_mapping_shows_its_own_stores_and_what_the_file_held_since),
        cmocka_unit_test(stat_tells_the_size),
        cmocka_unit_test(a_sync_beside_direct_writes_and_a_mapping_may_fail),
        cmocka_unit_test(steps_that_cannot_be_told_are_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
