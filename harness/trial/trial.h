/*
 * The tally of one job: holds what all runs of a job share (history, world, survivors), and adds up what the verifier said into
 * the job's result. Private to the engine.
 */
#ifndef TORNPAGE_TRIAL_TRIAL_H
#define TORNPAGE_TRIAL_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/rng.h"
#include "evidence/readback.h"
#include "evidence/survivors.h"
#include "finding/finding.h"
#include "trial/job.h"
#include "truth/world.h"
#include "verifier/verify.h"

struct trial {
    const struct job *job;
    struct result *result;
    struct guarantees guarantees;
    struct rng rng;
    struct history *history;
    uint32_t cap_events;
    struct world *world;
    struct survivors survivors;
    struct readback *survey; /* NULL for model backends */
    struct verify_result verdict;
    unsigned sights;       /* seen in all runs so far */
    uint64_t noted, saved; /* defects told in details, and saved as findings: bit per kind, surprises 32 higher */
    bool violated, lossy;
    uint64_t kinds; /* of violations: bit per enum defect */
    bool broken, skipped;
    struct buf details;
    char reason[512];
};

/* Where the survivors at hand come from: what a finding needs besides. */
struct strike_point {
    uint64_t seed; /* of the run */
    uint64_t pos;
    struct kill_point kill;
    void (*describe)(void *arg, struct buf *out); /* the crash state in words; NULL: nothing to say */
    int (*image)(void *arg);                      /* a new memory file of the crash state, or -1; NULL: none */
    void *arg;
};

/* -ENOMEM when the history's memory cannot be had. */
int trial_open(struct trial *g, const struct job *j, struct result *ret, struct error *err);
/* Settles the verdict and the reason, and frees everything but the result. */
void trial_close(struct trial *g);

/* An empty history for the next run. */
struct history *trial_history(struct trial *g, uint64_t seed);
/*
 * Looks through the history for what is no matter of judgement: a feature that is missing (skipped), a machine that is out of
 * something (broken). True when the run may be judged; the world is then built from the history.
 */
bool trial_admits(struct trial *g);
/* Judges the steps of the run at hand; the survivors after a crash at scene->pos. Both add to the result. */
void trial_steps(struct trial *g, const struct strike_point *scene);
/* ret_lossy (may be NULL): set when something was legally lost. Returns whether anything was violated. */
bool trial_survivors(struct trial *g, const struct strike_point *scene, bool *ret_lossy);
void trial_hang(struct trial *g, int32_t step, const struct strike_point *scene);
/* The harness or the machine failed: rc and err as a library call returned them. A skip stays a skip. */
void trial_fail(struct trial *g, const struct error *err);
/* The same, from what is left of an error. */
void trial_end(struct trial *g, bool skip, const char *text);
static inline bool trial_over(const struct trial *g)
{
    return g->broken || g->skipped;
}
/* Is the job's time up? Then the result says so, and the job ends as soon as it has done one thing. */
bool trial_time_up(struct trial *g);

/* Did the run shut its file system down? Then what was not synced is gone as after a power cut. */
bool trial_shut_down(const struct trial *g);

/* A crash state, a kill or a model run is done and came to this: counts it and moves the progress. */
void trial_count(struct trial *g, bool lossy, bool violated, uint64_t states_left);

/* A crash state was mounted; what it counts for the caller adds to the result. */
void trial_mounted(struct trial *g, uint64_t states_left);

/* One file of the engine for each of these. */
void model_runs(struct trial *g);
void strike_none_run(struct trial *g);
void strike_kill_run(struct trial *g, const struct kill_point *only);
void strike_power_run(struct trial *g);

#endif
