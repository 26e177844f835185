/*
 * The oracle against the sim, an independent model: over a million random runs it never objects to a sane file system, and it
 * finds every canary (a bug planted in the model) within 10,000 runs. Seeds are fixed; a failure prints the plan, what was said,
 * and how to repeat it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/rng.h"
#include "evidence/survivors.h"
#include "model/canaries.h"
#include "model/sim.h"
#include "parser/parser.h"
#include "random/random.h"
#include "truth/world.h"
#include "verifier/verify.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANE_RUNS = 50000 };
#else
enum { SANE_RUNS = 1000000 };
#endif
enum { CANARY_RUNS = 10000, CAP_EVENTS = 64, CAP_DATA = 1 << 20, PLAN_STEPS = 8 };

struct bench {
    struct sim *sim;
    struct world *world;
    struct survivors survivors;
    struct verify_result result;
    void *block;
};

static int open_bench(void **state)
{
    struct bench *b = xcalloc(1, sizeof *b);

    b->sim = sim_new();
    b->world = world_new();
    b->block = xmalloc(history_bytes(CAP_EVENTS, CAP_DATA));
    *state = b;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *b = *state;

    sim_free(b->sim);
    world_free(b->world);
    survivors_free(&b->survivors);
    free(b->block);
    free(b);
    return 0;
}

static enum strike strike_of(uint64_t run)
{
    static const enum strike turns[] = {STRIKE_POWER, STRIKE_KILL, STRIKE_POWER, STRIKE_NONE, STRIKE_POWER};

    return turns[run % 5];
}

/* One random plan, run and judged; returns how often the oracle objected (surprises count). The caller frees *ret_plan. */
static size_t objections(struct bench *b, const struct simfs_hooks *hooks, uint64_t run, struct plan **ret_plan)
{
    struct rng r;
    struct error err = {0};
    uint64_t pos;

    rng_seed(&r, run + 1);
    struct plan *p = plan_random(&r, PLAN_STEPS);
    struct history *h = history_init(b->block, CAP_EVENTS, CAP_DATA, rng_next(&r));

    if (sim_run(b->sim, hooks, p, strike_of(run), rng_next(&r), h, &b->survivors, &pos, &err) != 0)
        fail_msg("run %llu: %s: %s", (unsigned long long)run, err.op, err.msg);
    verify_clear(&b->result);
    world_build(b->world, p, h, &guarantees_default);
    verify_steps(b->world, &b->result);
    verify_survivors(b->world, strike_table[strike_of(run)].loss[VIEW_LOCAL], pos, &b->survivors, &b->result);
    *ret_plan = p;
    return b->result.n_violations + b->result.n_surprises;
}

static void the_oracle_never_objects_to_a_sane_file_system(void **state)
{
    struct bench *b = *state;

    for (uint64_t run = 0; run < SANE_RUNS; run++) {
        struct plan *p;

        if (objections(b, &simfs_no_hooks, run, &p)) {
            struct buf text = {0};

            plan_print(p, &text);
            fail_msg("run %llu, crash %s:\n%s\n%s: %s", (unsigned long long)run, strike_table[strike_of(run)].name,
                     buf_text(&text), defect_names[b->result.defects[0].kind], b->result.defects[0].text);
        }
        plan_free(p);
    }
}

/* Random plans lack what these need (many pages through one mapping, drop_caches, a truncation under a private page): scenarios
 * of ci/canaries.txt find them. */
static bool beyond_random_plans(const char *canary)
{
    static const char *const names[] = {"second-msync-ends-with-a-batch", "evicted-page-reads-zero",
                                        "truncated-private-page-stays"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], canary) == 0)
            return true;
    return false;
}

static void every_canary_is_found(void **state)
{
    struct bench *b = *state;
    size_t n = 0;

    for (const struct sim_canary *c = sim_canaries; c->name; c++) {
        bool sane = strcmp(c->name, "none") == 0 || beyond_random_plans(c->name), found = false;
        uint64_t run = 0;

        for (; run < CANARY_RUNS && !found && !sane; run++) {
            struct plan *p;

            objections(b, &c->hooks, run, &p);
            found = b->result.n_violations > 0;
            plan_free(p);
        }
        if (!sane && !found)
            fail_msg("canary %s was not found in %d runs", c->name, CANARY_RUNS);
        if (!sane)
            print_message("%s: found in run %llu as %s\n", c->name, (unsigned long long)run,
                          defect_names[b->result.defects[0].kind]);
        n += !sane;
    }
    assert_true(n >= 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_oracle_never_objects_to_a_sane_file_system, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(every_canary_is_found, open_bench, close_bench),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
