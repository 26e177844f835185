/*
 * Power cuts: strike_power_run.c records a run, power_states.c has them explored and judged, power_look.c looks.
 * Private to the engine.
 */
#ifndef TORNPAGE_TRIAL_POWER_H
#define TORNPAGE_TRIAL_POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/writelog.h"
#include "explore/prefetch.h"
#include "states/crash_image.h"
#include "states/crash_states.h"
#include "trial/trial.h"
#include "trial/trial_volume.h"

struct power {
    struct trial_volume v; /* the recorded run */
    struct writelog *log;
    struct crash_image *image;     /* the state that is loaded */
    struct trial_volume looked_at; /* shows it */
    uint64_t run;                  /* number of the recording */
    uint64_t from;
    uint64_t *bounds; /* positions at which the history changes, ascending */
    size_t n_bounds, cap_bounds;
    const struct crash_state *state;
    uint64_t pos; /* at which it is judged */
    unsigned controls;
    struct read_note *reads; /* of the last look */
    size_t n_reads, cap_reads;
    struct prefetch *lookers; /* NULL: none yet */
};

/* Loads a state, nothing more. These return false when the job cannot go on; the tally then knows why. */
bool power_load(struct power *p, const struct crash_state *s);
/*
 * Mounts the loaded state `s`, looks and unmounts, here or in a looker: fills the tally's survivors, and p->reads with what this
 * read. If the mount fails, it is made sure that the disk is not to blame.
 */
bool power_look(struct power *p, const struct crash_state *s);
/* Is a looker free, which may look at a state that comes up later? Then it may begin (if it has not yet). */
bool power_may_look_ahead(struct power *p);
void power_look_ahead(struct power *p, const struct crash_state *s);
void power_look_end(struct power *p); /* ends the lookers: they know one recording */
/* Visits the states of the recording at hand, mounting at most max_states. */
void power_explore(struct power *p, uint64_t max_states, uint64_t seed, struct strike_point *scene);

#endif
