/* The dir backend: volumes are fresh, closing removes them, and what a killed run left goes, but nothing that is in use. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "base/buf.h"
#include "base/error.h"
#include "host/run_directory.h"

extern const struct backend backend_dir;

struct fixture {
    char base[64];
    struct backend_config config;
    struct error err;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    strcpy(f->base, "/var/tmp/test-dir-XXXXXX");
    *state = f;
    f->config = (struct backend_config){.backend = &backend_dir, .value = {f->base}};
    return mkdtemp(f->base) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    int rc = run_directory_remove(f->base, NULL);

    free(f);
    return rc;
}

static struct volume *open_volume(struct fixture *f)
{
    struct volume *v = NULL;

    assert_int_equal(backend_dir.open(&f->config, 1, &v, &f->err), 0);
    return v;
}

static void each_volume_is_a_fresh_directory(void **state)
{
    struct fixture *f = *state;
    struct volume *a = open_volume(f), *b = open_volume(f);

    assert_string_not_equal(backend_dir.path(a), backend_dir.path(b));
    assert_memory_equal(backend_dir.path(a), f->base, strlen(f->base));
    assert_int_equal(access(backend_dir.path(a), W_OK), 0);
    backend_dir.close(a);
    backend_dir.close(b);
}

static void closing_removes_it_with_all_below(void **state)
{
    struct fixture *f = *state;
    struct volume *v = open_volume(f);
    char path[600], kept[512];

    snprintf(kept, sizeof kept, "%s", backend_dir.path(v));
    snprintf(path, sizeof path, "%s/d", kept);
    assert_int_equal(mkdir(path, 0755), 0);
    backend_dir.close(v);
    assert_int_equal(access(kept, F_OK), -1);
}

static void preparing_removes_what_nobody_uses(void **state)
{
    struct fixture *f = *state;
    struct volume *v = open_volume(f);
    char left[128], other[128];

    snprintf(left, sizeof left, "%s/tornpage-dir-abcdef", f->base);
    snprintf(other, sizeof other, "%s/somebody-elses", f->base);
    assert_int_equal(mkdir(left, 0755), 0);
    assert_int_equal(mkdir(other, 0755), 0);
    assert_int_equal(backend_dir.prepare(&f->config, &f->err), 0);
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(access(other, F_OK), 0);
    assert_int_equal(access(backend_dir.path(v), F_OK), 0);
    backend_dir.close(v);
}

static void a_missing_directory_is_a_skip(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(backend_dir.probe(&f->config, &f->err), 0);
    f->config.value[0] = "/nowhere/at/all";
    assert_true(backend_dir.probe(&f->config, &f->err) < 0);
    assert_true(f->err.skip);
    assert_non_null(strstr(f->err.msg, "path="));
}

static void a_file_is_no_directory(void **state)
{
    struct fixture *f = *state;

    f->config.value[0] = "/proc/self/status";
    assert_true(backend_dir.probe(&f->config, &f->err) < 0);
    assert_non_null(strstr(f->err.msg, strerror(ENOTDIR)));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_volume_is_a_fresh_directory),
        TEST(closing_removes_it_with_all_below),
        TEST(preparing_removes_what_nobody_uses),
        TEST(a_missing_directory_is_a_skip),
        TEST(a_file_is_no_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
