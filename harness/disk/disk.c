/* The bytes of a disk: see disk.h and disk_impl.h. */
#include "disk/disk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/size.h"
#include "disk/disk_impl.h"

enum { FEW_BLOCKS = 4096 }; /* changed; more of them are not copied one by one */

static void *map_shared(uint64_t n_bytes)
{
    void *p = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static void unmap(void *p, uint64_t n_bytes)
{
    if (p)
        munmap(p, n_bytes);
}

static uint64_t blocks(const struct disk *d)
{
    return d->size_bytes / BLOCK_BYTES;
}

static uint64_t shared_bytes(const struct disk *d)
{
    return sizeof *d->s + blocks(d) * sizeof d->s->changed[0];
}

/* Copies [from, to) of the image. */
static int copy_in(struct disk *d, off_t from, off_t to)
{
    while (from < to) {
        const ssize_t n = pread(d->base_fd, d->media + from, (size_t)(to - from), from);

        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        from += n;
    }
    return 0;
}

/* Copies the image, but for its holes. */
static int copy_image(struct disk *d)
{
    off_t from = 0, to;
    int r = 0;

    while (r == 0 && (from = lseek(d->base_fd, from, SEEK_DATA)) >= 0) {
        to = lseek(d->base_fd, from, SEEK_HOLE);
        r = copy_in(d, from, to);
        from = to;
    }
    return r;
}

int disk_new(int base_fd, unsigned sector, struct disk **ret, struct error *err)
{
    struct stat st;
    pthread_mutexattr_t attr;
    int r;

    assert(is_sector_size(sector));
    if (fstat(base_fd, &st))
        return error_set(err, errno, "fstat", "disk image", NULL);
    if (st.st_size <= 0 || st.st_size % BLOCK_BYTES)
        return error_set(err, EINVAL, "disk", "", "a disk of %lld bytes is not possible", (long long)st.st_size);

    struct disk *d = xcalloc(1, sizeof *d);
    d->base_fd = base_fd;
    d->size_bytes = (uint64_t)st.st_size;
    d->sector = sector;
    d->owner_pidfd = pidfd_open(getpid(), 0);
    d->s = map_shared(shared_bytes(d));
    d->media = map_shared(d->size_bytes);
    d->is_changed = map_shared(blocks(d));
    r = d->owner_pidfd < 0 || !d->s || !d->media || !d->is_changed ? -ENOMEM : copy_image(d);
    if (r < 0) {
        disk_free(d);
        return error_set(err, -r, "mmap", "disk", NULL);
    }
    d->s->log_fd = -1;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&d->s->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    *ret = d;
    return 0;
}

void disk_free(struct disk *d)
{
    if (!d)
        return;
    if (d->owner_pidfd >= 0)
        close(d->owner_pidfd);
    unmap(d->s, shared_bytes(d));
    unmap(d->media, d->size_bytes);
    unmap(d->is_changed, blocks(d));
    free(d);
}

uint64_t disk_size(const struct disk *d)
{
    return d->size_bytes;
}

unsigned disk_sector(const struct disk *d)
{
    return d->sector;
}

int disk_base(const struct disk *d)
{
    return d->base_fd;
}

uint64_t disk_errors(const struct disk *d)
{
    return d->s->n_errors;
}

/* Drops all contents, with the memory they take, and copies the image anew. */
static int reset_all(struct disk *d)
{
    if (madvise(d->media, d->size_bytes, MADV_REMOVE) || madvise(d->is_changed, blocks(d), MADV_REMOVE))
        return -errno;
    const int r = copy_image(d);
    if (r == 0)
        d->s->n_changed = 0;
    return r;
}

int disk_reset(struct disk *d)
{
    if (d->s->n_changed > FEW_BLOCKS)
        return reset_all(d);
    for (; d->s->n_changed; d->s->n_changed--) {
        const uint32_t block = d->s->changed[d->s->n_changed - 1];
        const off_t at = (off_t)block * BLOCK_BYTES;
        const int r = copy_in(d, at, at + BLOCK_BYTES);

        if (r < 0)
            return r;
        d->is_changed[block] = 0;
    }
    return 0;
}

static void note_change(struct disk *d, uint64_t off, uint64_t len_bytes)
{
    for (uint64_t b = off / BLOCK_BYTES; len_bytes && b <= (off + len_bytes - 1) / BLOCK_BYTES; b++)
        if (!d->is_changed[b]) {
            d->is_changed[b] = 1;
            d->s->changed[d->s->n_changed++] = (uint32_t)b;
        }
}

void disk_put(struct disk *d, uint64_t off, const uint8_t *src, uint64_t len_bytes)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE); /* madvise works on whole pages */

    note_change(d, off, len_bytes);
    if (src)
        memcpy(d->media + off, src, len_bytes);
    else if (off % page || len_bytes % page || madvise(d->media + off, len_bytes, MADV_REMOVE))
        memset(d->media + off, 0, len_bytes);
}

const uint8_t *disk_read(const struct disk *d, uint64_t off, uint64_t len_bytes)
{
    return off <= d->size_bytes && len_bytes <= d->size_bytes - off ? d->media + off : NULL;
}
