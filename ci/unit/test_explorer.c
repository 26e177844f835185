/*
 * The plan of an exploration against brute force: a made-up recovery, marks as questions, small random logs. Whatever was
 * concluded must be what the state comes to alone, and of an epoch that is told to be exhaustive every subset must have been
 * covered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "explore/explorer.h"
#include "made_up.h"

enum { LOGS = 400, MAX_MARKS = 3, MAX_OUTCOMES = 1 << 16, MAX_EPOCHS = 32, SMALL = 6 };

struct judging {
    struct made_up *f;
    struct explorer x;
    uint64_t kind;
    uint64_t marks[MAX_MARKS];
    size_t n_marks;
    uint64_t from;        /* states that exist only before it are nobody's concern */
    unsigned hang_one_in; /* 0: never */
    uint64_t looks_left;  /* until it is time to stop, */
    unsigned n_late;      /*   and those that came later */
    bool secret;          /* what it comes to depends on something that is not read */
    uint64_t outcomes[MAX_OUTCOMES];
    size_t n_outcomes;
    uint64_t judged[MAX_OUTCOMES]; /* with the question */
    size_t n_judged;
    struct epoch_result epochs[MAX_EPOCHS];
    size_t n_epochs;
};

static size_t passed(const struct judging *j, uint64_t pos)
{
    size_t n = 0;

    while (n < j->n_marks && j->marks[n] <= pos)
        n++;
    return n;
}

static void questions(void *arg, uint64_t cut, uint64_t until, size_t *ret_first, size_t *ret_n)
{
    const struct judging *j = arg;

    *ret_first = passed(j, cut < j->from ? j->from : cut);
    *ret_n = until < j->from ? 0 : passed(j, until) - *ret_first + 1;
}

static bool load(void *arg, const struct crash_state *s)
{
    struct judging *j = arg;

    return crash_image_load(j->f->image, j->f->log, s) == 0;
}

/* Five certain writes kept or left out, which no prefix and no single drop shows. */
static bool tells_secret(const struct crash_state *s)
{
    unsigned kept = 0;

    for (size_t i = 0; i < s->n_kept; i++)
        kept |= 1U << s->kept[i].entry;
    return (kept & 0x1f) == 0x15;
}

static uint64_t ask(const struct judging *j, const struct crash_state *s, size_t question)
{
    const uint64_t h = j->secret ? tells_secret(s) : recover_state(j->f, s, j->kind + question);

    return rng_mix(h + question);
}

static bool hangs(const struct judging *j, uint64_t h)
{
    return j->hang_one_in && rng_mix(h) % j->hang_one_in == 0;
}

static bool look(void *arg, const struct crash_state *s, size_t question, struct observation_ref *ret)
{
    struct judging *j = arg;

    read_notes_clear(j->f->notes);
    const uint64_t h = ask(j, s, question);
    if (j->n_outcomes == MAX_OUTCOMES)
        return false;
    j->n_late += j->looks_left == 0;
    j->looks_left -= j->looks_left > 0;
    if (j->secret)
        read_notes_read(j->f->notes, (BLOCKS - 1) * 4096, 4096);
    *ret = (struct observation_ref){.observation = j->n_outcomes, .inconclusive = hangs(j, h)};
    ret->reads = read_notes_list(j->f->notes, &ret->n_reads);
    j->outcomes[j->n_outcomes++] = h;
    return load(arg, s);
}

static bool nobody_is_free(void *arg)
{
    (void)arg;
    return false;
}

static uint8_t comes_to(uint64_t h, uint64_t cut, uint64_t until)
{
    uint8_t sum = h % 3 == 0 ? JUDGED_VIOLATED : 0;

    for (uint64_t pos = cut; pos <= until; pos++)
        if ((h + pos) % 7 == 0)
            sum |= JUDGED_LOSSY;
    return sum;
}

static uint8_t judge(void *arg, const struct crash_state *s, size_t question, size_t outcome, uint64_t cut, uint64_t until)
{
    struct judging *j = arg;
    const uint64_t h = j->outcomes[outcome];

    assert_in_range(outcome, 0, j->n_outcomes - 1);
    if (!j->secret)
        assert_true(h == ask(j, s, question));
    assert_true(j->n_judged < MAX_OUTCOMES);
    j->judged[j->n_judged++] = rng_mix(h) + question;
    return comes_to(h, cut, until);
}

static bool agree(void *arg, const struct crash_state *s, size_t question, size_t concluded, size_t seen)
{
    const struct judging *j = arg;

    (void)s, (void)question;
    return j->outcomes[concluded] == j->outcomes[seen];
}

static size_t bytes(void *arg)
{
    (void)arg;
    return 0;
}

static void forget(void *arg)
{
    ((struct judging *)arg)->n_outcomes = 0;
}

static void progress(void *arg, bool looked, uint64_t left)
{
    (void)arg, (void)looked, (void)left;
}

static bool stop(void *arg)
{
    return ((struct judging *)arg)->looks_left == 0;
}

static void keep_epoch(void *arg, const struct epoch_result *e)
{
    struct judging *j = arg;

    assert_true(j->n_epochs < MAX_EPOCHS);
    j->epochs[j->n_epochs++] = *e;
}

static const struct explorer_ops ops = {.questions = questions,
                                        .load = load,
                                        .observe = look,
                                        .prefetch_idle = nobody_is_free,
                                        .judge = judge,
                                        .confirm = agree,
                                        .memory_bytes = bytes,
                                        .forget = forget,
                                        .progress = progress,
                                        .stop = stop,
                                        .report_epoch = keep_epoch};

static void prepare(struct judging *j, struct made_up *f, uint64_t seed, struct rng *r)
{
    j->f = f;
    j->kind = seed;
    j->from = j->hang_one_in = 0;
    j->n_marks = rng_below(r, MAX_MARKS + 1);
    j->n_outcomes = j->n_judged = j->n_epochs = j->n_late = 0;
    j->looks_left = UINT64_MAX;
    j->secret = false;
    for (size_t i = 0; i < j->n_marks; i++)
        j->marks[i] = (i ? j->marks[i - 1] : 0) + rng_below(r, writelog_length(f->log) / MAX_MARKS + 1);
    j->x = (struct explorer){.ops = &ops,
                             .arg = j,
                             .log = f->log,
                             .to = writelog_length(f->log),
                             .seed = seed,
                             .limits = {.max_states = 100000, .samples = 8, .sector = 512},
                             .image = f->image,
                             .n_prefetch = 1,
                             .prune = true,
                             .groups_after = rng_one_in(r, 2) ? STATE_ALONE : STATE_KINDS,
                             .rng = r};
}

/* Calls f for every subset of an epoch's writes that is a state of its own, with the cuts at which it exists. */
static void each_subset(struct judging *j, uint32_t epoch, const struct epoch_writes *w,
                        void (*f)(struct judging *, const struct crash_state *))
{
    for (uint64_t mask = epoch > 0; mask < UINT64_C(1) << w->n; mask++) {
        struct kept_write kept[MAX_WRITES] = {{0}};
        struct crash_state s = {.epoch = epoch, .durable = w->durable, .cut = w->durable, .until = w->end, .kept = kept};

        for (uint32_t i = 0; i < w->n; i++)
            if (mask >> i & 1) {
                kept[s.n_kept++].entry = w->entries[i];
                s.cut = w->entries[i] + 1;
            }
        if (s.n_kept == w->n)
            s.until = w->whole_until;
        f(j, &s);
    }
}

static void each_epoch(struct judging *j, bool (*concerns)(const struct judging *, const struct epoch_writes *),
                       void (*f)(struct judging *, const struct crash_state *))
{
    struct state_source *source = states_new(j->f->log, 0, j->x.to, &j->x.limits, 1);

    for (uint32_t i = 0; i < states_epochs(source); i++) {
        struct epoch_writes w;

        states_epoch(source, i, &w);
        if (concerns(j, &w))
            each_subset(j, i, &w, f);
        free(w.entries);
    }
    states_free(source);
}

/* Writes of whole blocks; no two of an epoch to one block, and no two alike: no two states hold the same. */
static void log_of_different_states(struct writelog *l, struct rng *r)
{
    uint8_t data[4096];
    bool taken[BLOCKS] = {false};
    const uint64_t n = 1 + rng_below(r, 14);

    writelog_clear(l);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t block = rng_below(r, BLOCKS);

        if (taken[block] || rng_one_in(r, 8)) {
            writelog_append(l, LOG_FLUSH, 0, 0, NULL, 0);
            memset(taken, 0, sizeof taken);
            continue;
        }
        taken[block] = true;
        memset(data, (int)(i + 1), sizeof data);
        writelog_append(l, LOG_WRITE, 0, block * 4096, data, sizeof data);
    }
}

static struct explorer want; /* its sums */

static bool always(const struct judging *j, const struct epoch_writes *w)
{
    (void)j, (void)w;
    return true;
}

static void add_up(struct judging *j, const struct crash_state *s)
{
    size_t first, n;
    uint8_t sum = 0;

    questions(j, s->cut, s->until, &first, &n);
    for (size_t q = first; q < first + n; q++)
        sum |= comes_to(ask(j, s, q), s->cut, s->until);
    want.covered += n > 0;
    want.violated += (sum & JUDGED_VIOLATED) != 0;
    want.lossy += (sum & JUDGED_LOSSY) != 0;
}

static void with_room_for_all_the_sums_are_those_of_brute_force(void **state)
{
    static struct judging j;
    uint64_t n_mounted = 0, n_covered = 0;

    for (uint64_t seed = 1; seed <= LOGS; seed++) {
        struct made_up *f = *state;
        struct rng r;

        rng_seed(&r, seed);
        log_of_different_states(f->log, &r);
        prepare(&j, f, seed, &r);
        j.x.prune = !rng_one_in(&r, 4);
        j.x.check_prune = rng_one_in(&r, 4);
        want = (struct explorer){.covered = 0};
        assert_true(explorer_run(&j.x));
        each_epoch(&j, always, add_up);
        assert_int_equal(j.x.covered, want.covered);
        assert_int_equal(j.x.violated, want.violated);
        assert_int_equal(j.x.lossy, want.lossy);
        assert_true(j.x.exist == (double)want.covered);
        assert_int_equal(j.x.epochs_sampled, 0);
        n_mounted += j.x.prune ? j.x.mounted : 0;
        n_covered += j.x.prune ? j.x.covered : 0;
    }
    assert_true(n_mounted < n_covered / 2);
}

static bool is_told_exhaustive(const struct judging *j, const struct epoch_writes *w)
{
    if (j->x.epochs_sampled == 0)
        return true;
    for (size_t i = 0; i < j->n_epochs; i++)
        if (j->epochs[i].from == w->durable && j->epochs[i].to == w->end)
            return j->epochs[i].exhaustive;
    return false;
}

static unsigned n_seen; /* by is_seen */

/* Something that came to the same, asked the same, was judged. */
static void is_seen(struct judging *j, const struct crash_state *s)
{
    size_t first, n;

    questions(j, s->cut, s->until, &first, &n);
    for (size_t q = first; q < first + n; q++) {
        const uint64_t h = ask(j, s, q);
        bool seen = false;

        for (size_t i = 0; i < j->n_judged && !seen; i++)
            seen = j->judged[i] == rng_mix(h) + q;
        assert_true(seen);
        n_seen++;
    }
}

static void with_little_room_what_is_told_exhaustive_is(void **state)
{
    static struct judging j;
    unsigned n_sampled = 0;

    n_seen = 0;
    for (uint64_t seed = 1; seed <= LOGS * 2; seed++) {
        struct made_up *f = *state;
        struct rng r;

        rng_seed(&r, seed);
        random_log(f->log, &r);
        prepare(&j, f, seed, &r);
        j.x.limits.max_states = 1 + rng_below(&r, 60);
        j.x.limits.max_more = rng_one_in(&r, 2) ? 8 * j.x.limits.max_states : 0;
        j.x.limits.torn = rng_one_in(&r, 2);
        j.x.prune = !rng_one_in(&r, 4);
        j.hang_one_in = rng_one_in(&r, 3) ? 20 : 0;
        j.from = rng_one_in(&r, 3) ? rng_below(&r, j.x.to + 1) : 0;
        j.looks_left = rng_one_in(&r, 3) ? rng_below(&r, 40) : UINT64_MAX;
        assert_true(explorer_run(&j.x));
        each_epoch(&j, is_told_exhaustive, is_seen);
        /* One too many for each epoch at most; without pruning and with more candidates each is a mount. */
        assert_true(j.x.mounted <= j.x.limits.max_states + j.x.epochs_exhaustive + j.x.epochs_sampled);
        assert_true(j.x.covered >= j.x.mounted || j.hang_one_in);
        /* The state at hand, and the one that keeps the whole epoch, with all questions. */
        assert_true(j.n_late <= 2 * (MAX_MARKS + 1));
        n_sampled += j.x.epochs_sampled > 0;
    }
    assert_true(n_seen > LOGS && n_sampled > LOGS / 8);
}

/* Few are the source's own states; what is not among them is only seen when members of groups are looked at. */
static void members_of_groups_are_checked(void **state)
{
    static struct judging j;
    struct made_up *f = *state;
    static const uint8_t block[4096] = {1};
    unsigned n_found = 0;

    writelog_clear(f->log);
    for (unsigned i = 0; i < SMALL + 3; i++)
        writelog_append(f->log, LOG_WRITE, 0, i % (BLOCKS - 1) * 4096, block, 512);
    for (uint64_t seed = 1; seed <= LOGS; seed++) {
        struct rng r;

        rng_seed(&r, seed);
        prepare(&j, f, seed, &r);
        j.secret = j.x.check_prune = true;
        j.x.limits.samples = 0;
        n_found += !explorer_run(&j.x);
    }
    assert_in_range(n_found, LOGS / 40, LOGS / 4);
}

/* The mount of the worked timeline in explorer.c, which reads the block of A, and that of C if A is there. */
static bool observe_timeline(void *arg, const struct crash_state *s, size_t question, struct observation_ref *ret)
{
    struct judging *j = arg;

    (void)s, (void)question;
    read_notes_clear(j->f->notes);
    read_notes_read(j->f->notes, BLOCK_BYTES, BLOCK_BYTES);
    if (crash_image_block(j->f->image, 1)[0])
        read_notes_read(j->f->notes, 3 * BLOCK_BYTES, BLOCK_BYTES);
    *ret = (struct observation_ref){.observation = j->n_outcomes++};
    ret->reads = read_notes_list(j->f->notes, &ret->n_reads);
    return true;
}

static struct buf timeline;

static bool report_timeline(void *arg, const struct crash_state *s, enum state_origin origin, size_t question, size_t observation,
                            bool mounted)
{
    (void)arg, (void)question;
    assert_int_equal(origin, FROM_SOURCE);
    crash_state_print(s, &timeline);
    buf_printf(&timeline, ": %s %zu\n", mounted ? "mounted," : "as", observation);
    return true;
}

static uint8_t judge_nothing(void *arg, const struct crash_state *s, size_t question, size_t observation, uint64_t cut,
                             uint64_t until)
{
    (void)arg, (void)s, (void)question, (void)observation, (void)cut, (void)until;
    return 0;
}

static void the_worked_timeline_is_true(void **state)
{
    static struct judging j;
    struct explorer_ops timeline_ops = ops;
    struct made_up *f = *state;
    struct rng r;

    rng_seed(&r, 1);
    timeline_log(f->log);
    prepare(&j, f, 1, &r);
    j.n_marks = 0;
    j.x.ops = &timeline_ops;
    timeline_ops.observe = observe_timeline;
    timeline_ops.report = report_timeline;
    timeline_ops.judge = judge_nothing;
    assert_true(explorer_run(&j.x));
    assert_string_equal(buf_text(&timeline), "cut at 0 to 1; durable up to 0: mounted, 0\n"
                                             "cut at 1 to 4; durable up to 0; kept 0: mounted, 1\n"
                                             "cut at 3 to 4; durable up to 2; kept 2: as 1\n"
                                             "cut at 4 to 5; durable up to 2; kept 2-3: mounted, 2\n"
                                             "cut at 4; durable up to 2; kept 3: as 2\n");
    buf_free(&timeline);
    assert_int_equal(j.x.mounted, 3);
    assert_int_equal(j.x.covered, 5);
    assert_int_equal(j.x.epochs_exhaustive, 2);
    assert_int_equal(j.x.epochs_sampled, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_room_for_all_the_sums_are_those_of_brute_force),
        cmocka_unit_test(with_little_room_what_is_told_exhaustive_is),
        cmocka_unit_test(members_of_groups_are_checked),
        cmocka_unit_test(the_worked_timeline_is_true),
    };

    return cmocka_run_group_tests(tests, made_up_new, made_up_free);
}
