/*
 * Observes crash states: shows each on a crash disk, mounts it, has its caller inspect it, unmounts it, and learns what was read
 * meanwhile; in this process, or in prefetch workers. Every exploration mounts this way; they differ in what they inspect and in
 * who judges it.
 *
 * The observation at hand belongs to the caller. `inspect`, `refused` and `unmounted` make it, in whichever process they run;
 * `pack` and `unpack` carry it over from a worker.
 */
#ifndef TORNPAGE_EXPLORE_OBSERVER_H
#define TORNPAGE_EXPLORE_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "states/crash_states.h"
#include "states/read_notes.h"

struct backend_config;
struct buf;
struct crash_image;
struct error;
struct observer;
struct volume;
struct writelog;

/* "-errno": the harness or the machine failed, and nothing was observed. */
struct observer_ops {
    /* The state is mounted at `root`. */
    int (*inspect)(void *arg, const char *root, uint64_t question, struct error *err);
    /* May the inspection have seen the machine rather than the state? Then the state is mounted and inspected once more, and what
     * that saw counts. NULL: no. */
    bool (*doubtful)(void *arg);
    /* The state did not mount twice, and the host is not to blame. That is the observation. */
    void (*refused)(void *arg, const struct error *mount_err);
    /* The state was inspected and is unmounted again. NULL: there is nothing more to observe. */
    int (*unmounted)(void *arg, struct volume *v, struct error *err);
    /* The control state does not mount; *err says why, and may be made clearer. NULL: it is clear as it is. */
    void (*control_failed)(void *arg, struct error *err);
    void (*pack)(void *arg, struct buf *out);
    void (*unpack)(void *arg, const char *packed, size_t len_bytes);
    /* Prefetch workers are about to be forked. NULL: nothing to do. */
    void (*before_fork)(void *arg);
};

struct observer_setup {
    const struct backend_config *config; /* ready, and takes images */
    struct crash_image *image;           /* for states that are observed; the caller's */
    const struct writelog *log;
    uint64_t control; /* log position before which everything is durable in the control state, which must mount */
    unsigned workers; /* prefetch workers; 0, 1: this process observes by itself */
    const struct observer_ops *ops;
    void *arg;
};

/* Starts nothing yet: the volume is opened, and workers are forked, when they are first needed. */
struct observer *observer_new(const struct observer_setup *s);
void observer_free(struct observer *o); /* NULL: nothing to do */

/* Loads the state into the image. -errno: it does not fit in memory. */
int observer_load(struct observer *o, const struct crash_state *s, struct error *err);
/*
 * Mounts and unmounts the control state. It fails, with an error of control_failed, when that does not mount: then a mount that
 * fails later says nothing about its crash state, since the disk may be dead, or the image may belong to another file system.
 */
int observer_control(struct observer *o, struct error *err);
/*
 * Observes state `s`, which is loaded, and is loaded again afterwards. `question` tells observations of one state apart. A mount
 * that is refused is tried again: if it succeeds then, -EAGAIN. After the second refusal the control state is tried, the first
 * few times.
 */
int observer_observe(struct observer *o, const struct crash_state *s, uint64_t question, struct error *err);
/* What the last observation read, in order; until the next one. */
const struct read_note *observer_reads(const struct observer *o, size_t *ret_n);
/* Was it known, for every observation so far, what it read? Else those are taken to have read everything. */
bool observer_is_traced(const struct observer *o);

/* Is a prefetch worker idle? Forks the workers on first use. */
bool observer_prefetch_idle(struct observer *o);
/* Has an idle worker observe this state, unless one has begun to. */
void observer_prefetch(struct observer *o, const struct crash_state *s, uint64_t question);

#endif
