/* Power cuts: looking at one crash state, in this process or by lookers. See power.h. */
#include <string.h>

#include "backend/volume.h"
#include "host/isolate.h"
#include "states/crash_disk.h"
#include "trial/power.h"

enum { CONTROLS = 3 /* mount failures after which it is checked that anything mounts at all */ };

/* What a look came to, before the survivors and the notes. */
struct answer {
    bool broken, skipped, untraced;
    char reason[512];
    size_t n_reads;
};

bool power_load(struct power *p, const struct crash_state *s)
{
    struct error err;
    const int rc = crash_image_load(p->image, p->log, s);

    if (rc == 0)
        return true;
    error_set(&err, -rc, "crash_image_load", NULL, "the crash state does not fit in memory");
    trial_fail(p->v.g, &err);
    return false;
}

/* Makes the next mount see the loaded state; or, with false, learns what the last one did. */
static bool use_disk(struct power *p, bool show)
{
    struct crash_disk *d = volume_crash_disk(p->looked_at.volume);
    struct error err = {0};

    if ((show ? crash_disk_show(d, &err) : crash_disk_settle(d, &err)) == 0)
        return true;
    trial_fail(p->v.g, &err);
    return false;
}

/*
 * A mount failed, with an error that crash damage can cause: EIO, say, which a dead disk gives as well. So the state at the
 * start of the run, which the file system itself has synced, must mount.
 */
static bool control(struct power *p)
{
    const struct crash_state start = {.durable = p->from, .cut = p->from, .until = p->from};

    if (p->controls >= CONTROLS)
        return true;
    p->controls++;
    return power_load(p, &start) && use_disk(p, true) && trial_volume_mount(&p->looked_at) &&
           trial_volume_unmount(&p->looked_at) && use_disk(p, false);
}

static bool check(struct power *p)
{
    struct survivors *s = &p->v.g->survivors;
    struct error err = {0};

    if (s->mount_err || !p->v.g->job->fsck || volume_fsck(p->looked_at.volume, s->fsck, sizeof s->fsck, &err) == 0)
        return true;
    trial_fail(p->v.g, &err);
    return false;
}

static void keep_notes(struct power *p, const struct read_note *notes, size_t n)
{
    if (n)
        p->reads = grow(p->reads, &p->cap_reads, n - 1, sizeof *p->reads);
    if (n)
        memcpy(p->reads, notes, n * sizeof *notes);
    p->n_reads = n;
}

/* Mounts, looks, unmounts, here. The image holds the state again afterwards. */
static bool look_here(struct power *p, const struct crash_state *s)
{
    struct trial_volume *v = &p->looked_at;
    size_t n;

    if (!v->volume && !trial_volume_open_crashed(v, p->v.g, p->image))
        return false;
    if (!use_disk(p, true) || !trial_volume_observe(v, TRIAL_VOLUME_POWER_DIR) ||
        (volume_is_mounted(v->volume) && !trial_volume_unmount(v)) || !check(p) || !use_disk(p, false))
        return false;
    const struct crash_disk *d = volume_crash_disk(v->volume);
    const struct read_note *notes = crash_disk_reads(d, &n);
    p->v.g->result->untraced |= !crash_disk_is_traced(d);
    keep_notes(p, notes, n);
    return p->v.g->survivors.mount_err == 0 || (control(p) && power_load(p, s));
}

/* In a looker's process. */
static void look_for_another(void *arg, const struct crash_state *s, uint64_t tag, struct buf *out)
{
    struct power *p = arg;
    struct trial *g = p->v.g;
    struct answer a = {.broken = false};

    (void)tag;
    /* Of this process; what trial_fail is told goes to g->reason. An earlier look that failed is no fault of this one. */
    g->violated = g->broken = g->skipped = false;
    g->reason[0] = '\0';
    if (p->looked_at.volume && volume_is_mounted(p->looked_at.volume))
        trial_volume_unmount(&p->looked_at);
    struct error err = {0};
    if (!p->looked_at.volume && isolate_mounts(&err) < 0)
        trial_fail(g, &err);
    else if (power_load(p, s) && look_here(p, s))
        a.n_reads = p->n_reads;
    a.broken = g->broken;
    a.skipped = g->skipped;
    a.untraced = g->result->untraced;
    memcpy(a.reason, g->reason, sizeof a.reason);
    buf_add(out, &a, sizeof a);
    buf_add(out, p->reads, a.n_reads * sizeof *p->reads);
    survivors_pack(&g->survivors, out);
}

static bool start_lookers(struct power *p)
{
    struct error err = {0};

    if (p->lookers)
        return true;
    survivors_free(&p->v.g->survivors); /* its memory may be of the kind that is not inherited */
    if (prefetch_new(p->v.g->job->lookers, look_for_another, p, &p->lookers, &err) == 0)
        return true;
    trial_fail(p->v.g, &err);
    return false;
}

static bool take_look(struct power *p, const struct crash_state *s)
{
    struct trial *g = p->v.g;
    struct buf bytes = {.data = NULL};
    struct error err = {0};
    struct answer a;

    if (!start_lookers(p))
        return false;
    if (prefetch_take(p->lookers, s, 0, &bytes, &err) < 0) {
        trial_fail(g, &err);
        return false;
    }
    memcpy(&a, bytes.data, sizeof a);
    g->result->untraced |= a.untraced;
    if (a.broken || a.skipped) {
        trial_end(g, a.skipped, a.reason);
    } else {
        const char *at = bytes.data + sizeof a;

        keep_notes(p, (const struct read_note *)(const void *)at, a.n_reads);
        survivors_unpack(&g->survivors, at + a.n_reads * sizeof *p->reads);
    }
    buf_free(&bytes);
    return !a.broken && !a.skipped;
}

bool power_look(struct power *p, const struct crash_state *s)
{
    return p->v.g->job->lookers > 1 ? take_look(p, s) : look_here(p, s);
}

bool power_may_look_ahead(struct power *p)
{
    return p->v.g->job->lookers > 1 && start_lookers(p) && prefetch_idle(p->lookers);
}

void power_look_ahead(struct power *p, const struct crash_state *s)
{
    prefetch_begin(p->lookers, s, 0);
}

void power_look_end(struct power *p)
{
    prefetch_free(p->lookers);
    p->lookers = NULL;
}
