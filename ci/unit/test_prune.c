/*
 * Pruning against brute force. What a made-up recovery comes to must be the same for every crash state of small random logs,
 * whether it is run or concluded from states tested before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "made_up.h"
#include "states/read_trie.h"
#include "states/subsets.h"

enum { LOGS = 150 };

static int64_t add(struct read_trie *t, const struct made_up *f)
{
    size_t n;
    const struct read_note *notes = read_notes_list(f->notes, &n);

    return read_trie_add(t, 0, f->image, notes, n);
}

/* Tests a state, or concludes; returns its number in the trie. */
static int64_t look_at(struct made_up *f, struct read_trie *t, const struct crash_state *s, uint64_t kind, bool *ret_concluded)
{
    assert_int_equal(crash_image_load(f->image, f->log, s), 0);
    int64_t tested = read_trie_find(t, 0, f->image);

    *ret_concluded = tested != READ_TRIE_NONE;
    if (!*ret_concluded) {
        const uint64_t answer = recover(f, kind);
        tested = add(t, f);
        assert_in_range(tested, 0, MAX_TESTED - 1);
        f->answers[tested] = answer;
    }
    return tested;
}

static void every_state_gets_the_answer_it_would_get_alone(void **state)
{
    struct made_up *f = *state;
    const struct state_limits lim = {.samples = 20, .sector = 512, .torn = true};
    unsigned n_concluded = 0, n = 0;

    for (uint64_t seed = 1; seed <= LOGS; seed++) {
        struct read_trie *t = read_trie_new();
        const struct crash_state *s;
        struct rng r;

        rng_seed(&r, seed);
        random_log(f->log, &r);
        struct state_source *source = states_new(f->log, 0, writelog_length(f->log), &lim, seed);
        while (states_next(source, &s)) {
            bool concluded;
            const int64_t tested = look_at(f, t, s, seed, &concluded);

            assert_true(f->answers[tested] == recover_state(f, s, seed));
            n_concluded += concluded;
            n++;
        }
        states_free(source);
        read_trie_free(t);
    }
    assert_true(n_concluded > n / 3 && n_concluded < n);
}

/* Reads in another order than before: still nothing wrong, and a state with a twin is found. */
static void order_of_reads_does_not_matter(void **state)
{
    struct made_up *f = *state;
    struct read_trie *t = read_trie_new();
    static const uint8_t block[4096] = {1};

    writelog_append(f->log, LOG_WRITE, 0, 4096, block, 4096);
    assert_int_equal(crash_image_load(f->image, f->log, &(struct crash_state){.cut = 0}), 0);
    read_notes_read(f->notes, 0, 2 * 4096);
    assert_int_equal(add(t, f), 0);
    assert_int_equal(crash_image_load(f->image, f->log, &(struct crash_state){.durable = 1, .cut = 1}), 0);
    assert_int_equal(read_trie_find(t, 0, f->image), READ_TRIE_NONE);
    read_notes_clear(f->notes);
    read_notes_read(f->notes, 2 * 4096, 4096);
    read_notes_read(f->notes, 0, 4096);
    assert_int_equal(add(t, f), 1);
    assert_int_equal(read_trie_find(t, 0, f->image), 1);
    assert_int_equal(crash_image_load(f->image, f->log, &(struct crash_state){.cut = 0}), 0);
    assert_int_not_equal(read_trie_find(t, 0, f->image), READ_TRIE_NONE);
    read_trie_free(t);
}

static void what_was_tested_for_one_question_answers_no_other(void **state)
{
    struct made_up *f = *state;
    struct read_trie *t = read_trie_new();
    size_t n;

    assert_int_equal(crash_image_load(f->image, f->log, &(struct crash_state){.cut = 0}), 0);
    read_notes_read(f->notes, 0, 2 * 4096);
    const struct read_note *notes = read_notes_list(f->notes, &n);

    assert_int_equal(read_trie_add(t, 3, f->image, notes, n), 0);
    for (size_t question = 0; question < 6; question++)
        assert_int_equal(read_trie_find(t, question, f->image), question == 3 ? 0 : READ_TRIE_NONE);
    assert_int_equal(read_trie_add(t, 1, f->image, notes, n), 1);
    assert_int_equal(read_trie_find(t, 1, f->image), 1);
    assert_int_equal(read_trie_find(t, 3, f->image), 0);
    read_trie_free(t);
}

/* How many states have this cut and come to this. */
struct trial {
    struct {
        uint64_t cut, answer, n;
    } v[1 << MAX_WRITES];
    size_t n;
};

static void tally_add(struct trial *t, uint64_t cut, uint64_t answer, uint64_t n)
{
    size_t i = 0;

    while (i < t->n && (t->v[i].cut != cut || t->v[i].answer != answer))
        i++;
    if (i == t->n) {
        t->v[t->n].cut = cut;
        t->v[t->n].answer = answer;
        t->v[t->n++].n = 0;
    }
    t->v[i].n += n;
}

static void tally_equal(const struct trial *a, const struct trial *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        bool found = false;

        for (size_t k = 0; k < b->n; k++)
            found |= a->v[i].cut == b->v[k].cut && a->v[i].answer == b->v[k].answer && a->v[i].n == b->v[k].n;
        assert_true(found);
    }
}

/* Every subset, run. */
static void run_all(struct made_up *f, const struct epoch_writes *w, uint64_t kind, struct trial *ret)
{
    ret->n = 0;
    for (uint64_t mask = 0; mask < UINT64_C(1) << w->n; mask++) {
        struct kept_write kept[MAX_WRITES];
        struct crash_state s = {.durable = w->durable, .cut = w->durable, .until = w->end, .kept = kept};

        for (uint32_t i = 0; i < w->n; i++)
            if (mask >> i & 1) {
                kept[s.n_kept++] = (struct kept_write){.entry = w->entries[i]};
                s.cut = w->entries[i] + 1;
            }
        tally_add(ret, s.cut, recover_state(f, &s, kind), 1);
    }
}

/* Every subset, in groups. Returns how many were run. */
static unsigned run_groups(struct made_up *f, struct read_trie *t, const struct epoch_writes *w, uint64_t kind, struct trial *ret)
{
    struct subsets *u = subsets_new(f->log, w->entries, w->n, w->durable, w->end, 1 << MAX_WRITES);
    const struct crash_state *first;
    unsigned n_run = 0;

    ret->n = 0;
    while (subsets_next(u, &first)) {
        bool concluded;
        const int64_t tested = look_at(f, t, first, kind, &concluded);
        size_t n_reads;
        const struct read_note *reads = read_trie_reads(t, tested, &n_reads);
        uint32_t n, n_before;

        n_run += !concluded;
        subsets_split(u, reads, n_reads);
        const uint64_t *free_writes = subsets_free_writes(u, &n, &n_before);
        tally_add(ret, first->cut, f->answers[tested], UINT64_C(1) << n_before);
        for (uint32_t i = 0; i < n; i++)
            tally_add(ret, free_writes[i] + 1, f->answers[tested], UINT64_C(1) << (n_before + i));
    }
    assert_true(subsets_complete(u));
    subsets_free(u);
    return n_run;
}

static void groups_are_all_subsets_each_with_its_cut_and_answer(void **state)
{
    struct made_up *f = *state;
    static struct trial all, groups;
    const struct state_limits lim = {.sector = 512};
    uint64_t n_run = 0, n_subsets = 0;

    for (uint64_t seed = 1; seed <= LOGS; seed++) {
        struct read_trie *t = read_trie_new();
        struct rng r;

        rng_seed(&r, seed);
        random_log(f->log, &r);
        struct state_source *source = states_new(f->log, 0, writelog_length(f->log), &lim, seed);
        for (uint32_t e = 0; e < states_epochs(source); e++) {
            struct epoch_writes w;

            states_epoch(source, e, &w);
            n_run += run_groups(f, t, &w, seed, &groups);
            run_all(f, &w, seed, &all);
            tally_equal(&all, &groups);
            n_subsets += UINT64_C(1) << w.n;
            free(w.entries);
        }
        states_free(source);
        read_trie_free(t);
    }
    assert_true(n_run * 3 < n_subsets);
}

static void an_epoch_of_many_writes_that_nobody_reads_is_one_group(void **state)
{
    struct made_up *f = *state;
    static const uint8_t block[4096] = {1};
    const struct state_limits lim = {.sector = 4096};
    const struct read_note elsewhere = {.block = 0, .sectors = 0xff}, last = {.block = 1, .sectors = 1};
    const struct crash_state *first;
    struct epoch_writes w;
    uint32_t n, n_before;

    writelog_clear(f->log);
    for (uint64_t i = 0; i < 40; i++)
        writelog_append(f->log, LOG_WRITE, 0, (1 + i % (BLOCKS - 1)) * 4096, block, 4096);
    struct state_source *source = states_new(f->log, 0, 40, &lim, 1);
    states_epoch(source, 0, &w);
    struct subsets *u = subsets_new(f->log, w.entries, w.n, w.durable, w.end, 1000);
    assert_int_equal(subsets_next(u, &first), 1);
    subsets_split(u, &elsewhere, 1);
    subsets_free_writes(u, &n, &n_before);
    assert_int_equal(n, 40);
    subsets_split(u, &last, 1); /* 8 writes go there */
    subsets_free_writes(u, &n, &n_before);
    assert_int_equal(n, 32);
    unsigned more = 0;
    while (subsets_next(u, &first)) {
        subsets_split(u, &last, 1); /* the last of those kept hides the others */
        more++;
    }
    assert_int_equal(more, 8);
    assert_true(subsets_complete(u));
    assert_true(w.n_states == (double)(UINT64_C(1) << 40));
    subsets_free(u);
    states_free(source);
    free(w.entries);
}

/* The epoch of B and C in the worked timeline of subsets.c; only the block of C is read. */
static void the_worked_timeline_is_true(void **state)
{
    struct made_up *f = *state;
    const uint64_t b_and_c[] = {2, 3};
    const struct read_note c = {.block = 3, .sectors = 0xff};
    const struct crash_state *first;
    const uint64_t *free_writes;
    uint32_t n, n_before;

    timeline_log(f->log);
    struct subsets *u = subsets_new(f->log, b_and_c, 2, 2, 4, 10);
    assert_int_equal(subsets_next(u, &first), 1);
    assert_int_equal(first->cut, 2);
    assert_int_equal(first->n_kept, 0);
    subsets_split(u, &c, 1);
    free_writes = subsets_free_writes(u, &n, &n_before);
    assert_int_equal(n, 1);
    assert_int_equal(n_before, 0);
    assert_int_equal(free_writes[0], 2);
    assert_false(subsets_has_whole(u));
    assert_int_equal(subsets_next(u, &first), 1);
    assert_int_equal(first->cut, 4);
    assert_int_equal(first->n_kept, 1);
    assert_int_equal(first->kept[0].entry, 3);
    subsets_split(u, &c, 1);
    subsets_free_writes(u, &n, &n_before);
    assert_int_equal(n, 0);
    assert_int_equal(n_before, 1);
    assert_true(subsets_has_whole(u));
    assert_int_equal(subsets_next(u, &first), 0);
    assert_true(subsets_complete(u));
    subsets_free(u);
}

static void over_the_limit_is_not_complete(void **state)
{
    struct made_up *f = *state;
    static const uint8_t block[4096] = {1};
    const uint64_t entries[] = {0, 1, 2, 3};
    const struct read_note note = {.block = 1, .sectors = 1};
    const struct crash_state *first;

    writelog_clear(f->log);
    for (uint64_t i = 0; i < 4; i++)
        writelog_append(f->log, LOG_WRITE, 0, 4096, block, 4096);
    struct subsets *u = subsets_new(f->log, entries, 4, 0, 4, 3);
    while (subsets_next(u, &first))
        subsets_split(u, &note, 1);
    assert_false(subsets_complete(u));
    subsets_free(u);
}

#define PRUNE_TEST(f) cmocka_unit_test_setup_teardown(f, made_up_new, made_up_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRUNE_TEST(every_state_gets_the_answer_it_would_get_alone),
        PRUNE_TEST(order_of_reads_does_not_matter),
        PRUNE_TEST(what_was_tested_for_one_question_answers_no_other),
        PRUNE_TEST(groups_are_all_subsets_each_with_its_cut_and_answer),
        PRUNE_TEST(an_epoch_of_many_writes_that_nobody_reads_is_one_group),
        PRUNE_TEST(the_worked_timeline_is_true),
        PRUNE_TEST(over_the_limit_is_not_complete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
