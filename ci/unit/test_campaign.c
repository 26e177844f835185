/* Campaigns, on a backend made up here: what becomes of jobs that fail, die, cannot run, or are not reached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/rng.h"
#include "campaign/campaign.h"
#include "evidence/history.h"
#include "evidence/survivors.h"
#include "host/run_directory.h"
#include "parser/parser.h"

enum { RUNS = 50, BAD_ONE_IN = 10, MAX_PLANS = 8 };

static const char scenario[] = "test: a file that was synced is there\n"
                               "origin: unit test\n"
                               "crash: none kill power\n"
                               "\n"
                               "open -f f\n"
                               "fsync\n"
                               "---\n"
                               "fsync\n";

/* Plays the scenario; what goes wrong is said by the scenario's name. */
static int play(const struct backend_config *c, const struct plan *p, enum strike strike, uint64_t seed, struct history *h,
                struct survivors *s, uint64_t *ret_pos, struct error *err)
{
    struct rng r;

    (void)c;
    (void)strike;
    if (strcmp(p->name, "dies") == 0)
        raise(SIGKILL);
    if (strcmp(p->name, "fails") == 0)
        return error_set(err, EIO, "play", NULL, "out of luck");
    if (strcmp(p->name, "lacks") == 0)
        return error_skip(err, "play", "get a newer one");
    for (uint32_t i = 0; i < p->n_steps; i++) {
        if (i > 0 && p->steps[i - 1].setup && !p->steps[i].setup)
            history_end(h, history_begin(h, HISTORY_STEP_START, HISTORY_LANE_HARNESS, NULL), NULL);
        struct event *e = history_begin(h, i, p->steps[i].lane, NULL);
        e->ino = i == 0 ? 2 : 0;
        history_end(h, e, NULL);
    }
    rng_seed(&r, seed);
    bool lose = strcmp(p->name, "loses") == 0 && rng_one_in(&r, BAD_ONE_IN);
    if (!lose)
        survivors_add(s, "f")->nlink = 1;
    survivors_finish(s);
    *ret_pos = 0;
    return 0;
}

static int no_probe(const struct backend_config *c, struct error *err)
{
    (void)c;
    return error_skip(err, "probe", "buy one");
}

static int bad_probe(const struct backend_config *c, struct error *err)
{
    (void)c;
    return error_set(err, EIO, "probe", NULL, "it smokes");
}

static const struct backend_model played = {.simulate = play, .runs = RUNS};

#define MODEL .cannot = "much", .model = &played
static const struct backend model = {.name = "model", .strikes = 7, MODEL};
static const struct backend no_power = {.name = "no-power", .strikes = 1U << STRIKE_NONE | 1U << STRIKE_KILL, MODEL};
static const struct backend absent = {.name = "absent", .strikes = 7, .probe = no_probe, MODEL};
static const struct backend smoking = {.name = "smoking", .strikes = 7, .probe = bad_probe, MODEL};

struct campaign_run_result {
    struct plan *plans[MAX_PLANS];
    size_t n_plans;
    struct result *results;
    size_t n;
};

static void run(const struct backend *const *backends_used, size_t n_backends, const char *const *names, size_t n_names,
                const struct campaign_options *opt, campaign_watch watch, struct campaign_run_result *ret)
{
    struct backend_config configs[4] = {0};
    struct error err = {0};

    *ret = (struct campaign_run_result){.n_plans = n_names};
    for (size_t i = 0; i < n_backends; i++) {
        configs[i].backend = backends_used[i];
        configs[i].spec = strdup(backends_used[i]->name);
    }
    for (size_t i = 0; i < n_names; i++)
        if (plan_parse("test.scn", names[i], scenario, sizeof scenario - 1, &ret->plans[i], &err) < 0)
            fail_msg("%s", err.msg);
    if (campaign_run(ret->plans, n_names, configs, n_backends, opt, watch, ret, &ret->results, &ret->n, &err) < 0)
        fail_msg("%s %s", err.op, err.msg);
    for (size_t i = 0; i < n_backends; i++)
        free(configs[i].spec);
}

static void done(struct campaign_run_result *o)
{
    for (size_t i = 0; i < o->n; i++)
        result_free(&o->results[i]);
    free(o->results);
    for (size_t i = 0; i < o->n_plans; i++)
        plan_free(o->plans[i]);
}

static void results_come_in_order_whatever_the_workers(void **state)
{
    static const struct backend *const both[] = {&model, &no_power};
    static const char *const names[] = {"keeps", "loses", "keeps-2"};
    struct campaign_run_result one, four;

    (void)state;
    run(both, 2, names, 3, &(struct campaign_options){.seed = 5, .strikes = 7, .jobs = 1}, NULL, &one);
    run(both, 2, names, 3, &(struct campaign_options){.seed = 5, .strikes = 7, .jobs = 4}, NULL, &four);
    assert_int_equal(one.n, 18);
    assert_int_equal(four.n, 18);
    for (size_t i = 0; i < one.n; i++) {
        const struct result *a = &one.results[i], *b = &four.results[i];
        assert_string_equal(a->scenario, names[i / 6]);
        assert_string_equal(a->backend, i / 3 % 2 ? "no-power" : "model");
        assert_int_equal(a->strike, i % 3);
        assert_string_equal(a->scenario, b->scenario);
        assert_int_equal(a->verdict, b->verdict);
        assert_string_equal(a->reason, b->reason);
        assert_string_equal(a->details, b->details);
        assert_int_equal(a->states_covered, b->states_covered);
        assert_int_equal(a->states_violated, b->states_violated);
        if (i % 6 == 5)
            assert_int_equal(a->verdict, VERDICT_SKIPPED);
        else if (i / 6 == 1)
            assert_true(a->verdict == VERDICT_VIOLATED && a->states_violated > 0 && a->states_violated < RUNS);
        else
            assert_int_equal(a->verdict, VERDICT_KEPT);
        if (a->verdict != VERDICT_SKIPPED)
            assert_int_equal(a->states_covered, RUNS);
    }
    /* Another seed, other runs; another crash kind, too. */
    struct campaign_run_result other;
    run(both, 1, names, 3, &(struct campaign_options){.seed = 6, .strikes = 7}, NULL, &other);
    bool differs = false;
    for (unsigned k = 0; k < 3; k++)
        differs |= other.results[3 + k].states_violated != one.results[6 + k].states_violated;
    assert_true(differs);
    done(&one);
    done(&four);
    done(&other);
}

static void a_job_that_dies_costs_itself_only(void **state)
{
    static const struct backend *const used[] = {&model};
    static const char *const names[] = {"dies", "keeps", "fails", "lacks"};
    struct campaign_run_result o;

    (void)state;
    run(used, 1, names, 4, &(struct campaign_options){.strikes = 1U << STRIKE_KILL, .jobs = 2}, NULL, &o);
    assert_int_equal(o.n, 4);
    assert_int_equal(o.results[0].verdict, VERDICT_BROKEN);
    assert_non_null(strstr(o.results[0].reason, "signal 9"));
    assert_int_equal(o.results[1].verdict, VERDICT_KEPT);
    assert_int_equal(o.results[2].verdict, VERDICT_BROKEN);
    assert_non_null(strstr(o.results[2].reason, "out of luck"));
    assert_int_equal(o.results[3].verdict, VERDICT_SKIPPED);
    assert_non_null(strstr(o.results[3].reason, "newer"));
    done(&o);
}

static void a_backend_that_cannot_work_says_why(void **state)
{
    static const struct backend *const used[] = {&absent, &model, &smoking};
    static const char *const names[] = {"keeps"};
    struct campaign_run_result o;

    (void)state;
    run(used, 3, names, 1, &(struct campaign_options){.strikes = 1U << STRIKE_POWER}, NULL, &o);
    assert_int_equal(o.n, 3);
    assert_int_equal(o.results[0].verdict, VERDICT_SKIPPED);
    assert_non_null(strstr(o.results[0].reason, "buy one"));
    assert_int_equal(o.results[1].verdict, VERDICT_KEPT);
    assert_int_equal(o.results[2].verdict, VERDICT_BROKEN);
    assert_non_null(strstr(o.results[2].reason, "smokes"));
    done(&o);
}

static void what_is_not_reached_in_time_is_skipped(void **state)
{
    static const struct backend *const used[] = {&model};
    static const char *const names[] = {"keeps", "keeps-2"};
    struct campaign_run_result o;

    (void)state;
    run(used, 1, names, 2, &(struct campaign_options){.strikes = 7, .time_s = 1e-9}, NULL, &o);
    assert_int_equal(o.n, 6);
    for (size_t i = 0; i < o.n; i++) {
        assert_int_equal(o.results[i].verdict, VERDICT_SKIPPED);
        assert_non_null(strstr(o.results[i].reason, "time"));
    }
    done(&o);
}

static void the_time_is_shared_by_all(void **state)
{
    static const struct backend *const used[] = {&model, &no_power};
    static const char *const names[] = {"keeps", "keeps-2"};
    struct campaign_run_result o;

    (void)state;
    run(used, 2, names, 2, &(struct campaign_options){.strikes = 7, .jobs = 1, .runs = UINT64_MAX, .time_s = 2}, NULL, &o);
    assert_int_equal(o.n, 12);
    for (size_t i = 0; i < o.n; i++) {
        if (i % 6 == 5) /* impossible */
            continue;
        assert_int_equal(o.results[i].verdict, VERDICT_KEPT);
        assert_true(o.results[i].cut_short && o.results[i].states_covered > 0);
    }
    done(&o);
}

static void interrupt_at_first(void *arg, const struct result *r, const struct progress *p)
{
    (void)arg;
    if (r && atomic_load(&p->jobs_done) == 1)
        kill(getpid(), SIGINT);
}

static void an_interrupt_ends_it_and_keeps_what_is_there(void **state)
{
    static const struct backend *const used[] = {&model};
    static const char *const names[] = {"keeps", "keeps-2", "keeps-3"};
    struct campaign_run_result o;
    size_t kept = 0, interrupted = 0;

    (void)state;
    run(used, 1, names, 3, &(struct campaign_options){.strikes = 7, .jobs = 1, .runs = 100000}, interrupt_at_first, &o);
    assert_int_equal(o.n, 9);
    for (size_t i = 0; i < o.n; i++) {
        kept += o.results[i].verdict == VERDICT_KEPT;
        interrupted += o.results[i].verdict == VERDICT_SKIPPED && strstr(o.results[i].reason, "interrupted");
    }
    assert_true(kept >= 1 && interrupted >= 1);
    assert_int_equal(kept + interrupted, 9);
    done(&o);
}

static void what_is_violated_is_saved(void **state)
{
    static const struct backend *const used[] = {&model};
    static const char *const names[] = {"loses"};
    char dir[64], below[80];
    struct campaign_run_result o;
    struct error err;

    (void)state;
    snprintf(dir, sizeof dir, "%s/tornpage-campaign-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(dir));
    snprintf(below, sizeof below, "%s/a/b", dir);
    run(used, 1, names, 1, &(struct campaign_options){.strikes = 1U << STRIKE_NONE, .findings_dir = below}, NULL, &o);
    assert_int_equal(o.results[0].verdict, VERDICT_VIOLATED);
    assert_true(o.results[0].n_findings >= 1);
    assert_int_equal(access(o.results[0].findings[0], R_OK), 0);
    assert_non_null(strstr(o.results[0].details, "missing"));
    done(&o);
    assert_int_equal(run_directory_remove(dir, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_come_in_order_whatever_the_workers),
        cmocka_unit_test(a_job_that_dies_costs_itself_only),
        cmocka_unit_test(a_backend_that_cannot_work_says_why),
        cmocka_unit_test(what_is_not_reached_in_time_is_skipped),
        cmocka_unit_test(the_time_is_shared_by_all),
        cmocka_unit_test(an_interrupt_ends_it_and_keeps_what_is_there),
        cmocka_unit_test(what_is_violated_is_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
