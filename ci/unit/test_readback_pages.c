/* The readback: which pages of a new mapping are compared, which parts of a large file are read, and the signals of mappings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "made_up_kernel.h"

/* ---- mappings ---- */

static void the_first_byte_that_differs_is_named(void **state)
{
    static const uint64_t offs[] = {0, 1, PAGE - 1, PAGE, 2 * PAGE + 7};
    struct fixture *f = *state;

    make_file(f, "f", 2 * PAGE + 8);
    assert_false(read_back(f, false)->incoherent);
    for (size_t i = sizeof offs / sizeof *offs; i-- > 0;) {
        spoil_shadow(f, offs[i]);
        const struct survivor *v = read_back(f, false);

        assert_true(v->incoherent);
        assert_int_equal(v->incoherent_off, offs[i]);
        assert_int_equal(v->map_signo, 0);
    }
    /* Of a fresh mount only the page of the end can differ. */
    assert_false(read_back(f, true)->incoherent && f->found.v[0].incoherent_off < (uint64_t)2 * PAGE);
}

static void of_several_chunks_the_first_is_named(void **state)
{
    struct fixture *f = *state;

    make_file(f, "f", CHUNK + PAGE);
    spoil_shadow(f, CHUNK + 5);
    assert_int_equal(read_back(f, false)->incoherent_off, CHUNK + 5);
    spoil_shadow(f, 5);
    assert_int_equal(read_back(f, false)->incoherent_off, 5);
}

/* Only pages that are in the page cache can differ, and that of the end; without any, all of them. */
static void pages_that_are_not_cached_are_not_compared(void **state)
{
    struct fixture *f = *state;

    make_file(f, "f", 4 * PAGE);
    kernel.cached = "cc.c";
    spoil_shadow(f, 2 * PAGE);
    assert_false(read_back(f, false)->incoherent);
    kernel.cached = "..c.";
    assert_int_equal(read_back(f, false)->incoherent_off, 2 * PAGE);
    kernel.cached = "....";
    assert_int_equal(read_back(f, false)->incoherent_off, 2 * PAGE);
    kernel.cached = "c...";
    assert_false(read_back(f, false)->incoherent);
    kernel.err[CALL_MINCORE] = EAGAIN;
    assert_int_equal(read_back(f, false)->incoherent_off, 2 * PAGE);
    kernel.err[CALL_MINCORE] = 0;
    spoil_shadow(f, 3 * PAGE + 1);
    kernel.cached = "c...";
    assert_int_equal(read_back(f, false)->incoherent_off, 3 * PAGE + 1);
}

/* What an earlier file had cached means nothing. */
static void pages_of_another_file_do_not_count(void **state)
{
    struct fixture *f = *state;

    make_file(f, "f", 3 * PAGE);
    kernel.cached = "ccc";
    read_back(f, false);
    make_file(f, "f", 2 * PAGE);
    kernel.cached = "..";
    spoil_shadow(f, 0);
    assert_int_equal(read_back(f, false)->incoherent_off, 0);
    assert_true(f->found.v[0].incoherent);
}

/* Nor is what lies behind bytes that could not be read a tail of the file. */
static void bytes_that_cannot_be_read_have_no_tail(void **state)
{
    struct fixture *f = *state;

    make_file(f, "f", 3 * PAGE - 8);
    kernel.good_bytes = PAGE + 100;
    const struct survivor *v = read_back(f, false);

    assert_int_equal(v->read_err, EIO);
    assert_int_equal(v->read_err_off, PAGE + 100);
    assert_int_equal(v->n_extents, 1);
    assert_int_equal(v->extents[0].len, PAGE + 100);
    assert_int_equal(v->tail.len, 0);
    assert_false(v->incoherent);
}

/* Linux fails a mapping by SIGBUS at the access, as here where the file has shrunk. */
static void a_signal_of_the_mapping_is_kept(void **state)
{
    struct fixture *f = *state;
    char path[128];

    make_file(f, "f", 2 * PAGE + 8);
    /* Anew: cmocka has put its own handler in place since. */
    readback_free(f->readback);
    f->readback = readback_new();
    snprintf(path, sizeof path, "%s/f", f->dir);
    kernel.shrinks = path;
    const struct survivor *v = read_back(f, false);

    assert_int_equal(v->map_signo, SIGBUS);
    assert_int_equal(v->read_err, 0);
    assert_false(v->incoherent);
}

/* ---- large files ---- */

static void extents_are(const struct survivor *v, const uint64_t (*expected)[2], size_t n)
{
    assert_int_equal(v->read_err, 0);
    assert_int_equal(v->n_extents, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(v->extents[i].off, expected[i][0]);
        assert_int_equal(v->extents[i].len, expected[i][1] - expected[i][0]);
    }
}

static void of_a_large_file_only_data_is_read(void **state)
{
    static const uint64_t pages[][2] = {{PAGE, 3 * PAGE}, {8 * PAGE, 9 * PAGE}}, end[][2] = {{LARGE, LARGE + 9}},
                          all[][2] = {{0, LARGE + 9}}, from_page_1[][2] = {{PAGE, LARGE + 9}},
                          last[][2] = {{PAGE, 2 * PAGE}, {LARGE, LARGE + 9}};
    struct fixture *f = *state;

    make_file(f, "f", LARGE);
    kernel.made_up_data = true;
    extents_are(read_back(f, false), (const uint64_t[][2]){{0, LARGE}}, 1); /* not large yet */
    make_file(f, "f", LARGE + PAGE);
    memcpy(kernel.data, (uint64_t[SEGMENTS][2]){{PAGE + 1, 2 * PAGE + 1}, {2 * PAGE + 100, 2 * PAGE + 200}, {8 * PAGE, 9 * PAGE}},
           sizeof kernel.data);
    extents_are(read_back(f, false), pages, 2);
    make_file(f, "f", LARGE + 9);
    memset(kernel.data, 0, sizeof kernel.data);
    extents_are(read_back(f, false), end, 1); /* the page of the end, for what is behind it */
    kernel.data[0][0] = PAGE;
    kernel.data[0][1] = 2 * PAGE;
    extents_are(read_back(f, false), last, 2);
    kernel.data[0][1] = LARGE + 9;
    extents_are(read_back(f, false), from_page_1, 1);
    kernel.data[0][1] = LARGE + PAGE;
    extents_are(read_back(f, false), from_page_1, 1);
    kernel.seek_hole_err = EIO;
    extents_are(read_back(f, false), from_page_1, 1);
    kernel.seek_hole_err = 0;
    kernel.err[CALL_SEEK] = EINVAL; /* this file system cannot tell */
    extents_are(read_back(f, false), all, 1);
    kernel.err[CALL_SEEK] = EOPNOTSUPP;
    extents_are(read_back(f, false), all, 1);
}

static void data_at_the_begin_is_read_alone(void **state)
{
    static const uint64_t first[][2] = {{0, PAGE}, {LARGE, LARGE + 9}};
    struct fixture *f = *state;

    make_file(f, "f", LARGE + 9);
    kernel.made_up_data = true;
    kernel.data[0][1] = PAGE;
    extents_are(read_back(f, false), first, 2);
}

/* More than a readback may read is the machine's failure, counted anew for each readback. */
static void what_is_too_much_to_read_is_no_answer(void **state)
{
    struct fixture *f = *state;
    char path[128];

    make_file(f, "f", LARGE + PAGE);
    snprintf(path, sizeof path, "%s/f", f->dir);
    kernel.made_up_reads = kernel.made_up_data = true;
    kernel.data[0][1] = (uint64_t)READBACK_MAX_BYTES + PAGE;
    assert_int_equal(truncate(path, READBACK_MAX_BYTES), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(read_back(f, true)->read_err, 0);
    assert_int_equal(truncate(path, READBACK_MAX_BYTES + PAGE), 0);
    assert_int_equal(error_of_readback(f), -EFBIG);
}

static void data_that_cannot_be_found_is_a_failed_read_there(void **state)
{
    struct fixture *f = *state;

    make_file(f, "f", LARGE + 9);
    kernel.made_up_data = true;
    kernel.data[0][1] = PAGE;
    read_back(f, false);
    kernel.err[CALL_READ] = EIO;
    const struct survivor *v = read_back(f, false);

    assert_int_equal(v->read_err, EIO);
    assert_int_equal(v->read_err_off, 0);
    assert_int_equal(v->n_extents, 0);
    kernel.err[CALL_READ] = 0;
    kernel.err[CALL_SEEK] = EIO;
    kernel.after[CALL_SEEK] = 2;
    v = read_back(f, false);
    assert_int_equal(v->read_err, EIO);
    assert_int_equal(v->read_err_off, PAGE);
}

/* ---- signals ---- */

static void a_bus_error_of_others_ends_the_process(void **state)
{
    struct fixture *f = *state;
    int status;

    make_file(f, "f", 100);
    const pid_t child = fork();

    if (child == 0) {
        signal(SIGBUS, SIG_DFL); /* cmocka's handler */
        struct readback *s = readback_new();

        readback_dir(s, f->dir, false, &f->found, NULL);
        raise(SIGBUS);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
}

static void the_handler_from_before_comes_back(void **state)
{
    struct sigaction sa = {.sa_handler = SIG_IGN}, old, now;

    (void)state;
    sigaction(SIGBUS, &sa, &old);
    struct readback *s = readback_new();

    sigaction(SIGBUS, NULL, &now);
    assert_true(now.sa_handler != SIG_IGN);
    readback_free(s);
    sigaction(SIGBUS, &old, &now);
    assert_true(now.sa_handler == SIG_IGN);
    readback_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_byte_that_differs_is_named),       TEST(of_several_chunks_the_first_is_named),
        TEST(pages_that_are_not_cached_are_not_compared), TEST(pages_of_another_file_do_not_count),
        TEST(bytes_that_cannot_be_read_have_no_tail),     TEST(a_signal_of_the_mapping_is_kept),
        TEST(of_a_large_file_only_data_is_read),          TEST(data_at_the_begin_is_read_alone),
        TEST(what_is_too_much_to_read_is_no_answer),      TEST(data_that_cannot_be_found_is_a_failed_read_there),
        TEST(a_bus_error_of_others_ends_the_process),     TEST(the_handler_from_before_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
