/* The readback: what it says of a directory whose contents are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "evidence/readback.h"
#include "host/run_directory.h"

struct fixture {
    char dir[64];
    struct readback *readback;
    struct survivors found;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    snprintf(f->dir, sizeof f->dir, "%s/tornpage-readback-XXXXXX", P_tmpdir);
    if (!mkdtemp(f->dir))
        return -1;
    f->readback = readback_new();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct error err;
    int rc = run_directory_remove(f->dir, &err);

    readback_free(f->readback);
    survivors_free(&f->found);
    free(f);
    return rc;
}

static int open_below(const struct fixture *f, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void make_file(const struct fixture *f, const char *name, uint64_t size, uint64_t off, const void *data, size_t len)
{
    int fd = open_below(f, name);

    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(pwrite(fd, data, len, (off_t)off), (ssize_t)len);
    close(fd);
}

static void read_back(struct fixture *f)
{
    struct error err;

    assert_int_equal(readback_dir(f->readback, f->dir, false, &f->found, &err), 0);
}

/* The byte at `off` as the extents tell it. */
static uint8_t byte_at(const struct survivor *v, uint64_t off)
{
    for (size_t i = 0; i < v->n_extents; i++)
        if (off >= v->extents[i].off && off - v->extents[i].off < v->extents[i].len)
            return v->extents[i].data[off - v->extents[i].off];
    return 0;
}

static void finds_names_kinds_and_links(void **state)
{
    struct fixture *f = *state;
    char from[256], to[256];

    make_file(f, "b", 3, 0, "abc", 3);
    snprintf(from, sizeof from, "%s/d", f->dir);
    assert_int_equal(mkdir(from, 0700), 0);
    make_file(f, "d/e", 1, 0, "x", 1);
    snprintf(from, sizeof from, "%s/b", f->dir);
    snprintf(to, sizeof to, "%s/d/b2", f->dir);
    assert_int_equal(link(from, to), 0);
    snprintf(to, sizeof to, "%s/a", f->dir);
    assert_int_equal(symlink("b", to), 0);
    read_back(f);

    static const char *const names[] = {"a", "b", "d", "d/b2", "d/e"};
    static const enum survivor_kind kinds[] = {SURVIVOR_OTHER, SURVIVOR_FILE, SURVIVOR_DIR, SURVIVOR_FILE, SURVIVOR_FILE};
    assert_int_equal(f->found.n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(f->found.v[i].path, names[i]);
        assert_int_equal(f->found.v[i].kind, kinds[i]);
        assert_int_equal(f->found.v[i].read_err, 0);
    }
    assert_int_equal(f->found.v[1].nlink, 2);
    assert_int_equal(f->found.v[1].ino, f->found.v[3].ino);
    assert_int_equal(f->found.v[1].size_bytes, 3);
    assert_int_equal(byte_at(&f->found.v[1], 2), 'c');
}

static void a_huge_sparse_file_costs_its_data(void **state)
{
    struct fixture *f = *state;
    const uint64_t t = (uint64_t)1 << 40;
    uint64_t bytes = 0;

    make_file(f, "s", t - 5, t / 2 + 100, "here", 4);
    read_back(f);
    const struct survivor *v = &f->found.v[0];
    assert_int_equal(v->size_bytes, t - 5);
    for (size_t i = 0; i < v->n_extents; i++)
        bytes += v->extents[i].len;
    assert_in_range(bytes, 4, 1 << 16);
    assert_int_equal(byte_at(v, t / 2 + 99), 0);
    assert_int_equal(byte_at(v, t / 2 + 100), 'h');
    assert_int_equal(byte_at(v, t / 2 + 103), 'e');
    assert_false(v->incoherent || v->tail.len);
}

static void reads_every_chunk_of_a_large_file(void **state)
{
    struct fixture *f = *state;
    const size_t size = (3 << 20) + 77;
    uint8_t *data = malloc(size);

    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 7 + i / 4096 + 1);
    make_file(f, "l", size, 0, data, size);
    read_back(f);
    uint64_t at = 0;
    const struct survivor *v = &f->found.v[0];
    for (size_t i = 0; i < v->n_extents; i++) {
        assert_int_equal(v->extents[i].off, at);
        assert_memory_equal(v->extents[i].data, data + at, v->extents[i].len);
        at += v->extents[i].len;
    }
    assert_int_equal(at, size);
    free(data);
}

static void an_empty_file_and_an_empty_directory(void **state)
{
    struct fixture *f = *state;

    read_back(f);
    assert_int_equal(f->found.n, 0);
    close(open_below(f, "empty"));
    read_back(f);
    assert_int_equal(f->found.n, 1);
    assert_int_equal(f->found.v[0].size_bytes, 0);
    assert_int_equal(f->found.v[0].n_extents, 0);
}

static void a_missing_directory_is_an_empty_picture(void **state)
{
    struct fixture *f = *state;
    struct error err;

    assert_int_equal(readback_dir(f->readback, "/nonexistent/tornpage", false, &f->found, &err), 0);
    assert_int_equal(f->found.n, 0);
}

static void a_directory_that_is_none_is_unreadable(void **state)
{
    struct fixture *f = *state;
    struct error err;
    char path[256];

    close(open_below(f, "file"));
    snprintf(path, sizeof path, "%s/file", f->dir);
    assert_int_equal(readback_dir(f->readback, path, false, &f->found, &err), 0);
    assert_int_equal(f->found.n, 1);
    assert_string_equal(f->found.v[0].path, ".");
    assert_int_equal(f->found.v[0].read_err, ENOTDIR);
}

static void a_nonzero_tail_is_seen(void **state)
{
    struct fixture *f = *state;
    int fd = open_below(f, "t");

    /* A store beyond end of file stays in the page cache's last page, where a new mapping shows it. */
    assert_int_equal(ftruncate(fd, 100), 0);
    volatile char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(m, MAP_FAILED);
    m[300] = 'x';
    for (int fresh = 0; fresh < 2; fresh++) {
        assert_int_equal(readback_dir(f->readback, f->dir, fresh, &f->found, NULL), 0);
        assert_true(f->found.v[0].tail.len);
        assert_int_equal(f->found.v[0].tail.off, 100);
        assert_int_equal(f->found.v[0].tail.data[200], 'x');
    }
    m[300] = 0;
    read_back(f);
    assert_false(f->found.v[0].tail.len);
    munmap((void *)(uintptr_t)m, 4096);
    close(fd);
}

static void the_write_check_leaves_its_file_and_can_be_repeated(void **state)
{
    struct fixture *f = *state;

    read_back(f);
    readback_probe_write(f->dir, &f->found);
    assert_true(f->found.write_checked);
    assert_int_equal(f->found.write_err, 0);
    read_back(f);
    assert_int_equal(f->found.n, 1);
    assert_string_equal(f->found.v[0].path, ".tornpage-probe");
    readback_probe_write(f->dir, &f->found);
    assert_int_equal(f->found.write_err, 0);
    readback_probe_write("/proc", &f->found); /* takes no files, also from root */
    assert_true(f->found.write_checked);
    assert_int_not_equal(f->found.write_err, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_names_kinds_and_links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_huge_sparse_file_costs_its_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_every_chunk_of_a_large_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_and_an_empty_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_directory_is_an_empty_picture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_directory_that_is_none_is_unreadable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_nonzero_tail_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_write_check_leaves_its_file_and_can_be_repeated, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
