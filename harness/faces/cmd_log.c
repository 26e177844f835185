/* tornpage log: shows, converts and replays write logs in the format of dm-log-writes. */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/utf8.h"
#include "device/imagefile.h"
#include "disk/writelog.h"
#include "dm_log/logmarks.h"
#include "dm_log/logwrites.h"
#include "faces/faces.h"
#include "report/text.h"
#include "states/crash_image.h"
#include "states/crash_states.h"

enum { LOG_LOG, LOG_OUTPUT, LOG_BASE, LOG_UPTO, LOG_SECTOR, LOG_OPTIONS };

static const struct face_option options[LOG_OPTIONS + 1] = {
    [LOG_LOG] = {"log", 'l', "FILE", "The log; may also be named after the verb."},
    [LOG_OUTPUT] = {"output", 'o', "FILE", "import, export, replay: where the result goes."},
    [LOG_BASE] =
        {"base", 'B', "IMAGE",
         "replay: the device's contents when the log began. show, import, export: entries beyond this image are errors."},
    [LOG_UPTO] = {"upto", 'u', "N|MARK",
                  "show, import, export, replay: only the first N entries, or those up to and including the first mark of this "
                  "name. If a mark's name is a number, the mark is meant. Default: all."},
    [LOG_SECTOR] = {"sector", 0, "BYTES",
                    "export: the sector size of the new log, a power of two from 512 to 65536. Default: 512."},
    [LOG_OPTIONS] = {NULL, 0, NULL, NULL},
};

struct request {
    const char *log, *output, *base, *upto, *sector;
};

/* An open log that was read once, without an error. */
struct subject {
    struct logwrites *log;
    struct logmarks marks;
    uint64_t upto;       /* entries to take */
    uint64_t base_bytes; /* size of the base image; 0: none was named */
    int base_fd;
};

static int fail(int rc, const struct error *err)
{
    char text[1024];

    fflush(stdout);
    fprintf(stderr, "tornpage: %s\n", error_text(err, text, sizeof text));
    return rc == -EINVAL || rc == -ENOENT || rc == -EACCES || rc == -EISDIR || rc == -E2BIG ? STATUS_USAGE : STATUS_BROKEN;
}

static int find_upto(struct subject *s, const char *upto, struct error *err)
{
    uint64_t n;
    struct error ignored;
    const struct logmark *mark = logmarks_find(&s->marks, upto, 0, &ignored);

    if (mark)
        s->upto = mark->index + 1;
    else if (!text_number(upto, 0, UINT64_MAX, &n))
        return logmarks_find(&s->marks, upto, 0, err) ? 0 : -EINVAL;
    else if (n > s->marks.n_entries)
        return error_set(err, EINVAL, "--upto", upto, "the log has only %" PRIu64 " entries", s->marks.n_entries);
    else
        s->upto = n;
    return 0;
}

static int check_places(struct subject *s, struct error *err)
{
    struct logwrites_entry e;
    int r;

    while ((r = logwrites_next(s->log, &e, err)) == 1)
        if (!logwrites_within(&e, s->base_bytes)) {
            r = logwrites_beyond(s->log, &e, s->base_bytes, err);
            break;
        }
    logwrites_rewind(s->log);
    return r;
}

static int subject_open(const struct request *q, struct subject *ret, struct error *err)
{
    int r;

    *ret = (struct subject){.base_fd = -1};
    r = logwrites_open(q->log, &ret->log, err);
    if (r == 0)
        r = logmarks_read(ret->log, &ret->marks, err);
    ret->upto = ret->marks.n_entries;
    if (r == 0 && q->upto)
        r = find_upto(ret, q->upto, err);
    if (r == 0 && q->base) {
        ret->base_fd = imagefile_load(q->base, &ret->base_bytes, err);
        r = ret->base_fd < 0 ? ret->base_fd : check_places(ret, err);
    }
    return r;
}

static void subject_close(struct subject *s)
{
    if (s->base_fd >= 0)
        close(s->base_fd);
    logmarks_free(&s->marks);
    logwrites_close(s->log);
}

static void show_entry(const struct logwrites_entry *e, unsigned sector)
{
    const char *op = e->flags & LOGWRITES_MARK ? "mark" : e->flags & LOGWRITES_DISCARD ? "discard" : e->len ? "write" : "flush";
    struct buf flags = {.data = NULL}, text = {.data = NULL};

    if ((e->flags & LOGWRITES_FLUSH) && e->len)
        buf_puts(&flags, ",flush");
    if (e->flags & LOGWRITES_FUA)
        buf_puts(&flags, ",fua");
    if (e->flags & LOGWRITES_METADATA)
        buf_puts(&flags, ",meta");
    if (e->len)
        printf("%8" PRIu64 "  %-7s  %-14s  %12" PRIu64 " %8" PRIu64, e->index, op, flags.len_bytes ? buf_text(&flags) + 1 : "-",
               e->off / sector, e->len / sector);
    else if (flags.len_bytes)
        printf("%8" PRIu64 "  %-7s  %s", e->index, op, buf_text(&flags) + 1);
    else
        printf("%8" PRIu64 "  %s", e->index, op);
    if (e->flags & LOGWRITES_MARK) {
        utf8_clean(&text, e->text);
        for (char *c = text.data; c && *c; c++) /* keeps to one line */
            *c = *c == '\n' || *c == '\t' ? ' ' : *c;
        printf("%*s%s", 44, "", buf_text(&text));
    }
    putchar('\n');
    buf_free(&flags);
    buf_free(&text);
}

static int show(const struct request *q, struct subject *s, struct error *err)
{
    struct logwrites_entry e;
    int r = 0;

    (void)q;
    printf("# %s: dm-log-writes version %d, %" PRIu64 " entries, %zu marks, sectors of %u bytes\n", q->log, LOGWRITES_VERSION,
           logwrites_entries(s->log), s->marks.n, logwrites_sector(s->log));
    puts("#  entry  op       flags                 sector  sectors  mark");
    for (uint64_t i = 0; i < s->upto && (r = logwrites_next(s->log, &e, err)) == 1; i++)
        show_entry(&e, logwrites_sector(s->log));
    return r < 0 ? r : 0;
}

/* Copies one entry to the new log; *data is a buffer for its data, which grows. */
static int copy_entry(struct subject *s, const struct logwrites_entry *e, struct logwrites_writer *w, uint8_t **data, size_t *cap,
                      struct error *err)
{
    const bool has_data = logwrites_is_write(e);
    int r = 0;

    if (e->flags & LOGWRITES_MARK)
        return logwrites_put_mark(w, e->text, err);
    if (has_data && e->len > *cap) {
        free(*data);
        *data = xmalloc(*cap = e->len);
    }
    if (has_data)
        r = logwrites_data(s->log, e, 0, *data, e->len, err);
    return r < 0 ? r : logwrites_put(w, e->flags & ~(unsigned)LOGWRITES_METADATA, e->off, e->len, has_data ? *data : NULL, err);
}

static int convert(const struct request *q, struct subject *s, struct error *err)
{
    const unsigned sector = q->sector ? (unsigned)strtoul(q->sector, NULL, 10) : LOGWRITES_SECTOR_MIN;
    struct logwrites_writer *w = NULL;
    struct logwrites_entry e;
    uint8_t *data = NULL;
    size_t cap = 0;
    int r = logwrites_create(q->output, sector, (const char *const[]){q->log, q->base, NULL}, &w, err);

    if (r < 0)
        return r;
    for (uint64_t i = 0; r == 0 && i < s->upto && (r = logwrites_next(s->log, &e, err)) == 1; i++)
        r = copy_entry(s, &e, w, &data, &cap, err);
    free(data);
    if (r < 0) {
        logwrites_abandon(w);
        return r;
    }
    return logwrites_finish(w, err);
}

/* Uses a crash image, so that the result is the prefix state that exploring would show. */
static int replay(const struct request *q, struct subject *s, struct error *err)
{
    struct logwrites_loaded loaded = {.log = NULL};
    struct crash_image *image = NULL;
    int fd = -1, r = logwrites_load(s->log, 0, s->base_fd, s->base_bytes, &loaded, err);

    if (r == 0)
        r = crash_image_new(s->base_fd, LOGWRITES_SECTOR_MIN, &image, err);
    if (r == 0) {
        const struct crash_state prefix = {.durable = s->upto, .cut = s->upto, .until = s->upto};

        r = crash_image_load(image, loaded.log, &prefix);
        if (r < 0)
            error_set(err, -r, "replay", q->log, "the image does not fit in memory");
    }
    if (r == 0) {
        fd = crash_image_snapshot(image);
        r = fd < 0 ? error_set(err, -fd, "replay", q->log, NULL)
                   : imagefile_save(fd, s->base_bytes, q->output, (const char *const[]){q->log, q->base, NULL}, err);
    }
    if (fd >= 0)
        close(fd);
    crash_image_free(image);
    writelog_free(loaded.log);
    return r;
}

static const struct verb {
    const char *name;
    bool output, base, sector; /* needs an output, needs a base, takes a sector size */
    int (*act)(const struct request *q, struct subject *s, struct error *err);
} verbs[] = {{"show", false, false, false, show},
             {"import", true, false, false, convert},
             {"export", true, false, true, convert},
             {"replay", true, true, false, replay}};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

static const struct verb *find_verb(const struct face *c, const char *name)
{
    const char *names[N_VERBS + 1] = {NULL};
    struct buf b = {.data = NULL};

    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
        names[i] = verbs[i].name;
    }
    text_choices(&b, name, names);
    usage_error(c, "a log cannot be '%s'%s", name, buf_text(&b));
    buf_free(&b);
    return NULL;
}

/* Checks that all options which the verb needs were given, and none that it does not take. */
static int check_request(const struct face *c, const struct verb *v, const struct request *q)
{
    uint64_t sector;

    if (!q->log)
        return usage_error(c, "log %s: which log?", v->name);
    if (v->output && !q->output)
        return usage_error(c, "log %s: --output is missing", v->name);
    if (!v->output && q->output)
        return usage_error(c, "log %s takes no --output", v->name);
    if (v->base && !q->base)
        return usage_error(c, "log %s: --base is missing", v->name);
    if (q->sector && !v->sector)
        return usage_error(c, "log %s takes no --sector", v->name);
    if (q->sector && (!text_number(q->sector, LOGWRITES_SECTOR_MIN, LOGWRITES_SECTOR_MAX, &sector) || (sector & (sector - 1))))
        return usage_error(c, "--sector %s: expected a power of two from 512 to 65536", q->sector);
    return 0;
}

static int run_command(const struct face *c, int argc, char **argv)
{
    struct request q = {.log = NULL};
    const char **const texts[LOG_OPTIONS] = {
        [LOG_LOG] = &q.log, [LOG_OUTPUT] = &q.output, [LOG_BASE] = &q.base, [LOG_UPTO] = &q.upto, [LOG_SECTOR] = &q.sector};
    const char *value = NULL;
    const struct verb *v;
    struct error err = {.code = 0};
    struct subject s;
    int option, rc;

    while ((option = option_next(c, argc, argv, &value)) >= 0)
        *texts[option] = value;
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_GOOD : STATUS_USAGE;
    if (optind >= argc)
        return usage_error(c, "what is to be done with the log? One of show, import, export, replay");
    v = find_verb(c, argv[optind++]);
    if (!v)
        return STATUS_USAGE;
    if (optind < argc && !q.log)
        q.log = argv[optind++];
    if (optind < argc)
        return usage_error(c, "log %s takes one log, but there is '%s' as well", v->name, argv[optind]);
    if (check_request(c, v, &q) != 0)
        return STATUS_USAGE;

    rc = subject_open(&q, &s, &err);
    if (rc == 0)
        rc = v->act(&q, &s, &err);
    subject_close(&s);
    return rc < 0 ? fail(rc, &err) : STATUS_GOOD;
}

static void words(char *const *before, int n, struct buf *out)
{
    (void)before;
    for (size_t i = 0; n == 0 && i < N_VERBS; i++)
        buf_printf(out, "%s\n", verbs[i].name);
}

static const struct face_status statuses[] = {
    {"0", "good"},
    {"2", "wrong usage, or a malformed log"},
    {"99", "broken"},
    {NULL, NULL},
};

const struct face face_log = {
    .name = "log",
    .args = "show|import|export|replay LOG",
    .summary = "Show, convert and replay write logs in the format of the kernel's dm-log-writes.",
    .about = "tornpage uses this format, too: 'tornpage run --log DIR' saves the write log of each power cut as DIR/NAME.log, "
             "with a mark where each step began and ended, and the image that the log starts from as DIR/NAME.base. So "
             "replay-log takes tornpage's logs as they are, and 'tornpage explore' takes those of others. For a disk that lies, "
             "the log has what it did: a flush that it ignored is not in the log.\n"
             "\n"
             "  show    one line an entry: number, operation, flags, first sector, sectors, mark\n"
             "  import  checks another program's log and writes it in tornpage's form: sectors of 512 bytes, no\n"
             "          METADATA hints, nothing after the last entry\n"
             "  export  the other way: the same log with larger sectors, for a device that has them\n"
             "  replay  writes the image that the device held after the first N entries or at a mark, as\n"
             "          replay-log --end-mark does. Every discard writes zeros here; replay-log skips those of\n"
             "          more than 128 MiB if the device cannot discard\n"
             "\n"
             "Logs are not trusted: a truncated log, or an entry that is out of bounds or makes no sense, is an error that names "
             "the byte.",
    .options = options,
    .statuses = statuses,
    .examples = "  tornpage log show fsx.log\n"
                "  tornpage log import /dev/sdb -o fsx.log\n"
                "  tornpage log replay --log fsx.log --base fsx.base --upto fsync-done -o crashed.img\n",
    .words = words,
    .run = run_command,
};
