/*
 * The tally of one job: holds what all runs of a job share (history, world, survivors), and adds up what the verifier said into
 * the job's result. Private to the engine.
 */
#ifndef TORNPAGE_ENGINE_TALLY_H
#define TORNPAGE_ENGINE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/rng.h"
#include "engine/finding.h"
#include "engine/job.h"
#include "engine/survey.h"
#include "truth/survivors.h"
#include "truth/verify.h"
#include "truth/world.h"

struct tally {
    const struct job *job;
    struct result *result;
    struct guarantees guarantees;
    struct rng rng;
    struct history *history;
    uint32_t cap_events;
    struct world *world;
    struct survivors survivors;
    struct survey *survey; /* NULL for model backends */
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
struct scene {
    uint64_t seed; /* of the run */
    uint64_t pos;
    struct kill_point kill;
    void (*describe)(void *arg, struct buf *out); /* the crash state in words; NULL: nothing to say */
    int (*image)(void *arg);                      /* a new memory file of the crash state, or -1; NULL: none */
    void *arg;
};

/* -ENOMEM when the history's memory cannot be had. */
int tally_open(struct tally *g, const struct job *j, struct result *ret, struct error *err);
/* Settles the verdict and the reason, and frees everything but the result. */
void tally_close(struct tally *g);

/* An empty history for the next run. */
struct history *tally_history(struct tally *g, uint64_t seed);
/*
 * Looks through the history for what is no matter of judgement: a feature that is missing (skipped), a machine that is out of
 * something (broken). True when the run may be judged; the world is then built from the history.
 */
bool tally_admits(struct tally *g);
/* Judges the steps of the run at hand; the survivors after a crash at scene->pos. Both add to the result. */
void tally_steps(struct tally *g, const struct scene *scene);
/* ret_lossy (may be NULL): set when something was legally lost. Returns whether anything was violated. */
bool tally_survivors(struct tally *g, enum crash_kind crash, const struct scene *scene, bool *ret_lossy);
void tally_hang(struct tally *g, int32_t step, const struct scene *scene);
/* The harness or the machine failed: rc and err as a library call returned them. A skip stays a skip. */
void tally_fail(struct tally *g, const struct error *err);
/* The same, from what is left of an error. */
void tally_end(struct tally *g, bool skip, const char *text);
static inline bool tally_over(const struct tally *g)
{
    return g->broken || g->skipped;
}
/* Is the job's time up? Then the result says so, and the job ends as soon as it has done one thing. */
bool tally_time_up(struct tally *g);

/* Did the run shut its file system down? Then what was not synced is gone as after a power cut. */
bool tally_shut_down(const struct tally *g);

/* A crash state, a kill or a model run is done and came to this: counts it and moves the progress. */
void tally_count(struct tally *g, bool lossy, bool violated, uint64_t states_left);

/* A crash state was mounted; what it counts for the caller adds to the result. */
void tally_mounted(struct tally *g, uint64_t states_left);

/* One file of the engine for each of these. */
void job_model(struct tally *g);
void job_none(struct tally *g);
void job_kill(struct tally *g, const struct kill_point *only);
void job_power(struct tally *g);

#endif
