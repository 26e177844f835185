/*
 * Private to this room, and to the benches. A trial: one job at work. It holds what all runs of the job share (history, world,
 * survivors), and adds up in the job's result what the verifier says of them.
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
#include "trial/recording.h"
#include "truth/world.h"
#include "verifier/verify.h"

struct known_set;
struct volume;

struct trial {
    const struct job *job;
    struct result *result;
    struct guarantees guarantees;
    struct rng rng;
    struct history *history;
    uint32_t cap_events;
    struct world *world;
    struct volume *volume;      /* the open one, whose health is checked before a violation counts; NULL: there is none */
    struct survivors survivors; /* of the last readback */
    struct readback *readback;  /* NULL for models */
    struct verify_result verdict;
    struct log_numbers numbers;    /* of a power cut's recording: findings and reports use them for positions */
    unsigned sights;               /* seen in all runs so far */
    uint64_t noted, noted_known;   /* kinds of defects that the details describe: bit per kind, surprises 32 higher */
    struct known_set *known;       /* what is known of this job */
    bool violated, unknown, lossy; /* unknown: a violation was seen that is not known */
    bool broken, skipped;
    int32_t hung, hung_before; /* the step that hung, in this trial and in one of the same job before; -1: none did */
    struct buf details;
    char reason[512];
};

/* Where in a trial something was observed: what a finding needs besides. */
struct strike_point {
    uint64_t seed; /* of the run */
    uint64_t pos;  /* of the cut */
    struct kill_point kill;
    void (*describe)(void *arg, struct buf *out);        /* adds the crash state in words; NULL: there is none */
    int (*image)(void *arg);                             /* a new memory file of the crash state, or -1; NULL: there is none */
    void (*explain_refusal)(void *arg, struct buf *out); /* as volume_explain_refusal; NULL: of the trial's own volume */
    void *arg;
};

/* -ENOMEM when the history's memory cannot be had. */
int trial_open(struct trial *t, const struct job *j, struct result *ret, struct error *err);
/* Settles the verdict and the reason, and frees everything but the result. Also after trial_open failed. */
void trial_close(struct trial *t);

/* An empty history for the next run. */
struct history *trial_new_history(struct trial *t, uint64_t seed);
/*
 * Finds step outcomes that must not be judged: a missing feature, or a volume with room where the
 * scenario wants it full (the trial is skipped); a machine that is out of something, or a full directory of the machine (it is
 * broken). True when the run may be judged; the world is then built from the history.
 */
bool trial_admits(struct trial *t);
/* Judges the steps of the run, and adds to the result. */
void trial_judge_steps(struct trial *t, const struct strike_point *at);
/*
 * Judges survivors after the job's strike at at->pos, and adds to the result. ret_lossy (may be NULL) is set when something was
 * legally lost. Returns whether anything was violated.
 */
bool trial_judge_survivors(struct trial *t, const struct survivors *s, const struct strike_point *at, bool *ret_lossy);
/* Adds a defect in one line, and where it was struck, without an end of line (defects.c). */
void trial_print_defect(const struct trial *t, const struct defect_report *d, struct buf *out);
void trial_print_point(const struct trial *t, const struct strike_point *at, struct buf *out);
/* Saves t->verdict as a finding. Its path, which belongs to the result; NULL when it could not be saved, which the details say.
 */
const char *trial_save_finding(struct trial *t, const struct strike_point *at, const char *where);
/* What else is known of a volume that does not mount, for details and result. It takes another mount: once for each result. */
void trial_explain_refusal(struct trial *t, const struct strike_point *at);
/* How long one run of the actors may take: more for those that move many bytes. */
uint32_t trial_deadline_ms(const struct trial *t);
/* Step number `step` did not end before that. It is a violation if it hung before as well; else the trial is broken. */
void trial_report_hang(struct trial *t, int32_t step, const struct strike_point *at);
/* The harness or the machine failed. An error_skip skips the trial. */
void trial_fail(struct trial *t, const struct error *err);
/* The trial failed or is skipped: its executor ends. */
static inline bool trial_is_over(const struct trial *t)
{
    return t->broken || t->skipped;
}
/* Is the job's time up? Then the result says so, and the executor ends as soon as it has done one thing. */
bool trial_time_up(struct trial *t);

/* Did the run shut its file system down? Then what was not synced is gone as after a power cut. */
bool trial_shut_down(const struct trial *t);

/* What a judgement counts as. */
enum { COUNT_STATE = 1, COUNT_KILL = 2 }; /* bits */
/* Something was judged: counts it and moves the progress. About `states_left` more states come. */
void trial_count(struct trial *t, unsigned counts_as, bool lossy, bool violated, uint64_t states_left);
/* A crash state was mounted: moves the progress. */
void trial_mounted(struct trial *t, uint64_t states_left);

#endif
