/* What a campaign and its jobs tell while they work, in shared memory. */
#ifndef TORNPAGE_RESULT_PROGRESS_H
#define TORNPAGE_RESULT_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

/* Live numbers in shared memory, for the progress line. */
struct progress {
    _Atomic uint64_t jobs_done, jobs_total, states_done, states_left, kills_done, violated;
};

/* What a job tells while it works, in shared memory. */
struct job_pulse {
    _Atomic uint64_t beats;       /* moves with every state and kill: whoever watches can tell slow from stuck */
    _Atomic uint64_t states_left; /* this job's own estimate */
};

#endif
