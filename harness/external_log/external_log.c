/* Exploring an external log, in the caller's process: reads the input, starts the isolated process, receives its reports. */
#include "external_log/external_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "device/fsimage.h"
#include "device/imagefile.h"
#include "disk/writelog.h"
#include "external_log/external_log_impl.h"
#include "host/files.h"
#include "host/full_io.h"
#include "host/isolate.h"
#include "host/parallel.h"
#include "host/patience.h"

/* The loop backend with these options. */
static int make_config(struct external_log *x, struct error *err)
{
    const struct external_options *o = x->opt;
    const char *sector = x->sector == 512 ? "512" : "4096", *mount = o->mount && *o->mount ? o->mount : NULL;
    int r;

    backend_config_begin(&x->config, backend_find("loop"));
    r = backend_config_set(&x->config, "fs", o->fs, err);
    if (r == 0)
        r = backend_config_set(&x->config, "mount", mount, err);
    if (r == 0)
        r = backend_config_set(&x->config, "sector", o->sector || x->loaded.sector > 512 ? sector : NULL, err);
    return r == 0 ? backend_config_end(&x->config, err) : r;
}

/* Finds the marks named in the options, and the last position before them at which nothing is in flight: reading begins there. */
static int find_ends(struct external_log *x, uint64_t *ret_start, struct error *err)
{
    const struct logmark *from = NULL, *to = NULL;

    x->to = x->marks.n_entries;
    if (x->opt->from && !(from = logmarks_find(&x->marks, x->opt->from, 0, err)))
        return -EINVAL;
    if (from)
        x->from = from->index + 1;
    if (x->opt->to && !(to = logmarks_find(&x->marks, x->opt->to, x->from, err)))
        return -EINVAL;
    if (to)
        x->to = to->index + 1;
    *ret_start = from ? from->flushed : 0;
    return 0;
}

static int read_log(struct external_log *x, struct error *err)
{
    struct logwrites *l = NULL;
    uint64_t start = 0;
    int r = logwrites_open(x->opt->log_path, &l, err);

    if (r == 0)
        r = logmarks_read(l, &x->marks, err);
    if (r == 0)
        r = find_ends(x, &start, err);
    if (r == 0)
        r = logwrites_load(l, start, x->image_fd, x->image_bytes, &x->loaded, err);
    logwrites_close(l);
    return r;
}

/* The factor by which a command may take longer because more jobs than processors run. */
static double slowdown(unsigned jobs)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores >= 1 && jobs > cores ? (double)jobs / (double)cores : 1;
}

int external_log_open(const struct external_options *opt, struct external_log **ret, struct error *err)
{
    struct external_log *x = xcalloc(1, sizeof *x);
    const char *slash = strrchr(opt->log_path, '/');
    int r = 0;

    x->opt = opt;
    x->jobs = parallel_workers(opt->jobs);
    x->deadline_s = opt->deadline_s * slowdown(x->jobs);
    x->name = xstrdup(slash ? slash + 1 : opt->log_path);
    files_plain_name(x->name);
    x->image_fd = imagefile_load(opt->base_path, &x->image_bytes, err);
    if (x->image_fd < 0)
        r = x->image_fd;
    if (r == 0)
        r = read_log(x, err);
    if (r == 0) {
        x->sector = opt->sector ? opt->sector : x->loaded.sector > 512 ? 4096 : fsimage_default_sector(opt->fs);
        r = make_config(x, err);
    }
    if (r == 0)
        r = backend_probe(&x->config, err);
    if (r == 0)
        r = backend_adopt(&x->config, x->image_fd, err);
    if (r < 0) {
        external_log_close(x);
        return r;
    }
    *ret = x;
    return 0;
}

void external_log_close(struct external_log *x)
{
    if (!x)
        return;
    backend_release(&x->config);
    backend_config_free(&x->config);
    logmarks_free(&x->marks);
    writelog_free(x->loaded.log);
    if (x->image_fd >= 0)
        close(x->image_fd);
    free(x->name);
    free(x);
}

void external_result_free(struct external_result *r)
{
    for (size_t i = 0; i < r->n_violations; i++)
        free(r->violations[i].text);
    free(r->violations);
    free(r->epochs);
    *r = (struct external_result){.violations = NULL};
}

/* Adds a violation; its text comes next in the pipe. False: the pipe ended. */
static bool take_violation(int fd, const struct external_message *m, struct external_result *ret)
{
    char *text = xmalloc(m->text_bytes);

    if (!read_full(fd, text, m->text_bytes)) {
        free(text);
        return false;
    }
    ret->violations = grow(ret->violations, &ret->cap_violations, ret->n_violations, sizeof *ret->violations);
    ret->violations[ret->n_violations++] = (struct external_violation){.kind = m->kind,
                                                                       .status = m->status,
                                                                       .cut = m->cut,
                                                                       .n_marks = m->n_marks,
                                                                       .state = text + m->at[0],
                                                                       .mark = text + m->at[1],
                                                                       .output = text + m->at[2],
                                                                       .image = text + m->at[3],
                                                                       .text = text};
    return true;
}

/* Waits for a message. One comes after each observation, which may take as long as two runs of the command. */
static int wait_for_message(const struct external_log *x, int fd, struct error *err)
{
    const double limit_ms = 2 * x->deadline_s * 1000 + PARALLEL_STUCK_MS;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct patience patience;
    int n;

    patience_begin(&patience, (int64_t)limit_ms);
    do
        n = poll(&p, 1, PATIENCE_TICK_MS);
    while ((n < 0 && errno == EINTR) || (n == 0 && patience_left_ns(&patience) > 0));
    if (n < 0)
        return error_set(err, errno, "poll", "", NULL);
    return n ? 0 : error_set(err, ETIMEDOUT, "explore", "", "no crash state was observed within %.0f s", limit_ms / 1000);
}

/* Receives messages until the isolated process is done, dead or stuck. */
static int receive(const struct external_log *x, int fd, external_watch watch, void *arg, struct external_result *ret,
                   struct error *err)
{
    struct external_message m;

    for (;;) {
        const int r = wait_for_message(x, fd, err);

        if (r < 0)
            return r;
        if (!read_full(fd, &m, sizeof m))
            break;
        ret->counts = m.counts;
        if (m.event == EXTERNAL_DONE)
            return 0;
        if (m.event == EXTERNAL_FAILED) {
            if (err)
                *err = m.err;
            return m.err.code ? -m.err.code : -EIO;
        }
        if (m.event == EXTERNAL_VIOLATION && !take_violation(fd, &m, ret))
            break;
        if (m.event == EXTERNAL_EPOCH) {
            ret->epochs = grow(ret->epochs, &ret->cap_epochs, ret->n_epochs, sizeof *ret->epochs);
            ret->epochs[ret->n_epochs++] = m.epoch;
        }
        if (m.event == EXTERNAL_PROGRESS && watch)
            watch(arg, m.counts.states_covered, m.left, m.counts.states_violated);
    }
    return error_set(err, ECHILD, "explore", "", "the process that mounts the crash states died");
}

int external_log_explore(struct external_log *x, external_watch watch, void *arg, struct external_result *ret, struct error *err)
{
    bool isolated = false;
    int fd[2], r;
    pid_t pid;

    *ret = (struct external_result){
        .n_entries = x->marks.n_entries, .n_marks = x->marks.n, .from = x->from, .to = x->to, .sector = x->sector};
    if (pipe2(fd, O_CLOEXEC))
        return error_set(err, errno, "pipe2", "", NULL);
    fflush(NULL);
    pid = isolate_fork(&isolated, err);
    if (pid == 0) {
        close(fd[0]);
        if (isolated)
            external_explore_states(x, fd[1]);
        _exit(0);
    }
    close(fd[1]);
    r = pid < 0 ? -EPERM : receive(x, fd[0], watch, arg, ret, err);
    close(fd[0]);
    if (r == -ETIMEDOUT) {
        kill(pid, SIGKILL); /* it may hang in the kernel, so it is not waited for */
        return r;
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return r;
}
