/*
 * The on-disk log of the kernel's dm-log-writes target (Documentation/admin-guide/device-mapper/log-writes.rst), which replay-log
 * and xfstests read: logs made elsewhere come in, recordings of ours go out.
 *
 * The format. Everything is little endian and counted in sectors of the log's own size. Sector 0 holds the super: magic, version,
 * number of entries, sector size. Then for each entry one sector with sector, nr_sectors, flags and data_len, the rest zeros; and
 * after it, for a write, nr_sectors of data. A discard has a length and no data. A mark has its text in the entry's own sector.
 *
 * The kernel logs a write when the next flush completes, behind which it then stands, and a FUA write or a mark at once. So a
 * write that stands before a flush had completed before that flush was sent: what our own log says, too (writelog.h), and the
 * same crash states follow from both. A mark in a log of the kernel's stands before writes that had completed and were not
 * flushed yet; they may be lost at that mark, which is what replaying to it shows.
 *
 * Files are not trusted: what a reader returns has been checked against the file's size and for overflow, and every error names
 * the byte where the log goes wrong.
 */
#ifndef TORNPAGE_DM_LOG_LOGWRITES_H
#define TORNPAGE_DM_LOG_LOGWRITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/writelog.h"

struct error;

#define LOGWRITES_MAGIC UINT64_C(0x6a736677736872)
enum { LOGWRITES_VERSION = 1, LOGWRITES_ENTRY_BYTES = 32, LOGWRITES_SECTOR_MIN = 512, LOGWRITES_SECTOR_MAX = 1 << 16 };

/* Flags of an entry on disk. */
enum {
    LOGWRITES_FLUSH = 1,
    LOGWRITES_FUA = 2,
    LOGWRITES_DISCARD = 4,
    LOGWRITES_MARK = 8,
    LOGWRITES_METADATA = 16, /* a hint of the file system's, of no consequence */
};

struct logwrites_entry {
    uint64_t index;    /* counted from 0 */
    uint64_t at;       /* byte of the file at which the entry begins, */
    uint64_t data_at;  /*   and its data */
    unsigned flags;    /* LOGWRITES_* */
    uint64_t off, len; /* bytes of the device; 0, 0 for a flush without data and for marks */
    const char *text;  /* of a mark, else ""; cut at a NUL; valid until the next call */
};

struct logwrites; /* a log being read */

/* Opens a log and checks its super. -EINVAL with the byte and the cause; or why it cannot be read. */
int logwrites_open(const char *path, struct logwrites **ret, struct error *err);
void logwrites_close(struct logwrites *l);
const char *logwrites_path(const struct logwrites *l);
unsigned logwrites_sector(const struct logwrites *l);
uint64_t logwrites_entries(const struct logwrites *l); /* that the super promises */
uint64_t logwrites_bytes(const struct logwrites *l);   /* of the file */
/* The next entry: 1; 0 behind the last; -EINVAL as above. After an error the reader is at its end. */
int logwrites_next(struct logwrites *l, struct logwrites_entry *ret, struct error *err);
void logwrites_rewind(struct logwrites *l); /* back to the first entry */
/* Reads bytes [skip, skip+len) of a write's data. */
int logwrites_data(struct logwrites *l, const struct logwrites_entry *e, uint64_t skip, void *dst, size_t len_bytes,
                   struct error *err);
/* Is the entry a write, with data behind it? */
static inline bool logwrites_is_write(const struct logwrites_entry *e)
{
    return e->len > 0 && !(e->flags & LOGWRITES_DISCARD);
}

/* Does it lie within a device of so many bytes? */
static inline bool logwrites_within(const struct logwrites_entry *e, uint64_t device_bytes)
{
    return e->off <= device_bytes && e->len <= device_bytes - e->off;
}
/* The error for an entry that does not: -EINVAL. */
int logwrites_beyond(const struct logwrites *l, const struct logwrites_entry *e, uint64_t device_bytes, struct error *err);

struct logwrites_writer; /* a log being written */

/*
 * Creates a log of this sector size: under a temporary name until it is finished. The sector is a power of two from 512 to 65536.
 */
int logwrites_create(const char *path, unsigned sector, struct logwrites_writer **ret, struct error *err);
/*
 * Appends. off and len in bytes, multiples of the sector size (-EINVAL); data: len bytes of a write, NULL for flush and discard.
 */
int logwrites_put(struct logwrites_writer *w, unsigned flags, uint64_t off, uint64_t len_bytes, const void *data,
                  struct error *err);
/* A text that does not fit a sector beside the entry is cut, as the kernel does. */
int logwrites_put_mark(struct logwrites_writer *w, const char *text, struct error *err);
/*
 * An entry of our own log: as what the disk did, not as what it answered. A flush that was ignored is left out, and so is a write
 * that was lost; an ignored FUA is none.
 */
int logwrites_put_entry(struct logwrites_writer *w, const struct writelog *log, uint64_t i, struct error *err);
/* Writes the super and gives the file its name. Frees w, also on failure; the file is then removed. */
int logwrites_finish(struct logwrites_writer *w, struct error *err);
void logwrites_abandon(struct logwrites_writer *w); /* removes what was written; NULL is fine */

/* A log read into memory, in the order of the file: entry i of `log` is entry first + i of the file. */
struct logwrites_loaded {
    struct writelog *log;
    uint64_t first;
    unsigned sector; /* of the file */
};

/*
 * Reads the entries from `first` on into memory, each checked to lie within a device of device_bytes. What stands before `first`
 * is written to the device's image `image_fd`, in order: nothing of it is in flight any more.
 */
int logwrites_load(struct logwrites *l, uint64_t first, int image_fd, uint64_t device_bytes, struct logwrites_loaded *ret,
                   struct error *err);

#endif
