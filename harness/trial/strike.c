/* The executors of all strikes, by STRIKE_TABLE: see strike.h. */
#include "trial/strike.h"

#define EXECUTOR(id, name, ...) [STRIKE_##id] = &strike_##name,
const struct strike_executor *const strike_executors[STRIKES] = {STRIKE_TABLE(EXECUTOR)};
#undef EXECUTOR
