/*
 * The backend `sim`: a model file system in memory (harness/model), page: sim.md. It needs no privileges and makes no system
 * call; one seed gives one run. `canary=NAME` plants a bug of model/canaries.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/buf.h"
#include "base/error.h"
#include "model/canaries.h"
#include "model/sim.h"

struct prepared {
    struct sim *sim; /* its memory is reused by all runs of a process; after fork each worker has its own copy */
    const struct sim_canary *canary;
};

static const struct sim_canary *canary_of(const struct backend_config *c)
{
    for (const struct sim_canary *k = sim_canaries; k->name; k++)
        if (strcmp(k->name, backend_value(c, "canary")) == 0)
            return k;
    return NULL;
}

static int probe(const struct backend_config *c, struct error *err)
{
    if (canary_of(c))
        return 0;
    struct buf names = {0};

    for (const struct sim_canary *k = sim_canaries; k->name; k++)
        buf_printf(&names, "%s%s", k == sim_canaries ? "" : ", ", k->name);
    const int rc = error_set(err, EINVAL, "sim", backend_value(c, "canary"), "no such canary; possible: %s", buf_text(&names));
    buf_free(&names);
    return rc;
}

static int prepare(struct backend_config *c, struct error *err)
{
    const int rc = probe(c, err);

    if (rc)
        return rc;
    struct prepared *p = xmalloc(sizeof *p);

    *p = (struct prepared){.sim = sim_new(), .canary = canary_of(c)};
    c->prepared = p;
    return 0;
}

static void release(struct backend_config *c)
{
    struct prepared *p = c->prepared;

    if (p)
        sim_free(p->sim);
    free(p);
    c->prepared = NULL;
}

static void guarantees(const struct backend_config *c, struct guarantees *ret)
{
    (void)c;
    *ret = guarantees_default;
}

static int simulate(const struct backend_config *c, const struct plan *p, enum strike strike, uint64_t seed, struct history *h,
                    struct survivors *s, uint64_t *ret_pos, struct error *err)
{
    const struct prepared *prep = c->prepared;

    assert(prep);
    return sim_run(prep->sim, &prep->canary->hooks, p, strike, seed, h, s, ret_pos, err);
}

static const struct backend_option options[] = {
    {"canary", "none", "a bug to plant by name, to see it found (backends/sim.md lists them)"},
    {0},
};

const struct backend backend_sim = {
    .name = "sim",
    .summary = "a model file system in memory that loses whatever the rules allow",
    .options = options,
    .strikes = 1U << STRIKE_NONE | 1U << STRIKE_KILL | 1U << STRIKE_POWER,
    .cannot = "what any real kernel or disk does: it shows what the rules allow, at its worst",
    .probe = probe,
    .prepare = prepare,
    .release = release,
    .guarantees = guarantees,
    .simulate = simulate,
    .runs = 1000,
};
