/*
 * A job describes a trial: one scenario on one backend under one strike, from one seed alone. Running it gives one result;
 * whatever goes wrong with the harness or the machine is a result too ("broken").
 */
#ifndef TORNPAGE_TRIAL_JOB_H
#define TORNPAGE_TRIAL_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "actor/kill_point.h"
#include "backend/backend.h"
#include "backend/faults.h"
#include "result/progress.h"
#include "result/result.h"

struct job {
    const struct plan *plan;
    const struct backend_config *config;
    enum strike strike;
    struct kill_point kill; /* the only one, for replay; KILL_NEVER: all that the scenario has */
    struct faults faults;   /* what goes wrong on purpose meanwhile */
    uint64_t seed;
    uint64_t max_states;              /* crash states that are mounted, or kill points; 0: the defaults below */
    uint64_t runs;                    /* of a model; 0: the backend's default */
    const char *findings_dir;         /* NULL: findings are not saved */
    const char *log_dir;              /* NULL: recordings are not saved (recording.h) */
    bool fsck, no_prune, check_prune; /* as in campaign_options */
    uint32_t deadline_ms;             /* for one run of the actors, without the bytes they move; 0: JOB_DEADLINE_MS */
    double end_s;                     /* of clock_s: what is not done by then is left out; 0: no limit */
    unsigned prefetch_workers;        /* 0, 1: the job's own process observes all crash states */
    struct progress *progress;        /* may be NULL */
    struct job_pulse *pulse;          /* may be NULL */
};

enum {
    JOB_STATES = 200,        /* crash states of a result by default */
    JOB_KILLS = 240,         /* kill points of a result by default */
    JOB_FINDINGS = 3,        /* finding files of a result, each of another kind of defect */
    JOB_DEADLINE_MS = 20000, /* for one run of the actors by default */
};

/* The seed of a job, so that it depends on neither order nor number of workers. */
uint64_t job_seed(uint64_t seed, const char *scenario, const char *spec, enum strike strike);
/* How long such a job takes, roughly, beside others. */
unsigned job_weight(const struct backend *b, enum strike strike);
/* Runs the job, and again if a step hung: once is "broken". *ret is freed with result_free. */
void job_run(const struct job *j, struct result *ret);

#endif
