/* What the benches share; one file for each subject (bench_kill.c, ...). Private to them. */
#ifndef TORNPAGE_BENCH_BENCH_IMPL_H
#define TORNPAGE_BENCH_BENCH_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/bench.h"
#include "language/plan.h"
#include "trial/job.h"

struct error;

/* All are called in the bench's own process, which ends after close; so close only undoes what outlives a process. */
struct bench_ops {
    /* -errno, or error_skip where the machine lacks something. */
    int (*open)(const struct bench *b, const struct bench_options *o, void **ret, struct error *err);
    /* One measurement of at least so many seconds. *ret: things done a second, or what the unit says. */
    int (*floor)(void *state, double seconds, double *ret, struct error *err);
    int (*ours)(void *state, double seconds, double *ret, struct error *err);
    void (*close)(void *state); /* also after a measurement that failed; NULL: nothing */
};

extern const struct bench_ops bench_power, bench_kill, bench_record, bench_verify, bench_sim, bench_memory, bench_covered;

/* Parses a scenario's steps (its headers are added). The text is the bench's own: it must be right. */
struct plan *bench_plan(const char *steps);
/* The backend with one option set, where it can work here. -errno as backend_probe; freed with the process. */
int bench_config(const char *backend, const char *key, const char *value, struct backend_config *ret, struct error *err);
/* For a job that ran: 0, or the error that says why its figure is worth nothing (broken, violated). */
int bench_check_result(const struct result *r, struct error *err);

/* One worker of a crew; in shared memory. */
struct bench_worker {
    unsigned index;
    struct progress progress; /* states_done: things done; not a pulse, which says no more than that something moves */
    _Atomic uint32_t stop;
    struct error *err;
};

/*
 * Forks n workers, each in a mount namespace of its own, which call `work` (0, or -errno with w->err filled): it does things and
 * counts them in w->progress.states_done until w->stop is set. The rate is that of all together, from the moment each has done
 * one thing to the first one's end after so many seconds: start and end, when not all are at work, do not count.
 */
int bench_workers(unsigned n, int (*work)(void *arg, struct bench_worker *w), void *arg, double seconds, double *ret_rate,
                  struct error *err);

/* ---- bench_images.c: crash images for the floor of the power benches ---- */

/*
 * Some crash states of one recording, as what differs between them: the blocks in which any two of them differ, or that a mount
 * of one of them writes.
 */
struct bench_images {
    uint64_t size_bytes;
    int first_fd;     /* memory file: the whole first image */
    uint64_t *blocks; /* numbers of the blocks (4 KiB) that may differ */
    size_t n_blocks, cap_blocks;
    uint8_t **bytes; /* of each image: n_blocks blocks */
    size_t n_images;
};

/* Mounts the device, reads every file of the run's directory, unmounts. */
int bench_mount_and_read(const char *fs, const char *device, const char *dir, struct error *err);
int bench_images_make(const struct backend_config *c, const char *fs, const struct plan *p, struct bench_images *ret,
                      struct error *err);
/* A copy of a memory file; the descriptor or -errno. */
int bench_copy_file(int fd, uint64_t size_bytes);

#endif
