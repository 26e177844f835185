/*
 * Power cuts: job_power.c records a run and looks at crash states, explore.c chooses which and draws conclusions. Private to the
 * engine.
 */
#ifndef TORNPAGE_ENGINE_POWER_H
#define TORNPAGE_ENGINE_POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/onvolume.h"
#include "engine/tally.h"
#include "storage/crash_states.h"
#include "storage/writelog.h"

struct power {
    struct onvolume v;
    struct writelog *log;
    struct disk_lies lies;
    uint64_t run; /* number of the recording */
    uint64_t from;
    uint64_t *bounds; /* positions at which the history changes, ascending */
    size_t n_bounds, cap_bounds;
    const struct crash_state *state;
    uint64_t pos; /* at which it is judged */
    unsigned controls;
};

/* Loads a state into the disk, nothing more. These return false when the job cannot go on; the tally then knows why. */
bool power_load(struct power *p, const struct crash_state *s);
/*
 * Mounts the loaded state, looks and unmounts: fills the tally's survivors. The disk's notes are then what this read, and its
 * overlay is dropped. Those of a failed mount are followed by a control, for which the caller then asks.
 */
bool power_look(struct power *p);
bool power_control(struct power *p);
/* Visits the states of the recording at hand, mounting at most max_states. */
void power_explore(struct power *p, uint64_t max_states, uint64_t seed, struct scene *scene);

#endif
