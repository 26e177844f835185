/*
 * The recorded disk: reads, writes, flushes and discards, without the way in which requests arrive (fuse_disk.h). All its state
 * is in shared memory: one process serves requests, another starts and stops the recording. The disk begins as a copy of an
 * image. While it records, each request that changes it also goes to the write log, and the disk may be faulty (disk_faults.h).
 *
 * Crash states are shown by another kind of disk (states/crash_disk.h).
 */
#ifndef TORNPAGE_DISK_DISK_H
#define TORNPAGE_DISK_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/disk_faults.h"
#include "disk/writelog.h"

struct disk;
struct error;

/*
 * A disk with the contents and size of the image in memory file `base_fd`, whole blocks. base_fd stays the caller's, and open as
 * long as the disk lives. `sector`: the atomic unit, 512 or 4096 bytes. 0 or -errno.
 */
int disk_new(int base_fd, unsigned sector, struct disk **ret, struct error *err);
void disk_free(struct disk *d);
uint64_t disk_size(const struct disk *d);
unsigned disk_sector(const struct disk *d);
int disk_base(const struct disk *d);        /* base_fd */
uint64_t disk_errors(const struct disk *d); /* requests that were answered with an error, in any process */
/* Gives the disk the contents of the image again. Only while nothing is mounted. 0 or -errno. */
int disk_reset(struct disk *d);

/*
 * Requests, for the serving process, one at a time. disk_write, disk_flush and disk_discard return 0 or -errno: -EIO beyond the
 * end of the disk, for parts of sectors, or when the log cannot be reached. A full log is no error (writelog_overflowed).
 */
/* The bytes, valid until the next write; NULL beyond the end. */
const uint8_t *disk_read(const struct disk *d, uint64_t off, uint64_t len_bytes);
int disk_write(struct disk *d, uint64_t off, const void *src, uint64_t len_bytes, bool fua);
int disk_flush(struct disk *d);
int disk_discard(struct disk *d, uint64_t off, uint64_t len_bytes); /* the range reads as zero afterwards */

/*
 * Starts recording into `log`, with these faults (NULL: none); a NULL log stops. The log stays the caller's. A
 * request that is served meanwhile is recorded whole or not at all.
 */
void disk_record(struct disk *d, struct writelog *log, const struct disk_faults *faults);

/* The log that is recorded into; NULL: none. In the serving process, as of the last request. */
struct writelog *disk_recording(const struct disk *d);

#endif
