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
#include "storage/crash_image.h"
#include "storage/crash_states.h"
#include "storage/writelog.h"

struct power {
    struct onvolume v; /* the recorded run */
    struct writelog *log;
    struct crash_image *image; /* the state that is loaded */
    struct onvolume looked_at; /* shows it */
    struct disk_lies lies;
    uint64_t run; /* number of the recording */
    uint64_t from;
    uint64_t *bounds; /* positions at which the history changes, ascending */
    size_t n_bounds, cap_bounds;
    const struct crash_state *state;
    uint64_t pos; /* at which it is judged */
    unsigned controls;
};

/* Loads a state, nothing more. These return false when the job cannot go on; the tally then knows why. */
bool power_load(struct power *p, const struct crash_state *s);
/*
 * Mounts the loaded state, looks and unmounts: fills the tally's survivors; *ret is what this read, until the next look. A mount
 * that fails is to be followed by a control, for which the caller asks.
 */
bool power_look(struct power *p, const struct disk_note **ret, size_t *ret_n);
bool power_control(struct power *p);
/* Visits the states of the recording at hand, mounting at most max_states. */
void power_explore(struct power *p, uint64_t max_states, uint64_t seed, struct scene *scene);

#endif
