/* The progress that a campaign and its jobs publish in shared memory while they run. */
#ifndef TORNPAGE_RESULT_PROGRESS_H
#define TORNPAGE_RESULT_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

/* Of a whole campaign, for the progress line. */
struct progress {
    _Atomic uint64_t jobs_done, jobs_total, states_done, states_left, kills_done, violated;
};

/* Of one job. */
struct job_pulse {
    _Atomic uint64_t beats;       /* grows with each state and kill: tells a slow job from a stuck one */
    _Atomic uint64_t states_left; /* the job's own estimate */
};

#endif
