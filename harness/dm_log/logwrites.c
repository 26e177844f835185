/* Reads and writes logs in the format of dm-log-writes: see logwrites.h. */
#include "dm_log/logwrites.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "host/output.h"

enum { SUPER_BYTES = 28, ALL_FLAGS = 31 };

/* Numbers as on disk. The fields of the super and of an entry are at the bytes 0, 8, 16 and 24. */
static uint64_t get64(const uint8_t *p)
{
    uint64_t x;

    memcpy(&x, p, sizeof x);
    return le64toh(x);
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t x;

    memcpy(&x, p, sizeof x);
    return le32toh(x);
}

static void put64(uint8_t *p, uint64_t x)
{
    x = htole64(x);
    memcpy(p, &x, sizeof x);
}

static bool good_sector(uint64_t sector)
{
    return sector >= LOGWRITES_SECTOR_MIN && sector <= LOGWRITES_SECTOR_MAX && (sector & (sector - 1)) == 0;
}

/* ---- reading ---- */

struct logwrites {
    int fd;
    char *path;
    uint64_t file_bytes, n_entries;
    uint64_t index, at; /* of the next entry */
    unsigned sector;
    uint8_t *head; /* the entry's sector, with a NUL behind it */
};

/* Reads len_bytes; -EINVAL when the file has become shorter than it was. */
static int read_at(const struct logwrites *l, uint64_t at, void *dst, size_t len_bytes, struct error *err)
{
    uint8_t *p = dst;

    while (len_bytes) {
        const ssize_t n = pread(l->fd, p, len_bytes, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(err, errno, "read", l->path, "byte %" PRIu64 ": %s", at, strerror(errno));
        if (n == 0)
            return error_set(err, EINVAL, "log", l->path, "byte %" PRIu64 ": the file ends", at);
        p += n;
        at += (uint64_t)n;
        len_bytes -= (size_t)n;
    }
    return 0;
}

static int check_super(struct logwrites *l, struct error *err)
{
    uint8_t super[SUPER_BYTES];
    uint32_t sector;
    int r;

    if (l->file_bytes < sizeof super)
        return error_set(err, EINVAL, "log", l->path, "byte %" PRIu64 ": the file ends within the super, which has %d bytes",
                         l->file_bytes, SUPER_BYTES);
    r = read_at(l, 0, super, sizeof super, err);
    if (r < 0)
        return r;
    if (get64(super) != LOGWRITES_MAGIC)
        return error_set(err, EINVAL, "log", l->path,
                         "byte 0: this is no log of dm-log-writes: the magic is 0x%" PRIx64 ", expected 0x%" PRIx64, get64(super),
                         LOGWRITES_MAGIC);
    if (get64(super + 8) != LOGWRITES_VERSION)
        return error_set(err, EINVAL, "log", l->path, "byte 8: version %" PRIu64 ", but only version %d is known",
                         get64(super + 8), LOGWRITES_VERSION);
    sector = get32(super + 24);
    if (!good_sector(sector))
        return error_set(err, EINVAL, "log", l->path, "byte 24: the sector size is %u, expected a power of two from %d to %d",
                         sector, LOGWRITES_SECTOR_MIN, LOGWRITES_SECTOR_MAX);
    l->sector = sector;
    l->n_entries = get64(super + 16);
    /* Every entry has a sector of its own. */
    if (l->n_entries > l->file_bytes / sector)
        return error_set(err, EINVAL, "log", l->path,
                         "byte 16: %" PRIu64 " entries are promised, but the file's %" PRIu64
                         " bytes have no room for them; is it truncated?",
                         l->n_entries, l->file_bytes);
    return 0;
}

int logwrites_open(const char *path, struct logwrites **ret, struct error *err)
{
    struct logwrites *l = xcalloc(1, sizeof *l);
    struct stat st;
    off_t end;
    int r = 0;

    l->path = xstrdup(path);
    l->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (l->fd < 0)
        r = error_set(err, errno, "open", path, NULL);
    else if (fstat(l->fd, &st) == 0 && S_ISDIR(st.st_mode))
        r = error_set(err, EISDIR, "open", path, NULL);
    else if ((end = lseek(l->fd, 0, SEEK_END)) < 0) /* works for a log device as well */
        r = error_set(err, errno, "lseek", path, NULL);
    else
        l->file_bytes = (uint64_t)end;
    if (r == 0)
        r = check_super(l, err);
    if (r < 0) {
        logwrites_close(l);
        return r;
    }
    l->head = xmalloc(l->sector + 1U);
    logwrites_rewind(l);
    *ret = l;
    return 0;
}

void logwrites_close(struct logwrites *l)
{
    if (!l)
        return;
    if (l->fd >= 0)
        close(l->fd);
    free(l->head);
    free(l->path);
    free(l);
}

const char *logwrites_path(const struct logwrites *l)
{
    return l->path;
}

unsigned logwrites_sector(const struct logwrites *l)
{
    return l->sector;
}

uint64_t logwrites_entries(const struct logwrites *l)
{
    return l->n_entries;
}

uint64_t logwrites_bytes(const struct logwrites *l)
{
    return l->file_bytes;
}

void logwrites_rewind(struct logwrites *l)
{
    l->index = 0;
    l->at = l->sector;
}

/* Why the entry is none of write, flush, write behind a flush, discard and mark; NULL: it is one. */
static const char *wrong_kind(uint64_t flags, uint64_t n_sectors)
{
    if (flags & ~(uint64_t)ALL_FLAGS)
        return "has unknown flags";
    if ((flags & LOGWRITES_MARK) && (flags & (LOGWRITES_FLUSH | LOGWRITES_FUA | LOGWRITES_DISCARD)))
        return "is a mark and something else";
    if ((flags & LOGWRITES_MARK) && n_sectors)
        return "is a mark with sectors";
    if ((flags & LOGWRITES_DISCARD) && (flags & (LOGWRITES_FLUSH | LOGWRITES_FUA)))
        return "is a discard and a flush or FUA";
    if (!n_sectors && !(flags & (LOGWRITES_FLUSH | LOGWRITES_MARK)))
        return "does nothing";
    return NULL;
}

/* Why the private data cannot be; NULL: it can. A mark has it in the entry's sector; of a write (DAX) it is the data. */
static const char *wrong_data_len(const struct logwrites *l, uint64_t flags, uint64_t len, uint64_t data_len)
{
    if (flags & LOGWRITES_MARK)
        return data_len > l->sector - LOGWRITES_ENTRY_BYTES ? "is a mark whose text does not fit its sector" : NULL;
    return data_len > (flags & LOGWRITES_DISCARD ? 0 : len) ? "has more private data than sectors" : NULL;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static int bad_entry(struct logwrites *l, struct error *err, const char *why)
{
    const uint64_t index = l->index, at = l->at;

    l->index = l->n_entries;
    return error_set(err, EINVAL, "log", l->path,
                     "byte %" PRIu64 ": entry %" PRIu64 " %s (sector 0x%" PRIx64 ", nr_sectors 0x%" PRIx64 ", flags 0x%" PRIx64
                     ", data_len 0x%" PRIx64 ")",
                     at, index, why, get64(l->head), get64(l->head + 8), get64(l->head + 16), get64(l->head + 24));
}

int logwrites_next(struct logwrites *l, struct logwrites_entry *ret, struct error *err)
{
    uint64_t sector, n_sectors, flags, data_len, len;
    const char *why;
    int r;

    if (l->index >= l->n_entries)
        return 0;
    assert(l->at <= l->file_bytes);
    if (l->file_bytes - l->at < l->sector) {
        const uint64_t index = l->index;

        l->index = l->n_entries;
        return error_set(err, EINVAL, "log", l->path,
                         "byte %" PRIu64 ": entry %" PRIu64 " of %" PRIu64 " begins here, but the file ends at byte %" PRIu64,
                         l->at, index, l->n_entries, l->file_bytes);
    }
    r = read_at(l, l->at, l->head, l->sector, err);
    if (r < 0) {
        l->index = l->n_entries;
        return r;
    }
    sector = get64(l->head);
    n_sectors = get64(l->head + 8);
    flags = get64(l->head + 16);
    data_len = get64(l->head + 24);
    if (all_zero(l->head, LOGWRITES_ENTRY_BYTES))
        return bad_entry(l, err, "is all zeros: the log was not written up to here");
    why = wrong_kind(flags, n_sectors);
    if (why)
        return bad_entry(l, err, why);
    /* No device reaches beyond 2^63 bytes, and off_t does not. */
    const uint64_t max_sectors = (uint64_t)INT64_MAX / l->sector;

    if (n_sectors > max_sectors || sector > max_sectors - n_sectors)
        return bad_entry(l, err, "goes beyond what a device can have");
    len = n_sectors * l->sector;
    why = wrong_data_len(l, flags, len, data_len);
    if (why)
        return bad_entry(l, err, why);
    if (!(flags & LOGWRITES_MARK) && !all_zero(l->head + LOGWRITES_ENTRY_BYTES, l->sector - LOGWRITES_ENTRY_BYTES))
        return bad_entry(l, err, "is not followed by zeros: this is no entry");
    if (!(flags & LOGWRITES_DISCARD) && len > l->file_bytes - l->at - l->sector)
        return bad_entry(l, err, "has more data than the file: it is truncated, or the length is wrong");

    l->head[LOGWRITES_ENTRY_BYTES + (flags & LOGWRITES_MARK ? data_len : 0)] = '\0';
    *ret = (struct logwrites_entry){.index = l->index++,
                                    .at = l->at,
                                    .data_at = l->at + l->sector,
                                    .flags = (unsigned)flags,
                                    .off = n_sectors ? sector * l->sector : 0,
                                    .len = len,
                                    .text = (const char *)l->head + LOGWRITES_ENTRY_BYTES};
    l->at += l->sector + (flags & LOGWRITES_DISCARD ? 0 : len);
    return 1;
}

int logwrites_data(struct logwrites *l, const struct logwrites_entry *e, uint64_t skip, void *dst, size_t len_bytes,
                   struct error *err)
{
    assert(logwrites_is_write(e) && skip <= e->len && len_bytes <= e->len - skip);
    return read_at(l, e->data_at + skip, dst, len_bytes, err);
}

/* ---- writing ---- */

struct logwrites_writer {
    struct output *output;
    FILE *out; /* its file */
    char *path;
    unsigned sector;
    uint64_t n_entries;
    uint8_t *head; /* one sector */
};

static int write_failed(const struct logwrites_writer *w, struct error *err)
{
    return error_set(err, errno ? errno : EIO, "write", w->path, NULL);
}

static int write_head(struct logwrites_writer *w, struct error *err)
{
    return fwrite(w->head, w->sector, 1, w->out) == 1 ? 0 : write_failed(w, err);
}

/* The first sector. It is written again at the end, when the number of entries is known. */
static int write_super(struct logwrites_writer *w, struct error *err)
{
    memset(w->head, 0, w->sector);
    put64(w->head, LOGWRITES_MAGIC);
    put64(w->head + 8, LOGWRITES_VERSION);
    put64(w->head + 16, w->n_entries);
    put64(w->head + 24, w->sector);
    return write_head(w, err);
}

int logwrites_create(const char *path, unsigned sector, const char *const *inputs, struct logwrites_writer **ret,
                     struct error *err)
{
    struct output *output;
    int r = output_open(path, false, inputs, &output, err);

    assert(good_sector(sector));
    if (r < 0)
        return r;
    struct logwrites_writer *w = xcalloc(1, sizeof *w);

    *w = (struct logwrites_writer){.output = output, .out = output_file(output), .path = xstrdup(path), .sector = sector};
    w->head = xmalloc(sector);
    r = write_super(w, err);
    if (r < 0) {
        logwrites_abandon(w);
        return r;
    }
    *ret = w;
    return 0;
}

static int put_head(struct logwrites_writer *w, unsigned flags, uint64_t off, uint64_t len_bytes, const char *text,
                    struct error *err)
{
    const size_t room = w->sector - LOGWRITES_ENTRY_BYTES - 1, text_len = strnlen(text, room);

    memset(w->head, 0, w->sector);
    put64(w->head, off / w->sector);
    put64(w->head + 8, len_bytes / w->sector);
    put64(w->head + 16, flags);
    put64(w->head + 24, text_len);
    memcpy(w->head + LOGWRITES_ENTRY_BYTES, text, text_len);
    w->n_entries++;
    return write_head(w, err);
}

int logwrites_put(struct logwrites_writer *w, unsigned flags, uint64_t off, uint64_t len_bytes, const void *data,
                  struct error *err)
{
    int r;

    assert(!(flags & LOGWRITES_MARK) && (!data || !(flags & LOGWRITES_DISCARD)));
    assert((data != NULL) == (len_bytes > 0 && !(flags & LOGWRITES_DISCARD)));
    if (off % w->sector || len_bytes % w->sector)
        return error_set(err, EINVAL, "log", w->path,
                         "entry %" PRIu64 ", bytes %" PRIu64 "+%" PRIu64 " of the device, is not aligned to sectors of %u",
                         w->n_entries, off, len_bytes, w->sector);
    r = put_head(w, flags, off, len_bytes, "", err);
    return r == 0 && data && fwrite(data, len_bytes, 1, w->out) != 1 ? write_failed(w, err) : r;
}

int logwrites_put_mark(struct logwrites_writer *w, const char *text, struct error *err)
{
    return put_head(w, LOGWRITES_MARK, 0, 0, text, err);
}

int logwrites_finish(struct logwrites_writer *w, struct error *err)
{
    int r;

    errno = 0;
    r = fseek(w->out, 0, SEEK_SET) ? write_failed(w, err) : write_super(w, err);
    if (r == 0) {
        r = output_commit(w->output, err);
        w->output = NULL;
    }
    logwrites_abandon(w);
    return r;
}

void logwrites_abandon(struct logwrites_writer *w)
{
    if (!w)
        return;
    output_abandon(w->output);
    free(w->path);
    free(w->head);
    free(w);
}
