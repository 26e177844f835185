/*
 * A plan: one scenario, parsed. Everything later works on this; nothing later reads scenario text again.
 * The grammar and a tutorial are in scenarios/README.md.
 */
#ifndef TORNPAGE_LANGUAGE_PLAN_H
#define TORNPAGE_LANGUAGE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "language/defect.h"
#include "language/kernel.h"
#include "language/strike.h"

struct verb;
struct error;
struct rng;
struct buf;

enum {
    PLAN_MAX_ACTORS = 8, /* processes */
    PLAN_MAX_LANES = 16, /* threads of all actors together; each runs its steps in order */
    PLAN_MAX_PATHS = 64,
    PLAN_MAX_HANDLES = 64,
    PLAN_MAX_KNOWN = 8,
    PLAN_MAX_STEPS = 4096,
    PLAN_MAX_TEXT = 1 << 20, /* bytes of a scenario file */
    STEP_MAX_ARGS = 6,
    STEP_MAX_FLAGS = 12,
};

/* Legal things a run must actually show; header `sometimes: CRASH WHAT`. */
enum sight {
    SIGHT_LOST,   /* bytes of a store that had ended are not there */
    SIGHT_KEPT,   /* bytes of a store that nobody synced are there */
    SIGHT_TORN,   /* one store, partly there */
    SIGHT_MIXED,  /* bytes of two or more stores side by side where the last of them covered all */
    SIGHT_ABSENT, /* a name that had been created is missing */
    SIGHT_KINDS
};
extern const char *const sight_names[SIGHT_KINDS]; /* "lost", "kept", "torn", "mixed", "absent" */

/* An argument's value, by the type its verb's syntax gives it (verb.h). */
struct arg {
    bool given;
    uint64_t num; /* OFFSET LENGTH SIZE BYTE MODE COUNT; index into plan->paths for PATH; into plan->handles for NAME types */
};

/* What the scenario says a step must return; `-> ERRNO|SIGNAL|...` behind it. Empty: the oracle's own rules. */
struct expect {
    uint8_t n;
    int16_t code[4]; /* errno > 0; signal as -signo; 0 is success ("ok") */
};

struct step {
    const struct verb *verb;
    uint32_t line;                       /* in the scenario file, 1-based */
    uint8_t lane;                        /* index into plan->lanes */
    bool setup;                          /* stands above `---` */
    int16_t handle;                      /* `@name`: index into plan->handles; -1: the lane's current one */
    uint32_t flags;                      /* bit i: verb->flag letter i was given */
    struct arg flag_arg[STEP_MAX_FLAGS]; /* value of flag i, where it takes one */
    struct arg arg[STEP_MAX_ARGS];       /* positional, in the order of the verb's syntax */
    uint32_t barrier_lanes;              /* barrier: bit per lane that takes part */
    struct expect expect;
};

/* One thread of one actor. `A:` is thread 0 of actor A, `A.1:` its thread 1. */
struct lane {
    uint8_t actor; /* index into plan->actors */
    uint8_t thread;
};

struct sometimes {
    enum strike strike;
    enum sight sight;
};

enum { KNOWN_RULE_BYTES = 12 };

/* A violation that is understood and not ours: header `known: CRASH BACKEND [KERNEL] DEFECT RULE`. Reported, but no failure. */
struct known {
    enum strike strike;
    char *backend; /* a spec, whose options are among those of the run: "loop:fs=btrfs" */
    struct kernel_range kernels;
    enum defect defect;
    char rule[KNOWN_RULE_BYTES]; /* id of the rule that is broken, "C1" */
};

struct plan {
    char *name;         /* path below scenarios/ without .scn: "local/store-no-msync" */
    char *file;         /* as opened, for messages */
    char *text;         /* the whole file, for findings; NULL in a plan that was not parsed */
    char *test;         /* header: what it tests, one sentence */
    char *origin;       /* header: "claim 1", "bug ...", "random SEED" */
    char *requires_[8]; /* header: feature words (see scenarios/README.md) */
    size_t n_requires;
    unsigned strikes; /* bit per enum strike */
    struct sometimes sometimes[8];
    size_t n_sometimes;
    struct known known[PLAN_MAX_KNOWN];
    size_t n_known;
    uint32_t repeat; /* >= 1 */
    char actors[PLAN_MAX_ACTORS][8];
    size_t n_actors;
    struct lane lanes[PLAN_MAX_LANES];
    size_t n_lanes;
    char *paths[PLAN_MAX_PATHS]; /* as written: relative to the run's directory, or a known device such as /dev/null */
    size_t n_paths;
    char *handles[PLAN_MAX_HANDLES]; /* names behind '@' */
    size_t n_handles;
    struct step *steps;
    size_t n_steps, cap_steps;
};

bool plan_equal(const struct plan *a, const struct plan *b); /* all but file, text, name and line numbers */
void plan_free(struct plan *p);
bool plan_has(const struct plan *p, unsigned properties); /* does a verb in it have one of these (enum verb_property)? */

/* Index of `path` in the plan, added when new; -ENOSPC when full. The same for an '@name'. Used by parser and generator. */
int plan_path(struct plan *p, const char *path, size_t len_bytes);
int plan_handle(struct plan *p, const char *name, size_t len_bytes);

#endif
