/*
 * A kernel made up where a test says so, for tests of the readback: the calls that it makes are defined here, ask the real
 * kernel, and answer otherwise on demand. The fixture is a directory, and a shadow of its file for mappings to show.
 */
#ifndef TORNPAGE_CI_UNIT_MADE_UP_KERNEL_H
#define TORNPAGE_CI_UNIT_MADE_UP_KERNEL_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "evidence/readback.h"
#include "host/run_directory.h"

enum { PAGE = 4096, CHUNK = 1 << 20, LARGE = 128 << 10, SEGMENTS = 3 };

enum call {
    CALL_OPEN,
    CALL_FSTAT,
    CALL_STAT,
    CALL_READ,
    CALL_SEEK,
    CALL_MMAP,
    CALL_MINCORE,
    CALL_WRITE,
    CALL_FSYNC,
    CALL_LIST,
    CALLS
};

/* The kernel as the test wants it. */
static struct {
    int err[CALLS];   /* with which errno this call fails, on the files of the test; 0: it does not */
    int times[CALLS]; /* so many times only; 0: always */
    int after[CALLS]; /* after so many that do not */
    int type;         /* which listings give to all, if they are made up: */
    bool made_up_types;
    bool made_up_reads;  /* reads touch no memory and have no end, */
    int end_errno;       /*   or end at once and leave this errno behind, */
    uint64_t good_bytes; /*   or fail from here on with EIO; 0: they do not */
    const char *shrinks; /* the file of this path is emptied whenever something is mapped */
    bool no_noatime;     /* O_NOATIME is forbidden */
    const char *zero;    /* the file of this name gets descriptor 0 */
    int shadow;          /* mappings show this file instead; -1: the file itself */
    const char *cached;  /* by page: 'c' where mincore says that it is cached; NULL: as it is */
    uint64_t data[SEGMENTS][2];
    bool made_up_data;  /* SEEK_DATA and SEEK_HOLE know only `data`, */
    int seek_hole_err;  /*   and SEEK_HOLE fails with this */
    size_t short_write; /* a write takes so many bytes less */
} kernel;

static inline bool fails(enum call c)
{
    if (!kernel.err[c] || (kernel.after[c] && kernel.after[c]--))
        return false;
    errno = kernel.err[c];
    if (kernel.times[c] && --kernel.times[c] == 0)
        kernel.err[c] = 0;
    return true;
}

static int open_it(int at, const char *name, int flags, mode_t mode)
{
    if (kernel.no_noatime && flags & O_NOATIME) {
        errno = EPERM;
        return -1;
    }
    if (at != AT_FDCWD && fails(CALL_OPEN))
        return -1;
    const int fd = (int)syscall(SYS_openat, at, name, flags, mode);

    if (fd < 0 || !kernel.zero || (fd == 0) == (strcmp(kernel.zero, name) == 0))
        return fd;
    const int other = fd == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : dup2(fd, 0);

    close(fd);
    return other;
}

/* The mode, which is there only with O_CREAT. */
static mode_t mode_behind(int flags, va_list ap)
{
    return flags & O_CREAT ? va_arg(ap, mode_t) : 0;
}

int openat(int at, const char *name, int flags, ...)
{
    va_list ap;

    va_start(ap, flags);
    const mode_t mode = mode_behind(flags, ap);
    va_end(ap);
    return open_it(at, name, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list ap;

    va_start(ap, flags);
    const mode_t mode = mode_behind(flags, ap);
    va_end(ap);
    return open_it(AT_FDCWD, path, flags, mode);
}

int fstat(int fd, struct stat *st)
{
    return fails(CALL_FSTAT) ? -1 : (int)syscall(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH);
}

int fstatat(int at, const char *restrict name, struct stat *restrict st, int flags)
{
    return fails(CALL_STAT) ? -1 : (int)syscall(SYS_newfstatat, at, name, st, flags);
}

ssize_t getdents64(int fd, void *buf, size_t len)
{
    if (fails(CALL_LIST))
        return -1;
    const ssize_t n = syscall(SYS_getdents64, fd, buf, len);

    for (ssize_t i = 0; kernel.made_up_types && i < n;) {
        struct dirent64 *d = (struct dirent64 *)(void *)((char *)buf + i);

        d->d_type = (unsigned char)kernel.type;
        i += d->d_reclen;
    }
    return n;
}

ssize_t pread(int fd, void *buf, size_t len, off_t off)
{
    if (fails(CALL_READ))
        return -1;
    if (kernel.end_errno) {
        errno = kernel.end_errno;
        return 0;
    }
    if (kernel.good_bytes && (uint64_t)off >= kernel.good_bytes) {
        errno = EIO;
        return -1;
    }
    if (kernel.good_bytes && (uint64_t)off + len > kernel.good_bytes)
        len = kernel.good_bytes - (uint64_t)off;
    return kernel.made_up_reads ? (ssize_t)len : syscall(SYS_pread64, fd, buf, len, off);
}

off_t lseek(int fd, off_t off, int whence)
{
    if (fails(CALL_SEEK) || (whence == SEEK_HOLE && kernel.seek_hole_err)) {
        errno = whence == SEEK_HOLE ? kernel.seek_hole_err : errno;
        return -1;
    }
    if (!kernel.made_up_data)
        return syscall(SYS_lseek, fd, off, whence);
    for (size_t i = 0; i < SEGMENTS; i++) {
        const off_t from = (off_t)kernel.data[i][0], to = (off_t)kernel.data[i][1];

        if (off < to)
            return whence == SEEK_HOLE ? to : from > off ? from : off;
    }
    errno = ENXIO;
    return -1;
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
    if (fd >= 0 && fails(CALL_MMAP))
        return MAP_FAILED;
    const long p = syscall(SYS_mmap, at, len, prot, flags, fd >= 0 && kernel.shadow >= 0 ? kernel.shadow : fd, off);

    if (fd >= 0 && kernel.shrinks)
        assert_int_equal(truncate(kernel.shrinks, 0), 0);
    return (void *)p; /* NOLINT(performance-no-int-to-ptr) */
}

int mincore(void *at, size_t len, unsigned char *vec)
{
    if (fails(CALL_MINCORE))
        return -1;
    if (!kernel.cached)
        return (int)syscall(SYS_mincore, at, len, vec);
    for (size_t i = 0; i < (len + PAGE - 1) / PAGE; i++)
        vec[i] = kernel.cached[i] == 'c';
    return 0;
}

ssize_t write(int fd, const void *buf, size_t len)
{
    if (fails(CALL_WRITE))
        return -1;
    return syscall(SYS_write, fd, buf, len - kernel.short_write);
}

int fsync(int fd)
{
    return fails(CALL_FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

/* ---- fixture ---- */

struct fixture {
    char dir[64];
    struct readback *readback;
    struct survivors found;
    int shadow; /* what mappings show, if the test says so */
};

static inline void kernel_as_it_is(void)
{
    memset(&kernel, 0, sizeof kernel);
    kernel.shadow = -1;
}

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    kernel_as_it_is();
    snprintf(f->dir, sizeof f->dir, "%s/tornpage-calls-XXXXXX", P_tmpdir);
    if (!mkdtemp(f->dir))
        return -1;
    f->shadow = memfd_create("shadow", MFD_CLOEXEC);
    f->readback = readback_new();
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    struct error err;

    kernel_as_it_is();
    const int r = run_directory_remove(f->dir, &err);

    readback_free(f->readback);
    survivors_free(&f->found);
    close(f->shadow);
    free(f);
    return r;
}

/* A file whose bytes are all 'a', and a shadow of the same. */
static inline void make_file(const struct fixture *f, const char *name, size_t size)
{
    char path[128], *data = malloc(size + 1);

    memset(data, 'a', size);
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_int_equal(pwrite(fd, data, size, 0), (ssize_t)size);
    assert_int_equal(ftruncate(f->shadow, 0), 0);
    assert_int_equal(pwrite(f->shadow, data, size, 0), (ssize_t)size);
    close(fd);
    free(data);
}

static inline void spoil_shadow(const struct fixture *f, uint64_t off)
{
    kernel.shadow = f->shadow;
    assert_int_equal(pwrite(f->shadow, "b", 1, (off_t)off), 1);
}

static inline const struct survivor *read_back(struct fixture *f, bool fresh)
{
    struct error err;

    assert_int_equal(readback_dir(f->readback, f->dir, fresh, &f->found, &err), 0);
    assert_true(f->found.n >= 1);
    return f->found.v;
}

static inline int error_of_readback(struct fixture *f)
{
    struct error err;

    return readback_dir(f->readback, f->dir, false, &f->found, &err);
}

static inline void once(enum call c, int err)
{
    kernel.err[c] = err;
    kernel.times[c] = 1;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
