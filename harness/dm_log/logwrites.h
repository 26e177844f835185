/*
 * The on-disk log of the kernel's dm-log-writes target (Documentation/admin-guide/device-mapper/log-writes.rst), which replay-log
 * and xfstests read. Logs made elsewhere are read, and our own recordings are written in this format.
 *
 * The format. Everything is little endian and counted in sectors of the log's own size. Sector 0 is the super: magic, version,
 * number of entries, sector size. Each entry has one sector with sector, nr_sectors, flags and data_len, the rest zeros. For a
 * write, nr_sectors of data follow. A discard has a length and no data. A mark has its text in the entry's own sector.
 *
 * The kernel logs a write when the next flush completes, in front of that flush; a FUA write or a mark it logs at once. So a
 * write in front of a flush had completed before that flush was sent. This holds for our own log, too (disk/writelog.h), and both
 * have the same crash states. In a log of the kernel's, a mark stands in front of writes that had completed and were not flushed
 * yet. At that mark they may be lost, and a replay up to the mark shows them lost.
 *
 * Files are not trusted. Everything a reader returns has been checked against the file's size and for overflow, and every error
 * names the byte where the log goes wrong.
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
    LOGWRITES_METADATA = 16, /* a hint of the file system's, ignored */
};

struct logwrites_entry {
    uint64_t index;    /* counted from 0 */
    uint64_t at;       /* byte of the file at which the entry begins */
    uint64_t data_at;  /* byte of the file at which its data begins */
    unsigned flags;    /* LOGWRITES_* */
    uint64_t off, len; /* bytes of the device; 0, 0 for a flush without data and for a mark */
    const char *text;  /* of a mark, up to the first NUL, else ""; valid until the next call */
};

struct logwrites; /* a log being read */

/* Opens a log and checks its super. 0; -EINVAL when it is not a valid log; or why it cannot be read. */
int logwrites_open(const char *path, struct logwrites **ret, struct error *err);
void logwrites_close(struct logwrites *l);
const char *logwrites_path(const struct logwrites *l);
unsigned logwrites_sector(const struct logwrites *l);
uint64_t logwrites_entries(const struct logwrites *l); /* their number, according to the super */
uint64_t logwrites_bytes(const struct logwrites *l);   /* of the file */
/* The next entry. 1; 0 at the end; -EINVAL when the entry is not valid. After an error the reader is at its end. */
int logwrites_next(struct logwrites *l, struct logwrites_entry *ret, struct error *err);
void logwrites_rewind(struct logwrites *l); /* back to the first entry */
/* Reads bytes [skip, skip + len_bytes) of a write's data. 0 or -errno. */
int logwrites_data(struct logwrites *l, const struct logwrites_entry *e, uint64_t skip, void *dst, size_t len_bytes,
                   struct error *err);
/* Is the entry a write, with data behind it? */
static inline bool logwrites_is_write(const struct logwrites_entry *e)
{
    return e->len > 0 && !(e->flags & LOGWRITES_DISCARD);
}

/* Is the entry within a device of this size? */
static inline bool logwrites_within(const struct logwrites_entry *e, uint64_t device_bytes)
{
    return e->off <= device_bytes && e->len <= device_bytes - e->off;
}
/* Sets the error for an entry that is not: -EINVAL. */
int logwrites_beyond(const struct logwrites *l, const struct logwrites_entry *e, uint64_t device_bytes, struct error *err);

struct logwrites_writer; /* a log being written */

/*
 * Creates a log with this sector size, a power of two from LOGWRITES_SECTOR_MIN to LOGWRITES_SECTOR_MAX. What it may replace, and
 * when, is said in host/output.h. 0 or -errno.
 */
int logwrites_create(const char *path, unsigned sector, const char *const *inputs, struct logwrites_writer **ret,
                     struct error *err);
/*
 * Appends an entry. off and len_bytes are whole sectors of the log. data: len_bytes of a write, NULL for a flush or discard. 0;
 * -EINVAL when they are not whole sectors; or -errno.
 */
int logwrites_put(struct logwrites_writer *w, unsigned flags, uint64_t off, uint64_t len_bytes, const void *data,
                  struct error *err);
/* Appends a mark. A text that does not fit into the entry's sector is cut, as the kernel does. 0 or -errno. */
int logwrites_put_mark(struct logwrites_writer *w, const char *text, struct error *err);
/*
 * Appends an entry of our own log as what the disk did, not what it answered: without ignored flushes, lost writes and ignored
 * FUA. 0 or -errno.
 */
int logwrites_put_entry(struct logwrites_writer *w, const struct writelog *log, uint64_t i, struct error *err);
/* Does the disk's doing leave an entry at all? logwrites_put_entry appends one only then. */
bool logwrites_has_entry(const struct writelog *log, uint64_t i);
/* Writes the super and gives the file its name. Frees w. 0, or -errno: then there is no new file. */
int logwrites_finish(struct logwrites_writer *w, struct error *err);
void logwrites_abandon(struct logwrites_writer *w); /* frees w and drops the file; w may be NULL */

/* A log in memory: entry i of `log` is entry first + i of the file. */
struct logwrites_loaded {
    struct writelog *log;
    uint64_t first;
    unsigned sector; /* of the file */
};

/*
 * Reads the entries from `first` on into memory, and applies those before `first` to the device's image `image_fd`: they are
 * durable. All must be within the device_bytes of the device (-EINVAL). ret->log is the caller's to free. 0 or -errno.
 */
int logwrites_load(struct logwrites *l, uint64_t first, int image_fd, uint64_t device_bytes, struct logwrites_loaded *ret,
                   struct error *err);

#endif
