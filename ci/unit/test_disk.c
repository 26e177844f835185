/* The disk core against a plain array: bytes, recording, faults and what crash states see of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/rng.h"
#include "disk/disk.h"
#include "states/crash_image.h"

enum { SIZE = 64 * 4096, SECTORS = SIZE / 512, MAX_SECTORS = 20 };

struct fixture {
    int fd;
    struct disk *disk;
    struct writelog *log;
    uint8_t base[SIZE];
};

static int set_up(void **state)
{
    static struct fixture f;
    struct error err = {.code = 0};
    struct rng r;

    rng_seed(&r, 1);
    for (size_t i = 0; i < SIZE; i++)
        f.base[i] = i / 4096 % 3 == 0 ? 0 : (uint8_t)rng_next(&r);
    f.fd = memfd_create("test", MFD_CLOEXEC);
    if (f.fd < 0 || write(f.fd, f.base, SIZE) != SIZE || disk_new(f.fd, 512, &f.disk, &err) < 0)
        return -1;
    f.log = writelog_new(10000, 1 << 26);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    disk_free(f->disk);
    writelog_free(f->log);
    close(f->fd);
    return 0;
}

static void assert_disk_is(const struct disk *d, const uint8_t *want)
{
    assert_memory_equal(disk_read(d, 0, SIZE), want, SIZE);
}

/* One random write, discard or flush to the disk and to an array. */
static void random_request(struct rng *r, struct disk *d, uint8_t *mirror)
{
    uint8_t data[MAX_SECTORS * 512];
    const uint64_t first = rng_below(r, SECTORS), room = SECTORS - first;
    const uint64_t n = 1 + rng_below(r, room < MAX_SECTORS ? room : MAX_SECTORS);

    if (rng_one_in(r, 6)) {
        assert_int_equal(disk_flush(d), 0);
    } else if (rng_one_in(r, 4)) {
        assert_int_equal(disk_discard(d, first * 512, n * 512), 0);
        memset(mirror + first * 512, 0, n * 512);
    } else {
        for (uint64_t i = 0; i < n * 512; i++)
            data[i] = (uint8_t)rng_next(r);
        assert_int_equal(disk_write(d, first * 512, data, n * 512, false), 0);
        memcpy(mirror + first * 512, data, n * 512);
    }
}

static void reads_see_the_last_write(void **state)
{
    struct fixture *f = *state;
    static uint8_t mirror[SIZE];
    struct rng r;

    rng_seed(&r, 2);
    memcpy(mirror, f->base, SIZE);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 100; i++)
            random_request(&r, f->disk, mirror);
        assert_disk_is(f->disk, mirror);
        if (round % 5 == 4) {
            assert_int_equal(disk_reset(f->disk), 0);
            assert_disk_is(f->disk, f->base);
            memcpy(mirror, f->base, SIZE);
        }
    }
}

/* So many blocks that the disk is filled anew. */
static void a_reset_after_many_writes_brings_the_image_back(void **state)
{
    enum { MANY = 5000 };
    struct fixture *f = *state;
    struct disk *d;
    uint8_t data[4096];

    assert_int_equal(ftruncate(f->fd, MANY * 4096), 0);
    assert_int_equal(disk_new(f->fd, 512, &d, NULL), 0);
    memset(data, 7, sizeof data);
    for (int again = 0; again < 2; again++) {
        for (uint64_t i = 0; i < MANY; i++)
            assert_int_equal(disk_write(d, i * 4096, data, sizeof data, false), 0);
        assert_int_equal(disk_reset(d), 0);
        assert_disk_is(d, f->base);
        for (uint64_t at = SIZE; at < MANY * 4096; at += 4096)
            assert_int_equal(*disk_read(d, at, 1), 0);
    }
    disk_free(d);
}

/* Writes 1 to 3, each of two sectors filled with its number, to blocks 1 to 3, then a flush. */
static void three_writes(struct fixture *f, const struct disk_faults *faults)
{
    uint8_t data[1024];

    disk_record(f->disk, f->log, faults);
    for (int i = 1; i <= 3; i++) {
        memset(data, i, sizeof data);
        assert_int_equal(disk_write(f->disk, (uint64_t)i * 4096, data, sizeof data, i == 3), 0);
    }
    assert_int_equal(disk_flush(f->disk), 0);
    disk_record(f->disk, NULL, NULL);
    assert_int_equal(writelog_length(f->log), 4);
}

static unsigned flags_of(const struct fixture *f, uint64_t entry)
{
    return writelog_entry(f->log, entry)->flags;
}

/* To a reader, and in the crash state that has all of the log. */
static void sector_is(const struct fixture *f, uint64_t off, const uint8_t *want)
{
    const uint64_t length = writelog_length(f->log);
    struct crash_image *image;

    assert_memory_equal(disk_read(f->disk, off, 512), want, 512);
    assert_int_equal(crash_image_new(disk_base(f->disk), 512, &image, NULL), 0);
    assert_int_equal(crash_image_load(image, f->log, &(struct crash_state){.durable = length, .cut = length}), 0);
    assert_memory_equal(crash_image_block(image, off / 4096) + off % 4096, want, 512);
    crash_image_free(image);
}

static void sector_is_filled(const struct fixture *f, uint64_t off, int fill)
{
    uint8_t want[512];

    memset(want, fill, sizeof want);
    sector_is(f, off, want);
}

static void honest_disk_flags_nothing(void **state)
{
    struct fixture *f = *state;

    three_writes(f, NULL);
    assert_int_equal(flags_of(f, 0) | flags_of(f, 1) | flags_of(f, 3), 0);
    assert_int_equal(flags_of(f, 2), LOG_FUA);
}

static void dropped_write_is_nowhere(void **state)
{
    struct fixture *f = *state;

    three_writes(f, &(struct disk_faults){.drop_nth = 2});
    assert_int_equal(flags_of(f, 1), LOG_LOST);
    sector_is(f, 2 * 4096, f->base + 2 * 4096);
    sector_is_filled(f, 3 * 4096, 3);
}

static void a_discard_gives_zeros_unless_it_is_ignored(void **state)
{
    struct fixture *f = *state;
    uint8_t sevens[512];

    memset(sevens, 7, sizeof sevens);
    for (unsigned ignored = 0; ignored < 2; ignored++) {
        disk_record(f->disk, f->log, &(struct disk_faults){.ignore_discard = ignored});
        assert_int_equal(disk_write(f->disk, 4096, sevens, sizeof sevens, false), 0);
        assert_int_equal(disk_discard(f->disk, 4096, 512), 0);
        disk_record(f->disk, NULL, NULL);
        assert_int_equal(flags_of(f, 2 * ignored + 1), ignored ? LOG_LOST : 0);
        sector_is_filled(f, 4096, ignored ? 7 : 0);
    }
}

static void torn_write_keeps_its_second_half(void **state)
{
    struct fixture *f = *state;

    three_writes(f, &(struct disk_faults){.tear_nth = 2});
    assert_int_equal(flags_of(f, 1), LOG_ALTERED);
    sector_is_filled(f, 2 * 4096, 2);
    sector_is(f, 2 * 4096 + 512, f->base + 2 * 4096 + 512);
}

static void misdirected_write_lands_beside(void **state)
{
    struct fixture *f = *state;

    three_writes(f, &(struct disk_faults){.misdirect_nth = 2});
    assert_int_equal(flags_of(f, 1), LOG_MOVED);
    sector_is(f, 2 * 4096, f->base + 2 * 4096);
    sector_is_filled(f, 2 * 4096 + 1024, 2);
}

static void misdirected_write_at_the_end_lands_before(void **state)
{
    struct fixture *f = *state;
    uint8_t data[1024];

    memset(data, 9, sizeof data);
    assert_int_equal(disk_reset(f->disk), 0);
    writelog_clear(f->log);
    disk_record(f->disk, f->log, &(struct disk_faults){.misdirect_nth = 1});
    assert_int_equal(disk_write(f->disk, SIZE - 1024, data, sizeof data, false), 0);
    disk_record(f->disk, NULL, NULL);
    sector_is(f, SIZE - 1024, f->base + SIZE - 1024);
    sector_is_filled(f, SIZE - 2048, 9);
    assert_int_equal(writelog_entry(f->log, 0)->off, SIZE - 2048);
}

static void corrupted_write_differs_in_one_word(void **state)
{
    struct fixture *f = *state;
    uint8_t want[512];

    three_writes(f, &(struct disk_faults){.corrupt_nth = 2});
    assert_int_equal(flags_of(f, 1), LOG_ALTERED);
    sector_is_filled(f, 2 * 4096, 2);
    memset(want, 2, sizeof want);
    memset(want, (uint8_t)~2, 8);
    sector_is(f, 2 * 4096 + 512, want);
}

static void ignored_flush_and_fua_are_flagged(void **state)
{
    struct fixture *f = *state;

    three_writes(f, &(struct disk_faults){.ignore_flush = true});
    assert_int_equal(flags_of(f, 3), LOG_IGNORED);
    assert_int_equal(flags_of(f, 2), LOG_FUA);
    writelog_clear(f->log);
    three_writes(f, &(struct disk_faults){.ignore_fua = true});
    assert_int_equal(flags_of(f, 3), 0); /* three writes before it: not a FUA in disguise */
    assert_int_equal(flags_of(f, 2), LOG_FUA | LOG_IGNORED);
}

/* As the kernel sends a FUA write to a loop device: flush, write, flush. */
static void flush_behind_a_single_write_is_taken_for_its_fua(void **state)
{
    struct fixture *f = *state;
    const uint8_t data[512] = {1};

    disk_record(f->disk, f->log, &(struct disk_faults){.ignore_fua = true});
    disk_write(f->disk, 0, data, sizeof data, false);
    disk_write(f->disk, 0, data, sizeof data, false);
    disk_flush(f->disk);
    disk_write(f->disk, 0, data, sizeof data, false);
    disk_flush(f->disk);
    disk_flush(f->disk);
    assert_int_equal(flags_of(f, 2), 0);
    assert_int_equal(flags_of(f, 4), LOG_IGNORED);
    assert_int_equal(flags_of(f, 5), 0);
}

static int parse(const char *text, struct disk_faults *ret, char *bad, size_t bad_bytes)
{
    char words[128];
    const char *at = "";

    snprintf(words, sizeof words, "%s", text);
    const int r = disk_faults_parse(words, ret, &at);
    snprintf(bad, bad_bytes, "%s", at);
    return r;
}

static void fault_words_set_their_member(void **state)
{
    const struct disk_faults want = {true, true, true, 3, 4, 5, 0x1000};
    struct disk_faults got;
    char bad[64];

    (void)state;
    assert_int_equal(parse("ignore-flush,drop:3,ignore-fua,ignore-discard,tear:4,misdirect:5,corrupt:4k", &got, bad, sizeof bad),
                     0);
    assert_true(got.ignore_flush && got.ignore_fua && got.ignore_discard);
    assert_int_equal(got.drop_nth, want.drop_nth);
    assert_int_equal(got.tear_nth, want.tear_nth);
    assert_int_equal(got.misdirect_nth, want.misdirect_nth);
    assert_int_equal(got.corrupt_nth, want.corrupt_nth);
    assert_int_equal(parse("", &got, bad, sizeof bad), 0);
    assert_false(got.ignore_flush || got.ignore_fua || got.ignore_discard || got.drop_nth || got.tear_nth || got.misdirect_nth ||
                 got.corrupt_nth);
}

static void faults_print_as_words(void **state)
{
    const struct disk_faults some = {.ignore_fua = true, .drop_nth = 3, .corrupt_nth = 4096}, none = {.ignore_flush = false};
    struct buf words = {.data = NULL};

    (void)state;
    assert_false(disk_faults_any(&none));
    assert_true(disk_faults_any(&some));
    disk_faults_print(&none, &words);
    assert_string_equal(buf_text(&words), "");
    disk_faults_print(&some, &words);
    assert_string_equal(buf_text(&words), "ignore-fua,drop:3,corrupt:4096");
    buf_free(&words);
}

static void words_that_are_no_fault_are_named(void **state)
{
    static const char *const bad_words[] = {"drop",   "drop:",   "drop:0",         "drop:x",         "drop:3:4",
                                            "drop 3", "dropp:3", "ignore-flush:1", "ignore-flushes", "ignore"};
    struct disk_faults got;
    char text[64], bad[64];

    (void)state;
    for (size_t i = 0; i < sizeof bad_words / sizeof bad_words[0]; i++) {
        snprintf(text, sizeof text, "tear:1,%s,ignore-fua", bad_words[i]);
        assert_int_equal(parse(text, &got, bad, sizeof bad), -EINVAL);
        assert_string_equal(bad, bad_words[i]);
    }
}

static void beyond_the_end_is_an_error(void **state)
{
    struct fixture *f = *state;
    static uint8_t block[8192];

    assert_int_equal(disk_write(f->disk, SIZE - 4096, block, 8192, false), -EIO);
    assert_null(disk_read(f->disk, SIZE - 4096, 8192));
    assert_int_equal(disk_discard(f->disk, UINT64_MAX - 4095, 8192), -EIO);
    assert_int_equal(disk_errors(f->disk), 2);
}

/* The server was forked before the log existed: it must fetch it. */
static void a_server_forked_earlier_records_too(void **state)
{
    struct fixture *f = *state;
    const uint8_t data[512] = {42};
    int go[2], status = 0;
    char c = 0;
    pid_t pid;

    assert_int_equal(pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        if (read(go[0], &c, 1) != 1)
            _exit(2);
        _exit(disk_write(f->disk, 4096, data, sizeof data, false) == 0 ? 0 : 1);
    }
    struct writelog *later = writelog_new(10, 1 << 16);
    disk_record(f->disk, later, NULL);
    assert_int_equal(write(go[1], &c, 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(writelog_length(later), 1);
    assert_memory_equal(writelog_data(later, writelog_entry(later, 0)), data, sizeof data);
    assert_memory_equal(disk_read(f->disk, 4096, sizeof data), data, sizeof data);
    disk_record(f->disk, NULL, NULL);
    writelog_free(later);
    close(go[0]);
    close(go[1]);
}

#define DISK_TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISK_TEST(reads_see_the_last_write),
        DISK_TEST(a_reset_after_many_writes_brings_the_image_back),
        DISK_TEST(honest_disk_flags_nothing),
        DISK_TEST(dropped_write_is_nowhere),
        DISK_TEST(a_discard_gives_zeros_unless_it_is_ignored),
        DISK_TEST(torn_write_keeps_its_second_half),
        DISK_TEST(misdirected_write_lands_beside),
        DISK_TEST(misdirected_write_at_the_end_lands_before),
        DISK_TEST(corrupted_write_differs_in_one_word),
        DISK_TEST(ignored_flush_and_fua_are_flagged),
        DISK_TEST(flush_behind_a_single_write_is_taken_for_its_fua),
        cmocka_unit_test(fault_words_set_their_member),
        cmocka_unit_test(faults_print_as_words),
        cmocka_unit_test(words_that_are_no_fault_are_named),
        DISK_TEST(beyond_the_end_is_an_error),
        DISK_TEST(a_server_forked_earlier_records_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
