/* The recorded disk at its limits: which disks and requests are possible, where faults act, what other processes see of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "disk/disk.h"
#include "disk/disk_impl.h"

enum { SIZE = 16 * 4096, HALF = SIZE / 2 };

struct fixture {
    int base;
    struct disk *disk;
    struct writelog *log;
};

/* A disk that is filled with 'a', and records. */
static int set_up(void **state)
{
    static struct fixture f;
    static char bytes[SIZE];

    memset(bytes, 'a', sizeof bytes);
    f.base = memfd_create("test", MFD_CLOEXEC);
    if (f.base < 0 || write(f.base, bytes, SIZE) != SIZE || disk_new(f.base, 4096, &f.disk, NULL) < 0)
        return -1;
    f.log = writelog_new(100, 1 << 20);
    disk_record(f.disk, f.log, NULL);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    disk_free(f->disk);
    writelog_free(f->log);
    close(f->base);
    return 0;
}

static int put(const struct fixture *f, uint64_t off, uint64_t len, char byte)
{
    static char bytes[SIZE];

    memset(bytes, byte, sizeof bytes);
    return disk_write(f->disk, off, bytes, len, false);
}

static char byte_at(const struct fixture *f, uint64_t off)
{
    return *(const char *)disk_read(f->disk, off, 1);
}

static const struct log_entry *entry(const struct fixture *f, uint64_t i)
{
    assert_true(i < writelog_length(f->log));
    return writelog_entry(f->log, i);
}

/* ---- what is possible ---- */

static void a_disk_is_whole_blocks_and_not_empty(void **state)
{
    static const off_t impossible[] = {0, 512, 4095, 4097};
    const struct fixture *f = *state;
    struct disk *d;
    struct error err;
    const int fd = memfd_create("test", MFD_CLOEXEC);

    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        assert_int_equal(ftruncate(fd, impossible[i]), 0);
        assert_int_equal(disk_new(fd, 512, &d, &err), -EINVAL);
    }
    close(fd);
    assert_int_equal(disk_size(f->disk), SIZE);
    assert_int_equal(disk_sector(f->disk), 4096);
    assert_int_equal(disk_base(f->disk), f->base);
    disk_free(NULL);
}

static void requests_end_with_the_disk(void **state)
{
    const struct fixture *f = *state;

    assert_int_equal(put(f, SIZE - 512, 512, 'b'), 0);
    assert_int_equal(put(f, SIZE, 0, 'b'), 0);
    assert_int_equal(put(f, SIZE - 512, 1024, 'b'), -EIO);
    assert_int_equal(put(f, SIZE, 512, 'b'), -EIO);
    assert_int_equal(put(f, 1, 512, 'b'), -EIO);
    assert_int_equal(put(f, 0, 511, 'b'), -EIO);
    assert_int_equal(disk_discard(f->disk, SIZE - 512, 512), 0);
    assert_int_equal(disk_discard(f->disk, SIZE - 512, 1024), -EIO);
    assert_non_null(disk_read(f->disk, SIZE, 0));
    assert_non_null(disk_read(f->disk, SIZE - 1, 1));
    assert_null(disk_read(f->disk, SIZE - 1, 2));
    assert_null(disk_read(f->disk, SIZE + 1, 0));
}

static void discards_are_zeros_and_are_recorded(void **state)
{
    const struct fixture *f = *state;

    assert_int_equal(disk_discard(f->disk, 4096, 8192), 0);
    assert_int_equal(disk_discard(f->disk, SIZE - 512, 512), 0);
    assert_int_equal(writelog_length(f->log), 2);
    assert_int_equal(entry(f, 0)->op, LOG_DISCARD);
    assert_int_equal(entry(f, 0)->off, 4096);
    assert_int_equal(entry(f, 0)->len, 8192);
    disk_record(f->disk, NULL, NULL);
    assert_int_equal(disk_discard(f->disk, 0, 512), 0);
    assert_int_equal(writelog_length(f->log), 2);
    assert_int_equal(byte_at(f, 0), 0);
    assert_int_equal(byte_at(f, 512), 'a');
    assert_int_equal(byte_at(f, 4095), 'a');
    assert_int_equal(byte_at(f, 4096), 0);
    assert_int_equal(byte_at(f, 12287), 0);
    assert_int_equal(byte_at(f, 12288), 'a');
    assert_int_equal(byte_at(f, SIZE - 1), 0);
}

static void a_block_that_changes_again_is_noted_once(void **state)
{
    const struct fixture *f = *state;

    for (int i = 0; i < 10; i++)
        assert_int_equal(put(f, 4096, 8192, 'b'), 0);
    assert_int_equal(f->disk->s->n_changed, 2);
    assert_int_equal(disk_reset(f->disk), 0);
    assert_int_equal(f->disk->s->n_changed, 0);
    assert_int_equal(byte_at(f, 4096), 'a');
    assert_int_equal(put(f, 4096, 512, 'b'), 0);
    assert_int_equal(f->disk->s->n_changed, 1);
}

/* ---- faults ---- */

static void a_misdirected_write_goes_behind_if_there_is_room(void **state)
{
    static const struct {
        uint64_t off, len, to;
    } cases[] = {
        {SIZE - 1024, 512, SIZE - 512}, {SIZE - 512, 512, SIZE - 1024}, {HALF, HALF, 0}, {0, HALF, HALF}, {512, SIZE - 512, 512},
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        writelog_clear(f->log);
        disk_record(f->disk, f->log, &(struct disk_faults){.misdirect_nth = 1});
        assert_int_equal(put(f, cases[i].off, cases[i].len, 'b'), 0);
        assert_int_equal(entry(f, 0)->off, cases[i].to);
    }
}

static void a_torn_write_ends_in_its_middle(void **state)
{
    const struct fixture *f = *state;

    disk_record(f->disk, f->log, &(struct disk_faults){.tear_nth = 1});
    assert_int_equal(put(f, 0, 1024, 'b'), 0);
    assert_int_equal(entry(f, 0)->len, 512);
    assert_int_equal(byte_at(f, 511), 'b');
    assert_int_equal(byte_at(f, 512), 'a');
    writelog_clear(f->log);
    disk_record(f->disk, f->log, &(struct disk_faults){.tear_nth = 1});
    assert_int_equal(put(f, 4096, 512, 'b'), 0);
    assert_int_equal(entry(f, 0)->len, 512);
    assert_int_equal(byte_at(f, 4096 + 255), 'b');
    assert_int_equal(byte_at(f, 4096 + 256), 'a');
    assert_int_equal(byte_at(f, 4096 + 511), 'a');
}

static void writes_are_counted_anew_in_each_recording(void **state)
{
    const struct fixture *f = *state;

    for (int i = 0; i < 3; i++)
        assert_int_equal(put(f, 0, 512, 'b'), 0);
    disk_record(f->disk, f->log, &(struct disk_faults){.drop_nth = 1});
    assert_int_equal(put(f, 4096, 512, 'b'), 0);
    assert_int_equal(byte_at(f, 4096), 'a');
    assert_int_equal(put(f, 4096, 512, 'b'), 0);
    assert_int_equal(byte_at(f, 4096), 'b');
}

/* ---- other processes ---- */

/* A process forked before there was a log: it writes once for each byte that it is sent, and says so. */
static pid_t fork_writer(const struct fixture *f, const int ask[2], const int tell[2])
{
    const pid_t pid = fork();
    char c;

    if (pid != 0)
        return pid;
    close(ask[1]);
    while (read(ask[0], &c, 1) == 1) {
        c = (char)(disk_write(f->disk, 4096, (const char[512]){c}, 512, false) == 0);
        if (write(tell[1], &c, 1) != 1)
            break;
    }
    _exit(0);
}

static void another_process_follows_from_log_to_log(void **state)
{
    const struct fixture *f = *state;
    int ask[2], tell[2], status;
    char done;

    disk_record(f->disk, NULL, NULL);
    assert_int_equal(pipe(ask) | pipe(tell), 0);
    const pid_t pid = fork_writer(f, ask, tell);
    struct writelog *logs[] = {writelog_new(10, 1 << 16), NULL, writelog_new(10, 1 << 16), writelog_new(10, 1 << 16)};

    for (int i = 0; i < 4; i++) {
        disk_record(f->disk, logs[i], NULL);
        for (int twice = 0; twice < 2; twice++) {
            assert_int_equal(write(ask[1], &(char){(char)('b' + i)}, 1), 1);
            assert_int_equal(read(tell[0], &done, 1), 1);
            assert_true(done);
        }
        assert_int_equal(byte_at(f, 4096), 'b' + i);
    }
    disk_record(f->disk, NULL, NULL);
    for (int i = 0; i < 4; i++)
        if (logs[i]) {
            assert_int_equal(writelog_length(logs[i]), 2);
            assert_int_equal(*(const char *)writelog_data(logs[i], writelog_entry(logs[i], 1)), 'b' + i);
            writelog_free(logs[i]);
        }
    close(ask[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(ask[0]);
    close(tell[0]);
    close(tell[1]);
}

static void a_process_that_dies_with_the_lock_stops_nobody(void **state)
{
    const struct fixture *f = *state;
    int status;

    for (int i = 0; i < 2; i++) {
        const pid_t pid = fork();

        if (pid == 0) {
            pthread_mutex_lock(&f->disk->s->lock);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(put(f, 0, 512, 'b'), 0);
        assert_int_equal(disk_flush(f->disk), 0);
        assert_int_equal(disk_discard(f->disk, 0, 512), 0);
    }
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_disk_is_whole_blocks_and_not_empty),
        TEST(requests_end_with_the_disk),
        TEST(discards_are_zeros_and_are_recorded),
        TEST(a_block_that_changes_again_is_noted_once),
        TEST(a_misdirected_write_goes_behind_if_there_is_room),
        TEST(a_torn_write_ends_in_its_middle),
        TEST(writes_are_counted_anew_in_each_recording),
        TEST(another_process_follows_from_log_to_log),
        TEST(a_process_that_dies_with_the_lock_stops_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
