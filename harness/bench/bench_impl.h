/* Private to this room. What the benches share; each subject has its own file (bench_kill.c, ...). */
#ifndef TORNPAGE_BENCH_BENCH_IMPL_H
#define TORNPAGE_BENCH_BENCH_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/bench.h"
#include "language/plan.h"
#include "trial/job.h"

struct error;

/* All are called in the bench's own process, which exits after close; so close need undo only what outlives a process. */
struct bench_ops {
    /* 0, or -errno; a skip (err->skip) if the machine lacks something. */
    int (*open)(const struct bench *b, const struct bench_options *o, void **ret, struct error *err);
    /* One measurement that takes at least `seconds`. *ret is in the bench's unit. */
    int (*floor)(void *state, double seconds, double *ret, struct error *err);
    int (*ours)(void *state, double seconds, double *ret, struct error *err);
    void (*close)(void *state); /* also called after a failed measurement; NULL: there is nothing to undo */
};

extern const struct bench_ops bench_power, bench_kill, bench_record, bench_verify, bench_sim, bench_memory, bench_covered;

/* Parses a scenario's steps and adds headers. Asserts that the text is right, since it is the bench's own. */
struct plan *bench_plan(const char *steps);
/* Configures a backend with one option and probes it. 0, or -errno as from backend_probe. Never freed: the process exits. */
int bench_config(const char *backend, const char *key, const char *value, struct backend_config *ret, struct error *err);
/* Checks the result of a job that was measured: 0 if it is kept or lossy, else an error, because the figure would be worthless.
 */
int bench_check_result(const struct result *r, struct error *err);

/* One of several workers measured together; in shared memory. */
struct bench_worker {
    unsigned index;
    struct progress progress; /* states_done counts units of work. A job_pulse would not do: it moves for other reasons, too */
    _Atomic uint32_t stop;
    struct error *err;
};

/*
 * Forks n workers, each in its own mount namespace. Each calls `work`, which works until w->stop is set, counts units of work in
 * w->progress.states_done, and returns 0, or -errno with w->err filled. *ret_rate is the rate of all workers together, measured
 * from when each has done one unit to the first one's end, at least `seconds` later; so times when only some work do not count.
 */
int bench_workers(unsigned n, int (*work)(void *arg, struct bench_worker *w), void *arg, double seconds, double *ret_rate,
                  struct error *err);

/* ---- bench_images.c: crash images for the floor of the power benches ---- */

/*
 * Some crash images of one recording, reduced to the blocks in which any two of them differ or which a mount of one of them
 * writes.
 */
struct bench_images {
    uint64_t size_bytes;
    int first_fd;     /* memory file: the first image, complete */
    uint64_t *blocks; /* numbers of the blocks (4 KiB) that may differ */
    size_t n_blocks, cap_blocks;
    uint8_t **bytes; /* for each image, its n_blocks blocks */
    size_t n_images;
};

/* Mounts the device, reads every file of the run's directory, unmounts. */
int bench_mount_and_read(const char *fs, const char *device, const char *dir, struct error *err);
/* Records the plan on the backend's volume and makes images of some of its crash states. Never freed. 0 or -errno. */
int bench_images_make(const struct backend_config *c, const char *fs, const struct plan *p, struct bench_images *ret,
                      struct error *err);
/* Copies a memory file; holes stay holes. The copy's descriptor, or -errno. */
int bench_copy_file(int fd, uint64_t size_bytes);

#endif
