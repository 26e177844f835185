/*
 * Private to this room. Executors of strikes: one file each, strike_NAME.c, for each entry of STRIKE_TABLE (language/strike.h).
 */
#ifndef TORNPAGE_TRIAL_STRIKE_H
#define TORNPAGE_TRIAL_STRIKE_H

#include <stdbool.h>

#include "trial/trial.h"

struct strike_executor {
    /* Runs the scenario under this strike, on a backend with volumes, and judges all that is left. */
    void (*run)(struct trial *t);
    unsigned counts_as; /* COUNT_STATE, COUNT_KILL: what each judgement under it counts as; 0: as nothing */
    unsigned weight;    /* how long it takes, roughly, beside the others: a campaign begins with the heaviest jobs */
    bool repeats;       /* the same seed gives the same again: findings without an image are replayed by another run */
};

#define STRIKE_EXECUTOR(id, name, ...) extern const struct strike_executor strike_##name;
STRIKE_TABLE(STRIKE_EXECUTOR)
#undef STRIKE_EXECUTOR

extern const struct strike_executor *const strike_executors[STRIKES];

/* Runs the scenario on a model, which strikes by itself (model_runs.c). counts_as: of the strike's executor. */
void model_runs(struct trial *t, unsigned counts_as);

#endif
