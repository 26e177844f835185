/* Actors: what loads, stores and system calls do is what the history says, up to the byte. */
#include "driver_fixture.h"

#include <linux/magic.h>
#include <sys/statfs.h>

static void kill_inside_a_store_leaves_exactly_its_first_bytes(void **state)
{
    static const struct {
        uint64_t bytes, stored;
    } points[] = {{0, 0}, {1, 1}, {3, 3}, {4, 3}, {11, 11}, {18, 11}, {4099, 4099}, {8195, 8195}, {8199, 8199}, {8200, 8200}};
    struct fixture *f = *state;
    uint8_t file[FILE_BYTES];

    /* Three bytes to the first whole word, then 1024 words, then five bytes. */
    take_plan(f, "open -f f\ntruncate 16k\nmmap\n---\nmwrite 5 8200\n");
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        f->job.kill = (struct kill_point){.kind = KILL_INSIDE, .step = 3, .bytes = points[i].bytes};
        run_well(f);
        content(f, "f", file, sizeof file);
        assert_false(ended(f, 3));
        assert_int_equal(event_of(f, 3).done_bytes, points[i].stored);
        assert_stored(file, 3, 5, points[i].stored);
        assert_zero(file, 5 + points[i].stored, sizeof file);
    }
}

static void kill_inside_a_backward_store_leaves_exactly_its_last_bytes(void **state)
{
    static const struct {
        uint64_t bytes, stored;
    } points[] = {{0, 0}, {4, 4}, {5, 5}, {12, 5}, {13, 13}, {8199, 8199}};
    struct fixture *f = *state;
    uint8_t file[FILE_BYTES];

    take_plan(f, "open -f f\ntruncate 16k\nmmap\n---\nmwrite -r 5 8200\n");
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        f->job.kill = (struct kill_point){.kind = KILL_INSIDE, .step = 3, .bytes = points[i].bytes};
        run_well(f);
        content(f, "f", file, sizeof file);
        assert_int_equal(event_of(f, 3).done_bytes, points[i].stored);
        assert_stored(file, 3, 5 + 8200 - points[i].stored, points[i].stored);
        assert_zero(file, 0, 5 + 8200 - points[i].stored);
    }
}

static void store_beyond_end_of_file_is_an_outcome(void **state)
{
    struct fixture *f = *state;
    uint8_t file[4096];

    take_plan(f, "open -f f\ntruncate 4k\n---\nmmap 0 16k\nmwrite 4000 1000 -> SIGBUS\nmread 8k 1 -> SIGBUS\nmread 0 4k\n");
    run_well(f);
    const struct event store = event_of(f, 3), load = event_of(f, 4), rest = event_of(f, 5);
    assert_int_equal(store.signo, SIGBUS);
    assert_int_equal(store.si_code, BUS_ADRERR);
    assert_int_equal(store.fault_off, 4096);
    assert_int_equal(store.done_bytes, 96);
    assert_true(ended(f, 3));
    assert_int_equal(load.fault_off, 8192);
    assert_int_equal(load.data_len, 0);
    content(f, "f", file, sizeof file);
    assert_stored(file, 3, 4000, 96);
    assert_int_equal(rest.data_len, 4096);
    assert_memory_equal(history_data(f->history, &rest), file, sizeof file);
}

static void accesses_outside_of_the_mapping_touch_nothing(void **state)
{
    struct fixture *f = *state;

    take_plan(
        f, "open -f f\ntruncate 16k\n---\nmmap 4k 4k\nmwrite 8k 1 -> EFAULT\nmread 0 4k -> EFAULT\nmwrite 4k 4097 -> EFAULT\n");
    run_well(f);
    for (uint32_t i = 3; i <= 5; i++)
        assert_int_equal(event_of(f, i).err, EFAULT);
}

static void a_hole_made_by_munmap_is_not_unmapped_again(void **state)
{
    struct fixture *f = *state;

    take_plan(f, "open -f f\ntruncate 16k\n---\nmmap\nmunmap 4k 4k\nmmap @m 0 4k\nmunmap @f\nmwrite @m 0 4k\n");
    run_well(f);
    assert_int_equal(event_of(f, 5).err, 0);
    assert_int_equal(event_of(f, 6).signo, 0);
    assert_int_equal(event_of(f, 6).done_bytes, 4096);
}

static void threads_share_descriptors_and_mappings(void **state)
{
    struct fixture *f = *state;
    uint8_t file[8192];

    take_plan(f, "A: open -f f\nA: truncate 8k\nA: mmap @m\n---\nA: mwrite @m 0 4k\nA.1: mwrite @m 4k 4k\nA.1: fsync @f\n");
    run_well(f);
    assert_int_equal(event_of(f, 5).err, 0);
    content(f, "f", file, sizeof file);
    assert_stored(file, 3, 0, 4096);
    assert_stored(file, 4, 4096, 4096);
}

static void a_full_history_breaks_the_run(void **state)
{
    struct fixture *f = *state;

    take_plan(f, "open -f f\ntruncate 1m\n---\nmmap\nmread 0 128k\npwrite 0 4k\n");
    assert_int_equal(run(f), -ENOBUFS);
    assert_false(begun(f, 4));
}

static void a_volume_of_others_is_never_shut_down(void **state)
{
    struct fixture *f = *state;

    /* On tmpfs, which cannot be shut down (ENOTTY), so that a driver that lets the call through shuts nothing of ours down. */
    run_directory_remove(f->root, NULL);
    strcpy(f->root, "/dev/shm/test-driver-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    take_plan(f, "open -f f\n---\nshutdown -> EPERM\npwrite 0 4k\n");
    run_well(f);
    assert_int_equal(event_of(f, 1).err, EPERM);
    assert_int_equal(event_of(f, 2).err, 0);
}

static void appended_bytes_say_where_they_landed(void **state)
{
    struct fixture *f = *state;
    uint8_t file[8192];

    take_plan(f, "open -fa f\n---\npwrite 0 4k\npwrite 0 4k\n");
    run_well(f);
    assert_int_equal(event_of(f, 2).place, 4096);
    content(f, "f", file, sizeof file);
    assert_stored(file, 1, 0, 4096);
    assert_stored(file, 2, 4096, 4096);
}

/* On a file system without a disk nothing can be evicted. */
static void dropped_caches_hold_no_clean_page_and_every_dirty_byte(void **state)
{
    struct fixture *f = *state;
    struct statfs st;
    uint8_t file[16384];

    if (statfs(f->root, &st) || st.f_type == TMPFS_MAGIC)
        skip();
    take_plan(f, "open -f f\n---\npwrite 0 16k\nfsync\ndrop_caches\nmmap 0 16k\nmincore\npwrite 4k 4k\ndrop_caches\n");
    run_well(f);
    assert_int_equal(event_of(f, 3).err, 0);
    assert_int_equal(event_of(f, 5).err, 0);
    assert_int_equal(event_of(f, 5).ret, 0);
    content(f, "f", file, sizeof file);
    assert_stored(file, 1, 0, 4096);
    assert_stored(file, 6, 4096, 4096);
    assert_stored(file, 1, 8192, 8192);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kill_inside_a_store_leaves_exactly_its_first_bytes),
        TEST(kill_inside_a_backward_store_leaves_exactly_its_last_bytes),
        TEST(store_beyond_end_of_file_is_an_outcome),
        TEST(accesses_outside_of_the_mapping_touch_nothing),
        TEST(a_hole_made_by_munmap_is_not_unmapped_again),
        TEST(threads_share_descriptors_and_mappings),
        TEST(a_full_history_breaks_the_run),
        TEST(a_volume_of_others_is_never_shut_down),
        TEST(appended_bytes_say_where_they_landed),
        TEST(dropped_caches_hold_no_clean_page_and_every_dirty_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
