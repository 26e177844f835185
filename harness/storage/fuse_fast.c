/* Reads, writes and fsyncs of the disk's file, straight from the kernel's protocol: see fuse_fast.h. */
#include "storage/fuse_fast.h"

#include <errno.h>
#include <linux/fuse.h>
#include <sys/uio.h>

#include "storage/disk.h"

/* One answer; iov[0] is left for the header. */
static int reply(int fuse_fd, uint64_t unique, int rc, struct iovec *iov, int n)
{
    struct fuse_out_header out = {.len = sizeof out, .error = rc, .unique = unique};

    iov[0] = (struct iovec){.iov_base = &out, .iov_len = sizeof out};
    for (int i = 1; i < n; i++)
        out.len += (uint32_t)iov[i].iov_len;
    const ssize_t sent = writev(fuse_fd, iov, n);
    iov[0].iov_base = NULL;
    /* ENOENT: the request was interrupted and is gone. */
    return sent < 0 && errno != ENOENT ? -errno : 1;
}

static int answer_read(const struct disk *d, int fuse_fd, const struct fuse_in_header *in, const struct fuse_read_in *r)
{
    const uint8_t *bytes = disk_read(d, r->offset, r->size);
    struct iovec iov[2] = {[1] = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = r->size}};

    return reply(fuse_fd, in->unique, bytes ? 0 : -EIO, iov, bytes ? 2 : 1);
}

static int answer_write(struct disk *d, int fuse_fd, const struct fuse_in_header *in, const struct fuse_write_in *w)
{
    struct fuse_write_out out = {.size = w->size};
    struct iovec iov[2] = {[1] = {.iov_base = &out, .iov_len = sizeof out}};
    const int rc = disk_write(d, w->offset, w + 1, w->size, false);

    return reply(fuse_fd, in->unique, rc, iov, rc < 0 ? 1 : 2);
}

int fuse_fast_answer(struct disk *d, uint64_t node, int fuse_fd, const void *request, size_t len_bytes)
{
    const struct fuse_in_header *in = request;
    const void *arg = in + 1;
    struct iovec iov;

    if (len_bytes < sizeof *in || in->len != len_bytes || in->nodeid != node)
        return 0;
    if (in->opcode == FUSE_READ && len_bytes >= sizeof *in + sizeof(struct fuse_read_in))
        return answer_read(d, fuse_fd, in, arg);
    if (in->opcode == FUSE_WRITE && len_bytes >= sizeof *in + sizeof(struct fuse_write_in) &&
        len_bytes - sizeof *in - sizeof(struct fuse_write_in) == ((const struct fuse_write_in *)arg)->size)
        return answer_write(d, fuse_fd, in, arg);
    if (in->opcode == FUSE_FSYNC)
        return reply(fuse_fd, in->unique, disk_flush(d), &iov, 1);
    return 0;
}
