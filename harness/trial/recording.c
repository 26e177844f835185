/* Recordings for others: see recording.h. */
#include "trial/recording.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "device/imagefile.h"
#include "disk/disk.h"
#include "disk/writelog.h"
#include "dm_log/logwrites.h"
#include "host/files.h"
#include "states/crash_image.h"

/* A moment of the history: `seq` orders those at one position. */
struct moment_mark {
    uint64_t pos, seq;
    const struct event *event;
    bool end;
};

static int by_time(const void *a, const void *b)
{
    const struct moment_mark *x = a, *y = b;

    if (x->pos != y->pos)
        return x->pos < y->pos ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool is_step(const struct event *e)
{
    return e->lane != HISTORY_LANE_HARNESS;
}

/* The marks in the order of time; *ret is malloced. */
static size_t list_marks(const struct recording *r, struct moment_mark **ret)
{
    const uint32_t n = atomic_load(&r->history->n_events);
    struct moment_mark *v = xcalloc(2 * (size_t)n + 1, sizeof *v);
    size_t n_marks = 0;

    for (uint32_t i = 0; i < n; i++) {
        const struct event *e = &r->history->events[i];

        if (e->begin_seq == 0 || (is_step(e) && r->plan->steps[e->step].setup))
            continue;
        if (e->step != HISTORY_STEP_START)
            v[n_marks++] = (struct moment_mark){.pos = e->begin_pos, .seq = e->begin_seq, .event = e};
        if (e->end_seq != HISTORY_NEVER)
            v[n_marks++] = (struct moment_mark){.pos = e->end_pos, .seq = e->end_seq, .event = e, .end = true};
    }
    qsort(v, n_marks, sizeof *v, by_time);
    *ret = v;
    return n_marks;
}

static int put_mark(struct logwrites_writer *w, const struct moment_mark *m, struct error *err)
{
    const struct event *e = m->event;
    struct buf text = {.data = NULL};
    int r;

    if (is_step(e))
        buf_printf(&text, "step %u %s", e->step + 1, !m->end ? "begin" : e->err || e->signo ? "failed" : "end");
    else if (e->step == HISTORY_STEP_START)
        buf_puts(&text, "start");
    else
        buf_printf(&text, "unmount %s", m->end ? "end" : "begin");
    r = logwrites_put_mark(w, buf_text(&text), err);
    buf_free(&text);
    return r;
}

static int save_log(const struct recording *r, const char *path, struct error *err)
{
    const uint64_t length = writelog_length(r->log);
    struct logwrites_writer *w = NULL;
    struct moment_mark *marks = NULL;
    size_t n_marks, m = 0;
    int rc = logwrites_create(path, LOGWRITES_SECTOR_MIN, NULL, &w, err);

    if (rc < 0)
        return rc;
    n_marks = list_marks(r, &marks);
    for (uint64_t i = r->from; rc == 0 && i <= length; i++) {
        /* A position is how many entries came before. */
        for (; rc == 0 && m < n_marks && marks[m].pos <= i; m++)
            rc = put_mark(w, &marks[m], err);
        if (rc == 0 && i < length)
            rc = logwrites_put_entry(w, r->log, i, err);
    }
    free(marks);
    if (rc < 0) {
        logwrites_abandon(w);
        return rc;
    }
    return logwrites_finish(w, err);
}

void recording_number(const struct recording *r, struct log_numbers *ret)
{
    const uint64_t length = writelog_length(r->log);
    struct moment_mark *marks = NULL;
    const size_t n_marks = list_marks(r, &marks);
    uint64_t entries = 0;
    size_t m = 0;

    *ret = (struct log_numbers){.from = r->from, .n = (size_t)(length - r->from + 1)};
    ret->v = xcalloc(ret->n, sizeof *ret->v);
    for (uint64_t i = r->from; i <= length; i++) {
        while (m < n_marks && marks[m].pos <= i)
            m++;
        ret->v[i - r->from] = entries + m;
        entries += i < length && logwrites_has_entry(r->log, i);
    }
    free(marks);
}

void log_numbers_free(struct log_numbers *n)
{
    free(n->v);
    *n = (struct log_numbers){.n = 0};
}

uint64_t log_number(const void *numbers, uint64_t pos)
{
    const struct log_numbers *n = numbers;

    if (n->n == 0 || pos == HISTORY_NEVER)
        return pos;
    return pos < n->from ? 0 : n->v[pos - n->from < n->n ? pos - n->from : n->n - 1];
}

static int save_base(const struct recording *r, const char *path, struct error *err)
{
    const struct crash_state start = {.durable = r->from, .cut = r->from, .until = r->from};
    struct crash_image *image;
    int rc = crash_image_new(disk_base(r->disk), disk_sector(r->disk), &image, err);

    if (rc < 0)
        return rc;
    rc = crash_image_load(image, r->log, &start);
    const int fd = rc < 0 ? rc : crash_image_snapshot(image);
    rc = fd < 0 ? error_set(err, -fd, "snapshot", path, NULL) : imagefile_save(fd, disk_size(r->disk), path, NULL, err);
    if (fd >= 0)
        close(fd);
    crash_image_free(image);
    return rc;
}

int recording_save(const struct recording *r, const char *dir, struct error *err)
{
    struct buf name = {.data = NULL}, path = {.data = NULL};
    int rc = files_make_dirs(dir, err);

    assert(r->from <= writelog_length(r->log));
    buf_printf(&name, "%s-%s", r->plan->name, r->spec);
    if (r->run)
        buf_printf(&name, "-%llu", (unsigned long long)r->run + 1);
    files_plain_name(name.data);
    if (rc == 0) {
        buf_printf(&path, "%s/%s.base", dir, name.data);
        rc = save_base(r, path.data, err);
    }
    if (rc == 0) {
        buf_clear(&path);
        buf_printf(&path, "%s/%s.log", dir, name.data);
        rc = save_log(r, path.data, err);
    }
    buf_free(&name);
    buf_free(&path);
    return rc;
}
