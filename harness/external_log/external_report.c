/*
 * Reports of the process that explores an external log: see external_report.h. Positions in `loaded.log` count from loaded.first,
 * those in reports from the start of the file.
 */
#include "external_log/external_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "device/imagefile.h"
#include "host/files.h"
#include "host/full_io.h"
#include "states/crash_image.h"

const char *const external_kind_names[] = {[EXTERNAL_MOUNT] = "mount", [EXTERNAL_CHECK] = "check", [EXTERNAL_HUNG] = "hung"};

#define PROGRESS_S 0.1 /* least time between two progress messages */

/* Ends this process if the reader is gone. */
static void send_bytes(int fd, const void *src, size_t len_bytes)
{
    if (!write_full(fd, src, len_bytes))
        _exit(1);
}

static void send_message(struct external_reporter *t, enum external_event event)
{
    t->m.event = event;
    send_bytes(t->to_parent, &t->m, sizeof t->m);
}

void external_report_progress(struct external_reporter *t)
{
    const double now_s = clock_s();

    if (now_s - t->last_progress_s < PROGRESS_S)
        return;
    t->last_progress_s = now_s;
    send_message(t, EXTERNAL_PROGRESS);
}

void external_report_epoch(struct external_reporter *t, const struct epoch_result *e)
{
    t->m.epoch = *e;
    send_message(t, EXTERNAL_EPOCH);
}

void external_report_end(struct external_reporter *t, const struct error *err)
{
    if (err)
        t->m.err = *err;
    send_message(t, err ? EXTERNAL_FAILED : EXTERNAL_DONE);
}

uint64_t external_state_number(const struct crash_state *s)
{
    uint64_t h = hash_fold(s->durable + 1, 0x9e3779b97f4a7c15U);

    for (size_t i = 0; i < s->n_kept; i++) {
        h = hash_fold(h ^ s->kept[i].entry, 0xbf58476d1ce4e5b9U) + i;
        h = hash_fold(h ^ ((uint64_t)s->kept[i].first << 32 | s->kept[i].count), 0x94d049bb133111ebU) + i;
    }
    return h;
}

static uint64_t number_in_file(const void *arg, uint64_t pos)
{
    return ((const struct external_log *)arg)->loaded.first + pos;
}

static void describe(const struct external_log *x, const struct crash_state *s, struct buf *out)
{
    struct crash_state shifted;

    crash_state_renumber(s, number_in_file, x, &shifted);
    crash_state_print(&shifted, out);
    free(shifted.kept);
}

/* Saves the loaded state's image as it is before a mount, once, and only of the first EXTERNAL_IMAGES states. */
static int save_image(struct external_reporter *t, const struct crash_image *image, const struct crash_state *s,
                      struct error *err)
{
    const struct external_log *x = t->x;
    struct buf *path = &t->image;
    int fd = -1, r;

    if (!x->opt->findings_dir || t->n_images >= EXTERNAL_IMAGES || path->len_bytes)
        return 0;
    r = files_make_dirs(x->opt->findings_dir, err);
    if (r < 0)
        return r;
    fd = crash_image_snapshot(image);
    if (fd < 0)
        return error_set(err, -fd, "snapshot", "", NULL);
    buf_printf(path, "%s/%s-at-%" PRIu64 "-%08x.img", x->opt->findings_dir, x->name, s->cut + x->loaded.first,
               (unsigned)external_state_number(s));
    r = imagefile_save(fd, x->image_bytes, buf_text(path), NULL, err);
    close(fd);
    t->n_images += r == 0;
    return r;
}

int external_report_violation(struct external_reporter *t, const struct crash_image *image, const struct crash_state *s,
                              uint64_t cut, size_t n_marks, const struct check_observation *observation, struct error *err)
{
    const int r = save_image(t, image, s, err);
    struct buf state = {.data = NULL}, text = {.data = NULL};
    const char *parts[4];

    if (r < 0)
        return r;
    describe(t->x, s, &state);
    parts[0] = buf_text(&state);
    parts[1] = n_marks ? t->x->marks.v[n_marks - 1].text : "";
    parts[2] = buf_text(&observation->output);
    parts[3] = buf_text(&t->image);
    for (int i = 0; i < 4; i++) {
        t->m.at[i] = (uint32_t)text.len_bytes;
        buf_add(&text, parts[i], strlen(parts[i]) + 1);
    }
    t->m.text_bytes = (uint32_t)text.len_bytes;
    t->m.kind = observation->kind;
    t->m.status = observation->status;
    t->m.cut = cut;
    t->m.n_marks = n_marks;
    send_message(t, EXTERNAL_VIOLATION);
    send_bytes(t->to_parent, text.data, text.len_bytes);
    buf_free(&state);
    buf_free(&text);
    return 0;
}
