/*
 * Replays one finding in an isolated child. The disk image of a power cut is mounted and judged against the history it came
 * with; anything else (kills, models, wrong outcomes of steps) is run again from the same seed.
 */
#include "trial/replay.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/volume.h"
#include "base/buf.h"
#include "base/error.h"
#include "finding/finding_file.h"
#include "host/isolate.h"
#include "result/result_json.h"
#include "trial/strike.h"
#include "trial/trial.h"
#include "trial/trial_volume.h"

enum { ASYNC_TRIES = 50 }; /* of a kill whose moment cannot be repeated exactly */

static const char *saved_state(const struct finding_file *f)
{
    return f->state_text ? f->state_text : "";
}

static void describe(void *arg, struct buf *out)
{
    buf_puts(out, saved_state(arg));
}

static bool is_fsck(const struct finding_file *f)
{
    return f->defect_kinds & 1U << DEFECT_FSCK;
}

static void replay_image(struct finding_file *f, struct result *ret)
{
    const struct job j = {
        .plan = f->plan, .config = &f->config, .faults = f->config.faults, .strike = f->strike, .seed = f->seed};
    const struct strike_point at = {.seed = f->seed, .pos = f->pos, .describe = describe, .arg = f};
    struct trial_volume v = {0};
    struct trial t;
    struct error err = {0};
    bool lossy = false;

    if (trial_open(&t, &j, ret, &err) < 0) {
        trial_fail(&t, &err);
        trial_close(&t);
        return;
    }
    world_build(t.world, f->plan, f->history, &t.guarantees);
    bool seen = trial_volume_open(&v, &t, true) && trial_volume_observe(&v, TRIAL_POWER_DIR);
    if (seen && volume_is_mounted(v.volume) && is_fsck(f)) {
        seen = volume_unmount(v.volume, &err) == 0 && volume_fsck(v.volume, t.survivors.fsck, sizeof t.survivors.fsck, &err) == 0;
        if (!seen)
            trial_fail(&t, &err);
    }
    if (seen) {
        const bool violated = trial_judge_survivors(&t, &t.survivors, &at, &lossy);
        trial_count(&t, COUNT_STATE, lossy, violated, 0);
    }
    trial_volume_close(&v);
    trial_close(&t);
}

static void run_again(struct finding_file *f, struct result *ret)
{
    /* The outcome of a step needs no strike that cannot be repeated. */
    const bool same = backend_is_model(f->config.backend) || strike_executors[f->strike]->repeats;
    struct job j = {.plan = f->plan,
                    .config = &f->config,
                    .faults = f->config.faults,
                    .strike = same ? f->strike : STRIKE_NONE,
                    .kill = f->kill,
                    .seed = f->seed,
                    .runs = 1};
    const unsigned tries = f->kill.kind == KILL_ASYNC ? ASYNC_TRIES : 1;

    job_run(&j, ret);
    for (unsigned i = 1; i < tries && (ret->verdict == VERDICT_KEPT || ret->verdict == VERDICT_LOSSY); i++) {
        result_free(ret);
        j.seed = f->seed + i;
        job_run(&j, ret);
    }
    ret->strike = f->strike;
}

static void broken(const struct finding_file *f, const struct error *err, struct result *ret)
{
    char text[900];

    *ret = (struct result){.scenario = xstrdup(f->plan->name),
                           .backend = xstrdup(f->config.spec),
                           .strike = f->strike,
                           .verdict = err->skip ? VERDICT_SKIPPED : VERDICT_BROKEN,
                           .reason = xstrdup(error_text(err, text, sizeof text)),
                           .details = xstrdup("")};
}

static void replay(struct finding_file *f, struct result *ret)
{
    struct error err = {0};
    const bool image = finding_has_image(f);
    int rc = backend_probe(&f->config, &err);

    if (rc == 0)
        rc = image ? backend_adopt(&f->config, f->image_fd, &err) : backend_prepare(&f->config, &err);
    if (rc < 0)
        broken(f, &err, ret);
    else if (image)
        replay_image(f, ret);
    else
        run_again(f, ret);
    backend_release(&f->config);
}

static _Noreturn void in_child(struct finding_file *f, int out)
{
    struct result r;

    replay(f, &r);
    char *text = json_dumps(result_to_json(&r), JSON_COMPACT);
    size_t len = text ? strlen(text) : 0;
    _exit(len == 0 || write(out, text, len) != (ssize_t)len);
}

void finding_replay(struct finding_file *f, struct result *ret)
{
    struct error err = {0};
    bool isolated = false;
    int status = 0, out = memfd_create("tornpage-replay", MFD_CLOEXEC);
    pid_t pid = out < 0 ? error_set(&err, errno, "memfd_create", "replay", NULL) : isolate_fork(&isolated, &err);

    *ret = (struct result){0};
    if (pid == 0)
        in_child(f, out);
    if (pid < 0) {
        broken(f, &err, ret);
    } else {
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        FILE *in = fdopen(dup(out), "r");
        if (in)
            rewind(in); /* the child moved the offset that both share */
        json_t *j = in ? json_loadf(in, 0, NULL) : NULL;
        if (!j || result_from_json(j, ret) < 0) {
            error_set(&err, ECHILD, "replay", NULL, "the replaying process ended early (status %d)", status);
            broken(f, &err, ret);
        }
        json_decref(j);
        if (in)
            fclose(in);
    }
    if (out >= 0)
        close(out);
}
