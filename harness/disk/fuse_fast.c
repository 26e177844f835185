/* Reads, writes and fsyncs of the disk's file, straight from the kernel's protocol: see fuse_fast.h. */
#include "disk/fuse_fast.h"

#include <errno.h>
#include <linux/fuse.h>
#include <sys/uio.h>

#include "disk/disk.h"
#include "disk/writelog.h"

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

/* Its operation, if it is whole and for this node; 0: it is not. */
static uint32_t opcode(uint64_t node, const struct fuse_request *r)
{
    const struct fuse_in_header *in = r->mem;

    return r->len_bytes >= sizeof *in && in->len == r->len_bytes && in->nodeid == node ? in->opcode : 0;
}

/* As fuse_fast_serve. */
static int answer(struct disk *d, uint64_t node, int fuse_fd, const struct fuse_request *r)
{
    const struct fuse_in_header *in = r->mem;
    const void *arg = in + 1;
    struct iovec iov;

    switch (opcode(node, r)) {
    case FUSE_READ:
        return r->len_bytes >= sizeof *in + sizeof(struct fuse_read_in) ? answer_read(d, fuse_fd, in, arg) : 0;
    case FUSE_WRITE:
        return r->len_bytes >= sizeof *in + sizeof(struct fuse_write_in) &&
                       r->len_bytes - sizeof *in - sizeof(struct fuse_write_in) == ((const struct fuse_write_in *)arg)->size
                   ? answer_write(d, fuse_fd, in, arg)
                   : 0;
    case FUSE_FSYNC:
        return reply(fuse_fd, in->unique, disk_flush(d), &iov, 1);
    default:
        return 0;
    }
}

static bool is_flush(const struct fuse_request *r)
{
    return opcode(((const struct fuse_in_header *)r->mem)->nodeid, r) == FUSE_FSYNC;
}

static int answer_flushes(struct disk *d, uint64_t node, struct fuse_queue *q)
{
    struct fuse_request r;
    int rc;

    while ((rc = fuse_queue_overtake(q, is_flush, &r)) == 1) {
        rc = answer(d, node, q->fd, &r);
        fuse_queue_recycle(q, &r);
        if (rc < 0)
            break;
    }
    return rc;
}

int fuse_fast_serve(struct disk *d, uint64_t node, struct fuse_queue *q, struct fuse_request *ret)
{
    struct writelog *log = disk_recording(d);

    if (log)
        writelog_ready(log);
    int r = fuse_queue_next(q, log != NULL, ret);
    if (r < 0)
        return r;
    const uint32_t op = opcode(node, ret);
    if (log && (op == FUSE_WRITE || op == FUSE_FALLOCATE))
        r = answer_flushes(d, node, q);
    if (r == 0)
        r = answer(d, node, q->fd, ret);
    if (r != 0)
        fuse_queue_recycle(q, ret);
    return r;
}
