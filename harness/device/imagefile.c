/* Disk images as files: see imagefile.h. */
#include "device/imagefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/size.h"
#include "host/output.h"

enum { CHUNK_BYTES = 1 << 18 };

static bool all_zero(const uint8_t *p, size_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static int write_blocks(int fd, const uint8_t *src, size_t len_bytes, uint64_t off)
{
    for (size_t done = 0, n; done < len_bytes; done += n) {
        const uint8_t *p = src + done;

        n = len_bytes - done < BLOCK_BYTES ? len_bytes - done : BLOCK_BYTES;
        if (!all_zero(p, n) && pwrite(fd, p, n, (off_t)(off + done)) != (ssize_t)n)
            return -(errno ? errno : EIO);
    }
    return 0;
}

/* Copies the data, not the holes, between two files of this size. The target is all zeros. */
static int copy_data(int from_fd, int to_fd, uint64_t size_bytes)
{
    uint8_t *chunk = xmalloc(CHUNK_BYTES);
    uint64_t off = 0;
    int r = 0;

    errno = 0;
    while (r == 0 && off < size_bytes) {
        const off_t data = lseek(from_fd, (off_t)off, SEEK_DATA);
        ssize_t n;

        if (data < 0 && errno == ENXIO)
            break; /* a hole up to the end */
        if (data > 0)
            off = (uint64_t)data / BLOCK_BYTES * BLOCK_BYTES;
        if (off >= size_bytes)
            break;
        n = pread(from_fd, chunk, size_bytes - off < CHUNK_BYTES ? size_bytes - off : CHUNK_BYTES, (off_t)off);
        if (n <= 0)
            r = -(n < 0 ? errno : EIO);
        else
            r = write_blocks(to_fd, chunk, (size_t)n, off);
        off += n > 0 ? (uint64_t)n : 0;
    }
    free(chunk);
    return r;
}

int imagefile_load(const char *path, uint64_t *ret_bytes, struct error *err)
{
    const int from = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    off_t size;
    int to = -1, r = 0;

    if (from < 0)
        return error_set(err, errno, "open", path, NULL);
    size = lseek(from, 0, SEEK_END);
    if (fstat(from, &st) || size < 0)
        r = error_set(err, errno, "open", path, NULL);
    else if (S_ISDIR(st.st_mode))
        r = error_set(err, EISDIR, "open", path, NULL);
    else if (size == 0)
        r = error_set(err, EINVAL, "image", path, "is empty");
    if (r == 0) {
        to = memfd_create("tornpage-image", MFD_CLOEXEC);
        if (to < 0 || ftruncate(to, (size + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES))
            r = error_set(err, errno, "memfd_create", "image", NULL);
    }
    if (r == 0) {
        const int copied = copy_data(from, to, (uint64_t)size);
        r = copied < 0 ? error_set(err, -copied, "read", path, NULL) : 0;
    }
    close(from);
    if (r < 0) {
        if (to >= 0)
            close(to);
        return r;
    }
    *ret_bytes = (uint64_t)size;
    return to;
}

int imagefile_save(int fd, uint64_t size_bytes, const char *path, const char *const *inputs, struct error *err)
{
    struct output *o;
    int r = output_open(path, false, inputs, &o, err);

    if (r < 0)
        return r;
    const int to = fileno(output_file(o));

    r = ftruncate(to, (off_t)size_bytes) ? -errno : copy_data(fd, to, size_bytes);
    if (r < 0) {
        output_abandon(o);
        return error_set(err, -r, "write", path, NULL);
    }
    return output_commit(o, err);
}
