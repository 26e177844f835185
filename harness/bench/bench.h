/*
 * Benchmarks against the bare kernel. Each bench compares what tornpage does (ours) with the same work done by bare system calls
 * (floor), measured alternately in one run, so that a busy machine slows both. The help of `tornpage bench` (faces/cmd_bench.c)
 * says what each bench compares.
 */
#ifndef TORNPAGE_BENCH_BENCH_H
#define TORNPAGE_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

struct plan;

enum { BENCH_MAX_ROUNDS = 1000 };

struct bench_options {
    double seconds;  /* shortest time of a measurement; > 0 */
    unsigned rounds; /* a round measures floor, then ours; 1 to BENCH_MAX_ROUNDS */
    unsigned jobs;   /* workers of benches that run several; 0: as many as a campaign uses */
    /* What benches with `scenarios` set run. */
    struct plan *const *plans;
    size_t n_plans;
};

struct bench {
    const char *name, *unit;
    bool fewer;     /* smaller figures are better */
    bool once;      /* all rounds would give the same: one is enough */
    bool scenarios; /* runs the plans in bench_options */
    const char *fs; /* the file system, where the bench needs one */
    const struct bench_ops *ops;
};

extern const struct bench *const benches[]; /* NULL-terminated */

enum bench_status { BENCH_BROKEN, BENCH_SKIPPED, BENCH_MEASURED };

struct bench_result {
    enum bench_status status;
    char reason[768];               /* why not measured */
    double floor, ours;             /* medians over the rounds, in the bench's unit */
    double ratio;                   /* median of the rounds' ratios; larger is better, even with `fewer` */
    double ratio_least, ratio_most; /* of all rounds */
};

/* Runs one bench in a child process (isolated if privileges allow). Returns when the child is gone; failures are in *ret. */
void bench_run(const struct bench *b, const struct bench_options *o, struct bench_result *ret);

#endif
