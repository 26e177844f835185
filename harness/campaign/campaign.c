/*
 * Campaigns: see campaign.h. Three kinds of process take part. The caller's own lists the work, starts a supervisor in private
 * namespaces, and receives results from a socket, one packet each. The supervisor probes and prepares the backends once and runs
 * the pool. Workers run jobs and send their results. If a worker dies, its job's result is "broken"; if the supervisor dies, so
 * are all that are left; if the caller dies, all die with it.
 */
#include "campaign/campaign.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "campaign/pool.h"
#include "host/isolate.h"
#include "host/parallel.h"
#include "random/random.h"
#include "result/result_json.h"
#include "trial/job.h"

enum {
    TICK_MS = 100,
    PACKET_BYTES = 128 << 10, /* a result's details are bounded well below this */
};

struct listed_trial {
    const struct plan *plan;
    struct backend_config *config;
    enum strike strike;
    bool done;
};

struct campaign {
    const struct campaign_options *opt;
    struct backend_config *configs;
    size_t n_configs;
    struct listed_trial *trials;
    size_t n_trials, cap_trials;
    size_t *order; /* trials in the order they are begun */
    size_t n_order;
    double *weight_left;       /* of the time that trials share, by place in that order: of this one and those behind it */
    unsigned n_workers;        /* at most; the pool starts no more than there are jobs */
    double end_s;              /* of clock_s; 0: no limit */
    struct progress *progress; /* in shared memory */
    int out;                   /* the supervisor's and the workers' end of the socket */
    /* in the caller's process */
    struct result *results;
    size_t n_done;
    campaign_watch watch;
    void *arg;
};

static void list_trials(struct campaign *c, struct plan *const *plans, size_t n_plans)
{
    for (size_t p = 0; p < n_plans; p++)
        for (size_t b = 0; b < c->n_configs; b++)
            for (unsigned k = 0; k < STRIKES; k++) {
                if (!(plans[p]->strikes & c->opt->strikes & 1U << k))
                    continue;
                c->trials = grow(c->trials, &c->cap_trials, c->n_trials, sizeof *c->trials);
                c->trials[c->n_trials++] =
                    (struct listed_trial){.plan = plans[p], .config = &c->configs[b], .strike = (enum strike)k};
            }
}

static void result_plain(const struct listed_trial *e, enum verdict verdict, const char *reason, struct result *ret)
{
    *ret = (struct result){.scenario = xstrdup(e->plan->name),
                           .backend = xstrdup(e->config->spec),
                           .strike = e->strike,
                           .verdict = verdict,
                           .reason = xstrdup(reason),
                           .details = xstrdup("")};
}

/* ---- in the supervisor and its workers ---- */

static void send_result(const struct campaign *c, size_t trial, const struct result *r)
{
    json_t *j = result_to_json(r);

    json_object_set_new(j, "trial", json_integer((json_int_t)trial));
    char *text = json_dumps(j, JSON_COMPACT);
    size_t len = strlen(text);
    ssize_t n;

    assert(len < PACKET_BYTES);
    do
        n = send(c->out, text, len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    free(text);
    json_decref(j);
    if (n != (ssize_t)len) /* the caller is gone, or will report this job's worker as dead */
        _exit(1);
}

static void send_plain(const struct campaign *c, size_t trial, enum verdict verdict, const char *reason)
{
    struct result r;

    result_plain(&c->trials[trial], verdict, reason, &r);
    send_result(c, trial, &r);
    result_free(&r);
}

/* Prefetch workers of one job: once fewer jobs than workers are left, these jobs share the idle workers. */
static unsigned prefetch_workers_for(const struct campaign *c, size_t task)
{
    const size_t left = c->n_order - task;

    return left >= c->n_workers ? 1 : c->n_workers / (unsigned)left;
}

static unsigned weight(const struct listed_trial *e)
{
    return job_weight(e->config->backend, e->strike);
}

/*
 * When the task must be done: each gets its share of the time that is left, so that none is starved by those before it. What it
 * does not use is for those behind it. Random scenarios are there to use all time up, and take what they need.
 */
static double end_of_share(const struct campaign *c, size_t task)
{
    const struct listed_trial *e = &c->trials[c->order[task]];
    const double now = clock_s();

    if (c->end_s <= 0 || is_random_name(e->plan->name))
        return c->end_s;
    const double share_s = (c->end_s - now) * c->n_workers * (1 + weight(e)) / c->weight_left[task];

    return now + share_s < c->end_s ? now + share_s : c->end_s;
}

static void run_task(void *arg, size_t task, struct job_pulse *pulse)
{
    const struct campaign *c = arg;
    const size_t trial = c->order[task];
    const struct listed_trial *e = &c->trials[trial];
    struct result r;
    const struct job j = {.plan = e->plan,
                          .config = e->config,
                          .strike = e->strike,
                          .faults = e->config->faults,
                          .seed = job_seed(c->opt->seed, e->plan->name, e->config->spec, e->strike),
                          .max_states = c->opt->max_states,
                          .runs = c->opt->runs,
                          .findings_dir = c->opt->findings_dir,
                          .log_dir = c->opt->log_dir,
                          .fsck = c->opt->fsck,
                          .no_prune = c->opt->no_prune,
                          .check_prune = c->opt->check_prune,
                          .end_s = end_of_share(c, task),
                          .prefetch_workers = prefetch_workers_for(c, task),
                          .progress = c->progress,
                          .pulse = pulse};

    job_run(&j, &r);
    send_result(c, trial, &r);
    result_free(&r);
}

static void lost_task(void *arg, size_t task, int status, bool stuck)
{
    char reason[128];

    if (stuck)
        snprintf(reason, sizeof reason, "no progress for %d s; the worker process was killed", PARALLEL_STUCK_MS / 1000);
    else if (WIFSIGNALED(status))
        snprintf(reason, sizeof reason, "the worker process was killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(reason, sizeof reason, "the worker process ended with status %d", WEXITSTATUS(status));
    const struct campaign *c = arg;
    send_plain(c, c->order[task], VERDICT_BROKEN, reason);
}

static void tick(void *arg, uint64_t states_left)
{
    const struct campaign *c = arg;

    atomic_store(&c->progress->states_left, states_left);
}

/* Probes and prepares the backends. If one cannot work here, all its results are sent at once. */
static void prepare(struct campaign *c)
{
    for (size_t i = 0; i < c->n_configs; i++) {
        struct backend_config *config = &c->configs[i];
        struct error err = {0};
        char text[900];
        int rc = backend_probe(config, &err);

        if (rc == 0)
            rc = backend_prepare(config, &err);
        if (rc == 0)
            continue;
        error_text(&err, text, sizeof text);
        for (size_t e = 0; e < c->n_trials; e++)
            if (c->trials[e].config == config && !c->trials[e].done) {
                send_plain(c, e, err.skip ? VERDICT_SKIPPED : VERDICT_BROKEN, text);
                c->trials[e].done = true;
            }
    }
}

/*
 * Long jobs begin first, so that workers do not end up idle while one finishes a long job. With little time it is as listed, so
 * that the first scenarios are seen on all backends, under all strikes. No result depends on the order.
 */
static void list_order(struct campaign *c)
{
    const bool as_listed = c->opt->time_s > 0;

    c->order = xcalloc(c->n_trials, sizeof *c->order);
    for (unsigned w = 3; w-- > 0;)
        for (size_t e = 0; e < c->n_trials; e++)
            if (!c->trials[e].done && (as_listed ? w == 0 : weight(&c->trials[e]) == w))
                c->order[c->n_order++] = e;
}

/* Random scenarios together weigh at most as much as the others. */
static void weigh(struct campaign *c)
{
    double named = 0, random = 0;

    c->weight_left = xcalloc(c->n_order + 1, sizeof *c->weight_left);
    for (size_t i = 0; i < c->n_order; i++) {
        const struct listed_trial *e = &c->trials[c->order[i]];
        *(is_random_name(e->plan->name) ? &random : &named) += 1 + weight(e);
    }
    c->weight_left[c->n_order] = random < named ? random : named;
    for (size_t i = c->n_order; i-- > 0;) {
        const struct listed_trial *e = &c->trials[c->order[i]];
        c->weight_left[i] = c->weight_left[i + 1] + (is_random_name(e->plan->name) ? 0 : 1 + weight(e));
    }
}

static _Noreturn void supervise(struct campaign *c, bool isolated)
{
    struct error err = {0};
    int rc = 0;

    prepare(c);
    list_order(c);
    weigh(c);
    c->n_workers = parallel_workers(c->opt->jobs);
    if (c->opt->time_s > 0)
        c->end_s = clock_s() + c->opt->time_s;
    struct pool pool = {.n_tasks = c->n_order,
                        .n_workers = c->n_workers < c->n_order ? c->n_workers : (unsigned)c->n_order,
                        .end_s = c->end_s,
                        .namespaces = isolated,
                        .run = run_task,
                        .lost = lost_task,
                        .tick = tick,
                        .arg = c};
    if (c->n_order)
        rc = pool_run(&pool, &err);
    if (rc < 0) {
        char text[900];
        error_text(&err, text, sizeof text);
        for (size_t i = 0; i < c->n_order; i++) /* the caller keeps the first result of each trial */
            send_plain(c, c->order[i], VERDICT_BROKEN, text);
    }
    for (size_t i = 0; i < c->n_configs; i++)
        backend_release(&c->configs[i]);
    _exit(0);
}

/* ---- in the caller ---- */

static void take_result(struct campaign *c, size_t trial, struct result *r)
{
    if (trial >= c->n_trials || c->trials[trial].done) {
        result_free(r);
        return;
    }
    c->results[trial] = *r;
    c->trials[trial].done = true;
    c->n_done++;
    atomic_fetch_add(&c->progress->jobs_done, 1);
    if (c->watch)
        c->watch(c->arg, &c->results[trial], c->progress);
}

/* Results known before anything runs: strikes that a backend cannot show. */
static void skip_impossible(struct campaign *c)
{
    for (size_t e = 0; e < c->n_trials; e++) {
        const struct backend *b = c->trials[e].config->backend;
        char reason[512];
        struct result r;

        if (b->strikes & 1U << c->trials[e].strike)
            continue;
        snprintf(reason, sizeof reason, "%s cannot show crash kind %s: %s", b->name, strike_table[c->trials[e].strike].name,
                 b->cannot);
        result_plain(&c->trials[e], VERDICT_SKIPPED, reason, &r);
        take_result(c, e, &r);
    }
}

static bool take_packet(struct campaign *c, int in, char *packet, int flags)
{
    ssize_t n = recv(in, packet, PACKET_BYTES, flags);
    struct result r;

    if (n <= 0)
        return n < 0 && errno == EINTR;
    json_t *j = json_loadb(packet, (size_t)n, 0, NULL);
    json_int_t trial = json_integer_value(json_object_get(j, "trial"));
    if (j && result_from_json(j, &r) == 0)
        take_result(c, (size_t)trial, &r);
    json_decref(j);
    return true;
}

/* Receives results until the supervisor has ended, or a signal interrupts. Returns the signal's number, or 0. */
static int collect(struct campaign *c, int in, int signals, int child)
{
    struct pollfd fds[] = {{.fd = in, .events = POLLIN}, {.fd = signals, .events = POLLIN}, {.fd = child, .events = POLLIN}};
    char *packet = xmalloc(PACKET_BYTES);
    int interrupted_by = 0;

    for (;;) {
        int n = poll(fds, 3, TICK_MS);
        if (n > 0 && fds[1].revents) {
            struct signalfd_siginfo taken;
            interrupted_by = read(signals, &taken, sizeof taken) == (ssize_t)sizeof taken ? (int)taken.ssi_signo : SIGTERM;
            break;
        }
        if (n > 0 && fds[0].revents & POLLIN) {
            if (!take_packet(c, in, packet, 0))
                fds[0].fd = -1;               /* closed at the other end */
        } else if (n > 0 && fds[2].revents) { /* the supervisor ended; take what is left in the socket */
            while (take_packet(c, in, packet, MSG_DONTWAIT))
                ;
            break;
        } else if (n > 0) {
            fds[0].fd = -1;
        }
        if (c->watch && n == 0)
            c->watch(c->arg, NULL, c->progress);
    }
    free(packet);
    return interrupted_by;
}

/* Gives each trial that has no result one that says why. */
static void complete_results(struct campaign *c, int interrupted_by, int status)
{
    for (size_t e = 0; e < c->n_trials; e++) {
        char reason[128];
        struct result r;

        if (c->trials[e].done)
            continue;
        bool died = !interrupted_by && status != 0;
        if (died)
            snprintf(reason, sizeof reason, "the campaign's process ended early (%s %d)",
                     WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        else
            snprintf(reason, sizeof reason, "%s", interrupted_by ? "interrupted" : "the time was up before it began");
        result_plain(&c->trials[e], died ? VERDICT_BROKEN : VERDICT_SKIPPED, reason, &r);
        r.interrupted_by = interrupted_by;
        r.not_begun = !died && !interrupted_by;
        take_result(c, e, &r);
    }
}

static int run_supervisor(struct campaign *c, struct error *err)
{
    int pair[2], status = 0;
    sigset_t stop, old;
    bool isolated = false;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set(err, errno, "socketpair", NULL, NULL);
    /* Blocked before the fork: Ctrl-C at a terminal reaches the children, too; only this process handles it, and ends them. */
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    sigprocmask(SIG_BLOCK, &stop, &old);
    pid_t pid = isolate_fork(&isolated, err);
    if (pid == 0) {
        close(pair[0]);
        c->out = pair[1];
        supervise(c, isolated);
    }
    close(pair[1]);
    int signals = signalfd(-1, &stop, SFD_CLOEXEC), child = pid < 0 ? -1 : pidfd_open(pid, 0);
    int rc = pid < 0                    ? (err && err->code ? -err->code : -EAGAIN)
             : signals < 0 || child < 0 ? error_set(err, errno, "signalfd", NULL, NULL)
                                        : 0;
    if (rc == 0) {
        int interrupted_by = collect(c, pair[0], signals, child);
        if (interrupted_by)
            kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        complete_results(c, interrupted_by, status);
    } else if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    if (signals >= 0) {
        struct signalfd_siginfo taken; /* so that a signal handled here is not delivered again below */
        struct pollfd fd = {.fd = signals, .events = POLLIN};
        while (poll(&fd, 1, 0) > 0 && read(signals, &taken, sizeof taken) > 0)
            ;
        close(signals);
    }
    if (child >= 0)
        close(child);
    close(pair[0]);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return rc;
}

int campaign_run(struct plan *const *plans, size_t n_plans, struct backend_config *configs, size_t n_configs,
                 const struct campaign_options *opt, campaign_watch watch, void *arg, struct result **ret, size_t *ret_n,
                 struct error *err)
{
    struct campaign c = {.opt = opt, .configs = configs, .n_configs = n_configs, .out = -1, .watch = watch, .arg = arg};
    void *shared = mmap(NULL, sizeof *c.progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert(ret && ret_n);
    *ret = NULL;
    *ret_n = 0;
    if (shared == MAP_FAILED)
        return error_set(err, errno, "progress", NULL, NULL);
    c.progress = shared;
    list_trials(&c, plans, n_plans);
    c.results = xcalloc(c.n_trials, sizeof *c.results);
    atomic_store(&c.progress->jobs_total, c.n_trials);
    skip_impossible(&c);
    int rc = c.n_done < c.n_trials ? run_supervisor(&c, err) : 0;
    if (rc == 0) {
        *ret = c.results;
        *ret_n = c.n_trials;
    } else {
        for (size_t i = 0; i < c.n_trials; i++)
            result_free(&c.results[i]);
        free(c.results);
    }
    free(c.trials);
    munmap(shared, sizeof *c.progress);
    return rc;
}
