/*
 * Crash disks: the device holds what was loaded, whatever was written to it before, and tells what was read. In an isolated
 * child; skipped where there are no loop devices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/rng.h"
#include "host/isolate.h"
#include "states/crash_disk.h"

enum { BLOCKS = 256, SIZE = BLOCKS * 4096, MAX_BLOCKS = 4, ROUNDS = 60, WRITES = 40 };
enum { DISCARD_OFF = 3 * 4096, DISCARD_BYTES = 5 * 4096 };
enum { FINE, BAD, CANNOT };

struct subject {
    struct crash_image *image;
    struct crash_disk *disk;
    struct writelog *log;
    struct rng rng;
    int device, cached; /* opened for direct I/O, and through the device's page cache */
    uint8_t *data;      /* aligned for direct I/O */
};

static void fill(struct rng *r, uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)rng_next(r);
}

/* A program that the kernel refuses (EINVAL, EACCES) is no machine that cannot trace. */
static int open_tracer(struct blocktracer **ret)
{
    struct error err = {.code = 0};

    if (blocktracer_new(ret, &err) == 0)
        return FINE;
    return err.code == EINVAL || err.code == EACCES || err.code == E2BIG ? BAD : CANNOT;
}

/* Some blocks of data in the base, a log above it, and the device, opened for direct I/O. */
static int set_up(struct subject *s, const struct blocktracer *tracer)
{
    struct error err = {.code = 0};
    const int fd = memfd_create("test", MFD_CLOEXEC);

    rng_seed(&s->rng, 1);
    s->data = aligned_alloc(4096, MAX_BLOCKS * 4096);
    s->log = writelog_new(1000, 1 << 24);
    if (fd < 0 || ftruncate(fd, SIZE) || !s->data || !s->log)
        return BAD;
    for (int i = 0; i < WRITES; i++) {
        fill(&s->rng, s->data, 4096);
        if (pwrite(fd, s->data, 4096, (off_t)rng_below(&s->rng, BLOCKS / 2) * 4096) != 4096)
            return BAD;
        fill(&s->rng, s->data, 8 * 512);
        writelog_append(s->log, LOG_WRITE, 0, rng_below(&s->rng, SIZE / 512 - 8) * 512, s->data, 8 * 512);
        if (i % 4 == 0)
            writelog_append(s->log, LOG_DISCARD, 0, rng_below(&s->rng, SIZE / 512 - 8) * 512, NULL, 8 * 512);
    }
    /* What discard_some discards was something. */
    fill(&s->rng, s->data, 4096);
    for (off_t at = DISCARD_OFF; at < DISCARD_OFF + DISCARD_BYTES; at += 4096)
        if (pwrite(fd, s->data, 4096, at) != 4096)
            return BAD;
    if (crash_image_new(fd, 512, &s->image, &err) < 0 || crash_disk_new(s->image, 512, tracer, &s->disk, &err) < 0)
        return BAD;
    s->device = open(crash_disk_path(s->disk), O_RDWR | O_DIRECT | O_CLOEXEC);
    s->cached = open(crash_disk_path(s->disk), O_RDONLY | O_CLOEXEC);
    return s->device < 0 || s->cached < 0 ? BAD : FINE;
}

static void tear_down(struct subject *s)
{
    close(s->device);
    close(s->cached);
    crash_disk_free(s->disk);
    crash_image_free(s->image);
    writelog_free(s->log);
    free(s->data);
}

static bool holds_image(const struct subject *s, int fd)
{
    for (uint64_t b = 0; b < BLOCKS; b++)
        if (pread(fd, s->data, 4096, (off_t)b * 4096) != 4096 || memcmp(s->data, crash_image_block(s->image, b), 4096) != 0)
            return false;
    return true;
}

static bool same_notes(const struct read_notes *a, const struct crash_disk *d)
{
    size_t n, n_got;
    const struct read_note *want = read_notes_list(a, &n), *got = crash_disk_reads(d, &n_got);

    for (size_t i = 0; i < n && i < n_got; i++)
        if (want[i].block != got[i].block || want[i].sectors != got[i].sectors)
            return false;
    return n == n_got;
}

/* As recovery does: reads, writes and discards here and there. */
static bool scribble(struct subject *s, struct read_notes *notes)
{
    for (int i = 0; i < 20; i++) {
        const uint64_t off = rng_below(&s->rng, SIZE / 512 - MAX_BLOCKS * 8) * 512, len = 512 * (1 + rng_below(&s->rng, 24));
        uint64_t blocks[2] = {off / 4096 * 4096, 4096 * (1 + rng_below(&s->rng, 3))};
        const bool write = rng_one_in(&s->rng, 2);

        if (rng_one_in(&s->rng, 8)) {
            if (ioctl(s->device, BLKDISCARD, blocks))
                return false;
            read_notes_written(notes, blocks[0], blocks[1]);
            continue;
        }
        fill(&s->rng, s->data, len);
        if ((write ? pwrite(s->device, s->data, len, (off_t)off) : pread(s->device, s->data, len, (off_t)off)) != (ssize_t)len)
            return false;
        if (write)
            read_notes_written(notes, off, len);
        else
            read_notes_read(notes, off, len);
    }
    return true;
}

static bool read_cached(const struct subject *s)
{
    for (off_t at = 0; at < SIZE; at += 4096)
        if (pread(s->cached, s->data, 4096, at) != 4096)
            return false;
    return true;
}

static bool discard_some(const struct subject *s)
{
    return fallocate(s->device, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, DISCARD_OFF, DISCARD_BYTES) == 0;
}

/* The state of a round: some settled, some in flight; forwards as a rule, at times back. */
static bool load(struct subject *s, unsigned round)
{
    struct kept_write kept[3];
    struct crash_state state = {.durable = round % 11 == 10 ? round % 7 : round % (WRITES - 4), .kept = kept};

    state.cut = state.until = state.durable + 3;
    for (uint64_t i = 0; i < 3; i++)
        if (rng_one_in(&s->rng, 2))
            kept[state.n_kept++] = (struct kept_write){.entry = state.durable + i, .count = rng_one_in(&s->rng, 2) ? 1 : 0};
    return crash_image_load(s->image, s->log, &state) == 0;
}

static int check(const struct blocktracer *tracer)
{
    struct subject s = {.image = NULL};
    int r = set_up(&s, tracer);
    struct read_notes *notes = read_notes_new(BLOCKS);

    for (unsigned round = 0; r == FINE && round < ROUNDS; round++) {
        size_t n;

        read_notes_clear(notes);
        if (!load(&s, round) || crash_disk_show(s.disk, NULL) < 0 || !scribble(&s, notes) || crash_disk_settle(s.disk, NULL) < 0)
            return BAD;
        crash_disk_reads(s.disk, &n);
        if (tracer ? !same_notes(notes, s.disk) : n == 0)
            return BAD;
        /* What is in the cache then, as when somebody else looks into a device, must not be there after the next show. */
        if (!discard_some(&s) || !read_cached(&s) || crash_disk_show(s.disk, NULL) < 0 || !holds_image(&s, s.cached) ||
            !holds_image(&s, s.device))
            return BAD;
    }
    read_notes_free(notes);
    if (r == FINE)
        tear_down(&s);
    return r;
}

/* The second time as a rule on a device of the same number. */
static int traced(void)
{
    struct blocktracer *tracer = NULL;
    int r = open_tracer(&tracer);

    for (int i = 0; i < 2 && r == FINE; i++)
        r = check(tracer);
    blocktracer_free(tracer);
    return r;
}

static int untraced(void)
{
    return check(NULL);
}

/* Events of the kind that are counted for everybody. -1: impossible. */
static int count_requests(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof attr};
    FILE *f = fopen("/sys/kernel/tracing/events/block/block_rq_issue/id", "re");
    unsigned long long id = 0;

    if (!f || fscanf(f, "%llu", &id) != 1)
        return -1;
    fclose(f);
    attr.config = id;
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Does who counts this process' requests see one of this disk? */
static bool is_counted(int counter, const struct subject *s)
{
    uint64_t before = 0, after = 0;

    return read(counter, &before, sizeof before) == sizeof before && pread(s->device, s->data, 4096, 0) == 4096 &&
           read(counter, &after, sizeof after) == sizeof after && after > before;
}

/* Also for devices that nobody traces with this tracer. */
static int others_trace_too(void)
{
    struct subject ours = {.image = NULL}, other = {.image = NULL};
    struct blocktracer *tracer = NULL;
    const int counter = count_requests();
    int r = counter < 0 ? CANNOT : open_tracer(&tracer);

    if (r == FINE)
        r = set_up(&ours, tracer);
    if (r == FINE)
        r = set_up(&other, NULL);
    return r == FINE && !(is_counted(counter, &ours) && is_counted(counter, &other)) ? BAD : r;
}

/* More requests than the trace has room for between two looks. */
static int too_many_requests(void)
{
    struct subject s = {.image = NULL};
    struct blocktracer *tracer = NULL;
    int r = open_tracer(&tracer);
    size_t n;

    if (r == FINE)
        r = set_up(&s, tracer);

    if (r != FINE)
        return r;
    if (!load(&s, 1) || crash_disk_show(s.disk, NULL) < 0)
        return BAD;
    for (unsigned i = 0; i < 20000; i++)
        if (pread(s.device, s.data, 512, 0) != 512)
            return BAD;
    fill(&s.rng, s.data, 4096);
    if (pwrite(s.device, s.data, 4096, SIZE / 2) != 4096 || crash_disk_settle(s.disk, NULL) < 0)
        return BAD;
    crash_disk_reads(s.disk, &n);
    return n > WRITES / 2 && crash_disk_show(s.disk, NULL) == 0 && holds_image(&s, s.device) ? FINE : BAD;
}

static void in_isolation(int (*f)(void))
{
    if (isolate_possible(NULL) != 0)
        skip();
    bool isolated = false;
    int status = 0;
    const pid_t pid = isolate_fork(&isolated, NULL);

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(isolated ? f() : CANNOT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT)
        skip();
    assert_int_equal(WEXITSTATUS(status), FINE);
}

static void shows_what_is_loaded_and_tells_what_was_read(void **state)
{
    (void)state;
    in_isolation(traced);
}

static void without_a_trace_it_shows_the_same_and_takes_all_for_read(void **state)
{
    (void)state;
    in_isolation(untraced);
}

static void a_trace_that_overflows_is_none(void **state)
{
    (void)state;
    in_isolation(too_many_requests);
}

static void others_who_trace_see_all_requests(void **state)
{
    (void)state;
    in_isolation(others_trace_too);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_what_is_loaded_and_tells_what_was_read),
        cmocka_unit_test(without_a_trace_it_shows_the_same_and_takes_all_for_read),
        cmocka_unit_test(a_trace_that_overflows_is_none),
        cmocka_unit_test(others_who_trace_see_all_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
