/*
 * The readback call by call: what is a failure of the machine, what is one of the volume, what is asked again; which types are
 * looked up, and that no descriptor stays open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "made_up_kernel.h"

/* ---- failures ---- */

static void what_the_machine_lacks_is_no_answer_of_the_volume(void **state)
{
    static const int of_machine[] = {ENOMEM, EMFILE, ENFILE};
    struct fixture *f = *state;

    make_file(f, "f", LARGE + 1);
    for (size_t i = 0; i < sizeof of_machine / sizeof *of_machine; i++)
        for (enum call c = CALL_OPEN; c <= CALL_MMAP; c++) {
            kernel_as_it_is();
            kernel.made_up_types = true;
            kernel.err[c] = of_machine[i];
            assert_int_equal(error_of_readback(f), -of_machine[i]);
        }
    kernel_as_it_is();
    kernel.err[CALL_STAT] = EINTR;
    kernel.made_up_types = true;
    assert_int_equal(error_of_readback(f), -EINTR);
}

static void what_the_volume_refuses_is_kept(void **state)
{
    struct fixture *f = *state;

    make_file(f, "f", LARGE + 1);
    for (enum call c = CALL_OPEN; c <= CALL_SEEK; c++)
        for (int untyped = 0; untyped < 2; untyped++) {
            if (c == CALL_STAT && !untyped)
                continue;
            kernel_as_it_is();
            kernel.made_up_types = untyped;
            kernel.err[c] = EIO;
            const struct survivor *v = read_back(f, false);

            assert_int_equal(v->read_err, EIO);
            assert_int_equal(v->read_err_off, 0);
            assert_int_equal(v->kind, c == CALL_STAT ? SURVIVOR_UNKNOWN : SURVIVOR_FILE);
        }
    kernel_as_it_is();
    kernel.err[CALL_MMAP] = ENODEV; /* a file system without mappings */
    assert_int_equal(read_back(f, false)->read_err, 0);
}

static void an_interrupted_read_is_asked_again(void **state)
{
    struct fixture *f = *state;

    make_file(f, "f", 100);
    once(CALL_READ, EINTR);
    const struct survivor *v = read_back(f, false);

    assert_int_equal(v->read_err, 0);
    assert_int_equal(v->extents[0].len, 100);
}

/* What errno held before means nothing. */
static void an_early_end_is_a_failed_read(void **state)
{
    static const int left_behind[] = {EINTR, ENOMEM, EIO};
    struct fixture *f = *state;

    make_file(f, "f", 100);
    for (size_t i = 0; i < sizeof left_behind / sizeof *left_behind; i++) {
        kernel.end_errno = left_behind[i];
        assert_int_equal(read_back(f, false)->read_err, ENODATA);
    }
}

static void a_directory_that_cannot_be_listed_is_kept_unless_the_machine_failed(void **state)
{
    struct fixture *f = *state;
    char path[128];

    snprintf(path, sizeof path, "%s/d", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    kernel.after[CALL_LIST] = 1;
    kernel.err[CALL_LIST] = EIO;
    assert_int_equal(read_back(f, false)->read_err, EIO);
    kernel.after[CALL_LIST] = 1;
    kernel.err[CALL_LIST] = ENOMEM;
    assert_int_equal(error_of_readback(f), -ENOMEM);
    kernel_as_it_is();
    kernel.err[CALL_OPEN] = EACCES;
    assert_int_equal(read_back(f, false)->read_err, EACCES);
    kernel.err[CALL_OPEN] = EMFILE;
    assert_int_equal(error_of_readback(f), -EMFILE);
}

static void a_file_of_another_user_is_opened_without_its_time_kept(void **state)
{
    struct fixture *f = *state;

    make_file(f, "f", 100);
    kernel.no_noatime = true;
    assert_int_equal(read_back(f, false)->read_err, 0);
    kernel.no_noatime = false;
    once(CALL_OPEN, EACCES); /* anything else is asked again only after the type was looked up */
    kernel.times[CALL_OPEN] = 2;
    assert_int_equal(read_back(f, false)->read_err, EACCES);
}

static void the_root_may_be_missing_or_refused(void **state)
{
    struct fixture *f = *state;
    struct error err;

    assert_int_equal(readback_dir(f->readback, "/nonexistent", false, &f->found, &err), 0);
    assert_int_equal(f->found.n, 0);
    assert_int_equal(readback_dir(f->readback, "/dev/null", false, &f->found, &err), 0);
    assert_int_equal(f->found.v[0].read_err, ENOTDIR);
}

/* Listings that tell no type, or call everything a regular file. */
static void types_are_looked_up(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct stat st;

    make_file(f, "f", 100);
    snprintf(path, sizeof path, "%s/p", f->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/f", f->dir);
    assert_int_equal(stat(path, &st), 0);
    for (int made_up = 0; made_up < 3; made_up++) {
        kernel.made_up_types = made_up > 0;
        kernel.type = made_up == 2 ? DT_REG : DT_UNKNOWN;
        const struct survivor *v = read_back(f, false);

        assert_int_equal(f->found.n, 2);
        assert_int_equal(v[0].kind, SURVIVOR_FILE);
        assert_int_equal(v[0].ino, st.st_ino);
        assert_int_equal(v[0].nlink, 1);
        assert_int_equal(v[0].extents[0].len, 100);
        assert_int_equal(v[1].kind, SURVIVOR_OTHER);
        assert_int_equal(v[1].nlink, 1);
        assert_int_not_equal(v[1].ino, 0);
        assert_int_not_equal(v[1].ino, st.st_ino);
    }
}

static void directories_may_be_deep_but_not_without_end(void **state)
{
    enum { DEEP = 33 };
    struct fixture *f = *state;
    char path[256];
    int n = snprintf(path, sizeof path, "%s", f->dir);

    for (int i = 0; i < DEEP; i++) {
        n += snprintf(path + n, sizeof path - (size_t)n, "/d");
        assert_int_equal(mkdir(path, 0700), 0);
        const struct survivor *v = read_back(f, false);

        assert_int_equal(f->found.n, i + 1);
        assert_int_equal(v[i].read_err, i == DEEP - 1 ? ELOOP : 0);
        assert_int_equal(strlen(v[i].path), 2 * i + 1);
    }
}

/* ---- descriptors ---- */

static int open_descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 64; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Whichever of them is descriptor 0. */
static void no_descriptor_stays_open(void **state)
{
    static const char *const zeros[] = {"f", "d", "p", ".tornpage-probe"};
    struct fixture *f = *state;
    char path[128];
    const int input = fcntl(0, F_DUPFD_CLOEXEC, 3);

    make_file(f, "f", 100);
    snprintf(path, sizeof path, "%s/d", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/p", f->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    close(0);
    const int before = open_descriptors();

    for (size_t i = 0; i <= sizeof zeros / sizeof *zeros; i++)
        for (int made_up = 0; made_up < 3; made_up++) {
            kernel.zero = i < sizeof zeros / sizeof *zeros ? zeros[i] : f->dir;
            kernel.made_up_types = made_up > 0;
            kernel.type = made_up == 2 ? DT_REG : DT_UNKNOWN;
            errno = EPERM; /* what it held before means nothing */
            read_back(f, false);
            for (size_t k = 0; k < f->found.n; k++)
                assert_int_equal(f->found.v[k].read_err, 0);
            assert_int_equal(f->found.v[f->found.n - 2].size_bytes, 100);
            assert_int_equal(open_descriptors(), before);
            kernel.err[CALL_FSTAT] = EIO;
            error_of_readback(f);
            assert_int_equal(open_descriptors(), before);
            kernel.err[CALL_FSTAT] = 0;
            readback_probe_write(f->dir, &f->found);
            assert_int_equal(f->found.write_err, 0);
            assert_int_equal(open_descriptors(), before);
        }
    assert_int_equal(dup2(input, 0), 0);
    close(input);
}

/* ---- the probe write ---- */

static void a_write_that_fails_or_is_short_makes_the_volume_not_writable(void **state)
{
    struct fixture *f = *state;

    readback_probe_write(f->dir, &f->found);
    assert_int_equal(f->found.write_err, 0);
    once(CALL_WRITE, EIO);
    readback_probe_write(f->dir, &f->found);
    assert_int_equal(f->found.write_err, EIO);
    assert_true(f->found.write_checked);
    once(CALL_FSYNC, EROFS);
    readback_probe_write(f->dir, &f->found);
    assert_int_equal(f->found.write_err, EROFS);
    kernel.short_write = 1;
    errno = 0;
    readback_probe_write(f->dir, &f->found);
    assert_int_equal(f->found.write_err, EIO);
    kernel.short_write = 0;
    once(CALL_OPEN, EROFS);
    readback_probe_write(f->dir, &f->found);
    assert_int_equal(f->found.write_err, EROFS);
    readback_probe_write("/nonexistent", &f->found);
    assert_int_equal(f->found.write_err, ENOENT);
}

static void a_full_volume_says_nothing_of_writing(void **state)
{
    struct fixture *f = *state;

    once(CALL_WRITE, ENOSPC);
    readback_probe_write(f->dir, &f->found);
    assert_false(f->found.write_checked);
    once(CALL_WRITE, EDQUOT);
    readback_probe_write(f->dir, &f->found);
    assert_false(f->found.write_checked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_machine_lacks_is_no_answer_of_the_volume),
        TEST(what_the_volume_refuses_is_kept),
        TEST(an_interrupted_read_is_asked_again),
        TEST(an_early_end_is_a_failed_read),
        TEST(a_directory_that_cannot_be_listed_is_kept_unless_the_machine_failed),
        TEST(a_file_of_another_user_is_opened_without_its_time_kept),
        TEST(the_root_may_be_missing_or_refused),
        TEST(types_are_looked_up),
        TEST(directories_may_be_deep_but_not_without_end),
        TEST(no_descriptor_stays_open),
        TEST(a_write_that_fails_or_is_short_makes_the_volume_not_writable),
        TEST(a_full_volume_says_nothing_of_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
