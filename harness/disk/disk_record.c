/*
 * The requests that a disk records: writes, flushes and discards, with the faults (disk_faults.h). The log entry is appended
 * before the request is answered. Each fault is marked in the log:
 *
 * - ignore_flush: the flush carries LOG_IGNORED. It makes nothing durable.
 *
 * - ignore_fua: a FUA write carries LOG_IGNORED. A loop device never sends FUA: the kernel makes of a FUA write the write and a
 *   flush behind it. So a flush with exactly one write since the flush before it is taken for that FUA, and carries LOG_IGNORED.
 *
 * - ignore_discard: LOG_LOST. A loop device passes on a discard and a request to write zeros as the same call, so both are
 * ignored. File systems may not rely on what a discarded block reads as, but on zeros they do.
 *
 * - drop: LOG_LOST. The write is answered; neither later reads nor crash states have it.
 *
 * - tear: LOG_ALTERED. The first half is written, the rest keeps what was there.
 *
 * - misdirect: LOG_MOVED. The write lands right behind its place, or right before it at the end of the disk.
 *
 * - corrupt: LOG_ALTERED. One 8-byte word in the middle arrives inverted.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/size.h"
#include "disk/disk_impl.h"

static void lock(struct disk *d)
{
    /* The other process died while it held the lock. Without it the volume cannot go on anyway. */
    if (pthread_mutex_lock(&d->s->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&d->s->lock);
}

static void unlock(struct disk *d)
{
    pthread_mutex_unlock(&d->s->lock);
}

void disk_record(struct disk *d, struct writelog *log, const struct disk_faults *faults)
{
    lock(d);
    d->s->generation++;
    d->s->log_fd = log ? writelog_fd(log) : -1;
    d->s->faults = faults ? *faults : (struct disk_faults){.ignore_flush = false};
    d->s->n_writes = d->s->n_epoch_writes = 0;
    d->log = log;
    d->log_attached = false;
    d->log_generation = d->s->generation;
    unlock(d);
}

struct writelog *disk_recording(const struct disk *d)
{
    return d->log;
}

/* The log, attached in this process; NULL when nothing is recorded. The lock is held. */
static int current_log(struct disk *d, struct writelog **ret)
{
    if (d->log_generation != d->s->generation) {
        if (d->log_attached)
            writelog_free(d->log);
        d->log = NULL;
        d->log_attached = false;
        if (d->s->log_fd >= 0) {
            const int fd = pidfd_getfd(d->owner_pidfd, d->s->log_fd, 0);

            d->log = fd < 0 ? NULL : writelog_attach(fd);
            if (!d->log) {
                if (fd >= 0)
                    close(fd);
                return -EIO;
            }
            d->log_attached = true;
        }
        d->log_generation = d->s->generation;
    }
    *ret = d->log;
    return 0;
}

/* A full log notes that it overflowed, and the disk goes on: users of the log must ask (writelog_overflowed). */
static void append(struct writelog *log, enum log_op op, unsigned flags, uint64_t off, const void *data, uint64_t len_bytes)
{
    const int r = writelog_append(log, op, flags, off, data, len_bytes);

    assert(r == 0 || r == -ENOSPC);
    (void)r;
}

static uint64_t moved_to(const struct disk *d, uint64_t off, uint64_t len_bytes)
{
    if (len_bytes <= d->size_bytes - (off + len_bytes))
        return off + len_bytes;
    return off >= len_bytes ? off - len_bytes : off;
}

/* A copy of the write as it reaches the media: `tear`: the second half of its one sector is old; else eight bytes are inverted.
 */
static uint8_t *alter(const struct disk *d, bool tear, uint64_t off, const uint8_t *src, uint64_t len_bytes)
{
    uint8_t *copy = xmalloc(len_bytes);
    const uint64_t half = len_bytes / 2 / 8 * 8;

    memcpy(copy, src, len_bytes);
    if (tear)
        memcpy(copy + half, d->media + off + half, len_bytes - half);
    else
        for (uint64_t i = half; i < half + 8; i++)
            copy[i] = (uint8_t)~copy[i];
    return copy;
}

/* A write while recording: applies the fault that is due, and logs what reached the media. The lock is held. */
static void write_recorded(struct disk *d, struct writelog *log, uint64_t off, const uint8_t *src, uint64_t len_bytes, bool fua)
{
    struct disk_shared *s = d->s;
    const uint64_t nth = ++s->n_writes;
    unsigned flags = fua ? LOG_FUA : 0;
    uint8_t *altered = NULL;

    s->n_epoch_writes++;
    if (fua && s->faults.ignore_fua)
        flags |= LOG_IGNORED;
    if (nth == s->faults.drop_nth)
        flags |= LOG_LOST;
    if (nth == s->faults.misdirect_nth) {
        flags |= LOG_MOVED;
        off = moved_to(d, off, len_bytes);
    }
    if (nth == s->faults.tear_nth && len_bytes >= 2 * SECTOR_BYTES) {
        flags |= LOG_ALTERED;
        len_bytes = len_bytes / (2 * SECTOR_BYTES) * SECTOR_BYTES; /* the rest does not reach the media */
    } else if (nth == s->faults.tear_nth || nth == s->faults.corrupt_nth) {
        flags |= LOG_ALTERED;
        altered = alter(d, nth == s->faults.tear_nth, off, src, len_bytes);
        src = altered;
    }
    if (!(flags & LOG_LOST))
        disk_put(d, off, src, len_bytes);
    append(log, LOG_WRITE, flags, off, src, len_bytes);
    free(altered);
}

/* Whole sectors, and all of them on the disk? */
static bool is_possible(const struct disk *d, uint64_t off, uint64_t len_bytes)
{
    return off % SECTOR_BYTES == 0 && len_bytes % SECTOR_BYTES == 0 && off <= d->size_bytes && len_bytes <= d->size_bytes - off;
}

/* Counts an error. The lock is held. */
static int answered(struct disk *d, int r)
{
    d->s->n_errors += r < 0;
    return r;
}

int disk_write(struct disk *d, uint64_t off, const void *src, uint64_t len_bytes, bool fua)
{
    struct writelog *log;
    int r;

    lock(d);
    r = answered(d, is_possible(d, off, len_bytes) ? current_log(d, &log) : -EIO);
    if (r == 0 && log)
        write_recorded(d, log, off, src, len_bytes, fua);
    else if (r == 0)
        disk_put(d, off, src, len_bytes);
    unlock(d);
    return r;
}

int disk_flush(struct disk *d)
{
    struct writelog *log;
    int r;

    lock(d);
    r = answered(d, current_log(d, &log));
    if (r == 0 && log) {
        const struct disk_faults *faults = &d->s->faults;
        const bool ignored = faults->ignore_flush || (faults->ignore_fua && d->s->n_epoch_writes == 1);

        append(log, LOG_FLUSH, ignored ? LOG_IGNORED : 0, 0, NULL, 0);
        d->s->n_epoch_writes = 0;
    }
    unlock(d);
    return r;
}

int disk_discard(struct disk *d, uint64_t off, uint64_t len_bytes)
{
    struct writelog *log;
    int r;

    lock(d);
    r = answered(d, is_possible(d, off, len_bytes) ? current_log(d, &log) : -EIO);
    const bool ignored = r == 0 && log && d->s->faults.ignore_discard;

    if (r == 0 && !ignored)
        disk_put(d, off, NULL, len_bytes);
    if (r == 0 && log)
        append(log, LOG_DISCARD, ignored ? LOG_LOST : 0, off, NULL, len_bytes);
    unlock(d);
    return r;
}
