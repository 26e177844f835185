/*
 * Benchmarks against the bare machine: each figure is what tornpage does (ours) beside the least that the machine needs for the
 * same (floor), measured alternately in one run, so that a busy machine slows both. What floor and ours are of each bench stands
 * in the help of the command (faces/cmd_bench.c).
 */
#ifndef TORNPAGE_BENCH_BENCH_H
#define TORNPAGE_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

struct plan;

enum { BENCH_MAX_ROUNDS = 1000 };

struct bench_options {
    double seconds;  /* of each measurement, at least; > 0 */
    unsigned rounds; /* of floor, ours; 1 to BENCH_MAX_ROUNDS */
    unsigned jobs;   /* workers of the benches that have several; 0: as many as a campaign takes */
    /* Of the benches that run scenarios, which are those with .scenarios set. */
    struct plan *const *plans;
    size_t n_plans;
};

struct bench {
    const char *name, *unit;
    bool fewer;     /* the smaller figure is the better one */
    bool once;      /* rounds do not differ: one is enough */
    bool scenarios; /* runs those it is given */
    const char *fs; /* power: the file system */
    const struct bench_ops *ops;
};

extern const struct bench *const benches[]; /* NULL-terminated */

enum bench_outcome { BENCH_BROKEN, BENCH_SKIPPED, BENCH_MEASURED };

struct bench_result {
    enum bench_outcome outcome;
    char reason[768];               /* why not measured */
    double floor, ours;             /* medians over the rounds, in the bench's unit */
    double ratio;                   /* median of the rounds' ratios; the larger the better, also where fewer is better */
    double ratio_least, ratio_most; /* of all rounds */
};

/* Runs one bench in a child of its own (isolated where privileges allow); returns when the child is gone. */
void bench_run(const struct bench *b, const struct bench_options *o, struct bench_result *ret);

#endif
