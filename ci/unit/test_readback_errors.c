/* The readback of a file system that fails: the calls it makes are replaced by ones that can be told to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "evidence/readback.h"
#include "host/run_directory.h"

enum { FILE_BYTES = 10000, GOOD_BYTES = 5000 };

/* What fails from now on. */
static struct {
    bool read;        /* reads from GOOD_BYTES on: with this errno; */
    int read_errno;   /*   0: end of file */
    int list_errno;   /* the second listing: that of "d" */
    int stat_errno;   /* stat of names */
    const char *path; /* is emptied whenever something is mapped */
    int n_lists;
} failing;

ssize_t pread(int fd, void *buf, size_t len, off_t off)
{
    if (failing.read && off >= GOOD_BYTES) {
        errno = failing.read_errno;
        return failing.read_errno ? -1 : 0;
    }
    if (failing.read && off + (off_t)len > GOOD_BYTES)
        len = (size_t)(GOOD_BYTES - off);
    return syscall(SYS_pread64, fd, buf, len, off);
}

ssize_t getdents64(int fd, void *buf, size_t len)
{
    if (failing.list_errno && failing.n_lists++ == 1) {
        errno = failing.list_errno;
        return -1;
    }
    return syscall(SYS_getdents64, fd, buf, len);
}

int fstatat(int at, const char *name, struct stat *ret, int flags)
{
    if (failing.stat_errno) {
        errno = failing.stat_errno;
        return -1;
    }
    return (int)syscall(SYS_newfstatat, at, name, ret, flags);
}

/* Linux fails a mapping by SIGBUS at the access, as here where the file has shrunk. */
void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
    const long p = syscall(SYS_mmap, at, len, prot, flags, fd, off);

    if (failing.path && fd >= 0)
        assert_int_equal(truncate(failing.path, 0), 0);
    return (void *)p; /* NOLINT(performance-no-int-to-ptr) */
}

struct fixture {
    char dir[64], file[80];
    struct readback *readback;
    struct survivors found;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    int fd;

    failing.read = false;
    failing.read_errno = failing.list_errno = failing.stat_errno = failing.n_lists = 0;
    failing.path = NULL;
    snprintf(f->dir, sizeof f->dir, "%s/tornpage-errors-XXXXXX", P_tmpdir);
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->file, sizeof f->file, "%s/d", f->dir);
    if (mkdir(f->file, 0700))
        return -1;
    snprintf(f->file, sizeof f->file, "%s/f", f->dir);
    fd = open(f->file, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, FILE_BYTES))
        return -1;
    close(fd);
    f->readback = readback_new();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct error err;

    failing.read = false;
    failing.list_errno = failing.stat_errno = 0;
    failing.path = NULL;
    const int r = run_directory_remove(f->dir, &err);

    readback_free(f->readback);
    survivors_free(&f->found);
    free(f);
    return r;
}

/* The directory "d" and the file "f" as the readback tells them. */
static const struct survivor *read_back(struct fixture *f)
{
    struct error err;

    assert_int_equal(readback_dir(f->readback, f->dir, false, &f->found, &err), 0);
    assert_int_equal(f->found.n, 2);
    return f->found.v;
}

static void without_a_failure_all_is_fine(void **state)
{
    const struct survivor *v = read_back(*state);

    assert_int_equal(v[0].kind, SURVIVOR_DIR);
    assert_int_equal(v[0].read_err, 0);
    assert_int_equal(v[1].size_bytes, FILE_BYTES);
    assert_int_equal(v[1].read_err, 0);
    assert_int_equal(v[1].map_signo, 0);
}

static void a_failed_read_is_kept_with_its_place(void **state)
{
    failing.read = true;
    failing.read_errno = EIO;
    const struct survivor *v = read_back(*state);

    assert_int_equal(v[1].read_err, EIO);
    assert_int_equal(v[1].read_err_off, GOOD_BYTES);
    assert_int_equal(v[1].n_extents, 1);
    assert_int_equal(v[1].extents[0].len, GOOD_BYTES);
}

static void an_early_end_is_a_failed_read(void **state)
{
    failing.read = true;
    const struct survivor *v = read_back(*state);

    assert_int_equal(v[1].read_err, ENODATA);
    assert_int_equal(v[1].read_err_off, GOOD_BYTES);
}

static void a_directory_that_cannot_be_listed_is_not_empty(void **state)
{
    failing.list_errno = EUCLEAN;
    const struct survivor *v = read_back(*state);

    assert_int_equal(v[0].kind, SURVIVOR_DIR);
    assert_int_equal(v[0].read_err, EUCLEAN);
    assert_int_equal(v[1].read_err, 0);
}

static void a_name_that_cannot_be_asked_for_is_of_no_known_kind(void **state)
{
    failing.stat_errno = EUCLEAN;
    const struct survivor *v = read_back(*state);

    failing.stat_errno = 0;
    assert_int_equal(v[0].kind, SURVIVOR_UNKNOWN);
    assert_int_equal(v[0].read_err, EUCLEAN);
    assert_int_equal(v[1].kind, SURVIVOR_FILE);
    assert_int_equal(v[1].read_err, 0);
}

static void a_signal_of_the_mapping_is_kept(void **state)
{
    struct fixture *f = *state;

    /* Anew: cmocka has put its own handler in place since. */
    readback_free(f->readback);
    f->readback = readback_new();
    failing.path = f->file;
    const struct survivor *v = read_back(f);

    assert_int_equal(v[1].map_signo, SIGBUS);
    assert_int_equal(v[1].read_err, 0);
    assert_false(v[1].incoherent);
}

static void a_machine_without_memory_is_no_survivor(void **state)
{
    struct fixture *f = *state;
    struct error err = {.code = 0};

    failing.read = true;
    failing.read_errno = ENOMEM;
    assert_int_equal(readback_dir(f->readback, f->dir, false, &f->found, &err), -ENOMEM);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_failure_all_is_fine),
        TEST(a_failed_read_is_kept_with_its_place),
        TEST(an_early_end_is_a_failed_read),
        TEST(a_directory_that_cannot_be_listed_is_not_empty),
        TEST(a_name_that_cannot_be_asked_for_is_of_no_known_kind),
        TEST(a_signal_of_the_mapping_is_kept),
        TEST(a_machine_without_memory_is_no_survivor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
