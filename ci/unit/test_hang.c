/* A step that does not end: a finding when it hangs in both of two runs, "broken" when in one. On a backend that is a directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/error.h"
#include "host/run_directory.h"
#include "paper.h"
#include "trial/job.h"

enum { SHORT_MS = 300 };

static struct {
    char path[64];
    unsigned opened;
    unsigned helped_from; /* from this volume on a process opens the FIFO p of the first run for writing; 0: none does */
    pid_t helper;
} seen;

static void help(void)
{
    char dir[256], path[300];

    if (run_directory_path(seen.path, 0, dir, sizeof dir, NULL) < 0)
        _exit(1);
    snprintf(path, sizeof path, "%s/p", dir);
    for (int fd = -1; fd < 0; sched_yield())
        fd = open(path, O_WRONLY | O_CLOEXEC);
    _exit(0);
}

static int open_it(const struct backend_config *c, uint64_t seed, void **ret_handle, struct error *err)
{
    (void)c, (void)seed, (void)err;
    snprintf(seen.path, sizeof seen.path, "/var/tmp/test-hang-XXXXXX");
    assert_non_null(mkdtemp(seen.path));
    if (++seen.opened == seen.helped_from) {
        seen.helper = fork();
        if (seen.helper == 0)
            help();
    }
    *ret_handle = &seen;
    return 0;
}

static void close_it(void *handle)
{
    (void)handle;
    assert_int_equal(run_directory_remove(seen.path, NULL), 0);
}

static int nothing(void *handle, struct error *err)
{
    (void)handle, (void)err;
    return 0;
}

static const char *path_of(void *handle, unsigned client)
{
    (void)handle, (void)client;
    return seen.path;
}

static int adopt_it(const struct backend_config *c, int image_fd, void **ret_shared, struct error *err)
{
    (void)c, (void)image_fd, (void)ret_shared, (void)err;
    return 0;
}

static const struct backend_volumes volumes = {
    .open = open_it, .close = close_it, .mount = nothing, .unmount = nothing, .path = path_of};
static const struct backend_images images = {.adopt = adopt_it};
static const struct backend_option no_options[] = {{.key = NULL}};
static const struct backend made_up = {
    .name = "made-up", .options = no_options, .strikes = 1U << STRIKE_NONE, .volumes = &volumes, .images = &images};

static struct result result_of(const char *steps, unsigned helped_from)
{
    struct plan *p = paper_plan(steps);
    struct backend_config config;
    struct result r;
    struct error err = {.code = 0};

    memset(&seen, 0, sizeof seen);
    seen.helped_from = helped_from;
    backend_config_begin(&config, &made_up);
    assert_int_equal(backend_config_end(&config, &err), 0);
    assert_int_equal(backend_adopt(&config, STDIN_FILENO, &err), 0);
    job_run(&(struct job){.plan = p, .config = &config, .strike = STRIKE_NONE, .deadline_ms = SHORT_MS}, &r);
    if (seen.helper) {
        kill(seen.helper, SIGKILL);
        waitpid(seen.helper, NULL, 0);
    }
    backend_release(&config);
    backend_config_free(&config);
    plan_free(p);
    return r;
}

static void a_step_that_hangs_twice_is_a_finding(void **state)
{
    (void)state;
    struct result r = result_of("mkfifo p\n---\nopen -r p\n", 0);

    assert_int_equal(r.verdict, VERDICT_VIOLATED);
    assert_non_null(strstr(r.reason, "hang (rule F5), line 6: open -r p: in two runs the step did not end within 0.3 s"));
    assert_int_equal(seen.opened, 2);
    result_free(&r);
}

static void a_step_that_hangs_once_is_broken(void **state)
{
    (void)state;
    struct result r = result_of("mkfifo p\n---\nopen -r p\n", 2);

    assert_int_equal(r.verdict, VERDICT_BROKEN);
    assert_string_equal(r.reason, "line 6: open did not end within 0.3 s, and the second run was kept");
    result_free(&r);
}

static void a_step_that_ends_is_run_once(void **state)
{
    (void)state;
    struct result r = result_of("mkfifo p\n---\nopen -r p\n", 1);

    assert_int_equal(r.verdict, VERDICT_KEPT);
    assert_int_equal(seen.opened, 1);
    result_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_that_hangs_twice_is_a_finding),
        cmocka_unit_test(a_step_that_hangs_once_is_broken),
        cmocka_unit_test(a_step_that_ends_is_run_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
