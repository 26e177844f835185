/* The disk core against a plain array: layers, recording, lies, crash states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/rng.h"
#include "storage/crash_states.h"
#include "storage/disk.h"

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
    if (f.fd < 0 || write(f.fd, f.base, SIZE) != SIZE || disk_new(f.fd, 512, 3 * SIZE, &f.disk, &err) < 0)
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

static void assert_disk_is(struct disk *d, const uint8_t *want)
{
    static uint8_t got[SIZE];

    assert_int_equal(disk_read(d, 0, got, SIZE), 0);
    assert_memory_equal(got, want, SIZE);
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
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 100; i++)
            random_request(&r, f->disk, mirror);
        assert_disk_is(f->disk, mirror);
        const int snapshot = disk_snapshot(f->disk);
        static uint8_t got[SIZE];
        assert_int_equal(pread(snapshot, got, SIZE, 0), SIZE);
        assert_memory_equal(got, mirror, SIZE);
        close(snapshot);
    }
    disk_reset(f->disk);
    assert_disk_is(f->disk, f->base);
}

/* What a crash state must hold, by the words of crash_states.h. */
static void make_state(const struct fixture *f, const struct crash_state *s, uint8_t *want)
{
    memcpy(want, f->base, SIZE);
    for (uint64_t i = 0; i < s->durable + s->n_kept; i++) {
        const struct kept_write whole = {.entry = i}, *k = i < s->durable ? &whole : &s->kept[i - s->durable];
        const struct log_entry *e = writelog_entry(f->log, k->entry);
        const uint64_t skip = k->first * 512U, len = k->count ? k->count * 512U : e->len;

        if (e->op == LOG_WRITE && !(e->flags & LOG_LOST))
            memcpy(want + e->off + skip, writelog_data(f->log, e) + skip, len);
        else if (e->op == LOG_DISCARD)
            memset(want + e->off + skip, 0, len);
    }
}

/* Loads states in the source's order and out of it, and writes to the disk in between as a file system does. */
static void loaded_states_hold_what_they_say(void **state)
{
    struct fixture *f = *state;
    const struct state_limits lim = {.samples = 10, .sector = 512, .torn = true};
    static uint8_t want[SIZE], scratch[SIZE];
    const struct crash_state *s;
    struct rng r;

    rng_seed(&r, 3);
    disk_record(f->disk, f->log, NULL);
    for (int i = 0; i < 60; i++)
        random_request(&r, f->disk, scratch);
    disk_record(f->disk, NULL, NULL);
    struct state_source *src = states_new(f->log, 0, writelog_length(f->log), &lim, 1);
    for (int n = 0; states_next(src, &s); n++) {
        const struct crash_state early = {.durable = rng_below(&r, s->cut + 1), .cut = s->cut};

        if (n % 7 == 0) {
            assert_int_equal(disk_load(f->disk, f->log, &early), 0);
            make_state(f, &early, want);
            assert_disk_is(f->disk, want);
        }
        assert_int_equal(disk_load(f->disk, f->log, s), 0);
        make_state(f, s, want);
        assert_disk_is(f->disk, want);
        for (int i = 0; i < 5; i++)
            random_request(&r, f->disk, want);
        assert_disk_is(f->disk, want);
    }
    states_free(src);
}

/* The same positions of a cleared log are other entries. */
static void a_cleared_log_is_another_log(void **state)
{
    struct fixture *f = *state;
    const struct crash_state s = {.durable = 1, .cut = 1};
    uint8_t data[512], got[512];

    for (int i = 0; i < 2; i++) {
        writelog_clear(f->log);
        memset(data, 'a' + i, sizeof data);
        disk_record(f->disk, f->log, NULL);
        assert_int_equal(disk_write(f->disk, 0, data, sizeof data, false), 0);
        disk_record(f->disk, NULL, NULL);
        assert_int_equal(disk_load(f->disk, f->log, &s), 0);
        assert_int_equal(disk_read(f->disk, 0, got, sizeof got), 0);
        assert_memory_equal(got, data, sizeof got);
    }
}

/* Writes 1 to 3, each of two sectors filled with its number, to blocks 1 to 3, then a flush. */
static void three_writes(struct fixture *f, const struct disk_lies *lies)
{
    uint8_t data[1024];

    disk_record(f->disk, f->log, lies);
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

static void sector_is(struct fixture *f, uint64_t off, const uint8_t *want)
{
    uint8_t got[512];

    assert_int_equal(disk_read(f->disk, off, got, sizeof got), 0);
    assert_memory_equal(got, want, sizeof got);
}

static void sector_is_filled(struct fixture *f, uint64_t off, int fill)
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

    three_writes(f, &(struct disk_lies){.drop_nth = 2});
    assert_int_equal(flags_of(f, 1), LOG_LOST);
    sector_is(f, 2 * 4096, f->base + 2 * 4096);
    assert_int_equal(disk_load(f->disk, f->log, &(struct crash_state){.durable = 4, .cut = 4}), 0);
    sector_is(f, 2 * 4096, f->base + 2 * 4096);
    sector_is_filled(f, 3 * 4096, 3);
}

static void torn_write_keeps_its_second_half(void **state)
{
    struct fixture *f = *state;

    three_writes(f, &(struct disk_lies){.tear_nth = 2});
    assert_int_equal(flags_of(f, 1), LOG_ALTERED);
    for (int loaded = 0; loaded < 2; loaded++) {
        sector_is_filled(f, 2 * 4096, 2);
        sector_is(f, 2 * 4096 + 512, f->base + 2 * 4096 + 512);
        assert_int_equal(disk_load(f->disk, f->log, &(struct crash_state){.durable = 4, .cut = 4}), 0);
    }
}

static void misdirected_write_lands_beside(void **state)
{
    struct fixture *f = *state;

    three_writes(f, &(struct disk_lies){.misdirect_nth = 2});
    assert_int_equal(flags_of(f, 1), LOG_MOVED);
    for (int loaded = 0; loaded < 2; loaded++) {
        sector_is(f, 2 * 4096, f->base + 2 * 4096);
        sector_is_filled(f, 2 * 4096 + 1024, 2);
        assert_int_equal(disk_load(f->disk, f->log, &(struct crash_state){.durable = 4, .cut = 4}), 0);
    }
}

static void corrupted_write_differs_in_one_word(void **state)
{
    struct fixture *f = *state;
    uint8_t want[512];

    three_writes(f, &(struct disk_lies){.corrupt_nth = 2});
    assert_int_equal(flags_of(f, 1), LOG_ALTERED);
    sector_is_filled(f, 2 * 4096, 2);
    memset(want, 2, sizeof want);
    memset(want, (uint8_t)~2, 8);
    sector_is(f, 2 * 4096 + 512, want);
}

static void ignored_flush_and_fua_are_flagged(void **state)
{
    struct fixture *f = *state;

    three_writes(f, &(struct disk_lies){.ignore_flush = true});
    assert_int_equal(flags_of(f, 3), LOG_IGNORED);
    assert_int_equal(flags_of(f, 2), LOG_FUA);
    writelog_clear(f->log);
    three_writes(f, &(struct disk_lies){.ignore_fua = true});
    assert_int_equal(flags_of(f, 3), 0); /* three writes before it: not a FUA in disguise */
    assert_int_equal(flags_of(f, 2), LOG_FUA | LOG_IGNORED);
}

/* As the kernel sends a FUA write to a loop device: flush, write, flush. */
static void flush_behind_a_single_write_is_taken_for_its_fua(void **state)
{
    struct fixture *f = *state;
    const uint8_t data[512] = {1};

    disk_record(f->disk, f->log, &(struct disk_lies){.ignore_fua = true});
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

/* The sectors of a block that were noted as read. */
static unsigned read_of(const struct fixture *f, uint32_t block)
{
    size_t n;
    const struct disk_note *notes = disk_reads(f->disk, &n);
    unsigned sectors = 0;

    for (size_t i = 0; i < n; i++) {
        if (notes[i].block != block)
            continue;
        assert_int_equal(sectors & notes[i].sectors, 0);
        sectors |= notes[i].sectors;
    }
    return sectors;
}

static void sectors_read_are_those_read_before_they_were_written(void **state)
{
    struct fixture *f = *state;
    static uint8_t block[4096];
    size_t n;

    disk_write(f->disk, 5 * 4096, block, 4096, false);
    disk_read(f->disk, 5 * 4096, block, 4096);
    disk_write(f->disk, 6 * 4096 + 512, block, 1024, false);
    disk_read(f->disk, 6 * 4096, block, 4096);
    disk_discard(f->disk, 7 * 4096, 4096);
    disk_read(f->disk, 7 * 4096, block, 4096);
    disk_read(f->disk, 9 * 4096 + 1024, block, 512);
    disk_read(f->disk, 9 * 4096, block, 4096);
    assert_int_equal(read_of(f, 5), 0);
    assert_int_equal(read_of(f, 6), 0xf9);
    assert_int_equal(read_of(f, 7), 0);
    assert_int_equal(read_of(f, 8), 0);
    assert_int_equal(read_of(f, 9), 0xff);
    assert_int_equal(disk_reads(f->disk, &n)[1].sectors, 4); /* in the order of the reads */
    disk_drop_overlay(f->disk);
    assert_int_equal(read_of(f, 6), 0xf9);
    disk_reset(f->disk);
    assert_int_equal(read_of(f, 6) | read_of(f, 9), 0);
    disk_read(f->disk, 5 * 4096, block, 4096); /* what was written before is no longer */
    assert_int_equal(read_of(f, 5), 0xff);
}

static void hashes_tell_contents(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[4096];
    const struct disk_note whole = {.block = 1, .sectors = 0xff}, part = {.block = 1, .sectors = 0x81};
    const uint64_t h = disk_hash(f->disk, whole), h_part = disk_hash(f->disk, part);

    disk_read(f->disk, 4096, data, 4096);
    data[600] ^= 1;
    disk_write(f->disk, 4096, data, 4096, false);
    assert_true(disk_hash(f->disk, whole) != h);
    assert_true(disk_hash(f->disk, part) == h_part);
    data[600] ^= 1;
    disk_write(f->disk, 4096, data, 4096, false);
    assert_true(disk_hash(f->disk, whole) == h);
    data[4095] ^= 1;
    disk_write(f->disk, 4096, data, 4096, false);
    assert_true(disk_hash(f->disk, part) != h_part);
}

static void beyond_the_end_and_out_of_memory_are_errors(void **state)
{
    struct fixture *f = *state;
    static uint8_t block[8192];
    struct disk *small;
    struct error err;

    assert_int_equal(disk_write(f->disk, SIZE - 4096, block, 8192, false), -EIO);
    assert_int_equal(disk_read(f->disk, SIZE - 4096, block, 8192), -EIO);
    assert_int_equal(disk_discard(f->disk, UINT64_MAX - 4095, 8192), -EIO);
    assert_int_equal(disk_new(f->fd, 512, 2 * 4096, &small, &err), 0);
    assert_int_equal(disk_write(small, 0, block, 8192, false), 0);
    assert_int_equal(disk_write(small, 8192, block, 4096, false), -ENOSPC);
    disk_free(small);
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
    sector_is(f, 4096, data);
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
        DISK_TEST(loaded_states_hold_what_they_say),
        DISK_TEST(a_cleared_log_is_another_log),
        DISK_TEST(honest_disk_flags_nothing),
        DISK_TEST(dropped_write_is_nowhere),
        DISK_TEST(torn_write_keeps_its_second_half),
        DISK_TEST(misdirected_write_lands_beside),
        DISK_TEST(corrupted_write_differs_in_one_word),
        DISK_TEST(ignored_flush_and_fua_are_flagged),
        DISK_TEST(flush_behind_a_single_write_is_taken_for_its_fua),
        DISK_TEST(sectors_read_are_those_read_before_they_were_written),
        DISK_TEST(hashes_tell_contents),
        DISK_TEST(beyond_the_end_and_out_of_memory_are_errors),
        DISK_TEST(a_server_forked_earlier_records_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
