/*
 * The disk core: what a recorded disk does with reads, writes, flushes and discards, apart from how requests reach it (FUSE here;
 * NBD for guests later). It lives wholly in shared memory, so that the process that serves requests stays dumb. It begins as a
 * copy of an image, and while recording each write goes to the write log too. Crash states are shown elsewhere (crash_disk.h).
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
 * A disk that holds the image in memory file `base_fd` (its size is the disk's; a multiple of 4096). The caller keeps base_fd
 * open. `sector`: the atomic unit, 512 or 4096.
 */
int disk_new(int base_fd, unsigned sector, struct disk **ret, struct error *err);
void disk_free(struct disk *d);
uint64_t disk_size(const struct disk *d);
unsigned disk_sector(const struct disk *d);
int disk_base(const struct disk *d); /* base_fd */
/* Holds the image again. Only while nothing is mounted. 0 or -errno. */
int disk_reset(struct disk *d);

/* What the serving process calls. All return 0 or -errno (-EIO beyond the end). Not for concurrent use. */
/* The bytes as they are until the next write; NULL beyond the end. */
const uint8_t *disk_read(const struct disk *d, uint64_t off, uint64_t len_bytes);
int disk_write(struct disk *d, uint64_t off, const void *src, uint64_t len_bytes, bool fua);
int disk_flush(struct disk *d);
int disk_discard(struct disk *d, uint64_t off, uint64_t len_bytes); /* the range reads as zero afterwards */

/* Starts recording into `log` (in shared memory), with these faults; a NULL log stops. Call while no request is in flight. */
void disk_record(struct disk *d, struct writelog *log, const struct disk_faults *faults);

/* The log that is being recorded into; NULL: none. For the process that called disk_record. */
struct writelog *disk_recording(const struct disk *d);

#endif
