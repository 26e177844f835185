/* Run directories: emptied for the next run, or made anew; and the memory that forks leave out. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "evidence/survivors.h"
#include "host/nofork_pages.h"
#include "host/run_directory.h"

static void fill(int fd, int n)
{
    char name[200];

    assert_int_equal(mkdirat(fd, "d", 0700), 0);
    assert_int_equal(mkdirat(fd, "d/e", 0700), 0);
    assert_int_equal(symlinkat("nowhere", fd, "d/e/l"), 0);
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%0100d", i);
        int file = openat(fd, name, O_WRONLY | O_CREAT, 0600);
        assert_true(file >= 0);
        close(file);
    }
}

static void emptied_directory_is_empty_and_stays(void **state)
{
    char root[] = "/var/tmp/test-rundir-XXXXXX", path[300];
    struct error err;

    (void)state;
    assert_non_null(mkdtemp(root));
    int fd = run_directory_make(root, 3, path, sizeof path, &err);
    assert_true(fd >= 0);
    for (int i = 0; i < 2; i++) {
        fill(fd, 200);
        assert_int_equal(run_directory_empty(fd, path, &err), 0);
        assert_int_equal(access(path, F_OK), 0);
    }
    assert_int_equal(rmdir(path), 0); /* which only an empty one lets happen */
    close(fd);
    assert_int_equal(run_directory_remove(root, &err), 0);
}

static void made_directory_is_new(void **state)
{
    char root[] = "/var/tmp/test-rundir-XXXXXX", path[300];
    struct error err;
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(root));
    for (int i = 0; i < 2; i++) {
        int fd = run_directory_make(root, 0, path, sizeof path, &err);
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0755);
        assert_int_equal(fstatat(fd, "d", &st, 0), -1);
        fill(fd, 10);
        close(fd);
    }
    assert_int_equal(run_directory_remove(root, &err), 0);
    assert_int_equal(access(root, F_OK), -1);
    assert_int_equal(run_directory_remove(root, &err), 0);
}

static void forks_leave_pages_out(void **state)
{
    volatile char *p = nofork_grow(NULL, 0, NOFORK_UNIT_BYTES);
    int status = 0;

    (void)state;
    p[0] = 'x';
    p = nofork_grow((void *)(uintptr_t)p, NOFORK_UNIT_BYTES, 8 * NOFORK_UNIT_BYTES);
    assert_int_equal(p[0], 'x');
    assert_int_equal(p[8 * NOFORK_UNIT_BYTES - 1], 0);
    for (size_t i = 0; i < 8; i += 7) { /* a page of before and one that was added */
        pid_t pid = fork();
        if (pid == 0) {
            signal(SIGSEGV, SIG_DFL);
            _exit(p[i * NOFORK_UNIT_BYTES] == 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
#ifndef __SANITIZE_ADDRESS__
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
#endif
    }
    nofork_free((void *)(uintptr_t)p, 8 * NOFORK_UNIT_BYTES);
}

static void survivors_keep_their_bytes_as_they_grow(void **state)
{
    struct survivors s = {0};
    enum { STEP = 5000, N = 60 };

    (void)state;
    for (int round = 0; round < 2; round++) {
        survivors_clear(&s);
        survivors_add(&s, "f")->kind = SURVIVOR_FILE;
        for (int i = 0; i < N; i++)
            memset(survivors_extent(&s, (uint64_t)i * STEP, STEP), i + 1, STEP);
        survivors_extent(&s, N * STEP, STEP);
        survivors_cut(&s, 0);
        memset(survivors_extent(&s, N * STEP, STEP), N + 1, STEP);
        survivors_cut(&s, 3);
        survivors_finish(&s);
        assert_string_equal(s.v[0].path, "f");
        assert_int_equal(s.v[0].n_extents, N + 1);
        assert_int_equal(s.v[0].extents[N].len, 3);
        for (int i = 0; i <= N; i++)
            for (size_t k = 0; k < s.v[0].extents[i].len; k++)
                assert_int_equal(s.v[0].extents[i].data[k], i + 1);
    }
    survivors_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(emptied_directory_is_empty_and_stays),
        cmocka_unit_test(made_directory_is_new),
        cmocka_unit_test(forks_leave_pages_out),
        cmocka_unit_test(survivors_keep_their_bytes_as_they_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
