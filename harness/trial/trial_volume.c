/* A trial's volume: see trial_volume.h. */
#include "trial/trial_volume.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actor/driver.h"
#include "backend/volume.h"
#include "device/fsimage.h"
#include "host/run_directory.h"
#include "language/verb.h"

static bool fail(struct trial_volume *v, const struct error *err)
{
    trial_fail(v->trial, err);
    return false;
}

bool trial_volume_open(struct trial_volume *v, struct trial *t, bool sync_first)
{
    struct error err = {0};

    *v = (struct trial_volume){.trial = t, .dir_fd = -1};
    bool shutdown = plan_has(t->job->plan, VERB_SHUTS_DOWN);
    if (shutdown && !volumes_are_own(t->job->config->backend)) {
        error_skip(&err, "", "the backend %s does not own its volume, so it is never shut down", t->job->config->backend->name);
        return fail(v, &err);
    }
    if (volume_open(t->job->config, t->job->seed, &v->volume, &err) < 0)
        return fail(v, &err);
    t->volume = v->volume;
    v->disk = volume_disk(v->volume, 0);
    v->sync_first = shutdown || sync_first;
    return true;
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

static bool unmount(struct trial_volume *v)
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
    *ret = history_begin(v->trial->history, step, HISTORY_LANE_HARNESS, v->pos);
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
        history_end(v->trial->history, e, v->pos);
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

bool trial_volume_run(struct trial_volume *v, uint64_t n, const struct strike_point *at)
{
    struct error err = {0};
    int32_t hung = -1;

    if (!volume_is_mounted(v->volume) || enter_dir(v, n, &err) < 0)
        return volume_is_mounted(v->volume) ? fail(v, &err) : false;
    /* Each run has its own key, so that bytes which an earlier run left in freed blocks match no store of this one. */
    struct driver_job d = {.plan = v->trial->job->plan,
                           .dir_fd = v->dir_fd,
                           .dir = v->dir,
                           .history = trial_new_history(v->trial, rng_next(&v->trial->rng)),
                           .pos = v->pos,
                           .kill = at->kill,
                           .may_shutdown = v->disk != NULL,
                           .deadline_ms = trial_deadline_ms(v->trial),
                           .ready = ready,
                           .ready_in_actor = !v->sync_first && !v->started, /* it only notes the START event then */
                           .arg = v};
    if (driver_run(&d, &hung, &err) < 0)
        return fail(v, &err);
    if (!trial_admits(v->trial))
        return false;
    if (hung >= 0)
        trial_report_hang(v->trial, hung, at);
    return hung < 0;
}

bool trial_volume_readback(struct trial_volume *v)
{
    struct error err = {0};

    return readback_dir(v->trial->readback, v->dir, false, &v->trial->survivors, &err) == 0 || fail(v, &err);
}

bool trial_volume_end(struct trial_volume *v)
{
    struct event *e = NULL;
    struct error err = {0};

    if (note(v, HISTORY_STEP_UNMOUNT, &e, &err) < 0)
        return fail(v, &err);
    if (!unmount(v))
        return false;
    history_end(v->trial->history, e, v->pos);
    return trial_admits(v->trial);
}

int trial_readback_fresh(struct trial *t, const char *root, uint64_t n, struct error *err)
{
    char dir[512];
    int rc = run_directory_path(root, n, dir, sizeof dir, err);

    if (rc == 0)
        rc = readback_dir(t->readback, dir, true, &t->survivors, err);
    if (rc == 0)
        readback_probe_write(root, &t->survivors);
    return rc;
}

void survivors_of_refused_mount(struct survivors *s, const struct error *mount_err)
{
    survivors_clear(s);
    s->mount_err = mount_err->code;
    error_text(mount_err, s->mount_msg, sizeof s->mount_msg);
    survivors_finish(s);
}

/* Mounts it; a refusal that does not come again says something about the machine only. A code in *ret_refusal: it came again. */
static bool mount_surely(struct trial_volume *v, struct error *ret_refusal)
{
    struct error first = {0}, err = {0};

    *ret_refusal = first;
    if (volume_mount(v->volume, &first) == 0)
        return true;
    if (fsimage_mount_blames_host(&first))
        return fail(v, &first);
    if (volume_rewind(v->volume, &err) < 0)
        return fail(v, &err);
    if (volume_mount(v->volume, ret_refusal) == 0) {
        error_set(&err, EAGAIN, "mount", NULL, "the volume was refused (%s) and mounted at the second try", strerror(first.code));
        return fail(v, &err);
    }
    return !fsimage_mount_blames_host(ret_refusal) || fail(v, ret_refusal);
}

bool trial_volume_observe(struct trial_volume *v, uint64_t n)
{
    struct error refusal, err = {0};

    if (!mount_surely(v, &refusal))
        return false;
    if (refusal.code) {
        survivors_of_refused_mount(&v->trial->survivors, &refusal);
        return true;
    }
    return trial_readback_fresh(v->trial, volume_path(v->volume, 0), n, &err) == 0 || fail(v, &err);
}

bool trial_volume_remount_and_judge(struct trial_volume *v, const struct strike_point *at, bool *ret_lossy)
{
    struct error err = {0};

    if (!trial_volume_end(v))
        return false;
    if (volume_rewind(v->volume, &err) < 0)
        return fail(v, &err);
    if (!trial_volume_observe(v, v->n))
        return false;
    return trial_judge_survivors(v->trial, &v->trial->survivors, at, ret_lossy);
}

bool trial_volume_tidy(struct trial_volume *v)
{
    struct error err = {0};

    if (!volume_is_mounted(v->volume))
        return true;
    const bool keep = v->dir_fd >= 0 && !plan_has(v->trial->job->plan, VERB_MARKS_DIR);

    if ((keep ? run_directory_empty(v->dir_fd, v->dir, &err) : run_directory_remove(v->dir, &err)) < 0)
        return fail(v, &err);
    v->dir_empty = keep;
    return true;
}

void trial_volume_close(struct trial_volume *v)
{
    struct error dead = {0};

    leave_dir(v);
    /* A trial whose disk died is broken even when all that it saw would have been legal. */
    if (v->volume && !v->trial->broken && !v->trial->skipped && volume_check(v->volume, &dead) < 0)
        fail(v, &dead);
    if (v->volume && volume_is_mounted(v->volume) && !v->disk) { /* what is not the harness's own is left as it was */
        struct error err;
        if (v->dir[0])
            run_directory_remove(v->dir, &err);
    }
    v->trial->volume = NULL;
    volume_close(v->volume);
    v->volume = NULL;
}
