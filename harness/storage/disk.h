/*
 * The disk core: what a recorded disk does with reads, writes, flushes and discards, apart from how requests reach it (FUSE here;
 * NBD for guests later). It lives wholly in shared memory, so that the process that serves requests stays dumb, and the engine
 * reads the log and loads crash states directly while nothing is mounted.
 *
 * Three layers, each holding only blocks (4 KiB) that differ from the one below; a read takes the topmost:
 *   overlay  what the mounted file system wrote while a crash state was open; dropped by disk_reset
 *   state    what a crash state adds to the media; dropped by disk_reset
 *   base     the image: a sparse memory file, never written here
 * While recording, writes go to the overlay and to the write log.
 */
#ifndef TORNPAGE_STORAGE_DISK_H
#define TORNPAGE_STORAGE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/writelog.h"

struct disk;
struct error;
struct crash_state;
struct iovec;

/* What the disk does wrong on purpose, counted in writes since disk_record. Zero-initialised: an honest disk. */
struct disk_lies {
    bool ignore_flush;
    bool ignore_fua;
    uint64_t drop_nth, tear_nth, misdirect_nth, corrupt_nth; /* 1-based; 0: none */
};

/*
 * A disk over the image in memory file `base_fd` (its size is the disk's; a multiple of 4096). The caller keeps base_fd open.
 * `max_bytes` bounds the blocks held above the base (reserved, not committed). `sector`: the atomic unit, 512 or 4096.
 */
int disk_new(int base_fd, unsigned sector, uint64_t max_bytes, struct disk **ret, struct error *err);
void disk_free(struct disk *d);
uint64_t disk_size(const struct disk *d);
unsigned disk_sector(const struct disk *d);

/* What the serving process calls. All return 0 or -errno (-EIO, -ENOSPC when max_bytes is used up). Not for concurrent use. */
int disk_read(struct disk *d, uint64_t off, void *dst, uint64_t len_bytes);
/*
 * As disk_read, without copying: up to `cap` pieces of memory that hold the bytes until the next write. Returns how many, or
 * -errno.
 */
int disk_read_in_place(struct disk *d, uint64_t off, uint64_t len_bytes, struct iovec *pieces, int cap);
int disk_write(struct disk *d, uint64_t off, const void *src, uint64_t len_bytes, bool fua);
int disk_flush(struct disk *d);
int disk_discard(struct disk *d, uint64_t off, uint64_t len_bytes); /* the range reads as zero afterwards */

/* Starts recording into `log` (in shared memory) with these lies; NULL stops. Call while no request is in flight, or atomically.
 */
void disk_record(struct disk *d, struct writelog *log, const struct disk_lies *lies);

/* The log that is being recorded into; NULL: none. For the process that called disk_record. */
struct writelog *disk_recording(const struct disk *d);

/* Only while nothing is mounted: */
void disk_reset(struct disk *d);                                                        /* back to the base image */
int disk_load(struct disk *d, const struct writelog *log, const struct crash_state *s); /* reset, then this crash state */
/* Copies the media as a reader sees it now into a new memory file (sparse); returns the descriptor or -errno. */
int disk_snapshot(struct disk *d);

/*
 * For pruning: what was read before it was written since the last reset or load. A note names sectors of one 4 KiB block: bit i
 * of `sectors` is its i-th 512 bytes.
 */
struct disk_note {
    uint32_t block;
    uint8_t sectors;
};
/* Notes in the order of the first reads. A block may have several, each for other sectors. */
const struct disk_note *disk_reads(const struct disk *d, size_t *ret_n);
/* Drops the overlay, so that the crash state alone is seen again, and keeps the notes. Only while nothing is mounted. */
void disk_drop_overlay(struct disk *d);
/* A hash of what these sectors hold now. */
uint64_t disk_hash(const struct disk *d, struct disk_note what);

#endif
