/*
 * A job: one scenario on one backend under one crash kind, run in this process from one seed alone. It turns into one result;
 * whatever goes wrong with the harness or the machine is a result too ("broken").
 */
#ifndef TORNPAGE_TRIAL_JOB_H
#define TORNPAGE_TRIAL_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actor/driver.h"
#include "backend/backend.h"
#include "backend/faults.h"
#include "result/progress.h"
#include "result/result.h"

struct job {
    const struct plan *plan;
    const struct backend_config *config;
    enum strike strike;
    struct faults faults; /* what goes wrong on purpose meanwhile */
    uint64_t seed;
    uint64_t max_states, runs;        /* as in campaign_options; 0: the defaults below, backend->runs */
    const char *findings_dir;         /* NULL: findings are not saved */
    const char *log_dir;              /* NULL: recordings are not saved (recording.h) */
    bool fsck, no_prune, check_prune; /* as in campaign_options */
    double end_s;                     /* of clock_s: what is not done by then is left; 0: no limit */
    unsigned lookers;                 /* processes that look at crash states; 0, 1: the job's own does */
    struct progress *progress;        /* may be NULL */
    struct job_pulse *pulse;          /* may be NULL */
};

enum {
    JOB_STATES = 200,         /* crash states of a result by default */
    JOB_KILLS = 240,          /* kill points of a result by default */
    JOB_FINDINGS = 3,         /* finding files of a result, each of another kind of defect */
    JOB_DEADLINE_MS = 20000,  /* for one run of the actors */
    JOB_DATA_BYTES = 1 << 26, /* what the steps of one run may read (reserved, not committed) */
};

/* The seed of a job, so that it depends on neither order nor number of workers. */
uint64_t job_seed(uint64_t seed, const char *scenario, const char *spec, enum strike strike);
/* Runs the job; *ret is freed with result_free. */
void job_run(const struct job *j, struct result *ret);
/* As job_run, with one kill point instead of all that the scenario has (for replay). */
void job_run_kill(const struct job *j, const struct kill_point *at, struct result *ret);

#endif
