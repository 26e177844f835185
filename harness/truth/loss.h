/*
 * Loss models: what may be gone at a moment, and which rule is broken when more than that is gone.
 *
 * The strike table (language/strike.h) says which model holds for each view after a strike. To add a model, add its name to `enum
 * loss` there and an entry to the table in loss.c. The rules it stands for are those that oracle.c and names.c open with.
 */
#ifndef TORNPAGE_TRUTH_LOSS_H
#define TORNPAGE_TRUTH_LOSS_H

#include <stdbool.h>

#include "language/strike.h"
#include "truth/rules.h"

/* By which clock the model tells whether an event had begun or ended at a moment. */
enum loss_clock {
    CLOCK_SEQUENCE, /* the history's `seq` */
    CLOCK_LOG,      /* positions of the write log: what the disk had received at the cut */
};

struct loss_model {
    enum loss_clock clock;
    bool unsynced;          /* what no finished sync covers may be gone */
    enum rule rule_missing; /* broken by bytes that were there once, or should be, but are not legal now */
    enum rule rule_alien;   /* broken by bytes that were never written to that place */
};

extern const struct loss_model loss_models[LOSS_MODELS];

#endif
