/*
 * The backend `sim`: a model file system in memory (harness/model), which runs a scenario and strikes by itself. No privileges,
 * no system calls; one seed gives one run. harness/model/simfs.h states what the model may do with unsynced data; sim.md is the
 * manual. The canaries, bugs to plant by `canary=NAME`, stand in harness/model/canaries.c.
 */
#include <stddef.h>

#include "backend/backend.h"
#include "model/canaries.h"
#include "model/sim.h"

struct settings {
    int canary; /* index into sim_canaries */
};

static bool canary_choice(size_t i, struct option_choice *ret)
{
    *ret = (struct option_choice){.name = sim_canaries[i].name, .sentence = sim_canaries[i].sentence};
    return ret->name;
}

static const struct backend_option options[] = {
    {.key = "canary",
     .type = OPTION_CHOICE,
     .fallback = "none",
     .offset = offsetof(struct settings, canary),
     .choice = canary_choice,
     .fault = true,
     .help = "a bug to plant by name, to see it found (backends/sim.md lists them)"},
    {.key = NULL},
};

/* The model's memory is shared by all runs of a process; after a fork each worker has its own copy. */
static int prepare(const struct backend_config *c, void **ret_shared, struct error *err)
{
    (void)c, (void)err;
    *ret_shared = sim_new();
    return 0;
}

static void release(const struct backend_config *c, void *shared)
{
    (void)c;
    sim_free(shared);
}

static int simulate(const struct backend_config *c, const struct plan *p, enum strike strike, uint64_t seed, struct history *h,
                    struct survivors *s, uint64_t *ret_pos, struct error *err)
{
    const struct settings *set = c->settings;

    return sim_run(c->shared, &sim_canaries[set->canary].hooks, p, strike, seed, h, s, ret_pos, err);
}

static const struct backend_model sim_model = {.prepare = prepare, .release = release, .simulate = simulate, .runs = 1000};

const struct backend backend_sim = {
    .name = "sim",
    .summary = "a model file system in memory that loses whatever the rules allow",
    .strikes = 1U << STRIKE_NONE | 1U << STRIKE_KILL | 1U << STRIKE_POWER,
    .cannot = "what any real kernel or disk does: it shows what the rules allow, at its worst",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .model = &sim_model,
};
