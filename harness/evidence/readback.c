/* The readback: see readback.h. Written for speed: it runs once for each crash state. */
#include "evidence/readback.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"

enum {
    WHOLE_BYTES = 128 << 10, /* files up to here are read whole: cheaper than asking where their holes are */
    CHUNK_BYTES = 1 << 20,
    LIST_BYTES = 2 << 10, /* what fits cheaply on a fresh page of the stack */
    MAX_DEPTH = 32,
};

struct readback {
    struct survivors *out;
    char *path; /* of the current entry, relative to the directory that is read */
    bool fresh;
    uint64_t read_bytes;
    size_t page_bytes;
    uint8_t in_cache[CHUNK_BYTES / 4096]; /* by page of the current chunk: bit 0 */
    struct sigaction old;
};

/* A signal handler takes no argument, so where to return to stands here. */
static _Thread_local sigjmp_buf *landing;

static void on_bus(int signo)
{
    if (landing)
        siglongjmp(*landing, signo);
    signal(signo, SIG_DFL);
    raise(signo);
}

struct readback *readback_new(void)
{
    struct readback *s = xcalloc(1, sizeof *s);
    struct sigaction sa = {.sa_handler = on_bus, .sa_flags = SA_NODEFER};

    s->path = xmalloc(PATH_MAX);
    s->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    sigemptyset(&sa.sa_mask);
    sigaction(SIGBUS, &sa, &s->old);
    return s;
}

void readback_free(struct readback *s)
{
    if (!s)
        return;
    sigaction(SIGBUS, &s->old, NULL);
    free(s->path);
    free(s);
}

static bool machine_failed(int err)
{
    return err == ENOMEM || err == EMFILE || err == ENFILE || err == EINTR;
}

/* The first byte at which a and b differ, or len. */
static size_t first_difference(const uint8_t *a, const uint8_t *b, size_t len)
{
    if (memcmp(a, b, len) == 0)
        return len;
    size_t i = 0;
    while (a[i] == b[i])
        i++;
    return i;
}

/* Keeps what the mapping shows behind the end of the file, when it is not all 0. */
static void note_tail(struct readback *s, const uint8_t *tail, size_t len, const struct survivor *v)
{
    for (size_t i = 0; i < len; i++)
        if (tail[i]) {
            memcpy(survivors_tail(s->out, v->size_bytes, len), tail, len);
            return;
        }
}

/*
 * Finds out which pages of a new mapping can differ from what read(2) has just given: those that are in the page cache. Any other
 * page would be read from where read(2) read it. A file without cached pages may have no page cache (DAX), so all count.
 */
static void list_pages(struct readback *s, const uint8_t *m, size_t len)
{
    const size_t n = (len + s->page_bytes - 1) / s->page_bytes;
    bool any = false;

    assert(n <= sizeof s->in_cache);
    if (mincore((void *)(uintptr_t)m, len, s->in_cache) == 0)
        for (size_t i = 0; i < n; i++)
            any |= s->in_cache[i] & 1;
    if (!any)
        memset(s->in_cache, 1, n);
    s->in_cache[n - 1] = 1; /* the page of the end may be there in part, of which mincore says nothing */
}

/* The first byte of those pages at which they differ, or len. */
static size_t compare_pages(const struct readback *s, const uint8_t *m, const uint8_t *seen, size_t len)
{
    for (size_t from = 0, to; from < len; from = to) {
        const unsigned kind = s->in_cache[from / s->page_bytes] & 1;

        for (to = from; to < len && (s->in_cache[to / s->page_bytes] & 1) == kind;)
            to += s->page_bytes;
        to = to < len ? to : len;
        const size_t at = kind ? first_difference(m + from, seen + from, to - from) : to - from;
        if (at < to - from)
            return from + at;
    }
    return len;
}

/* Compares a new mapping of [off, off+len) with what read(2) gave. `off` is a multiple of the page size. */
static int compare_mapping(struct readback *s, int fd, uint64_t off, size_t len, const uint8_t *seen, struct survivor *v)
{
    if (v->incoherent || v->map_signo)
        return 0;
    const uint8_t *m = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, (off_t)off);

    if (m == MAP_FAILED)
        return machine_failed(errno) ? -errno : 0; /* ENODEV: this file system has no mappings */
    sigjmp_buf here;
    int signo = sigsetjmp(here, 0);

    if (signo == 0) {
        landing = &here;
        list_pages(s, m, len);
        size_t at = compare_pages(s, m, seen, len);
        if (at < len) {
            v->incoherent = true;
            v->incoherent_off = off + at;
        }
        size_t in_page = len % s->page_bytes;
        if (in_page && off + len == v->size_bytes)
            note_tail(s, m + len, s->page_bytes - in_page, v);
    } else {
        v->map_signo = signo;
    }
    landing = NULL;
    munmap((void *)(uintptr_t)m, len);
    return 0;
}

/* Reads [off, end) chunk by chunk into extents and compares each with a mapping; `off` is a multiple of the page size. */
static int read_range(struct readback *s, int fd, uint64_t off, uint64_t end, struct survivor *v)
{
    while (off < end && !v->read_err) {
        size_t want = end - off < CHUNK_BYTES ? (size_t)(end - off) : CHUNK_BYTES, got = 0;
        uint8_t *chunk = survivors_extent(s->out, off, want);

        while (got < want) {
            ssize_t n = pread(fd, chunk + got, want - got, (off_t)(off + got));
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0 && machine_failed(errno))
                return -errno;
            if (n <= 0) { /* an early end of file is a read that failed: fstat promised these bytes */
                v->read_err = n < 0 ? errno : ENODATA;
                v->read_err_off = off + got;
                break;
            }
            got += (size_t)n;
        }
        survivors_cut(s->out, got);
        s->read_bytes += got;
        if (s->read_bytes > READBACK_MAX_BYTES)
            return -EFBIG;
        const size_t in_last_page = got % s->page_bytes, skip = s->fresh ? got - in_last_page : 0;
        int rc = got > skip ? compare_mapping(s, fd, off + skip, got - skip, chunk + skip, v) : 0;
        if (rc < 0)
            return rc;
        off += want;
    }
    return 0;
}

/* Only the data of a large file; the page of its end too, whose tail matters even in a hole. */
static int read_sparse(struct readback *s, int fd, struct survivor *v)
{
    const uint64_t size = v->size_bytes, page = s->page_bytes;
    uint64_t done = 0;

    while (done < size && !v->read_err) {
        off_t data = lseek(fd, (off_t)done, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break;
        if (data < 0 && errno != EINVAL && errno != EOPNOTSUPP) {
            v->read_err = errno;
            v->read_err_off = done;
            return machine_failed(errno) ? -errno : 0;
        }
        off_t hole = data < 0 ? (off_t)size : lseek(fd, data, SEEK_HOLE);
        uint64_t from = data < 0 ? done : (uint64_t)data / page * page;
        uint64_t to = hole < 0 ? size : ((uint64_t)hole + page - 1) / page * page;

        if (to > size)
            to = size;
        int rc = read_range(s, fd, from, to, v);
        if (rc < 0)
            return rc;
        done = to;
    }
    uint64_t last = size / page * page;
    return read_range(s, fd, done > last ? done : last, size, v); /* nothing, where that page has been read or there is none */
}

/* Opens what should be a regular file, without waiting if it is a FIFO, and checks its type. */
static int open_file(int at, const char *name, struct stat *ret)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = openat(at, name, flags | O_NOATIME);

    if (fd < 0 && errno == EPERM)
        fd = openat(at, name, flags);
    if (fd < 0 || fstat(fd, ret) == 0)
        return fd < 0 ? -errno : fd;
    int rc = -errno;

    close(fd);
    return rc;
}

/* Takes the descriptor. */
static int read_file(struct readback *s, int fd, const struct stat *st, struct survivor *v)
{
    int rc = 0;

    v->kind = SURVIVOR_FILE;
    v->ino = st->st_ino;
    v->nlink = (uint32_t)st->st_nlink;
    v->size_bytes = (uint64_t)st->st_size;
    if (v->size_bytes)
        rc = v->size_bytes <= WHOLE_BYTES ? read_range(s, fd, 0, v->size_bytes, v) : read_sparse(s, fd, v);
    close(fd);
    return rc;
}

static int read_list(struct readback *s, int fd, size_t path_len, int depth);

/* Trusts the type in the listing only for a regular file, and only when opening it confirms the type. */
static int read_entry(struct readback *s, int at, const struct dirent64 *d, size_t path_len, int depth)
{
    struct survivor *v = survivors_add(s->out, s->path);
    const char *name = d->d_name;
    struct stat st = {0};

    if (d->d_type == DT_REG) {
        int fd = open_file(at, name, &st);

        if (fd >= 0 && S_ISREG(st.st_mode))
            return read_file(s, fd, &st, v);
        if (fd >= 0)
            close(fd);
    }
    v->kind = SURVIVOR_UNKNOWN;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0) { /* a listed name that does not exist is a failed read, too */
        v->read_err = errno;
        return machine_failed(errno) ? -errno : 0;
    }
    v->kind = SURVIVOR_OTHER;
    if (S_ISREG(st.st_mode)) {
        int fd = open_file(at, name, &st);

        v->kind = SURVIVOR_FILE;
        if (fd >= 0)
            return read_file(s, fd, &st, v);
        v->read_err = -fd;
        return machine_failed(-fd) ? fd : 0;
    }
    v->ino = st.st_ino;
    v->nlink = (uint32_t)st.st_nlink;
    if (!S_ISDIR(st.st_mode))
        return 0;
    v->kind = SURVIVOR_DIR;
    size_t mine = s->out->n - 1;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = fd < 0 ? -errno : read_list(s, fd, path_len, depth + 1);
    if (fd >= 0)
        close(fd);
    if (rc < 0 && !machine_failed(-rc) && rc != -EFBIG) {
        s->out->v[mine].read_err = -rc;
        return 0;
    }
    return rc;
}

/* Lists one directory; s->path holds its path, path_len bytes long. */
static int read_list(struct readback *s, int fd, size_t path_len, int depth)
{
    char list[LIST_BYTES] __attribute__((aligned(8)));

    if (depth > MAX_DEPTH)
        return -ELOOP;
    for (;;) {
        ssize_t n = getdents64(fd, list, sizeof list);
        if (n <= 0)
            return n < 0 ? -errno : 0;
        for (ssize_t i = 0; i < n;) {
            const struct dirent64 *d = (const struct dirent64 *)(const void *)(list + i);

            i += d->d_reclen;
            if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
                continue;
            const size_t at = path_len ? path_len + 1 : 0, len = strlen(d->d_name);
            if (at + len >= PATH_MAX)
                return -ENAMETOOLONG;
            if (path_len)
                s->path[path_len] = '/';
            memcpy(s->path + at, d->d_name, len + 1);
            int rc = read_entry(s, fd, d, at + len, depth);
            if (rc < 0)
                return rc;
        }
    }
}

int readback_dir(struct readback *s, const char *dir, bool fresh, struct survivors *out, struct error *err)
{
    assert(s && dir && out);
    survivors_clear(out);
    s->out = out;
    s->fresh = fresh;
    s->read_bytes = 0;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : read_list(s, fd, 0, 0);

    if (fd >= 0)
        close(fd);
    if (machine_failed(-rc) || rc == -EFBIG)
        return error_set(err, -rc, "readback", dir, NULL);
    if (rc < 0 && rc != -ENOENT)
        survivors_add(out, ".")->read_err = -rc;
    survivors_finish(out);
    return 0;
}

void readback_probe_write(const char *root, struct survivors *out)
{
    static const char text[] = "tornpage probe\n", name[] = ".tornpage-probe";
    int rc = 0, dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = dir < 0 ? -1 : openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        rc = errno;
    else if (write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1 || fsync(fd) < 0)
        rc = errno ? errno : EIO;
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
    out->write_checked = rc != ENOSPC && rc != EDQUOT;
    out->write_err = out->write_checked ? rc : 0;
}
