/* The dm-log-writes format: what is written is read back, and nothing that a file says is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/rng.h"
#include "dm_log/logmarks.h"
#include "dm_log/logwrites.h"

enum { DEVICE_BYTES = 1 << 16, FUZZ_RUNS = 4000 };

static char path[] = "/tmp/tornpage-test-logwrites-XXXXXX";
static uint8_t data[4096 + 8];

static int make_file(void **state)
{
    const int fd = mkstemp(path);

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + 1);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const void *bytes, size_t len)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static size_t read_file(uint8_t *dst, size_t cap)
{
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    const size_t n = fread(dst, 1, cap, f);

    fclose(f);
    return n;
}

/* write 512 bytes at 4096 with FUA, flush, mark, discard, write 1024 behind a flush */
static void write_sample(unsigned sector)
{
    struct logwrites_writer *w;
    struct error err = {.code = 0};

    assert_int_equal(logwrites_create(path, sector, NULL, &w, &err), 0);
    assert_int_equal(logwrites_put(w, LOGWRITES_FUA, 4096, sector, data, &err), 0);
    assert_int_equal(logwrites_put(w, LOGWRITES_FLUSH, 0, 0, NULL, &err), 0);
    assert_int_equal(logwrites_put_mark(w, "a mark", &err), 0);
    assert_int_equal(logwrites_put(w, LOGWRITES_DISCARD, 0, (uint64_t)2 * sector, NULL, &err), 0);
    assert_int_equal(logwrites_put(w, LOGWRITES_FLUSH, 8192, sector, data + 7, &err), 0);
    assert_int_equal(logwrites_finish(w, &err), 0);
}

static void what_is_written_is_read_back(void **state)
{
    struct error err = {.code = 0};
    uint8_t got[4096];

    (void)state;
    for (unsigned sector = 512; sector <= 4096; sector *= 8) {
        struct logwrites_entry e;
        struct logwrites *l;

        write_sample(sector);
        assert_int_equal(logwrites_open(path, &l, &err), 0);
        assert_int_equal(logwrites_sector(l), sector);
        assert_int_equal(logwrites_entries(l), 5);
        assert_int_equal(logwrites_next(l, &e, &err), 1);
        assert_true(e.index == 0 && e.at == sector && e.flags == LOGWRITES_FUA && e.off == 4096 && e.len == sector);
        assert_int_equal(logwrites_data(l, &e, 0, got, sector, &err), 0);
        assert_memory_equal(got, data, sector);
        assert_int_equal(logwrites_data(l, &e, 100, got, 10, &err), 0);
        assert_memory_equal(got, data + 100, 10);
        assert_int_equal(logwrites_next(l, &e, &err), 1);
        assert_true(e.flags == LOGWRITES_FLUSH && e.len == 0 && !logwrites_is_write(&e));
        assert_int_equal(logwrites_next(l, &e, &err), 1);
        assert_true(e.flags == LOGWRITES_MARK && e.len == 0);
        assert_string_equal(e.text, "a mark");
        assert_int_equal(logwrites_next(l, &e, &err), 1);
        assert_true(e.flags == LOGWRITES_DISCARD && e.off == 0 && e.len == (uint64_t)2 * sector && !logwrites_is_write(&e));
        assert_int_equal(logwrites_next(l, &e, &err), 1);
        assert_true(e.flags == LOGWRITES_FLUSH && e.off == 8192 && e.len == sector && logwrites_is_write(&e));
        assert_int_equal(logwrites_next(l, &e, &err), 0);
        logwrites_close(l);
    }
}

/* The bytes themselves, as the kernel lays them out. */
static void the_layout_is_the_kernels(void **state)
{
    static const uint8_t super[32] = {0x72, 0x68, 0x73, 0x77, 0x66, 0x73, 0x6a, 0, 1, 0, 0, 0, 0, 0, 0, 0,
                                      5,    0,    0,    0,    0,    0,    0,    0, 0, 2, 0, 0, 0, 0, 0, 0};
    static const uint8_t write[32] = {8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2};
    static const uint8_t mark[40] = {[16] = 8, [24] = 6, [32] = 'a', ' ', 'm', 'a', 'r', 'k'};
    uint8_t got[8192];

    (void)state;
    write_sample(512);
    assert_int_equal(read_file(got, sizeof got), 512 * 8);
    assert_memory_equal(got, super, sizeof super);
    assert_memory_equal(got + 512, write, sizeof write);
    assert_memory_equal(got + 1024, data, 512);
    assert_memory_equal(got + 2048, mark, sizeof mark);
}

static void an_unaligned_entry_cannot_be_written(void **state)
{
    struct logwrites_writer *w;
    struct error err = {.code = 0};

    (void)state;
    assert_int_equal(logwrites_create(path, 4096, NULL, &w, &err), 0);
    assert_int_equal(logwrites_put(w, 0, 512, 4096, data, &err), -EINVAL);
    assert_int_equal(logwrites_put(w, 0, 4096, 512, data, &err), -EINVAL);
    logwrites_abandon(w);
}

static void put64(uint8_t *p, uint64_t x)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(x >> (8 * i));
}

/* Reads all of the file; the error it ends with, or 0. */
static int read_through(struct error *err)
{
    struct logwrites_entry e;
    struct logwrites *l;
    uint8_t chunk[256];
    int r = logwrites_open(path, &l, err);

    if (r < 0)
        return r;
    while ((r = logwrites_next(l, &e, err)) == 1) {
        assert_true(strlen(e.text) <= logwrites_sector(l));
        if (logwrites_is_write(&e)) {
            const size_t n = e.len < sizeof chunk ? (size_t)e.len : sizeof chunk;

            assert_int_equal(logwrites_data(l, &e, 0, chunk, n, err), 0);
            assert_int_equal(logwrites_data(l, &e, e.len - n, chunk, n, err), 0);
        }
    }
    assert_int_equal(logwrites_next(l, &e, err), 0); /* after an error it is at its end */
    logwrites_close(l);
    return r;
}

/* The sample of 512: super 0; write 512, its data 1024; flush 1536; mark 2048; discard 2560; write 3072, data 3584; end 4096. */
static void each_wrong_field_is_an_error_with_its_byte(void **state)
{
    static const struct {
        size_t at;
        uint64_t value;
        const char *says;
    } wrong[] = {
        {0, 1, "byte 0: "},            /* magic */
        {8, 2, "byte 8: version 2"},   /* version */
        {16, UINT64_MAX, "byte 16: "}, /* entries */
        {16, 6, "entry 5 of 6"},       /* one more than there are */
        {24, 0, "byte 24: "},          /* sector sizes */
        {24, 511, "byte 24: "},
        {24, 1 << 17, "byte 24: "},
        {512, UINT64_MAX / 512, "byte 512: entry 0 "}, /* sector: overflows with the length */
        {512, UINT64_MAX, "byte 512: entry 0 "},
        {520, UINT64_MAX, "byte 512: entry 0 "},            /* nr_sectors */
        {520, (UINT64_MAX >> 9) + 1, "byte 512: entry 0 "}, /* times 512 is 0 */
        {520, 7, "byte 512: entry 0 has more data than the file"},
        {520, 0, "byte 512: entry 0 does nothing"},
        {528, 0x20, "unknown flags"},
        {528, UINT64_C(1) << 63, "unknown flags"},
        {528, LOGWRITES_DISCARD | LOGWRITES_FUA, "byte 512: entry 0 is a discard"},
        {536, 513, "more private data"},
        {544, 1, "not followed by zeros"},
        {1552, 0, "byte 1536: entry 1 is all zeros"},
        {1552, LOGWRITES_DISCARD, "byte 1536: entry 1 does nothing"},
        {2056, 1, "byte 2048: entry 2 is a mark with sectors"},
        {2064, LOGWRITES_MARK | LOGWRITES_FLUSH, "byte 2048: entry 2 is a mark and"},
        {2072, 481, "byte 2048: entry 2 is a mark whose text"},
        {2072, UINT64_MAX, "byte 2048: entry 2 is a mark whose text"},
        {2568, UINT64_MAX / 512, "byte 2560: entry 3 "},
        {3080, 2, "byte 3072: entry 4 has more data than the file"},
    };
    uint8_t good[4096], bad[4096];

    (void)state;
    write_sample(512);
    assert_int_equal(read_file(good, sizeof good), sizeof good);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = {.code = 0};

        memcpy(bad, good, sizeof bad);
        if (wrong[i].at == 24) /* 32 bits */
            memcpy(bad + 24, &(uint32_t){(uint32_t)wrong[i].value}, 4);
        else
            put64(bad + wrong[i].at, wrong[i].value);
        write_file(bad, sizeof bad);
        assert_int_equal(read_through(&err), -EINVAL);
        if (!strstr(err.msg, wrong[i].says))
            fail_msg("at %zu: \"%s\" does not say \"%s\"", wrong[i].at, err.msg, wrong[i].says);
    }
}

static void every_truncation_is_an_error(void **state)
{
    uint8_t good[4096];

    (void)state;
    write_sample(512);
    read_file(good, sizeof good);
    for (size_t len = 0; len < sizeof good; len += len < 40 ? 1 : 61) {
        struct error err = {.code = 0};

        write_file(good, len);
        assert_int_equal(read_through(&err), -EINVAL);
        assert_non_null(strstr(err.msg, "byte "));
    }
}

/* What is read from a mutated log is refused or within bounds; the sanitisers watch. */
static void mutated_logs_are_read_safely(void **state)
{
    uint8_t good[4096], bad[4096];
    struct rng r;
    unsigned n_good = 0;

    (void)state;
    rng_seed(&r, 5);
    write_sample(512);
    read_file(good, sizeof good);
    for (int run = 0; run < FUZZ_RUNS; run++) {
        static const uint64_t numbers[] = {0, 1, 2, 8, 15, 0x7fffffff, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX / 512};
        struct error err = {.code = 0};
        const uint64_t n = 1 + rng_below(&r, 3);

        memcpy(bad, good, sizeof bad);
        for (uint64_t i = 0; i < n; i++) {
            const size_t sector = rng_below(&r, 8) * 512;

            if (rng_one_in(&r, 2))
                put64(bad + sector + 8 * rng_below(&r, 5), numbers[rng_below(&r, sizeof numbers / sizeof *numbers)]);
            else
                bad[sector + rng_below(&r, 48)] = (uint8_t)rng_next(&r);
        }
        write_file(bad, rng_one_in(&r, 4) ? rng_below(&r, sizeof bad) : sizeof bad);
        n_good += read_through(&err) == 0;
    }
    assert_in_range(n_good, 1, FUZZ_RUNS / 2); /* some mutations hit data, most do not */
}

static struct writelog *sample_log(void)
{
    struct writelog *log = writelog_new(32, 1 << 16);

    assert_non_null(log);
    writelog_append(log, LOG_WRITE, LOG_FUA | LOG_IGNORED, 0, data, 512);
    writelog_append(log, LOG_FLUSH, LOG_IGNORED, 0, NULL, 0);
    writelog_append(log, LOG_WRITE, LOG_LOST, 512, data, 512);
    writelog_append(log, LOG_MARK, 0, 0, "odd\0text", 8);
    writelog_append(log, LOG_WRITE, LOG_FUA | LOG_FLUSH_FIRST, 1024, data, 1024);
    writelog_append(log, LOG_WRITE, LOG_LOST | LOG_FLUSH_FIRST, 512, data, 512);
    writelog_append(log, LOG_DISCARD, 0, 4096, NULL, 512);
    writelog_append(log, LOG_FLUSH, 0, 0, NULL, 0);
    return log;
}

static void a_lying_disk_is_written_as_what_it_did(void **state)
{
    static const unsigned flags[] = {
        0, LOGWRITES_MARK, LOGWRITES_FLUSH | LOGWRITES_FUA, LOGWRITES_FLUSH, LOGWRITES_DISCARD, LOGWRITES_FLUSH};
    static const uint64_t lens[] = {512, 0, 1024, 0, 512, 0};
    struct writelog *log = sample_log();
    struct error err = {.code = 0};
    struct logwrites_writer *w;
    struct logwrites_entry e;
    struct logwrites *l;

    (void)state;
    assert_int_equal(logwrites_create(path, 512, NULL, &w, &err), 0);
    for (uint64_t i = 0; i < writelog_length(log); i++)
        assert_int_equal(logwrites_put_entry(w, log, i, &err), 0);
    assert_int_equal(logwrites_finish(w, &err), 0);
    assert_int_equal(logwrites_open(path, &l, &err), 0);
    assert_int_equal(logwrites_entries(l), sizeof flags / sizeof *flags);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        assert_int_equal(logwrites_next(l, &e, &err), 1);
        assert_int_equal(e.flags, flags[i]);
        assert_int_equal(e.len, lens[i]);
        assert_string_equal(e.text, i == 1 ? "odd" : "");
    }
    logwrites_close(l);
    writelog_free(log);
}

static void loading_settles_the_beginning_into_the_image(void **state)
{
    const int image = memfd_create("image", MFD_CLOEXEC);
    struct logwrites_loaded loaded;
    struct error err = {.code = 0};
    struct logwrites *l;
    uint8_t got[8192];

    (void)state;
    assert_int_equal(ftruncate(image, DEVICE_BYTES), 0);
    assert_int_equal(pwrite(image, data, 4096, 0), 4096);
    write_sample(512);
    assert_int_equal(logwrites_open(path, &l, &err), 0);
    assert_int_equal(logwrites_load(l, 4, image, DEVICE_BYTES, &loaded, &err), 0);
    assert_int_equal(writelog_length(loaded.log), 1);
    const struct log_entry *e = writelog_entry(loaded.log, 0);
    assert_true(e->op == LOG_WRITE && e->flags == LOG_FLUSH_FIRST && e->off == 8192 && e->len == 512);
    assert_memory_equal(writelog_data(loaded.log, e), data + 7, 512);
    assert_int_equal(pread(image, got, sizeof got, 0), sizeof got);
    assert_memory_equal(got, (uint8_t[1024]){0}, 1024); /* discarded */
    assert_memory_equal(got + 1024, data + 1024, 4096 - 1024);
    assert_memory_equal(got + 4096, data, 512); /* written */
    writelog_free(loaded.log);

    /* Entry 4 ends at byte 8704. */
    assert_int_equal(logwrites_load(l, 0, image, 8703, &loaded, &err), -EINVAL);
    assert_non_null(strstr(err.msg, "byte 3072: entry 4 goes from byte 8192 to 8704"));
    assert_int_equal(logwrites_load(l, 5, image, 8703, &loaded, &err), -EINVAL);
    logwrites_close(l);
    close(image);
}

static void marks_are_found_with_what_is_flushed_before_them(void **state)
{
    struct logwrites_writer *w;
    struct logmarks marks;
    struct error err = {.code = 0};
    struct logwrites *l;

    (void)state;
    assert_int_equal(logwrites_create(path, 512, NULL, &w, &err), 0);
    logwrites_put_mark(w, "one", &err);                      /* 0 */
    logwrites_put(w, 0, 0, 512, data, &err);                 /* 1 */
    logwrites_put(w, LOGWRITES_FLUSH, 0, 0, NULL, &err);     /* 2 */
    logwrites_put(w, 0, 0, 512, data, &err);                 /* 3 */
    logwrites_put_mark(w, "two", &err);                      /* 4 */
    logwrites_put(w, LOGWRITES_FLUSH, 512, 512, data, &err); /* 5: the flush, then the write */
    logwrites_put_mark(w, "one", &err);                      /* 6 */
    assert_int_equal(logwrites_finish(w, &err), 0);
    assert_int_equal(logwrites_open(path, &l, &err), 0);
    assert_int_equal(logmarks_read(l, &marks, &err), 0);
    assert_int_equal(marks.n, 3);
    assert_int_equal(marks.n_entries, 7);
    assert_int_equal(marks.v[0].flushed, 0);
    assert_int_equal(marks.v[1].flushed, 3);
    assert_int_equal(marks.v[2].flushed, 5);
    assert_int_equal(logmarks_find(&marks, "one", 0, &err)->index, 0);
    assert_int_equal(logmarks_find(&marks, "one", 1, &err)->index, 6);
    assert_null(logmarks_find(&marks, "two", 5, &err));
    assert_null(logmarks_find(&marks, "three", 0, &err));
    assert_non_null(strstr(err.msg, "'one', 'two'"));
    assert_int_equal(logmarks_passed(&marks, 0), 0);
    assert_int_equal(logmarks_passed(&marks, 1), 1);
    assert_int_equal(logmarks_passed(&marks, 4), 1);
    assert_int_equal(logmarks_passed(&marks, 5), 2);
    assert_int_equal(logmarks_passed(&marks, 7), 3);
    logmarks_free(&marks);
    logwrites_close(l);
}

static void a_long_mark_is_cut_to_its_sector(void **state)
{
    struct logwrites_writer *w;
    struct error err = {.code = 0};
    struct logwrites_entry e;
    struct logwrites *l;
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(logwrites_create(path, 512, NULL, &w, &err), 0);
    assert_int_equal(logwrites_put_mark(w, text, &err), 0);
    assert_int_equal(logwrites_finish(w, &err), 0);
    assert_int_equal(logwrites_open(path, &l, &err), 0);
    assert_int_equal(logwrites_next(l, &e, &err), 1);
    assert_int_equal(strlen(e.text), 512 - 32 - 1);
    logwrites_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_layout_is_the_kernels),
        cmocka_unit_test(an_unaligned_entry_cannot_be_written),
        cmocka_unit_test(each_wrong_field_is_an_error_with_its_byte),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(mutated_logs_are_read_safely),
        cmocka_unit_test(a_lying_disk_is_written_as_what_it_did),
        cmocka_unit_test(loading_settles_the_beginning_into_the_image),
        cmocka_unit_test(marks_are_found_with_what_is_flushed_before_them),
        cmocka_unit_test(a_long_mark_is_cut_to_its_sector),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
