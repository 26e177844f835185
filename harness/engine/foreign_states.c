/*
 * Exploring a foreign log, the isolated process: loads each crash state, mounts it, runs the check command, and tells the caller
 * through a pipe. Positions in `loaded.log` count from loaded.first; those that are told count from the start of the file.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/files.h"
#include "engine/check_command.h"
#include "engine/foreign_impl.h"
#include "engine/onvolume.h"
#include "storage/crash_disk.h"
#include "storage/imagefile.h"

enum {
    SAMPLES = 64,  /* random subsets of an epoch too large for all */
    CONTROLS = 3,  /* mount failures after which it is checked that anything mounts at all */
    TELL_MS = 100, /* between two messages about progress */
    CANNOT_EXECUTE = 126,
    NOT_FOUND = 127,
};

struct exploring {
    const struct foreign *x;
    const struct backend *b;
    struct volume *volume;
    struct crash_image *state;
    int to_parent;
    struct foreign_message m; /* the counters */
    unsigned controls, images;
    struct buf image; /* the file in which the state at hand was saved; empty: not yet */
    int64_t told_ms;
    struct error err; /* why it cannot go on */
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void write_all(int fd, const void *src, size_t len_bytes)
{
    const uint8_t *p = src;

    while (len_bytes) {
        const ssize_t n = write(fd, p, len_bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(1); /* nobody is there to be told */
        p += n;
        len_bytes -= (size_t)n;
    }
}

static void tell(struct exploring *e, enum foreign_event event)
{
    e->m.event = event;
    write_all(e->to_parent, &e->m, sizeof e->m);
}

static bool load(struct exploring *e, const struct crash_state *s)
{
    const int r = crash_image_load(e->state, e->x->loaded.log, s);

    if (r < 0)
        error_set(&e->err, -r, "crash_image_load", "", "the crash state does not fit in memory");
    return r == 0 && crash_disk_show(e->b->crash_disk(e->volume), &e->err) == 0;
}

static bool unmount(struct exploring *e)
{
    return e->b->unmount(e->volume, &e->err) == 0 && crash_disk_settle(e->b->crash_disk(e->volume), &e->err) == 0;
}

/*
 * The state in front of everything must mount: otherwise a mount that fails later says nothing, be it that the base image belongs
 * to another file system, that the log begins with mkfs, or that the disk is dead.
 */
static bool control(struct exploring *e)
{
    const struct crash_state start = {.durable = 0, .cut = 0, .until = 0};
    struct error err = {.code = 0};
    char text[600];

    if (e->controls++ >= CONTROLS)
        return true;
    if (!load(e, &start))
        return false;
    if (e->b->mount(e->volume, &err) == 0)
        return unmount(e);
    if (onvolume_machine_failed(&err)) {
        e->err = err;
        return false;
    }
    error_set(&e->err, EINVAL, "explore", e->x->opt->base_path,
              "the image does not mount as %s at %s: %s. Is --fs right? If mkfs is in the log, begin behind it with --from MARK",
              e->x->opt->fs, e->x->opt->from ? "the last flush before --from" : "the start of the log",
              error_text(&err, text, sizeof text));
    return false;
}

static void describe(const struct exploring *e, const struct crash_state *s, struct buf *out)
{
    const uint64_t first = e->x->loaded.first;
    struct crash_state shifted = *s;

    shifted.kept = xcalloc(s->n_kept + 1, sizeof *s->kept);
    shifted.durable += first;
    shifted.cut += first;
    shifted.until += first;
    for (size_t i = 0; i < s->n_kept; i++) {
        shifted.kept[i] = s->kept[i];
        shifted.kept[i].entry += first;
    }
    crash_state_print(&shifted, out);
    free(shifted.kept);
}

/* Saves the state as it is before anybody mounts it. False when that failed. */
static bool save_image(struct exploring *e, const struct crash_state *s)
{
    struct buf *path = &e->image;
    int fd = -1, r;

    if (!e->x->opt->findings_dir || e->images >= FOREIGN_IMAGES || path->len_bytes)
        return true;
    if (files_make_dirs(e->x->opt->findings_dir, &e->err) < 0 || !load(e, s))
        return false;
    fd = crash_image_snapshot(e->state);
    if (fd < 0) {
        error_set(&e->err, -fd, "snapshot", "", NULL);
        return false;
    }
    buf_printf(path, "%s/%s-at-%" PRIu64 "-%08x.img", e->x->opt->findings_dir, e->x->name, s->cut + e->x->loaded.first,
               (unsigned)(s->image[0] ^ s->image[1]));
    r = imagefile_save(fd, e->x->image_bytes, buf_text(path), &e->err);
    close(fd);
    e->images += r == 0;
    return r == 0;
}

/* Tells of a violation; the volume is not mounted. */
static bool violation(struct exploring *e, const struct crash_state *s, uint64_t cut, enum foreign_kind kind, int status,
                      size_t n_marks, const char *said)
{
    const char *mark = n_marks ? e->x->marks.v[n_marks - 1].text : "";
    struct buf state = {.data = NULL}, text = {.data = NULL};
    const char *parts[4];
    const bool saved = save_image(e, s);

    if (saved) {
        describe(e, s, &state);
        parts[0] = buf_text(&state);
        parts[1] = mark;
        parts[2] = said;
        parts[3] = buf_text(&e->image);
        for (int i = 0; i < 4; i++) {
            e->m.at[i] = (uint32_t)text.len_bytes;
            buf_add(&text, parts[i], strlen(parts[i]) + 1);
        }
        e->m.text_bytes = (uint32_t)text.len_bytes;
        e->m.kind = kind;
        e->m.status = status;
        e->m.cut = cut;
        e->m.n_marks = n_marks;
        tell(e, FOREIGN_VIOLATION);
        write_all(e->to_parent, text.data, text.len_bytes);
    }
    buf_free(&state);
    buf_free(&text);
    return saved;
}

/* What a mount failure or the command said about one state at one number of marks. */
struct glimpse {
    bool violated;
    enum foreign_kind kind;
    int status;
    struct buf said;
};

/* The state does not mount. */
static bool look_at_failure(struct exploring *e, const struct error *err, struct glimpse *ret)
{
    char text[1024];

    if (onvolume_machine_failed(err)) {
        e->err = *err;
        return false;
    }
    ret->violated = true;
    ret->kind = FOREIGN_MOUNT;
    ret->status = err->code;
    buf_puts(&ret->said, error_text(err, text, sizeof text));
    return control(e);
}

/* Mounts the state, runs the command, unmounts. False: it cannot go on. */
static bool look(struct exploring *e, const struct crash_state *s, size_t n_marks, struct glimpse *ret)
{
    const struct foreign_options *opt = e->x->opt;
    struct error err = {.code = 0};
    struct check_run run;

    if (!load(e, s))
        return false;
    if (e->b->mount(e->volume, &err) < 0)
        return look_at_failure(e, &err, ret);
    e->m.checks++;
    if (check_command_run(opt->check, e->b->path(e->volume), n_marks ? e->x->marks.v[n_marks - 1].text : "", n_marks,
                          opt->deadline_s, &run, &e->err) < 0)
        return false;
    ret->said = run.out;
    ret->status = run.status;
    ret->kind = run.hung ? FOREIGN_HUNG : FOREIGN_CHECK;
    ret->violated = run.hung || run.status != 0;
    if (run.immortal) {
        error_set(&e->err, ETIMEDOUT, "check", "", "the command hangs in the kernel and cannot be killed");
        return false;
    }
    if (!run.hung && (run.status == CANNOT_EXECUTE || run.status == NOT_FOUND)) {
        error_set(&e->err, ENOEXEC, "check", opt->check, "the shell could not run it (status %d): %.300s", run.status,
                  buf_text(&run.out));
        return false;
    }
    return unmount(e);
}

/* Checks a state at every number of marks that may have been passed while it exists within [from, to]. */
static bool visit(struct exploring *e, const struct crash_state *s)
{
    const struct foreign *x = e->x;
    uint64_t lo = s->cut + x->loaded.first, hi = s->until + x->loaded.first;
    bool good = true, violated = false;

    lo = lo < x->from ? x->from : lo;
    hi = hi > x->to ? x->to : hi;
    if (lo > hi)
        return true;
    const size_t last = logmarks_passed(&x->marks, hi);
    for (size_t n = logmarks_passed(&x->marks, lo); n <= last && good; n++) {
        struct glimpse seen = {.violated = false};
        /* The first position at which so many marks have been passed. */
        const uint64_t cut = n && x->marks.v[n - 1].index + 1 > lo ? x->marks.v[n - 1].index + 1 : lo;

        good = look(e, s, n, &seen);
        if (good && seen.violated) {
            e->m.states_violated += !violated;
            violated = true;
            if (e->m.states_violated <= FOREIGN_TOLD)
                good = violation(e, s, cut, seen.kind, seen.status, n, buf_text(&seen.said));
        }
        buf_free(&seen.said);
    }
    buf_clear(&e->image);
    e->m.states++;
    return good;
}

static bool visit_all(struct exploring *e)
{
    const struct foreign *x = e->x;
    const uint64_t max = x->opt->max_states ? x->opt->max_states : FOREIGN_STATES;
    const struct state_limits limits = {.max_states = max, .samples = SAMPLES, .sector = x->sector, .torn = true};
    struct state_source *source = states_new(x->loaded.log, 0, x->to - x->loaded.first, &limits, x->opt->seed);
    const struct crash_state *s;
    bool good = true;

    while (good && states_next(source, &s) == 1) {
        uint64_t done;

        good = visit(e, s);
        states_progress(source, &done, &e->m.left);
        if (done + e->m.left > max)
            e->m.left = max > done ? max - done : 0;
        if (good && now_ms() - e->told_ms >= TELL_MS) {
            e->told_ms = now_ms();
            tell(e, FOREIGN_PROGRESS);
        }
    }
    states_free(source);
    return good;
}

void foreign_states(const struct foreign *x, int to_parent)
{
    struct exploring e = {.x = x, .b = x->config.backend, .to_parent = to_parent};
    bool good = crash_image_new(x->image_fd, x->sector, &e.state, &e.err) == 0 &&
                e.b->open_crashed(&x->config, e.state, &e.volume, &e.err) == 0;

    if (good) {
        good = control(&e);
        e.controls = 0;
    }
    good = good && visit_all(&e);
    if (e.volume)
        e.b->close(e.volume);
    crash_image_free(e.state);
    buf_free(&e.image);
    if (!good)
        e.m.err = e.err;
    tell(&e, good ? FOREIGN_DONE : FOREIGN_FAILED);
}
