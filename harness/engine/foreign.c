/* Exploring a foreign log, the caller's side: reads the input, starts the isolated process, gathers what it tells. */
#include "engine/foreign.h"

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
#include "base/files.h"
#include "base/whole.h"
#include "engine/foreign_impl.h"
#include "engine/isolate.h"
#include "engine/pool.h"
#include "storage/fsimage.h"
#include "storage/imagefile.h"

const char *const foreign_kind_names[] = {[FOREIGN_MOUNT] = "mount", [FOREIGN_CHECK] = "check", [FOREIGN_HUNG] = "hung"};

/* The loop backend's spec for these options, in which a plus stands for a comma. */
static int make_config(struct foreign *x, struct error *err)
{
    struct buf spec = {.data = NULL};
    int r;

    buf_puts(&spec, "loop:fs=");
    for (const char *c = x->opt->fs; *c; c++)
        buf_puts(&spec, *c == ',' ? ",," : *c == '+' ? "++" : (char[]){*c, '\0'});
    if (x->opt->mount && *x->opt->mount) {
        buf_puts(&spec, ",mount=");
        for (const char *c = x->opt->mount; *c; c++)
            buf_puts(&spec, *c == ',' ? "+" : *c == '+' ? "++" : (char[]){*c, '\0'});
    }
    if (x->opt->sector || x->loaded.sector > 512)
        buf_printf(&spec, ",sector=%u", x->sector);
    r = backend_config_parse(buf_text(&spec), &x->config, err);
    buf_free(&spec);
    return r;
}

/* Where the options' marks are, and where reading may begin: nothing is in flight there. */
static int find_ends(struct foreign *x, uint64_t *ret_start, struct error *err)
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

static int read_log(struct foreign *x, struct error *err)
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

/* How much longer a command may take because it shares the processors with the other jobs. */
static double slowdown(unsigned jobs)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores >= 1 && jobs > cores ? (double)jobs / (double)cores : 1;
}

int foreign_open(const struct foreign_options *opt, struct foreign **ret, struct error *err)
{
    struct foreign *x = xcalloc(1, sizeof *x);
    const char *slash = strrchr(opt->log_path, '/');
    int r = 0;

    x->opt = opt;
    x->jobs = pool_workers(opt->jobs);
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
        r = x->config.backend->probe(&x->config, err);
    if (r == 0)
        r = x->config.backend->adopt(&x->config, x->image_fd, err);
    if (r < 0) {
        foreign_close(x);
        return r;
    }
    *ret = x;
    return 0;
}

void foreign_close(struct foreign *x)
{
    if (!x)
        return;
    if (x->config.prepared)
        x->config.backend->release(&x->config);
    if (x->config.backend)
        backend_config_free(&x->config);
    logmarks_free(&x->marks);
    writelog_free(x->loaded.log);
    if (x->image_fd >= 0)
        close(x->image_fd);
    free(x->name);
    free(x);
}

void foreign_result_free(struct foreign_result *r)
{
    for (size_t i = 0; i < r->n_violations; i++)
        free(r->violations[i].text);
    free(r->violations);
    free(r->epochs);
    *r = (struct foreign_result){.violations = NULL};
}

/* Enters a violation whose text comes next; false: the pipe ended. */
static bool take_violation(int fd, const struct foreign_message *m, struct foreign_result *ret)
{
    char *text = xmalloc(m->text_bytes);

    if (!whole_read(fd, text, m->text_bytes)) {
        free(text);
        return false;
    }
    ret->violations = grow(ret->violations, &ret->cap_violations, ret->n_violations, sizeof *ret->violations);
    ret->violations[ret->n_violations++] = (struct foreign_violation){.kind = m->kind,
                                                                      .status = m->status,
                                                                      .cut = m->cut,
                                                                      .n_marks = m->n_marks,
                                                                      .state = text + m->at[0],
                                                                      .mark = text + m->at[1],
                                                                      .said = text + m->at[2],
                                                                      .image = text + m->at[3],
                                                                      .text = text};
    return true;
}

/* Waits until the isolated process tells something; it does after each look, which takes as long as its command may. */
static int wait_for_news(const struct foreign *x, int fd, struct error *err)
{
    const double limit_ms = x->deadline_s * 1000 + POOL_STUCK_MS;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;

    do
        n = poll(&p, 1, limit_ms < INT_MAX ? (int)limit_ms : -1);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_set(err, errno, "poll", "", NULL);
    return n ? 0 : error_set(err, ETIMEDOUT, "explore", "", "no look at a crash state ended within %.0f s", limit_ms / 1000);
}

/* Reads what the isolated process tells until it is done, dead or stuck. */
static int gather(const struct foreign *x, int fd, foreign_watch watch, void *arg, struct foreign_result *ret, struct error *err)
{
    struct foreign_message m;

    for (;;) {
        const int r = wait_for_news(x, fd, err);

        if (r < 0)
            return r;
        if (!whole_read(fd, &m, sizeof m))
            break;
        ret->counts = m.counts;
        if (m.event == FOREIGN_DONE)
            return 0;
        if (m.event == FOREIGN_FAILED) {
            if (err)
                *err = m.err;
            return m.err.code ? -m.err.code : -EIO;
        }
        if (m.event == FOREIGN_VIOLATION && !take_violation(fd, &m, ret))
            break;
        if (m.event == FOREIGN_EPOCH) {
            ret->epochs = grow(ret->epochs, &ret->cap_epochs, ret->n_epochs, sizeof *ret->epochs);
            ret->epochs[ret->n_epochs++] = m.epoch;
        }
        if (m.event == FOREIGN_PROGRESS && watch)
            watch(arg, m.counts.states_covered, m.left, m.counts.states_violated);
    }
    return error_set(err, ECHILD, "explore", "", "the process that mounts the crash states died");
}

int foreign_explore(struct foreign *x, foreign_watch watch, void *arg, struct foreign_result *ret, struct error *err)
{
    bool isolated = false;
    int fd[2], r;
    pid_t pid;

    *ret = (struct foreign_result){
        .n_entries = x->marks.n_entries, .n_marks = x->marks.n, .from = x->from, .to = x->to, .sector = x->sector};
    if (pipe2(fd, O_CLOEXEC))
        return error_set(err, errno, "pipe2", "", NULL);
    fflush(NULL);
    pid = isolate_fork(&isolated, err);
    if (pid == 0) {
        close(fd[0]);
        if (isolated)
            foreign_states(x, fd[1]);
        _exit(0);
    }
    close(fd[1]);
    r = pid < 0 ? -EPERM : gather(x, fd[0], watch, arg, ret, err);
    close(fd[0]);
    if (r == -ETIMEDOUT) {
        kill(pid, SIGKILL); /* what hangs in the kernel dies when it can; nobody waits for that */
        return r;
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return r;
}
