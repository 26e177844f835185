/* Random plans: they are valid scenarios, depend on nothing but the seed, and keep to the limit asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/rng.h"
#include "language/plan.h"
#include "language/verb.h"

static void random_plans_round_trip(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct rng r;

        rng_seed(&r, seed);
        struct plan *p = plan_random(&r, 1 + seed % 40);
        struct buf text = {0};
        struct plan *back = NULL;
        struct error err;
        plan_print(p, &text);
        if (plan_parse("r.scn", "r", text.data, text.len_bytes, &back, &err))
            fail_msg("seed %llu: %s\n%s", (unsigned long long)seed, err.msg, text.data);
        if (!plan_equal(p, back))
            fail_msg("seed %llu: another plan comes back from\n%s", (unsigned long long)seed, text.data);
        for (size_t i = 0; i < p->n_steps; i++)
            assert_int_equal(p->steps[i].line, back->steps[i].line);
        plan_free(back);
        buf_free(&text);
        plan_free(p);
    }
}

static void random_plan_depends_on_the_seed_alone(void **state)
{
    size_t different = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rng a, b, c;

        rng_seed(&a, seed);
        rng_seed(&b, seed);
        rng_seed(&c, seed + 1);
        struct plan *p = plan_random(&a, 20), *same = plan_random(&b, 20), *other = plan_random(&c, 20);
        assert_true(plan_equal(p, same));
        assert_memory_equal(&a, &b, sizeof a);
        different += !plan_equal(p, other);
        plan_free(p);
        plan_free(same);
        plan_free(other);
    }
    assert_true(different > 190);
}

static void random_plan_keeps_to_its_limit(void **state)
{
    unsigned long long verbs_seen = 0;
    size_t second_actor = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        const size_t max = 1 + seed % 25;
        size_t after = 0;
        struct rng r;

        rng_seed(&r, seed);
        struct plan *p = plan_random(&r, max);
        for (size_t i = 0; i < p->n_steps; i++) {
            after += !p->steps[i].setup;
            size_t bit = 0;
            for (const struct verb *v = verb_next(NULL); v != p->steps[i].verb; v = verb_next(v))
                bit++;
            verbs_seen |= 1ULL << bit;
        }
        assert_in_range(after, 1, max);
        second_actor += p->n_actors > 1;
        plan_free(p);
    }
    assert_true(__builtin_popcountll(verbs_seen) >= 22);
    assert_in_range(second_actor, 300, 700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_plans_round_trip),
        cmocka_unit_test(random_plan_depends_on_the_seed_alone),
        cmocka_unit_test(random_plan_keeps_to_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
