/* Looking at one crash state of a foreign log: see external_look.h. The tag of a look is the number of marks. */
#include "external_log/external_look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/volume.h"
#include "explore/prefetch.h"
#include "external_log/check_command.h"
#include "host/isolate.h"
#include "states/crash_disk.h"
#include "trial/trial_volume.h"

enum {
    CONTROLS = 3, /* mount failures after which it is checked that anything mounts at all */
    CANNOT_EXECUTE = 126,
    NOT_FOUND = 127,
};

struct external_looks {
    const struct external_log *x;
    struct crash_image *image;
    struct volume *volume; /* NULL: this process has not looked yet */
    unsigned controls;
    struct prefetch *lookers; /* NULL: there are none, or this is one */
};

/* A looker's answer: this, then what was said, then what was read. */
struct answer {
    struct error err; /* code 0: the rest is good */
    bool violated;
    enum external_kind kind;
    int status;
    bool untraced;
    size_t said_bytes;
};

void check_observation_free(struct check_observation *g)
{
    buf_free(&g->said);
    buf_free(&g->reads);
}

static int load(struct external_looks *l, const struct crash_state *s, struct error *err)
{
    const int r = crash_image_load(l->image, l->x->loaded.log, s);

    return r < 0 ? error_set(err, -r, "crash_image_load", "", "the crash state does not fit in memory") : 0;
}

/*
 * The state in front of everything must mount: otherwise a mount that fails later says nothing, be it that the base image belongs
 * to another file system, that the log begins with mkfs, or that the disk is dead.
 */
static int control(struct external_looks *l, struct error *err)
{
    const struct crash_state start = {.durable = 0, .cut = 0, .until = 0};
    struct error mount_err = {.code = 0};
    char text[600];
    int r;

    if (l->controls++ >= CONTROLS)
        return 0;
    r = load(l, &start, err);
    if (r == 0)
        r = crash_disk_show(volume_crash_disk(l->volume), err);
    if (r < 0)
        return r;
    if (volume_mount(l->volume, &mount_err) == 0)
        r = volume_unmount(l->volume, err);
    if (r == 0 && mount_err.code == 0)
        r = crash_disk_settle(volume_crash_disk(l->volume), err);
    if (r < 0 || mount_err.code == 0)
        return r;
    if (trial_volume_machine_failed(&mount_err)) {
        *err = mount_err;
        return -mount_err.code;
    }
    return error_set(err, EINVAL, "explore", l->x->opt->base_path,
                     "the image does not mount as %s at %s: %s. Is --fs right? If mkfs is in the log, begin behind it with "
                     "--from MARK",
                     l->x->opt->fs, l->x->opt->from ? "the last flush before --from" : "the start of the log",
                     error_text(&mount_err, text, sizeof text));
}

/* The state does not mount. */
static int take_failure(const struct error *mount_err, struct check_observation *ret, struct error *err)
{
    char text[1024];

    if (trial_volume_machine_failed(mount_err)) {
        *err = *mount_err;
        return -mount_err->code;
    }
    ret->violated = true;
    ret->kind = EXTERNAL_MOUNT;
    ret->status = mount_err->code;
    buf_puts(&ret->said, error_text(mount_err, text, sizeof text));
    return 0;
}

static int run_command(struct external_looks *l, size_t n_marks, struct check_observation *ret, struct error *err)
{
    const struct external_log *x = l->x;
    struct check_run run;
    const int r = check_command_run(x->opt->check, volume_path(l->volume, 0), n_marks ? x->marks.v[n_marks - 1].text : "",
                                    n_marks, x->deadline_s, &run, err);

    ret->said = run.out;
    ret->status = run.status;
    ret->kind = run.hung ? EXTERNAL_HUNG : EXTERNAL_CHECK;
    ret->violated = run.hung || run.status != 0;
    if (r == 0 && run.immortal)
        return error_set(err, ETIMEDOUT, "check", "", "the command hangs in the kernel and cannot be killed");
    if (r == 0 && !run.hung && (run.status == CANNOT_EXECUTE || run.status == NOT_FOUND))
        return error_set(err, ENOEXEC, "check", x->opt->check, "the shell could not run it (status %d): %.300s", run.status,
                         buf_text(&run.out));
    return r;
}

static int mount_and_run(struct external_looks *l, size_t n_marks, struct check_observation *ret, struct error *err)
{
    struct error mount_err = {.code = 0};
    int r;

    if (volume_mount(l->volume, &mount_err) < 0)
        return take_failure(&mount_err, ret, err);
    r = run_command(l, n_marks, ret, err);
    return r == 0 ? volume_unmount(l->volume, err) : r;
}

static int look_here(struct external_looks *l, const struct crash_state *s, size_t n_marks, struct check_observation *ret,
                     struct error *err)
{
    const struct read_note *notes;
    struct crash_disk *disk;
    size_t n;
    int r = 0;

    if (!l->volume)
        r = volume_open_image(&l->x->config, l->image, &l->volume, err);
    if (r == 0 && volume_is_mounted(l->volume)) /* the last look ended with an error */
        r = volume_unmount(l->volume, err);
    if (r == 0)
        r = load(l, s, err);
    if (r < 0)
        return r;
    disk = volume_crash_disk(l->volume);
    r = crash_disk_show(disk, err);
    if (r == 0)
        r = mount_and_run(l, n_marks, ret, err);
    if (r == 0)
        r = crash_disk_settle(disk, err);
    if (r < 0)
        return r;
    notes = crash_disk_reads(disk, &n);
    ret->untraced = !crash_disk_is_traced(disk);
    buf_add(&ret->reads, notes, n * sizeof *notes);
    if (ret->kind == EXTERNAL_MOUNT)
        r = control(l, err);
    return r == 0 && ret->kind == EXTERNAL_MOUNT ? load(l, s, err) : r;
}

/* In a looker's process. */
static void look_for_another(void *arg, const struct crash_state *s, uint64_t tag, struct buf *out)
{
    struct external_looks *l = arg;
    struct check_observation g = {.violated = false};
    struct answer a;
    int r = 0;

    memset(&a, 0, sizeof a);
    /* Mounts of its own: they go when it dies, and the mount point has the same name in each looker. */
    if (!l->volume)
        r = isolate_mounts(&a.err);
    if (r == 0)
        r = look_here(l, s, (size_t)tag, &g, &a.err);
    if (r < 0)
        a.err.code = -r;
    a.violated = g.violated;
    a.kind = g.kind;
    a.status = g.status;
    a.untraced = g.untraced;
    a.said_bytes = g.said.len_bytes;
    buf_add(out, &a, sizeof a);
    buf_add(out, g.said.data, g.said.len_bytes);
    buf_add(out, g.reads.data, g.reads.len_bytes);
    check_observation_free(&g);
}

static int take_look(struct external_looks *l, const struct crash_state *s, size_t n_marks, struct check_observation *ret,
                     struct error *err)
{
    struct buf bytes = {.data = NULL};
    struct answer a;
    int r = prefetch_take(l->lookers, s, n_marks, &bytes, err);

    if (r < 0)
        return r;
    memcpy(&a, bytes.data, sizeof a);
    if (a.err.code) {
        *err = a.err;
        r = -a.err.code;
    } else {
        const char *said = bytes.data + sizeof a, *reads = said + a.said_bytes;

        ret->violated = a.violated;
        ret->kind = a.kind;
        ret->status = a.status;
        ret->untraced = a.untraced;
        buf_add(&ret->said, said, a.said_bytes);
        buf_add(&ret->reads, reads, (size_t)(bytes.data + bytes.len_bytes - reads));
    }
    buf_free(&bytes);
    return r;
}

int external_looks_new(const struct external_log *x, struct crash_image *image, struct external_looks **ret, struct error *err)
{
    struct external_looks *l = xcalloc(1, sizeof *l);
    int r;

    l->x = x;
    l->image = image;
    r = volume_open_image(&x->config, image, &l->volume, err);
    if (r == 0)
        r = control(l, err);
    l->controls = 0;
    if (r == 0 && x->jobs > 1) {
        volume_close(l->volume);
        l->volume = NULL;
        volumes_trim(&x->config); /* from here on only prefetch workers mount */
        r = prefetch_new(x->jobs, look_for_another, l, &l->lookers, err);
    }
    if (r < 0)
        external_looks_free(l);
    else
        *ret = l;
    return r;
}

void external_looks_free(struct external_looks *l)
{
    if (!l)
        return;
    prefetch_free(l->lookers);
    volume_close(l->volume);
    free(l);
}

int external_look(struct external_looks *l, const struct crash_state *s, size_t n_marks, struct check_observation *ret,
                  struct error *err)
{
    return l->lookers ? take_look(l, s, n_marks, ret, err) : look_here(l, s, n_marks, ret, err);
}

bool external_may_look_ahead(struct external_looks *l)
{
    return l->lookers && prefetch_idle(l->lookers);
}

void external_look_ahead(struct external_looks *l, const struct crash_state *s, size_t n_marks)
{
    prefetch_begin(l->lookers, s, n_marks);
}
