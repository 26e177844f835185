/* The sim backend by itself, without the oracle: runs repeat, what is synced stays, what is not may go, names keep order. */
#include "random/random.h"
#include "sim_run.h"

extern const struct backend backend_sim;

/* The same, where there must be one. */
static const struct survivor *the_survivor(const struct run *r, const char *path)
{
    const struct survivor *v = survivor(r, path);

    if (v)
        return v;
    fail_msg("%s is missing", path);
    abort(); /* not reached; tells the compiler so */
}

/* The event of the plan's step with this index; NULL when it did not begin. */
static const struct event *event_of(const struct run *r, uint32_t step)
{
    for (uint32_t i = 0; i < r->history->n_events; i++)
        if (r->history->events[i].step == step)
            return &r->history->events[i];
    return NULL;
}

static bool ended_before_the_cut(const struct run *r, uint32_t step)
{
    const struct event *e = event_of(r, step);

    return e && e->end_pos <= r->pos;
}

/* --- a run is its seed --- */

static uint64_t digest(uint64_t sum, const void *data, uint64_t len)
{
    const uint8_t *p = data;

    for (uint64_t i = 0; i < len; i++)
        sum = rng_mix(sum ^ p[i]);
    return sum;
}

static uint64_t digest_of(const struct run *r)
{
    const struct history *h = r->history;
    uint64_t sum = digest(r->pos, h->events, h->n_events * sizeof h->events[0]);

    sum = digest(sum, (const uint8_t *)h + h->data_base, h->n_data);
    for (size_t i = 0; i < r->survivors.n; i++) {
        const struct survivor *v = &r->survivors.v[i];

        sum = digest(sum, v->path, strlen(v->path));
        sum = digest(sum, &v->size_bytes, sizeof v->size_bytes);
        for (size_t k = 0; k < v->n_extents; k++)
            sum = digest(sum ^ v->extents[k].off, v->extents[k].data, v->extents[k].len);
    }
    return sum;
}

static void same_seed_gives_the_same_run(void **state)
{
    (void)state;
    size_t differ = 0;

    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rng rng;
        struct run a, b;

        rng_seed(&rng, seed);
        run_start(&a, plan_random(&rng, 10));
        rng_seed(&rng, seed);
        run_start(&b, plan_random(&rng, 10));
        /* b's memory has been used before, a's has not: that must not show. */
        assert_int_equal(run_once(&b, STRIKE_KILL, seed + 1), 0);
        for (int strike = 0; strike < STRIKES; strike++) {
            assert_int_equal(run_once(&a, (enum strike)strike, seed), 0);
            assert_int_equal(run_once(&b, (enum strike)strike, seed), 0);
            assert_true(digest_of(&a) == digest_of(&b));
        }
        assert_int_equal(run_once(&b, STRIKE_POWER, seed + 1), 0);
        differ += digest_of(&a) != digest_of(&b);
        run_stop(&a);
        run_stop(&b);
    }
    assert_true(differ > 120); /* and another seed gives another one */
}

/* --- power --- */

enum { STEP_STORE = 3, STEP_SYNC = 4, STEP_STORE_2 = 5 };

static const char store_and_sync[] = "test: a synced page and an unsynced one\norigin: none\ncrash: power\n\n"
                                     "open -f f\npwrite 0 8k\nmmap -rw 0 8k\n---\nmwrite 0 8k\nmsync -s 0 4k\nmwrite 4k 4k\n";

/* Do these bytes of the file hold what the step put there? */
static bool holds_bytes(const struct run *r, const uint8_t *bytes, uint64_t off, uint64_t len, uint32_t step)
{
    return stamp_match(r->history->key, 0, step + 1, off, bytes + off, len) == len;
}

static bool holds(const struct run *r, const uint8_t *bytes, uint64_t off, uint32_t step)
{
    return holds_bytes(r, bytes, off, SECTOR, step);
}

static size_t synced_sectors_lost(const struct simfs_hooks *hooks)
{
    struct run r;
    size_t lost = 0, judged = 0;

    run_start(&r, parse(store_and_sync));
    r.hooks = hooks;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        uint8_t bytes[2 * PAGE];

        assert_int_equal(run_once(&r, STRIKE_POWER, seed), 0);
        if (!ended_before_the_cut(&r, STEP_SYNC))
            continue;
        judged++;
        content(the_survivor(&r, "f"), bytes, sizeof bytes);
        for (uint64_t off = 0; off < PAGE; off += SECTOR)
            lost += !holds(&r, bytes, off, STEP_STORE);
    }
    assert_true(judged > 500);
    run_stop(&r);
    return lost;
}

static void synced_bytes_survive_the_power(void **state)
{
    (void)state;
    assert_int_equal(synced_sectors_lost(&simfs_no_hooks), 0);
    assert_true(synced_sectors_lost(canary("msync-writes-nothing")) > 0);
    assert_true(synced_sectors_lost(canary("flush-ignored")) > 0);
}

static void unsynced_bytes_are_lost_kept_and_torn(void **state)
{
    (void)state;
    struct run r;
    size_t lost = 0, kept = 0, torn = 0;

    run_start(&r, parse(store_and_sync));
    for (uint64_t seed = 0; seed < 2000; seed++) {
        uint8_t bytes[2 * PAGE];
        size_t n = 0;

        assert_int_equal(run_once(&r, STRIKE_POWER, seed), 0);
        if (!ended_before_the_cut(&r, STEP_STORE_2))
            continue;
        content(the_survivor(&r, "f"), bytes, sizeof bytes);
        for (uint64_t off = PAGE; off < 2 * PAGE; off += SECTOR)
            n += holds(&r, bytes, off, STEP_STORE_2);
        for (uint64_t off = PAGE; off < 2 * PAGE; off += 8) /* every word is of one of the three stores of the page */
            assert_true(holds_bytes(&r, bytes, off, 8, STEP_STORE_2) || holds_bytes(&r, bytes, off, 8, STEP_STORE) ||
                        holds_bytes(&r, bytes, off, 8, 1));
        lost += n == 0;
        kept += n == PAGE / SECTOR;
        torn += n > 0 && n < PAGE / SECTOR;
    }
    assert_true(lost > 50 && kept > 50 && torn > 20);
    run_stop(&r);
}

static size_t missing_rename_targets(const struct simfs_hooks *hooks, size_t *ret_old, size_t *ret_new)
{
    struct run r;
    size_t missing = 0;

    run_start(&r, parse("test: replace by rename\norigin: none\ncrash: power\n\nopen -f f\n---\nopen -f t\nrename t f\n"));
    r.hooks = hooks;
    *ret_old = *ret_new = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        assert_int_equal(run_once(&r, STRIKE_POWER, seed), 0);
        const struct survivor *f = survivor(&r, "f");

        const struct event *created = event_of(&r, 0);
        const uint64_t old_ino = created ? created->ino : 0;

        missing += !f;
        *ret_old += f && f->ino == old_ino;
        *ret_new += f && f->ino != old_ino;
        if (f && f->ino != old_ino)
            assert_null(survivor(&r, "t")); /* one operation: no state in which both names lead to it */
    }
    run_stop(&r);
    return missing;
}

static void a_rename_is_whole_or_not_at_all(void **state)
{
    (void)state;
    size_t old, new;

    assert_int_equal(missing_rename_targets(&simfs_no_hooks, &old, &new), 0);
    assert_true(old > 100 && new > 100);
    assert_true(missing_rename_targets(canary("rename-not-atomic"), &old, &new) > 0);
}

static void names_survive_as_a_prefix(void **state)
{
    (void)state;
    struct run r;
    size_t seen[4] = {0};

    run_start(&r, parse("test: order of names\norigin: none\ncrash: power\n\nopen -f f\n---\nmkdir d\nlink f d/a\nunlink f\n"));
    for (uint64_t seed = 0; seed < 2000; seed++) {
        assert_int_equal(run_once(&r, STRIKE_POWER, seed), 0);
        const bool d = survivor(&r, "d"), a = survivor(&r, "d/a"), f = survivor(&r, "f");

        assert_true((d || !a) && (a || f));
        seen[d + a + !f]++;
    }
    for (int i = 0; i < 4; i++)
        assert_true(seen[i] > 50);
    run_stop(&r);
}

static void a_sparse_file_costs_what_is_in_it(void **state)
{
    (void)state;
    struct run r;

    run_start(&r, parse("test: a big hole\norigin: none\ncrash: none\n\nopen -f f\ntruncate 1t\nmmap -rw 0 1t\n---\n"
                        "mwrite 1099511623680 4k\nmsync -s\nfpunch 4k 512g\nmread 512g 8k\n"));
    assert_int_equal(run_once(&r, STRIKE_NONE, 1), 0);
    const struct survivor *f = the_survivor(&r, "f");

    assert_int_equal(f->size_bytes, UINT64_C(1) << 40);
    assert_int_equal(f->n_extents, 1);
    assert_int_equal(f->extents[0].off, 1099511623680);
    run_stop(&r);
}

/* --- the backend --- */

static void what_is_not_modelled_is_skipped(void **state)
{
    (void)state;
    struct run r;
    struct error err = {0};

    run_start(&r, parse("test: t\norigin: none\ncrash: power\n\nopen -f f\n---\nshutdown\n"));
    assert_true(sim_run(r.sim, r.hooks, r.plan, STRIKE_POWER, 1, r.history, &r.survivors, &r.pos, &err) < 0);
    assert_true(err.skip);
    assert_non_null(strstr(err.msg, "shutdown"));
    run_stop(&r);
}

static void an_unknown_canary_is_refused(void **state)
{
    (void)state;
    struct backend_config c;
    struct error err = {0};

    assert_int_equal(backend_config_parse("sim:canary=dodo", &c, &err), -EINVAL);
    assert_non_null(strstr(err.msg, "rename-not-atomic"));
    backend_config_free(&c);
    assert_int_equal(backend_config_parse("sim:canary=torn-word", &c, &err), 0);
    backend_config_free(&c);
}

static void every_canary_is_in_the_page(void **state)
{
    (void)state;
    FILE *f = fopen("backends/sim.md", "r");
    char text[1 << 15];

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    for (const struct sim_canary *c = sim_canaries; c->name; c++) {
        struct buf row = {0};

        buf_printf(&row, "| `%s` | %s |\n", c->name, c->sentence);
        if (!strstr(text, buf_text(&row)))
            fail_msg("backends/sim.md lacks: %s", buf_text(&row));
        buf_free(&row);
    }
}

/* As the driver notes them (history.h): the bytes of loads, stores and copies apart from what a call returned. */
static void bytes_done_and_results_are_apart(void **state)
{
    struct run r;
    static const struct {
        uint64_t done_bytes;
        int64_t ret;
    } want[] = {{0, 0}, {0, 8192}, {0, 0}, {4096, 0}, {100, 0}, {0, 0}, {8192, 0}};

    (void)state;
    run_start(&r,
              parse("test: t.\norigin: t\ncrash: none\nopen -f f\npwrite 0 8k\nmmap 0 8k\nmwrite 0 4k\nmread 0 100\nopen -f g\n"
                    "copy_range f\n"));
    assert_int_equal(run_once(&r, STRIKE_NONE, 1), 0);
    for (uint32_t i = 0; i < sizeof want / sizeof *want; i++) {
        const struct event *e = event_of(&r, i);

        if (!e)
            abort(); /* every step of a plan that nothing strikes begins */
        assert_int_equal(e->done_bytes, want[i].done_bytes);
        assert_int_equal(e->ret, want[i].ret);
        assert_int_equal(e->place, 0);
    }
    run_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_the_same_run),          cmocka_unit_test(synced_bytes_survive_the_power),
        cmocka_unit_test(unsynced_bytes_are_lost_kept_and_torn), cmocka_unit_test(bytes_done_and_results_are_apart),
        cmocka_unit_test(a_rename_is_whole_or_not_at_all),       cmocka_unit_test(names_survive_as_a_prefix),
        cmocka_unit_test(a_sparse_file_costs_what_is_in_it),     cmocka_unit_test(what_is_not_modelled_is_skipped),
        cmocka_unit_test(an_unknown_canary_is_refused),          cmocka_unit_test(every_canary_is_in_the_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
