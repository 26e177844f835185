/* How crash states are shared out: quotas of kinds, epochs and their whole states, what is skipped, what may be torn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "states/crash_states.h"

enum { SECTOR = 512, BLOCK = 4096, SAMPLES = 100, LARGE = STATES_SMALL_EPOCH + 2, SMALL = 4, N_WRITES = LARGE + SMALL };

static void log_write(struct writelog *l, uint64_t sector, uint64_t n_sectors, int byte)
{
    uint8_t data[4 * BLOCK];

    memset(data, byte, sizeof data);
    assert_int_equal(writelog_append(l, LOG_WRITE, 0, sector * SECTOR, data, n_sectors * SECTOR), 0);
}

static void log_flush(struct writelog *l)
{
    assert_int_equal(writelog_append(l, LOG_FLUSH, 0, 0, NULL, 0), 0);
}

static struct state_source *source(const struct writelog *l, const struct state_limits *lim)
{
    return states_new(l, 0, writelog_length(l), lim, 1);
}

/* A large epoch, a flush, a small one. Candidates: 13 prefixes, 12 dropped, 12 alone, none torn, 16 subsets, 100 samples. */
static struct writelog *large_and_small(void)
{
    struct writelog *l = writelog_new(64, 1 << 20);

    for (int i = 0; i < N_WRITES; i++) {
        if (i == LARGE)
            log_flush(l);
        log_write(l, 8 * (uint64_t)i, 8, i + 1);
    }
    return l;
}

/* ---- quotas ---- */

static void shares_are(uint64_t max_states, const uint64_t expected[STATE_KINDS], bool all_subsets)
{
    const struct state_limits lim = {.sector = SECTOR, .samples = SAMPLES, .max_states = max_states};
    struct writelog *l = large_and_small();
    struct state_source *s = source(l, &lim);

    for (int k = 0; k < STATE_KINDS; k++)
        assert_int_equal(states_share(s, (enum state_kind)k), expected[k]);
    assert_int_equal(states_gives_all_subsets(s), all_subsets);
    states_free(s);
    writelog_free(l);
}

static void kinds_with_few_candidates_leave_the_rest_to_the_others(void **state)
{
    (void)state;
    shares_are(0, (uint64_t[]){UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}, true);
    shares_are(1000, (uint64_t[]){13, 25, 37, 37, 53, 153}, true);
    shares_are(80, (uint64_t[]){13, 25, 37, 37, 53, 80}, true);
    shares_are(60, (uint64_t[]){12, 24, 36, 36, 48, 60}, false);
    shares_are(30, (uint64_t[]){6, 12, 18, 18, 24, 30}, false);
    shares_are(STATE_KINDS, (uint64_t[]){1, 2, 3, 3, 4, 6}, false);
    shares_are(STATE_KINDS - 1, (uint64_t[]){5, 5, 5, 5, 5, 5}, false);
}

/* Gives out all states; returns their number, and that of each kind. */
static uint64_t give_all(struct state_source *s, uint64_t of_kind[STATE_KINDS])
{
    const struct crash_state *state;
    uint64_t n = 0;
    int kind = STATE_PREFIX;

    memset(of_kind, 0, STATE_KINDS * sizeof *of_kind);
    while (states_next(s, &state)) {
        assert_true((int)state->kind >= kind); /* kind after kind */
        kind = (int)state->kind;
        of_kind[kind]++;
        n++;
    }
    assert_int_equal(states_next(s, &state), 0);
    return n;
}

/* Each kind's own quota comes first, then what max_more adds to it; none is given out twice. */
static void more_states_are_given_out_where_more_are_allowed(void **state)
{
    const struct state_limits few = {.sector = SECTOR, .samples = SAMPLES, .max_states = 30},
                              more = {.sector = SECTOR, .samples = SAMPLES, .max_states = 30, .max_more = 1000},
                              all = {.sector = SECTOR, .samples = SAMPLES};
    struct writelog *l = large_and_small();
    uint64_t of_few[STATE_KINDS], of_more[STATE_KINDS], of_all[STATE_KINDS];

    (void)state;
    struct state_source *s = source(l, &few);
    const uint64_t n_few = give_all(s, of_few);

    states_free(s);
    s = source(l, &more);
    const uint64_t n_more = give_all(s, of_more);

    states_free(s);
    s = source(l, &all);
    const uint64_t n_all = give_all(s, of_all);

    states_free(s);
    assert_true(n_few <= 30);
    assert_int_equal(n_more, n_all);
    assert_int_equal(of_few[STATE_PREFIX], 6);
    assert_int_equal(of_more[STATE_PREFIX], N_WRITES + 1);
    assert_int_equal(of_all[STATE_PREFIX], N_WRITES + 1);
    writelog_free(l);
}

static void progress_is_told(void **state)
{
    struct state_limits lim = {.sector = SECTOR, .samples = SAMPLES, .max_states = 30};
    struct writelog *l = large_and_small();
    const struct crash_state *given;
    uint64_t done, left, n = 0;

    (void)state;
    struct state_source *s = source(l, &lim);

    states_progress(s, &done, &left);
    assert_int_equal(done, 0);
    assert_int_equal(left, 30);
    for (; n < 4; n++)
        assert_int_equal(states_next(s, &given), 1);
    states_progress(s, &done, &left);
    assert_int_equal(done, 4);
    assert_int_equal(left, 26); /* prefixes are all new */
    while (states_next(s, &given))
        n++;
    states_progress(s, &done, &left);
    assert_int_equal(done, n);
    assert_int_equal(left, 1);
    states_free(s);
    lim.max_more = 1000;
    s = source(l, &lim);
    states_progress(s, &done, &left);
    assert_int_equal(left, 153);
    states_free(s);
    writelog_free(l);
}

static void a_skipped_epoch_gives_no_more_subsets_or_samples(void **state)
{
    const struct state_limits lim = {.sector = SECTOR, .samples = SAMPLES};
    struct writelog *l = large_and_small();
    uint64_t both[STATE_KINDS], only_small[STATE_KINDS], only_large[STATE_KINDS];

    (void)state;
    for (uint32_t skip = 0; skip < 3; skip++) {
        struct state_source *s = source(l, &lim);

        assert_int_equal(states_epochs(s), 2);
        if (skip < 2)
            states_skip(s, skip);
        give_all(s, skip == 0 ? only_small : skip == 1 ? only_large : both);
        states_free(s);
    }
    assert_true(both[STATE_SUBSET] > 0 && both[STATE_SAMPLE] > 0);
    assert_int_equal(only_small[STATE_SAMPLE], 0);
    assert_int_equal(only_small[STATE_SUBSET], both[STATE_SUBSET]);
    assert_int_equal(only_large[STATE_SUBSET], 0);
    assert_int_equal(only_large[STATE_SAMPLE], both[STATE_SAMPLE]);
    writelog_free(l);
}

/* ---- epochs ---- */

static void an_epoch_tells_its_writes_and_its_whole_state(void **state)
{
    static const uint64_t large[] = {0, 1, 2, 3, 4, 5, 6, 7}, small[] = {9, 10, 11, 12};
    const struct state_limits lim = {.sector = SECTOR, .samples = SAMPLES};
    struct writelog *l = large_and_small();
    struct state_source *s = source(l, &lim);
    struct epoch_writes e;
    struct crash_state whole;

    (void)state;
    states_epoch(s, 0, &e);
    assert_int_equal(e.durable, 0);
    assert_int_equal(e.end, LARGE);
    assert_int_equal(e.n, LARGE);
    assert_memory_equal(e.entries, large, sizeof large);
    assert_int_equal(e.whole_until, N_WRITES + 1); /* until the end of the next epoch, since its writes may all be lost */
    states_whole_epoch(&e, 0, &whole);
    assert_int_equal(whole.epoch, 0);
    assert_int_equal(whole.durable, 0);
    assert_int_equal(whole.cut, LARGE);
    assert_int_equal(whole.until, N_WRITES + 1);
    assert_int_equal(whole.n_kept, LARGE);
    for (size_t i = 0; i < LARGE; i++) {
        assert_int_equal(whole.kept[i].entry, i);
        assert_int_equal(whole.kept[i].count, 0);
    }
    free(e.entries);
    free(whole.kept);
    states_epoch(s, 1, &e);
    states_whole_epoch(&e, 1, &whole);
    assert_int_equal(e.durable, LARGE + 1);
    assert_int_equal(e.end, N_WRITES + 1);
    assert_memory_equal(e.entries, small, sizeof small);
    assert_int_equal(whole.epoch, 1);
    assert_int_equal(whole.durable, LARGE + 1);
    assert_int_equal(whole.cut, N_WRITES + 1);
    assert_int_equal(whole.until, N_WRITES + 1);
    free(e.entries);
    free(whole.kept);
    states_free(s);
    writelog_free(l);
}

static void an_epoch_without_writes_has_a_whole_state_of_none(void **state)
{
    const struct state_limits lim = {.sector = SECTOR};
    struct writelog *l = writelog_new(64, 1 << 20);
    struct epoch_writes e;
    struct crash_state whole;

    (void)state;
    log_write(l, 0, 1, 1);
    log_flush(l);
    log_flush(l);
    log_write(l, 0, 1, 2);
    struct state_source *s = source(l, &lim);

    assert_int_equal(states_epochs(s), 3);
    states_epoch(s, 1, &e);
    states_whole_epoch(&e, 1, &whole);
    assert_int_equal(e.n, 0);
    assert_int_equal(e.whole_until, 4);
    assert_int_equal(whole.cut, 2);
    assert_int_equal(whole.until, 4);
    assert_int_equal(whole.n_kept, 0);
    free(e.entries);
    free(whole.kept);
    states_free(s);
    writelog_free(l);
}

static void the_largest_small_epoch_gives_all_its_subsets(void **state)
{
    const struct state_limits lim = {.sector = SECTOR, .samples = SAMPLES};
    uint64_t of_kind[STATE_KINDS];

    (void)state;
    for (int n = STATES_SMALL_EPOCH; n <= STATES_SMALL_EPOCH + 1; n++) {
        struct writelog *l = writelog_new(64, 1 << 20);

        for (int i = 0; i < n; i++)
            log_write(l, 8 * (uint64_t)i, 8, i + 1);
        struct state_source *s = source(l, &lim);
        const uint64_t given = give_all(s, of_kind);

        if (n == STATES_SMALL_EPOCH)
            assert_int_equal(given, 1 << n);
        assert_int_equal(of_kind[STATE_SUBSET] > 0, n == STATES_SMALL_EPOCH);
        assert_int_equal(of_kind[STATE_SAMPLE] > 0, n > STATES_SMALL_EPOCH);
        states_free(s);
        writelog_free(l);
    }
}

/* Of more sectors than the first table of sectors has room for. */
static void an_image_is_the_same_when_the_same_bytes_are_back(void **state)
{
    enum { MANY = 2000 };
    const struct state_limits lim = {.sector = SECTOR};
    struct writelog *l = writelog_new(MANY + 16, 1 << 22);
    const struct crash_state *given;
    uint64_t before[2] = {0}, changed[2] = {0}, after[2] = {0};

    (void)state;
    for (uint64_t i = 0; i < MANY; i++)
        log_write(l, i, 1, (int)(i % 250) + 1);
    log_flush(l);
    log_write(l, 7, 1, 99);
    log_flush(l);
    log_write(l, 7, 1, 8);
    struct state_source *s = states_new(l, MANY + 1, writelog_length(l), &lim, 1);

    while (states_next(s, &given)) {
        if (given->kind != STATE_PREFIX)
            continue;
        memcpy(given->cut == MANY + 1 ? before : given->cut == MANY + 2 ? changed : after, given->image, sizeof before);
    }
    assert_memory_not_equal(before, changed, sizeof before);
    assert_memory_equal(before, after, sizeof before);
    states_free(s);
    writelog_free(l);
}

/* ---- torn writes ---- */

/* The one write of the log that is kept in part. */
static struct kept_write torn_write(const struct crash_state *s)
{
    for (size_t i = 0; i < s->n_kept; i++)
        if (s->kept[i].count)
            return s->kept[i];
    fail_msg("nothing is torn");
    abort();
}

static void a_torn_state_keeps_a_proper_part(void **state)
{
    enum { UNITS = 16 };
    const struct state_limits lim = {.sector = SECTOR, .torn = true};
    struct writelog *l = writelog_new(64, 1 << 20);
    const struct crash_state *given;
    bool among_all = false;
    uint32_t parts = 0; /* a bit for each first sector that random parts had */

    (void)state;
    log_write(l, 0, UNITS, 1);
    log_write(l, 100, 2, 2);
    log_write(l, 200, 1, 3);
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct state_source *s = states_new(l, 0, 3, &lim, seed);

        while (states_next(s, &given)) {
            if (given->kind != STATE_TORN)
                continue;
            const struct kept_write k = torn_write(given);

            assert_in_range(k.entry, 0, 1); /* one sector cannot be torn */
            assert_in_range(k.count, 1, k.entry == 0 ? UNITS - 1 : 1);
            assert_true(k.first + k.count <= (k.entry == 0 ? UNITS : 2));
            parts |= k.entry == 0 ? 1U << k.first : 0;
            /* Only half of a write is torn among all others. */
            for (size_t i = 0; i < given->n_kept; i++)
                if (given->kept[i].entry > k.entry) {
                    assert_int_equal(given->n_kept, 3);
                    assert_int_equal(k.first, 0);
                    assert_int_equal(k.count, k.entry == 0 ? UNITS / 2 : 1);
                    among_all = true;
                }
        }
        states_free(s);
    }
    assert_true(among_all);
    assert_true(__builtin_popcount(parts) > 8);
    writelog_free(l);
}

static void nothing_is_torn_that_is_one_unit_or_must_not_be(void **state)
{
    const struct state_limits whole_blocks = {.sector = BLOCK, .torn = true, .samples = SAMPLES},
                              never = {.sector = SECTOR, .samples = SAMPLES};
    struct writelog *l = large_and_small();
    const struct crash_state *given;

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct state_source *s = source(l, i ? &never : &whole_blocks);

        while (states_next(s, &given)) {
            assert_int_not_equal(given->kind, STATE_TORN);
            assert_false(crash_state_is_torn(given));
        }
        states_free(s);
    }
    states_free(NULL);
    writelog_free(l);
}

/* ---- other numbers ---- */

static uint64_t plus(const void *arg, uint64_t pos)
{
    return pos + *(const uint64_t *)arg;
}

static void a_state_may_be_told_in_other_numbers(void **state)
{
    struct kept_write kept[] = {{.entry = 3}, {.entry = 5, .first = 1, .count = 2}};
    const struct crash_state s = {.epoch = 1, .durable = 2, .cut = 6, .until = 9, .kept = kept, .n_kept = 2};
    const uint64_t more = 100;
    struct crash_state other;

    (void)state;
    crash_state_renumber(&s, plus, &more, &other);
    assert_int_equal(other.epoch, 1);
    assert_int_equal(other.durable, 102);
    assert_int_equal(other.cut, 106);
    assert_int_equal(other.until, 109);
    assert_int_equal(other.n_kept, 2);
    assert_int_equal(other.kept[0].entry, 103);
    assert_int_equal(other.kept[0].count, 0);
    assert_int_equal(other.kept[1].entry, 105);
    assert_int_equal(other.kept[1].first, 1);
    assert_int_equal(other.kept[1].count, 2);
    assert_int_equal(kept[0].entry, 3);
    free(other.kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_with_few_candidates_leave_the_rest_to_the_others),
        cmocka_unit_test(more_states_are_given_out_where_more_are_allowed),
        cmocka_unit_test(progress_is_told),
        cmocka_unit_test(a_skipped_epoch_gives_no_more_subsets_or_samples),
        cmocka_unit_test(an_epoch_tells_its_writes_and_its_whole_state),
        cmocka_unit_test(an_epoch_without_writes_has_a_whole_state_of_none),
        cmocka_unit_test(the_largest_small_epoch_gives_all_its_subsets),
        cmocka_unit_test(an_image_is_the_same_when_the_same_bytes_are_back),
        cmocka_unit_test(a_torn_state_keeps_a_proper_part),
        cmocka_unit_test(a_state_may_be_told_in_other_numbers),
        cmocka_unit_test(nothing_is_torn_that_is_one_unit_or_must_not_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
