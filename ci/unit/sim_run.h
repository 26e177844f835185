/* Runs of the sim backend for its unit tests: a plan from text, one run of it, and what survived. */
#ifndef TORNPAGE_CI_UNIT_SIM_RUN_H
#define TORNPAGE_CI_UNIT_SIM_RUN_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/size.h"
#include "evidence/history.h"
#include "evidence/stamp.h"
#include "evidence/survivors.h"
#include "language/verb.h"
#include "model/canaries.h"
#include "model/sim.h"
#include "parser/parser.h"

enum { CAP_EVENTS = 64, CAP_DATA = 1 << 18 };
#define PAGE ((uint64_t)PAGE_BYTES)
#define SECTOR ((uint64_t)SECTOR_BYTES)

struct run {
    struct sim *sim;
    const struct simfs_hooks *hooks;
    struct plan *plan;
    struct history *history;
    struct survivors survivors;
    uint64_t pos;
};

static inline struct plan *parse(const char *text)
{
    struct plan *p;
    struct error err = {0};

    if (plan_parse("test", "test", text, strlen(text), &p, &err) != 0)
        fail_msg("%s", err.msg);
    return p;
}

static inline const struct simfs_hooks *canary(const char *name)
{
    const struct sim_canary *c = sim_canaries;

    while (c->name && strcmp(c->name, name) != 0)
        c++;
    assert_non_null(c->name);
    return &c->hooks;
}

static inline void run_start(struct run *r, struct plan *p)
{
    *r = (struct run){.sim = sim_new(), .hooks = &simfs_no_hooks, .plan = p};
    r->history = xcalloc(1, history_bytes(CAP_EVENTS, CAP_DATA));
}

static inline int run_once(struct run *r, enum strike strike, uint64_t seed)
{
    struct error err = {0};

    history_init(r->history, CAP_EVENTS, CAP_DATA, rng_mix(seed));
    return sim_run(r->sim, r->hooks, r->plan, strike, seed, r->history, &r->survivors, &r->pos, &err);
}

static inline void run_stop(struct run *r)
{
    sim_free(r->sim);
    plan_free(r->plan);
    free(r->history);
    survivors_free(&r->survivors);
}

static inline const struct survivor *survivor(const struct run *r, const char *path)
{
    for (size_t i = 0; i < r->survivors.n; i++)
        if (strcmp(r->survivors.v[i].path, path) == 0)
            return &r->survivors.v[i];
    return NULL;
}

/* The survivor's bytes [0, len), zeros where no extent is. */
static inline void content(const struct survivor *v, uint8_t *dst, uint64_t len)
{
    memset(dst, 0, len);
    for (size_t k = 0; k < v->n_extents; k++) {
        const struct extent *x = &v->extents[k];
        if (x->off < len)
            memcpy(dst + x->off, x->data, x->off + x->len <= len ? x->len : len - x->off);
    }
}

#endif
