/* Isolation: an isolated child has namespaces of its own, and neither it nor anything below it outlives its parent. */
#include <fcntl.h>
#include <poll.h>
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
#include "host/isolate.h"

enum { FINE = 0, BAD = 1, CANNOT = 77 };

static int status_of(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Runs `check` in an isolated child; skips the test where there is no isolation. */
static void in_isolation(int (*check)(void))
{
    struct error err = {0};
    bool isolated = false;
    pid_t pid = isolate_fork(&isolated, &err);

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(isolated ? check() : CANNOT);
    int status = status_of(pid);
    if (status == CANNOT)
        skip();
    assert_int_equal(status, FINE);
}

static int is_init(void)
{
    return getpid() == 1 ? FINE : BAD;
}

static void child_is_init_of_its_pid_namespace(void **state)
{
    (void)state;
    in_isolation(is_init);
}

static int scratch_is_private(void)
{
    struct stat here, root;
    char path[300];

    snprintf(path, sizeof path, "%s/test-isolate", isolate_scratch());
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

    return fd >= 0 && fstat(fd, &here) == 0 && stat("/run", &root) == 0 && here.st_dev != root.st_dev ? FINE : BAD;
}

static void scratch_is_the_childs_own(void **state)
{
    (void)state;
    in_isolation(scratch_is_private);
    in_isolation(scratch_is_private); /* O_EXCL: the next child's is another */
}

/* A child's mounts of its own hide nothing from its parent, and what is in its scratch is not in the parent's. */
static int mounts_of_a_child(void)
{
    struct stat st;
    int status = BAD;
    char path[300];

    if (scratch_is_private() != FINE)
        return BAD;
    snprintf(path, sizeof path, "%s/test-isolate-child", isolate_scratch());
    pid_t pid = fork();
    if (pid == 0)
        _exit(isolate_mounts(NULL) == 0 && scratch_is_private() == FINE && mkdir(path, 0700) == 0 ? FINE : BAD);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return BAD;
    return WEXITSTATUS(status) == FINE && stat(path, &st) != 0 ? FINE : BAD;
}

static void a_child_may_have_mounts_of_its_own(void **state)
{
    (void)state;
    in_isolation(mounts_of_a_child);
}

static int nested(void)
{
    struct error err = {0};
    bool isolated = false;
    pid_t pid = isolate_fork(&isolated, &err);

    if (pid == 0)
        _exit(isolated ? scratch_is_private() : BAD);
    return pid > 0 ? status_of(pid) : BAD;
}

static void isolation_nests(void **state)
{
    (void)state;
    in_isolation(nested);
}

static void callers_own_children_stay_outside(void **state)
{
    (void)state;
    in_isolation(is_init);
    for (int i = 0; i < 2; i++) {
        pid_t parent = getpid(), pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
            _exit(getppid() == parent ? FINE : BAD);
        assert_int_equal(status_of(pid), FINE);
    }
}

/*
 * Kills a process that has an isolated child with a grandchild. Both hold the write end of a pipe, so end of file on it says that
 * both are dead.
 */
static void nothing_outlives_the_parent(void **state)
{
    int alive[2];
    char byte;

    (void)state;
    assert_int_equal(pipe(alive), 0);
    pid_t harness = fork();
    assert_true(harness >= 0);
    if (harness == 0) {
        struct error err = {0};
        bool isolated = false;
        pid_t pid = isolate_fork(&isolated, &err);

        if (pid == 0) {
            /* Without namespaces only the child itself follows its parent. */
            bool grandchild = isolated && fork() == 0;

            if (write(alive[1], "", grandchild || !isolated) < 0)
                _exit(BAD);
        }
        alarm(60); /* a test that fails leaves nothing either, if later */
        pause();
        _exit(BAD);
    }
    close(alive[1]);
    assert_int_equal(read(alive[0], &byte, 1), 1);
    kill(harness, SIGKILL);
    waitpid(harness, NULL, 0);
    assert_int_equal(poll(&(struct pollfd){.fd = alive[0], .events = POLLIN}, 1, 20000), 1);
    assert_int_equal(read(alive[0], &byte, 1), 0);
    close(alive[0]);
}

static void possible_or_a_skip_with_the_remedy(void **state)
{
    struct error err = {0};
    int rc = isolate_possible(&err);

    (void)state;
    if (rc == 0)
        return;
    assert_true(err.skip);
    assert_non_null(strstr(err.msg, geteuid() ? "root" : ":"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(child_is_init_of_its_pid_namespace), cmocka_unit_test(scratch_is_the_childs_own),
        cmocka_unit_test(a_child_may_have_mounts_of_its_own), cmocka_unit_test(isolation_nests),
        cmocka_unit_test(callers_own_children_stay_outside),  cmocka_unit_test(nothing_outlives_the_parent),
        cmocka_unit_test(possible_or_a_skip_with_the_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
