/* Private to this room. A power cut's recording, and its exploration: strike_power.c records, power_explore.c explores. */
#ifndef TORNPAGE_TRIAL_POWER_H
#define TORNPAGE_TRIAL_POWER_H

#include <stddef.h>
#include <stdint.h>

#include "disk/writelog.h"
#include "states/crash_image.h"
#include "states/crash_states.h"
#include "trial/trial.h"

struct power {
    struct trial *trial;
    struct writelog *log;
    struct crash_image *image; /* holds the crash state that is explored */
    uint64_t run;              /* number of the recording, from 0 */
    uint64_t from;             /* where strikes begin: nothing is in flight there */
    uint64_t *bounds;          /* positions at which the history changes, ascending */
    size_t n_bounds, cap_bounds;
};

/* Explores the recording, mounting at most max_states crash states, and judges what they show. */
void power_explore(struct power *p, uint64_t max_states, uint64_t seed);

#endif
