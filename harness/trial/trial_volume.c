/* A job's work on a volume with a path: see onvolume.h. */
#include "trial/trial_volume.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/volume.h"
#include "disk/disk.h"
#include "host/run_directory.h"
#include "language/verb.h"
#include "trial/recording.h"

static bool fail(struct trial_volume *v, const struct error *err)
{
    trial_fail(v->g, err);
    return false;
}

bool trial_volume_open(struct trial_volume *v, struct trial *g)
{
    struct error err = {0};

    *v = (struct trial_volume){.g = g, .dir_fd = -1};
    bool shutdown = plan_has(g->job->plan, VERB_SHUTS_DOWN);
    if (shutdown && !volumes_are_own(g->job->config->backend)) {
        error_skip(&err, "", "the backend %s does not own its volume, so it is never shut down", g->job->config->backend->name);
        return fail(v, &err);
    }
    if (volume_open(g->job->config, g->job->seed, &v->volume, &err) < 0)
        return fail(v, &err);
    v->disk = volume_disk(v->volume, 0);
    v->sync_first = shutdown || g->job->strike != STRIKE_KILL;
    return true;
}

bool trial_volume_open_crashed(struct trial_volume *v, struct trial *g, struct crash_image *image)
{
    struct error err = {0};

    *v = (struct trial_volume){.g = g, .dir_fd = -1};
    return volume_open_image(g->job->config, image, &v->volume, &err) == 0 || fail(v, &err);
}

bool trial_volume_mount(struct trial_volume *v)
{
    struct error err = {0};

    return volume_mount(v->volume, &err) == 0 || fail(v, &err);
}

static void leave_dir(struct trial_volume *v)
{
    if (v->dir_fd >= 0)
        close(v->dir_fd);
    v->dir_fd = -1;
    v->dir_empty = false;
}

bool trial_volume_unmount(struct trial_volume *v)
{
    struct error err = {0};

    leave_dir(v);
    return volume_unmount(v->volume, &err) == 0 || fail(v, &err);
}

static int sync_volume(const char *dir, struct error *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || syncfs(fd) < 0 ? error_set(err, errno, "syncfs", dir, NULL) : 0;

    if (fd >= 0)
        close(fd);
    return rc;
}

static int note(const struct trial_volume *v, uint32_t step, struct event **ret, struct error *err)
{
    *ret = history_begin(v->g->history, step, HISTORY_LANE_HARNESS, v->pos);
    return *ret ? 0 : error_set(err, ENOBUFS, "history", NULL, "the history is full");
}

static int ready(void *arg, struct error *err)
{
    struct trial_volume *v = arg;
    struct event *e;
    int rc = v->sync_first ? sync_volume(v->dir, err) : 0;

    if (rc == 0 && v->started)
        rc = v->started(v->arg, err);
    if (rc == 0)
        rc = note(v, HISTORY_STEP_START, &e, err);
    if (rc == 0)
        history_end(v->g->history, e, v->pos);
    return rc;
}

static int enter_dir(struct trial_volume *v, uint64_t n, struct error *err)
{
    if (v->dir_empty) {
        v->dir_empty = false;
        return 0;
    }
    leave_dir(v);
    v->n = n;
    v->dir_fd = run_directory_make(volume_path(v->volume, 0), n, v->dir, sizeof v->dir, err);
    return v->dir_fd < 0 ? v->dir_fd : 0;
}

bool trial_volume_run(struct trial_volume *v, uint64_t n, const struct strike_point *scene)
{
    struct error err = {0};
    int32_t hung = -1;

    if (!volume_is_mounted(v->volume) || enter_dir(v, n, &err) < 0)
        return volume_is_mounted(v->volume) ? fail(v, &err) : false;
    /* Each run has its own key: what an earlier run left in freed blocks is nobody's to this one. */
    struct driver_job d = {.plan = v->g->job->plan,
                           .dir_fd = v->dir_fd,
                           .dir = v->dir,
                           .history = trial_history(v->g, rng_next(&v->g->rng)),
                           .pos = v->pos,
                           .kill = scene->kill,
                           .may_shutdown = v->disk != NULL,
                           .deadline_ms = JOB_DEADLINE_MS,
                           .ready = ready,
                           .ready_in_actor = !v->sync_first && !v->started, /* it only notes the START event then */
                           .arg = v};
    if (driver_run(&d, &hung, &err) < 0)
        return fail(v, &err);
    if (!trial_admits(v->g))
        return false;
    if (hung >= 0)
        trial_hang(v->g, hung, scene);
    return hung < 0;
}

static bool survey(struct trial_volume *v, bool fresh)
{
    struct error err = {0};

    return readback_dir(v->g->survey, v->dir, fresh, &v->g->survivors, &err) < 0 ? fail(v, &err) : true;
}

bool trial_volume_readback(struct trial_volume *v)
{
    return survey(v, false);
}

/*
 * The run is over and was recorded: saves the log for others, if that was asked for. It begins at the START event, which all of
 * the set-up had been synced before.
 */
static int save_recording(struct trial_volume *v, struct error *err)
{
    const struct job *j = v->g->job;
    const struct history *h = v->g->history;
    struct recording r = {.plan = j->plan, .spec = j->config->spec, .run = v->n_saved, .history = h, .disk = v->disk};

    if (!j->log_dir || j->strike != STRIKE_POWER || !v->disk || !(r.log = disk_recording(v->disk)))
        return 0;
    for (uint32_t i = 0; i < atomic_load(&h->n_events); i++)
        if (h->events[i].step == HISTORY_STEP_START)
            r.from = h->events[i].begin_pos;
    v->n_saved++;
    return recording_save(&r, j->log_dir, err);
}

bool trial_volume_end(struct trial_volume *v)
{
    struct event *e = NULL;
    struct error err = {0};

    if (note(v, HISTORY_STEP_UNMOUNT, &e, &err) < 0)
        return fail(v, &err);
    if (!trial_volume_unmount(v))
        return false;
    history_end(v->g->history, e, v->pos);
    if (save_recording(v, &err) < 0)
        return fail(v, &err);
    return trial_admits(v->g);
}

bool trial_volume_machine_failed(const struct error *err)
{
    static const int codes[] = {ENOMEM, EMFILE, ENFILE, ENODEV,   ENXIO,   ENOTBLK, ENOENT,
                                EPERM,  EACCES, EBUSY,  ENOTCONN, ENOTDIR, EINTR};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (err->code == codes[i])
            return true;
    return err->skip;
}

bool trial_volume_observe(struct trial_volume *v, uint64_t n)
{
    struct survivors *s = &v->g->survivors;
    struct error err = {0};

    if (volume_mount(v->volume, &err) < 0) {
        if (trial_volume_machine_failed(&err))
            return fail(v, &err);
        survivors_clear(s);
        s->mount_err = err.code;
        error_text(&err, s->mount_msg, sizeof s->mount_msg);
        survivors_finish(s);
        return true;
    }
    if (run_directory_path(volume_path(v->volume, 0), n, v->dir, sizeof v->dir, &err) < 0)
        return fail(v, &err);
    if (!survey(v, true))
        return false;
    readback_probe_write(volume_path(v->volume, 0), s);
    return true;
}

bool trial_volume_remount_and_judge(struct trial_volume *v, const struct strike_point *scene, bool *ret_lossy)
{
    struct error err = {0};

    if (!trial_volume_end(v))
        return false;
    if (volume_rewind(v->volume, &err) < 0)
        return fail(v, &err);
    if (!trial_volume_observe(v, v->n))
        return false;
    return trial_survivors(v->g, scene, ret_lossy);
}

bool trial_volume_tidy(struct trial_volume *v)
{
    struct error err = {0};

    if (!volume_is_mounted(v->volume))
        return true;
    const bool keep = v->dir_fd >= 0 && !plan_has(v->g->job->plan, VERB_MARKS_DIR);

    if ((keep ? run_directory_empty(v->dir_fd, v->dir, &err) : run_directory_remove(v->dir, &err)) < 0)
        return fail(v, &err);
    v->dir_empty = keep;
    return true;
}

void trial_volume_close(struct trial_volume *v)
{
    leave_dir(v);
    if (v->volume && volume_is_mounted(v->volume) && !v->disk) { /* what is not the harness's own is left as it was */
        struct error err;
        if (v->dir[0])
            run_directory_remove(v->dir, &err);
    }
    volume_close(v->volume);
    v->volume = NULL;
}
