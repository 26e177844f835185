/* The table of loss models: see loss.h. */
#include "truth/loss.h"

const struct loss_model loss_models[LOSS_MODELS] = {
    [LOSS_NOTHING] = {.clock = CLOCK_SEQUENCE, .unsynced = false, .rule_missing = RULE_A1, .rule_alien = RULE_A1},
    [LOSS_UNSYNCED] = {.clock = CLOCK_LOG, .unsynced = true, .rule_missing = RULE_C1, .rule_alien = RULE_B5},
};
