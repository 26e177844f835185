/*
 * The oracle is fair: it does not object to what documents allow, in corners that random plans leave out (they let one actor act
 * at a time and make only calls that succeed). Each scenario runs on the sane sim under many seeds and all crash kinds.
 */
#include "sim_run.h"
#include "truth/world.h"
#include "verifier/verify.h"

enum { SEEDS = 200 };

static const char HEAD[] = "test: t.\norigin: test\ncrash: none kill power\n";

static void never_objects(const char *steps)
{
    struct run r;
    struct world *w = world_new();
    char text[2048];

    snprintf(text, sizeof text, "%s%s", HEAD, steps);
    run_start(&r, parse(text));
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        for (enum strike strike = STRIKE_NONE; strike < STRIKES; strike++) {
            struct verify_result result = {0};

            assert_int_equal(run_once(&r, strike, seed), 0);
            world_build(w, r.plan, r.history, &guarantees_default);
            verify_steps(w, &result);
            verify_survivors(w, strike_table[strike].loss[VIEW_LOCAL], r.pos, &r.survivors, &result);
            if (result.n_violations)
                fail_msg("crash %s, seed %llu: %s", strike_table[strike].name, (unsigned long long)seed, result.defects[0].text);
        }
    world_free(w);
    run_stop(&r);
}

#define TWO "open -f f\npwrite 0 16k\nopen -f g\npwrite 0 5000\n"

static void copies_that_must_fail_fail(void **state)
{
    (void)state;
    never_objects(TWO "open @a -a f\n---\ncopy_range @a g\nreflink @a g\n"); /* append-only: EBADF */
    never_objects(TWO "---\ncopy_range @f -s 0 -d 2k -l 4k f\ncopy_range @f -s 0 -d 8k -l 4k f\npread @f 0 16k\n");
    never_objects(TWO "---\nreflink @f g 4k 4k 904\nreflink @f f 0 4k 8k\npread @f 0 16k\n");
}

static void a_path_through_a_file_is_no_directory(void **state)
{
    (void)state;
    never_objects(TWO "---\nopen -f f/x\nrename f g/x\nlink f g/x\nunlink f/x\nmkdir f/d\nfsyncdir f/d\nunlink missing/x\n");
}

static void direct_reads_and_writes_may_want_whole_sectors(void **state)
{
    (void)state;
    never_objects(TWO "fsync @f\n---\nopen @d -d f\npread @d 1 100\npwrite @d 3 100\npwrite @d 4k 4k\npread @d 0 16k\n");
}

static void private_stores_go_with_their_pages(void **state)
{
    (void)state;
    never_objects(TWO "mmap @f -p -F f 0 8k\n---\nmwrite @f 0 8k\nmremap @f 4k\nmremap @f -m 8k\nmread @f 0 8k\n");
    never_objects(TWO "mmap @f -p -F f 0 8k\n---\nmwrite @f 0 8k\nfcollapse @f 0 4k\nmread @f 0 8k\n");
    never_objects(TWO "mmap @f -p -F f 0 8k\n---\nmwrite @f 0 8k\nfinsert @f 4k 4k\nmread @f 0 8k\n");
    never_objects(TWO "mmap @f -p -F f 0 8k\n---\nmwrite @f 0 8k\ntruncate @f 100\ntruncate @f 8k\nmread @f 0 8k\n");
}

static void accesses_stop_at_holes(void **state)
{
    (void)state;
    never_objects(TWO
                  "mmap @a -F f 0 16k\n---\nmwrite @a\nmunmap @a 4k 4k\nmwrite @a -r 0 12k\nmread @a 0 16k\nmread @a 8k 4k\n");
}

#define LANES "A: open -f f\nA: pwrite 0 100\nA: mmap 0 8k\nbarrier\nB: open f\nB: open @a -a f\nA: open @a -a f\n---\n"

static void either_order_of_two_size_changes_is_right(void **state)
{
    (void)state;
    never_objects(LANES "A: truncate @f 100\nB: pwrite @f 0 4k\nbarrier\nA: mwrite 0 4k\nA: truncate @f 4k\nA: mread 0 4k\n");
    never_objects(LANES "A: truncate @f 4k\nB: pwrite @f 0 8k\nB: truncate @f 8k\nbarrier\nA: pread @f 0 8k\n");
    never_objects(LANES "A: truncate @f 100\nB: pwrite @f 0 8k\nbarrier\nA: pwrite @f 6k 10\nA: pread @f 0 8k\n");
}

static void appends_of_two_lanes_may_land_in_either_order(void **state)
{
    (void)state;
    never_objects(LANES "A: pwrite @a 0 5000\nB: pwrite @a 0 3000\nA: pwrite @a 0 300\nB: truncate @f 10\n");
}

static void a_copy_may_see_any_of_two_racing_writes(void **state)
{
    (void)state;
    never_objects(LANES "A: mwrite 0 100\nB: pwrite @f 0 100\nbarrier\nA: open -f g\nA: copy_range @g f\n");
    never_objects(LANES "A: open -f g\nA: copy_range @g f\nB: pwrite @f 0 8k\n");
}

static void names_that_lanes_race_for_are_not_judged(void **state)
{
    (void)state;
    never_objects(LANES "A: rename f g\nB: open -f g\nB: pwrite 0 10\nA: link g h\nB: unlink g\nA: open -f h\nA: pwrite 0 9\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_that_must_fail_fail),
        cmocka_unit_test(a_path_through_a_file_is_no_directory),
        cmocka_unit_test(direct_reads_and_writes_may_want_whole_sectors),
        cmocka_unit_test(private_stores_go_with_their_pages),
        cmocka_unit_test(accesses_stop_at_holes),
        cmocka_unit_test(either_order_of_two_size_changes_is_right),
        cmocka_unit_test(appends_of_two_lanes_may_land_in_either_order),
        cmocka_unit_test(a_copy_may_see_any_of_two_racing_writes),
        cmocka_unit_test(names_that_lanes_race_for_are_not_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
