/* Logs of dm-log-writes to and from memory: see logwrites.h. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/size.h"
#include "disk/writelog.h"
#include "dm_log/logwrites.h"

enum { CHUNK_BYTES = 1 << 20 };

/*
 * Each sector that a log writes or discards takes some 24 bytes when its crash states are enumerated (states/epochs.h). So a few
 * discards of a large device could take more memory than there is.
 */
#define MAX_SECTORS ((uint64_t)1 << 26)

int logwrites_beyond(const struct logwrites *l, const struct logwrites_entry *e, uint64_t device_bytes, struct error *err)
{
    return error_set(err, EINVAL, "log", logwrites_path(l),
                     "byte %" PRIu64 ": entry %" PRIu64 " goes from byte %" PRIu64 " to %" PRIu64
                     " of the device, but the base image has only %" PRIu64 "; is this the image of another device?",
                     e->at, e->index, e->off, e->off + e->len, device_bytes);
}

static int write_image(int fd, uint64_t off, const uint8_t *src, size_t len_bytes, struct error *err)
{
    while (len_bytes) {
        const ssize_t n = pwrite(fd, src, len_bytes, (off_t)off);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(err, n < 0 ? errno : EIO, "write", "image", NULL);
        src += n;
        off += (uint64_t)n;
        len_bytes -= (size_t)n;
    }
    return 0;
}

/* Applies the entry to the image. `chunk`: CHUNK_BYTES of scratch memory. */
static int apply(struct logwrites *l, const struct logwrites_entry *e, int image_fd, uint8_t *chunk, struct error *err)
{
    int r = 0;

    for (uint64_t done = 0, n; done < e->len && r == 0; done += n) {
        n = e->len - done < CHUNK_BYTES ? e->len - done : CHUNK_BYTES;
        if (logwrites_is_write(e))
            r = logwrites_data(l, e, done, chunk, n, err);
        else
            memset(chunk, 0, n);
        if (r == 0)
            r = write_image(image_fd, e->off + done, chunk, n, err);
    }
    return r;
}

static int append(struct logwrites *l, const struct logwrites_entry *e, struct writelog *log, uint8_t **data, size_t *cap,
                  struct error *err)
{
    const unsigned flags = (e->flags & LOGWRITES_FUA ? LOG_FUA : 0) | (e->flags & LOGWRITES_FLUSH ? LOG_FLUSH_FIRST : 0);
    int r = 0;

    if (e->flags & LOGWRITES_MARK)
        r = writelog_append(log, LOG_MARK, 0, 0, e->text, strlen(e->text));
    else if (e->flags & LOGWRITES_DISCARD)
        r = writelog_append(log, LOG_DISCARD, 0, e->off, NULL, e->len);
    else if (!e->len)
        r = writelog_append(log, LOG_FLUSH, 0, 0, NULL, 0);
    else {
        if (e->len > *cap) {
            free(*data);
            *data = xmalloc(*cap = e->len);
        }
        r = logwrites_data(l, e, 0, *data, e->len, err);
        if (r < 0)
            return r;
        r = writelog_append(log, LOG_WRITE, flags, e->off, *data, e->len);
    }
    return r < 0 ? error_set(err, -r, "log", logwrites_path(l), "no memory for the log") : 0;
}

int logwrites_load(struct logwrites *l, uint64_t first, int image_fd, uint64_t device_bytes, struct logwrites_loaded *ret,
                   struct error *err)
{
    /* The padding of data to 8 bytes fits, since each entry's own sector counts in the file's size, too. */
    struct writelog *log = writelog_new(logwrites_entries(l) + 1, logwrites_bytes(l) + 8);
    uint8_t *data = xmalloc(CHUNK_BYTES);
    size_t cap = CHUNK_BYTES;
    struct logwrites_entry e;
    uint64_t n_sectors = 0;
    int r = log ? 1 : error_set(err, ENOMEM, "log", logwrites_path(l), "no memory for the log");

    logwrites_rewind(l);
    while (r == 1 && (r = logwrites_next(l, &e, err)) == 1) {
        if (!logwrites_within(&e, device_bytes)) {
            r = logwrites_beyond(l, &e, device_bytes, err);
        } else if (e.index < first) {
            r = apply(l, &e, image_fd, data, err) < 0 ? -EIO : 1;
        } else if ((n_sectors += e.len / SECTOR_BYTES) > MAX_SECTORS) {
            r = error_set(err, E2BIG, "log", logwrites_path(l),
                          "byte %" PRIu64 ": up to entry %" PRIu64 " the log writes and discards more than %" PRIu64
                          " sectors; begin behind what fills the device (mkfs)",
                          e.at, e.index, MAX_SECTORS);
        } else {
            const int failed = append(l, &e, log, &data, &cap, err);
            r = failed < 0 ? failed : 1;
        }
    }
    free(data);
    if (r < 0) {
        writelog_free(log);
        return r;
    }
    *ret = (struct logwrites_loaded){.log = log, .first = first, .sector = logwrites_sector(l)};
    return 0;
}

/* A flush in front of a write, if the disk did it. */
static bool flushes_first(const struct log_entry *e)
{
    return (e->flags & LOG_FLUSH_FIRST) && !(e->flags & LOG_IGNORED);
}

bool logwrites_has_entry(const struct writelog *log, uint64_t i)
{
    const struct log_entry *e = writelog_entry(log, i);

    if (e->op == LOG_FLUSH)
        return !(e->flags & LOG_IGNORED);
    if (e->op == LOG_WRITE && e->flags & LOG_LOST) /* the flush in front of it was not lost */
        return flushes_first(e);
    return e->op == LOG_MARK || e->len > 0;
}

int logwrites_put_entry(struct logwrites_writer *w, const struct writelog *log, uint64_t i, struct error *err)
{
    const struct log_entry *e = writelog_entry(log, i);
    unsigned flags = flushes_first(e) ? LOGWRITES_FLUSH : 0;

    if (!logwrites_has_entry(log, i))
        return 0;
    switch ((enum log_op)e->op) {
    case LOG_FLUSH:
        return logwrites_put(w, LOGWRITES_FLUSH, 0, 0, NULL, err);
    case LOG_DISCARD:
        return logwrites_put(w, LOGWRITES_DISCARD, e->off, e->len, NULL, err);
    case LOG_MARK: {
        char *text = xmalloc(e->len + 1);

        memcpy(text, writelog_data(log, e), e->len);
        text[e->len] = '\0';
        const int r = logwrites_put_mark(w, text, err);
        free(text);
        return r;
    }
    case LOG_WRITE:
        break;
    }
    if (e->flags & LOG_LOST)
        return logwrites_put(w, flags, 0, 0, NULL, err);
    if ((e->flags & LOG_FUA) && !(e->flags & LOG_IGNORED))
        flags |= LOGWRITES_FUA;
    return logwrites_put(w, flags, e->off, e->len, writelog_data(log, e), err);
}
