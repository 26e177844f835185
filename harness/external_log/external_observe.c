/* Observing a crash state of an external log: see external_observe.h. */
#include "external_log/external_observe.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "external_log/check_command.h"

enum {
    CANNOT_EXECUTE = 126,
    NOT_FOUND = 127,
};

void check_observation_free(struct check_observation *c)
{
    buf_free(&c->output);
}

static int inspect(void *arg, const char *root, uint64_t n_marks, struct error *err)
{
    struct external_checker *c = arg;
    struct check_observation *ret = &c->observation;
    const struct external_log *x = c->x;
    struct check_run run;
    const int r =
        check_command_run(x->opt->check, root, n_marks ? x->marks.v[n_marks - 1].text : "", n_marks, x->deadline_s, &run, err);

    check_observation_free(ret);
    ret->output = run.out;
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

static bool hung(void *arg)
{
    return ((const struct external_checker *)arg)->observation.kind == EXTERNAL_HUNG;
}

static void refused(void *arg, const struct error *mount_err)
{
    struct check_observation *ret = &((struct external_checker *)arg)->observation;
    char text[1024];

    check_observation_free(ret);
    *ret = (struct check_observation){.violated = true, .kind = EXTERNAL_MOUNT, .status = mount_err->code};
    buf_puts(&ret->output, error_text(mount_err, text, sizeof text));
}

/*
 * The state before the first entry must mount. If it does not, a later failure to mount says nothing: the base image may hold
 * another file system, the log may begin with mkfs, or the disk may be dead.
 */
static void control_failed(void *arg, struct error *err)
{
    const struct external_options *o = ((const struct external_checker *)arg)->x->opt;
    const struct error mount_err = *err;
    char text[600];

    error_set(err, EINVAL, "explore", o->base_path,
              "the image does not mount as %s at %s: %s. Is --fs right? If mkfs is in the log, begin behind it with --from MARK",
              o->fs, o->from ? "the last flush before --from" : "the start of the log",
              error_text(&mount_err, text, sizeof text));
}

/* The observation, then its output. */
static void pack(void *arg, struct buf *out)
{
    struct check_observation flat = ((struct external_checker *)arg)->observation;
    const struct buf output = flat.output;

    flat.output = (struct buf){.data = NULL};
    buf_add(out, &flat, sizeof flat);
    buf_add(out, output.data, output.len_bytes);
}

static void unpack(void *arg, const char *packed, size_t len_bytes)
{
    struct check_observation *ret = &((struct external_checker *)arg)->observation;

    check_observation_free(ret);
    memcpy(ret, packed, sizeof *ret);
    buf_add(&ret->output, packed + sizeof *ret, len_bytes - sizeof *ret);
}

const struct observer_ops external_observing = {
    .inspect = inspect, .doubtful = hung, .refused = refused, .control_failed = control_failed, .pack = pack, .unpack = unpack};
