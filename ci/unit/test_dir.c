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

#include "backend/config.h"
#include "backend/volume.h"
#include "base/buf.h"
#include "base/error.h"
#include "host/run_directory.h"

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
    return mkdtemp(f->base) ? 0 : -1;
}

/* Configures the backend for this directory. */
static void use_directory(struct fixture *f, const char *path)
{
    backend_config_begin(&f->config, backend_find("dir"));
    assert_int_equal(backend_config_set(&f->config, "path", path, &f->err), 0);
    assert_int_equal(backend_config_end(&f->config, &f->err), 0);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    int rc = run_directory_remove(f->base, NULL);

    backend_release(&f->config);
    backend_config_free(&f->config);
    free(f);
    return rc;
}

static struct volume *open_volume(struct fixture *f)
{
    struct volume *v = NULL;

    assert_int_equal(volume_open(&f->config, 1, &v, &f->err), 0);
    assert_int_equal(volume_mount(v, &f->err), 0);
    return v;
}

static void each_volume_is_a_fresh_directory(void **state)
{
    struct fixture *f = *state;

    use_directory(f, f->base);
    assert_int_equal(backend_prepare(&f->config, &f->err), 0);
    struct volume *a = open_volume(f), *b = open_volume(f);

    assert_string_not_equal(volume_path(a, 0), volume_path(b, 0));
    assert_memory_equal(volume_path(a, 0), f->base, strlen(f->base));
    assert_int_equal(access(volume_path(a, 0), W_OK), 0);
    volume_close(a);
    volume_close(b);
}

static void closing_removes_it_with_all_below(void **state)
{
    struct fixture *f = *state;
    char path[600], kept[512];

    use_directory(f, f->base);
    assert_int_equal(backend_prepare(&f->config, &f->err), 0);
    struct volume *v = open_volume(f);

    snprintf(kept, sizeof kept, "%s", volume_path(v, 0));
    snprintf(path, sizeof path, "%s/d", kept);
    assert_int_equal(mkdir(path, 0755), 0);
    volume_close(v);
    assert_int_equal(access(kept, F_OK), -1);
}

static void preparing_removes_what_nobody_uses(void **state)
{
    struct fixture *f = *state;
    char left[128], other[128];

    use_directory(f, f->base);
    assert_int_equal(backend_prepare(&f->config, &f->err), 0);
    struct volume *v = open_volume(f);
    snprintf(left, sizeof left, "%s/tornpage-dir-abcdef", f->base);
    snprintf(other, sizeof other, "%s/somebody-elses", f->base);
    assert_int_equal(mkdir(left, 0755), 0);
    assert_int_equal(mkdir(other, 0755), 0);
    backend_release(&f->config);
    assert_int_equal(backend_prepare(&f->config, &f->err), 0);
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(access(other, F_OK), 0);
    assert_int_equal(access(volume_path(v, 0), F_OK), 0);
    volume_close(v);
}

static void a_missing_directory_is_a_skip(void **state)
{
    struct fixture *f = *state;

    use_directory(f, f->base);
    assert_int_equal(backend_probe(&f->config, &f->err), 0);
    backend_config_free(&f->config);
    use_directory(f, "/nowhere/at/all");
    assert_true(backend_probe(&f->config, &f->err) < 0);
    assert_true(f->err.skip);
    assert_non_null(strstr(f->err.msg, "path="));
}

static void a_file_is_no_directory(void **state)
{
    struct fixture *f = *state;

    use_directory(f, "/proc/self/status");
    assert_true(backend_probe(&f->config, &f->err) < 0);
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
