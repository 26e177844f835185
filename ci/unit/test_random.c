/*
 * Random plans: they are valid scenarios, depend on nothing but the seed, keep to the limit asked for, and their steps succeed on
 * a real file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "actor/actor.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/rng.h"
#include "evidence/history.h"
#include "language/plan.h"
#include "language/verb.h"
#include "parser/parser.h"
#include "random/random.h"

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

static void random_plan_keeps_to_its_limit_and_tries_everything(void **state)
{
    unsigned long long verbs_seen = 0;
    size_t second_actor = 0, steps_on[5][2] = {0}; /* by target; named or not */

    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        const size_t max = 1 + seed % 25;
        size_t after = 0;
        struct rng r;

        rng_seed(&r, seed);
        struct plan *p = plan_random(&r, max);
        for (size_t i = 0; i < p->n_steps; i++) {
            after += !p->steps[i].setup;
            steps_on[p->steps[i].verb->target][p->steps[i].handle >= 0]++;
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
    for (int named = 0; named < 2; named++) {
        assert_true(steps_on[TARGET_FILE][named] > 100);
        assert_true(steps_on[TARGET_MAP][named] > 100);
    }
    assert_in_range(second_actor, 300, 700);
}

static void remove_all(const char *dir)
{
    static const char *const below[] = {"d/f", "d/g", "d", "f", "g", "h"};

    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", dir, below[i]);
        remove(path);
    }
}

static __attribute__((noreturn)) void harness_failed(void *run, int code, const char *what)
{
    (void)run;
    fail_msg("%s: %s", what, strerror(code));
    abort(); /* not reached */
}

static __attribute__((noreturn)) void never_struck(void *run)
{
    (void)run;
    fail_msg("no kill was asked for");
    abort(); /* not reached */
}

/* Runs the steps one after the other on real files, which is an order that the barriers allow; only SIGBUS may happen. */
static void run_plan(const struct plan *p, uint64_t seed, const char *dir, struct actor *actors, struct history *h)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    for (size_t a = 0; a < p->n_actors; a++) {
        memset(&actors[a], 0, sizeof actors[a]);
        actors[a].plan = p;
        actors[a].history = h;
        actors[a].root_fd = fd;
        actors[a].inside_step = -1;
        actors[a].broken = harness_failed;
        actors[a].strike = never_struck;
        actor_init(&actors[a]);
    }
    for (uint32_t i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];

        if (!s->verb->call || !strcmp(s->verb->name, "sync")) /* which waits for the whole machine */
            continue;
        struct event *e = history_begin(h, i, s->lane, NULL);
        assert_non_null(e);
        s->verb->call(&actors[s->lane], s, e);
        history_end(h, e, NULL);
        const bool loads = !strcmp(s->verb->name, "mread") || !strcmp(s->verb->name, "mwrite");
        if (!((!e->err && !e->signo) || (loads && e->signo == SIGBUS) || e->err == EOPNOTSUPP))
            fail_msg("seed %llu: line %u (%s): errno %d, signal %d", (unsigned long long)seed, s->line, s->verb->name, e->err,
                     e->signo);
    }
    for (size_t a = 0; a < p->n_actors; a++) {
        for (size_t i = 0; i < p->n_handles; i++) {
            if (actors[a].files[i].open)
                close(actors[a].files[i].fd);
            if (actors[a].maps[i].mapped)
                munmap(actors[a].maps[i].addr, actors[a].maps[i].len_bytes);
        }
    }
    close(fd);
}

static void random_steps_succeed(void **state)
{
    char dir[] = "/tmp/tornpage-random-XXXXXX";
    struct actor *actors = calloc(2, sizeof *actors);
    const uint32_t cap_events = 256;
    const uint64_t cap_data = 4 << 20;
    void *block = malloc(history_bytes(cap_events, cap_data));

    (void)state;
    assert_true(actors && block && mkdtemp(dir));
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct rng r;

        rng_seed(&r, seed);
        struct plan *p = plan_random(&r, 30);
        run_plan(p, seed, dir, actors, history_init(block, cap_events, cap_data, seed));
        plan_free(p);
        remove_all(dir);
    }
    rmdir(dir);
    free(actors);
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_plans_round_trip),
        cmocka_unit_test(random_plan_depends_on_the_seed_alone),
        cmocka_unit_test(random_steps_succeed),
        cmocka_unit_test(random_plan_keeps_to_its_limit_and_tries_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
