/* Reads and writes of a given length: see full_io.h. */
#include "host/full_io.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

bool read_full(int fd, void *dst, size_t len_bytes)
{
    uint8_t *p = dst;

    while (len_bytes) {
        const ssize_t n = read(fd, p, len_bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len_bytes -= (size_t)n;
    }
    return true;
}

bool write_full(int fd, const void *src, size_t len_bytes)
{
    const uint8_t *p = src;

    while (len_bytes) {
        ssize_t n = send(fd, p, len_bytes, MSG_NOSIGNAL);

        if (n < 0 && errno == ENOTSOCK)
            n = write(fd, p, len_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len_bytes -= (size_t)n;
    }
    return true;
}

int pwrite_full(int fd, const void *src, uint64_t len_bytes, uint64_t off)
{
    const uint8_t *p = src;

    while (len_bytes) {
        const ssize_t n = pwrite(fd, p, len_bytes, (off_t)off);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        off += (uint64_t)n;
        len_bytes -= (uint64_t)n;
    }
    return 0;
}
