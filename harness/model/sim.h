/*
 * The model: runs a plan's lanes on a model file system in memory, one tick at a time, and crashes it. This header and canaries.h
 * are all that other rooms may use of this one; how the model's file system behaves is in simfs.h.
 *
 * A tick takes one lane, chosen by the seed, one small step further: a step begins, does its work, or ends. A long store takes
 * several ticks and is cut only between instructions. Between ticks the adversary may write anything back. So steps of different
 * lanes overlap, and a crash can fall anywhere. Above `---` nothing crashes; when all lanes have arrived there, everything is
 * synced and HISTORY_STEP_START is recorded. A power cut's position is the number of begins and ends before it. After some power
 * cuts the run goes on, as it does on a recorded disk: what happens later must not matter.
 */
#ifndef TORNPAGE_MODEL_SIM_H
#define TORNPAGE_MODEL_SIM_H

#include <stdint.h>

#include "language/strike.h"

struct error;
struct history;
struct plan;
struct sim;
struct simfs_hooks;
struct survivors;

/* A machine whose memory is reused by all its runs; it belongs to the caller. After a fork each process has its own copy. */
struct sim *sim_new(void);
void sim_free(struct sim *m); /* NULL: nothing to do */

/*
 * Runs the plan once, as `seed` decides, with these planted bugs, up to a strike of this kind. Fills the history, the survivors
 * and the position of the strike. Fails with ENOSPC or ENOBUFS when the history is full, and with error_skip for a plan that uses
 * what is not modelled.
 */
int sim_run(struct sim *m, const struct simfs_hooks *hooks, const struct plan *p, enum strike strike, uint64_t seed,
            struct history *h, struct survivors *s, uint64_t *ret_pos, struct error *err);

#endif
