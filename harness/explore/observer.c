/* Observing crash states: see observer.h. A worker sends struct observation_header, then the reads, then the packed observation.
 */
#include "explore/observer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/volume.h"
#include "base/buf.h"
#include "base/error.h"
#include "device/fsimage.h"
#include "explore/prefetch.h"
#include "host/isolate.h"
#include "states/crash_disk.h"
#include "states/crash_image.h"

enum { CONTROLS = 3 /* refused mounts after which the control state is tried */ };

struct observer {
    struct observer_setup s;
    struct volume *volume; /* NULL: this process has not observed yet */
    unsigned controls;     /* so often the control state was tried */
    bool untraced;
    struct buf reads;          /* struct read_note each, of the last observation */
    struct prefetch *prefetch; /* NULL: there are no workers yet, or this is one */
};

struct observation_header {
    struct error err; /* code 0: the rest is good */
    bool untraced;
    size_t reads_bytes;
};

struct observer *observer_new(const struct observer_setup *s)
{
    struct observer *o = xcalloc(1, sizeof *o);

    o->s = *s;
    return o;
}

static void close_volume(struct observer *o)
{
    volume_close(o->volume);
    o->volume = NULL;
}

void observer_free(struct observer *o)
{
    if (!o)
        return;
    prefetch_free(o->prefetch);
    close_volume(o);
    buf_free(&o->reads);
    free(o);
}

int observer_load(struct observer *o, const struct crash_state *s, struct error *err)
{
    const int rc = crash_image_load(o->s.image, o->s.log, s);

    return rc < 0 ? error_set(err, -rc, "crash_image_load", NULL, "the crash state does not fit in memory") : 0;
}

/* Opens the volume, or makes it ready for another mount where the last observation ended with an error. */
static int ready_volume(struct observer *o, struct error *err)
{
    if (!o->volume)
        return volume_open_image(o->s.config, o->s.image, &o->volume, err);
    return volume_is_mounted(o->volume) ? volume_unmount(o->volume, err) : 0;
}

int observer_control(struct observer *o, struct error *err)
{
    const struct crash_state control = {.durable = o->s.control, .cut = o->s.control, .until = o->s.control};
    int rc = ready_volume(o, err);

    if (rc == 0)
        rc = observer_load(o, &control, err);
    if (rc == 0)
        rc = crash_disk_show(volume_crash_disk(o->volume), err);
    if (rc < 0)
        return rc;
    struct error local = {0};
    struct error *mount_err = err ? err : &local;

    rc = volume_mount(o->volume, mount_err);
    if (rc < 0) {
        if (!fsimage_mount_blames_host(mount_err) && o->s.ops->control_failed)
            o->s.ops->control_failed(o->s.arg, mount_err);
        return -mount_err->code;
    }
    rc = volume_unmount(o->volume, err);
    return rc == 0 ? crash_disk_settle(volume_crash_disk(o->volume), err) : rc;
}

/* Shows the state and mounts it. A code in *ret_refusal: it does not mount, and the host is not to blame. */
static int show_and_mount(struct observer *o, struct error *ret_refusal, struct error *err)
{
    const int rc = crash_disk_show(volume_crash_disk(o->volume), err);

    *ret_refusal = (struct error){.code = 0};
    if (rc < 0 || volume_mount(o->volume, ret_refusal) == 0 || !fsimage_mount_blames_host(ret_refusal))
        return rc;
    if (err)
        *err = *ret_refusal;
    return -ret_refusal->code;
}

/* The same, with proof: a state that was refused once and mounts the next time says something about the machine only. */
static int show_and_mount_surely(struct observer *o, struct error *ret_refusal, struct error *err)
{
    struct error again;
    int rc = show_and_mount(o, ret_refusal, err);

    if (rc < 0 || !ret_refusal->code)
        return rc;
    rc = show_and_mount(o, &again, err);
    if (rc == 0 && !again.code)
        rc = error_set(err, EAGAIN, "mount", NULL, "one crash state was refused (%s) and mounted at the second try",
                       strerror(ret_refusal->code));
    return rc;
}

/* Shows, mounts, inspects and unmounts; *ret_refused: it does not mount. */
static int mount_and_inspect(struct observer *o, uint64_t question, bool *ret_refused, struct error *err)
{
    const struct observer_ops *ops = o->s.ops;
    struct error mount_err = {.code = 0};
    int rc = show_and_mount_surely(o, &mount_err, err);

    *ret_refused = rc == 0 && mount_err.code;
    if (rc < 0)
        return rc;
    if (*ret_refused) {
        ops->refused(o->s.arg, &mount_err);
        return 0;
    }
    rc = ops->inspect(o->s.arg, volume_path(o->volume, 0), question, err);
    return rc == 0 ? volume_unmount(o->volume, err) : rc;
}

/* Observes the state that is loaded. */
static int look(struct observer *o, uint64_t question, bool *ret_refused, struct error *err)
{
    const struct observer_ops *ops = o->s.ops;
    int rc = mount_and_inspect(o, question, ret_refused, err);

    if (rc == 0 && !*ret_refused && ops->doubtful && ops->doubtful(o->s.arg))
        rc = mount_and_inspect(o, question, ret_refused, err);
    return rc == 0 && !*ret_refused && ops->unmounted ? ops->unmounted(o->s.arg, o->volume, err) : rc;
}

static void keep_reads(struct observer *o, const void *notes, size_t len_bytes)
{
    buf_clear(&o->reads);
    if (len_bytes)
        buf_add(&o->reads, notes, len_bytes);
}

/* In this process. The image holds the state again afterwards. */
static int observe_here(struct observer *o, const struct crash_state *s, uint64_t question, struct error *err)
{
    bool refused = false;
    size_t n;
    int rc = ready_volume(o, err);

    if (rc < 0)
        return rc;
    struct crash_disk *disk = volume_crash_disk(o->volume);

    rc = look(o, question, &refused, err);
    if (rc == 0)
        rc = crash_disk_settle(disk, err);
    if (rc < 0)
        return rc;
    const struct read_note *notes = crash_disk_reads(disk, &n);

    keep_reads(o, notes, n * sizeof *notes);
    o->untraced |= !crash_disk_is_traced(disk);
    if (!refused || o->controls >= CONTROLS)
        return 0;
    o->controls++;
    rc = observer_control(o, err);
    return rc == 0 ? observer_load(o, s, err) : rc;
}

/* In a worker. */
static void observe_in_worker(void *arg, const struct crash_state *s, uint64_t question, struct buf *out)
{
    struct observer *o = arg;
    struct observation_header a;
    int rc = 0;

    memset(&a, 0, sizeof a);
    /* Mounts of its own: they go when it dies, and the mount point has the same name in each worker. */
    if (!o->volume)
        rc = isolate_mounts(&a.err);
    if (rc == 0)
        rc = observer_load(o, s, &a.err);
    if (rc == 0)
        rc = observe_here(o, s, question, &a.err);
    if (rc < 0)
        a.err.code = -rc;
    a.untraced = o->untraced;
    a.reads_bytes = rc == 0 ? o->reads.len_bytes : 0;
    buf_add(out, &a, sizeof a);
    if (a.reads_bytes)
        buf_add(out, o->reads.data, a.reads_bytes);
    if (rc == 0)
        o->s.ops->pack(o->s.arg, out);
}

static int start_workers(struct observer *o, struct error *err)
{
    if (o->prefetch)
        return 0;
    close_volume(o); /* from here on only workers mount */
    volumes_trim(o->s.config);
    if (o->s.ops->before_fork)
        o->s.ops->before_fork(o->s.arg);
    return prefetch_new(o->s.workers, observe_in_worker, o, &o->prefetch, err);
}

/* Takes what a worker observed, and waits for it. */
static int take(struct observer *o, const struct crash_state *s, uint64_t question, struct error *err)
{
    struct buf bytes = {.data = NULL};
    struct observation_header a;
    int rc = start_workers(o, err);

    if (rc == 0)
        rc = prefetch_take(o->prefetch, s, question, &bytes, err);
    if (rc < 0)
        return rc;
    assert(bytes.len_bytes >= sizeof a && bytes.data);
    memcpy(&a, bytes.data, sizeof a);
    o->untraced |= a.untraced;
    if (a.err.code) {
        if (err)
            *err = a.err;
        rc = -a.err.code;
    } else {
        const char *reads = bytes.data + sizeof a, *packed = reads + a.reads_bytes;

        keep_reads(o, reads, a.reads_bytes);
        o->s.ops->unpack(o->s.arg, packed, (size_t)(bytes.data + bytes.len_bytes - packed));
    }
    buf_free(&bytes);
    return rc;
}

int observer_observe(struct observer *o, const struct crash_state *s, uint64_t question, struct error *err)
{
    return o->s.workers > 1 ? take(o, s, question, err) : observe_here(o, s, question, err);
}

const struct read_note *observer_reads(const struct observer *o, size_t *ret_n)
{
    *ret_n = o->reads.len_bytes / sizeof(struct read_note);
    return (const struct read_note *)(const void *)o->reads.data;
}

bool observer_is_traced(const struct observer *o)
{
    return !o->untraced;
}

bool observer_prefetch_idle(struct observer *o)
{
    /* Where no worker can be had, the next observation says so. */
    return o->s.workers > 1 && start_workers(o, NULL) == 0 && prefetch_idle(o->prefetch);
}

void observer_prefetch(struct observer *o, const struct crash_state *s, uint64_t question)
{
    prefetch_begin(o->prefetch, s, question);
}
