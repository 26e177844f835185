/* Runs benches: rounds, medians, and the child in which one bench lives. The list of benches is here. */
#include "bench/bench.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "bench/bench_impl.h"
#include "host/isolate.h"
#include "parser/parser.h"

static const struct bench power_ext4 = {"power-ext4", "states/s", .fs = "ext4", .ops = &bench_power};
static const struct bench power_xfs = {"power-xfs", "states/s", .fs = "xfs", .ops = &bench_power};
static const struct bench power_btrfs = {"power-btrfs", "states/s", .fs = "btrfs", .ops = &bench_power};
static const struct bench kills = {"kill", "kills/s", .ops = &bench_kill};
static const struct bench record = {"record", "steps/s", .ops = &bench_record};
static const struct bench verify = {"verify", "bytes/s", .ops = &bench_verify};
static const struct bench sim = {"sim", "runs/s", .ops = &bench_sim};
static const struct bench covered_ext4 = {"covered-ext4",    "states",     .once = true,
                                          .scenarios = true, .fs = "ext4", .ops = &bench_covered};
static const struct bench covered_xfs = {"covered-xfs",     "states",    .once = true,
                                         .scenarios = true, .fs = "xfs", .ops = &bench_covered};
static const struct bench covered_btrfs = {"covered-btrfs",   "states",      .once = true,
                                           .scenarios = true, .fs = "btrfs", .ops = &bench_covered};
static const struct bench memory = {"memory", "MiB", .fewer = true, .once = true, .ops = &bench_memory};

const struct bench *const benches[] = {&power_ext4, &power_xfs,    &power_btrfs, &kills,         &record, &verify,
                                       &sim,        &covered_ext4, &covered_xfs, &covered_btrfs, &memory, NULL};

struct plan *bench_plan(const char *steps)
{
    struct buf text = {0};
    struct plan *p = NULL;

    buf_printf(&text, "test: What a bench does.\norigin: bench\ncrash: none kill power\n%s", steps);
    int rc = plan_parse("bench", "bench", buf_text(&text), text.len_bytes, &p, NULL);
    assert(rc == 0);
    (void)rc;
    buf_free(&text);
    return p;
}

int bench_config(const char *backend, const char *key, const char *value, struct backend_config *ret, struct error *err)
{
    backend_config_begin(ret, backend_find(backend));
    int rc = backend_config_set(ret, key, value, err);

    if (rc == 0)
        rc = backend_config_end(ret, err);
    return rc == 0 ? backend_probe(ret, err) : rc;
}

int bench_check_result(const struct result *r, struct error *err)
{
    if (r->verdict == VERDICT_KEPT || r->verdict == VERDICT_LOSSY)
        return 0;
    return error_set(err, EINVAL, r->scenario, r->backend, "%s: %s", verdict_names[r->verdict], r->reason ? r->reason : "");
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* Sorts v. */
static double median(double *v, unsigned n)
{
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static int measure(const struct bench *b, const struct bench_options *o, void *state, struct bench_result *ret, struct error *err)
{
    const unsigned rounds = b->once ? 1 : o->rounds;
    double floors[BENCH_MAX_ROUNDS], ours[BENCH_MAX_ROUNDS], ratios[BENCH_MAX_ROUNDS];
    int rc = 0;

    for (unsigned i = 0; i < rounds && rc == 0; i++) {
        rc = b->ops->floor(state, o->seconds, &floors[i], err);
        if (rc == 0)
            rc = b->ops->ours(state, o->seconds, &ours[i], err);
        if (rc == 0 && !(floors[i] > 0 && ours[i] > 0))
            rc = error_set(err, EINVAL, b->name, NULL, "nothing was done in the time of one measurement");
        if (rc == 0)
            ratios[i] = b->fewer ? floors[i] / ours[i] : ours[i] / floors[i];
    }
    if (rc < 0)
        return rc;
    ret->floor = median(floors, rounds);
    ret->ours = median(ours, rounds);
    ret->ratio = median(ratios, rounds);
    ret->ratio_least = ratios[0];
    ret->ratio_most = ratios[rounds - 1];
    ret->outcome = BENCH_MEASURED;
    return 0;
}

static void in_child(const struct bench *b, const struct bench_options *o, struct bench_result *ret)
{
    struct error err = {0};
    void *state = NULL;
    int rc = b->ops->open(b, o, &state, &err);

    if (rc == 0) {
        rc = measure(b, o, state, ret, &err);
        if (b->ops->close)
            b->ops->close(state);
    }
    if (rc < 0) {
        ret->outcome = err.skip ? BENCH_SKIPPED : BENCH_BROKEN;
        error_text(&err, ret->reason, sizeof ret->reason);
    }
}

static void broken(struct bench_result *ret, const struct error *err)
{
    *ret = (struct bench_result){.outcome = BENCH_BROKEN};
    error_text(err, ret->reason, sizeof ret->reason);
}

void bench_run(const struct bench *b, const struct bench_options *o, struct bench_result *ret)
{
    struct error err = {0};
    bool isolated = false;
    int to_parent[2], status = 0;

    assert(o->seconds > 0 && o->rounds >= 1 && o->rounds <= BENCH_MAX_ROUNDS);
    *ret = (struct bench_result){0};
    if (pipe(to_parent) < 0) {
        error_set(&err, errno, "pipe", NULL, NULL);
        broken(ret, &err);
        return;
    }
    pid_t pid = isolate_fork(&isolated, &err);
    if (pid == 0) {
        in_child(b, o, ret);
        _exit(write(to_parent[1], ret, sizeof *ret) == (ssize_t)sizeof *ret ? 0 : 1);
    }
    close(to_parent[1]);
    ssize_t n = pid > 0 ? read(to_parent[0], ret, sizeof *ret) : 0;
    close(to_parent[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid > 0 && n != (ssize_t)sizeof *ret)
        error_set(&err, ECHILD, b->name, NULL, "the bench's process died (status %d)", status);
    if (err.code)
        broken(ret, &err);
}
