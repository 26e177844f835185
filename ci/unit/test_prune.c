/*
 * Pruning against brute force. A made-up recovery reads places that depend on what it has read, and writes here and there; what
 * it comes to must be the same for every crash state of small random logs, whether it is run or concluded from states tested
 * before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/rng.h"
#include "storage/crash_image.h"
#include "storage/read_trie.h"
#include "storage/subsets.h"

enum { BLOCKS = 6, SIZE = BLOCKS * 4096, MAX_WRITES = 9, MAX_TESTED = 4096, LOGS = 150, MAX_STEPS = 7 };

struct fixture {
    int fd;
    struct crash_image *image;
    uint8_t disk[SIZE]; /* what is mounted */
    struct read_notes *notes;
    struct writelog *log;
    uint64_t answers[MAX_TESTED]; /* of tested states */
};

static int set_up(void **state)
{
    static struct fixture f;
    struct error err = {.code = 0};

    f.fd = memfd_create("test", MFD_CLOEXEC);
    if (f.fd < 0 || ftruncate(f.fd, SIZE) || crash_image_new(f.fd, 512, &f.image, &err) < 0)
        return -1;
    f.notes = read_notes_new(BLOCKS);
    f.log = writelog_new(1000, 1 << 22);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    crash_image_free(f->image);
    read_notes_free(f->notes);
    writelog_free(f->log);
    close(f->fd);
    return 0;
}

/* Writes of one to twelve sectors with few different contents; some flushes. Zeros are what the base holds.
 */
static void random_log(struct writelog *l, struct rng *r)
{
    const uint64_t n = 1 + rng_below(r, 2 * MAX_WRITES);
    uint64_t in_epoch = 0;
    uint8_t data[12 * 512];

    writelog_clear(l);
    for (uint64_t i = 0; i < n; i++) {
        if (rng_one_in(r, 6) || in_epoch == MAX_WRITES) {
            writelog_append(l, LOG_FLUSH, 0, 0, NULL, 0);
            in_epoch = 0;
            continue;
        }
        const bool aligned = rng_one_in(r, 2);
        const uint64_t first = aligned ? 8 * rng_below(r, BLOCKS) : rng_below(r, BLOCKS * 8), room = BLOCKS * 8 - first,
                       count = aligned ? 8 : 1 + rng_below(r, room < 12 ? room : 12);
        for (uint64_t s = 0; s < count; s++)
            memset(data + s * 512, (int)rng_below(r, 3), 512);
        if (rng_one_in(r, 8))
            writelog_append(l, LOG_DISCARD, 0, first * 512, NULL, count * 512);
        else
            writelog_append(l, LOG_WRITE, 0, first * 512, data, count * 512);
        in_epoch++;
    }
}

/* Puts the loaded state on the disk. */
static void show(struct fixture *f)
{
    for (uint64_t b = 0; b < BLOCKS; b++)
        memcpy(f->disk + b * 4096, crash_image_block(f->image, b), 4096);
    read_notes_clear(f->notes);
}

/* What mounting the loaded state comes to. Which one it is, of many made-up kinds of recovery, `kind` says. */
static uint64_t recover(struct fixture *f, uint64_t kind)
{
    uint64_t h = rng_mix(kind);

    show(f);
    for (unsigned i = 0; i < 2 + kind % MAX_STEPS; i++) {
        const uint64_t block = rng_mix(h) % BLOCKS, sector = rng_mix(h + 1) % 8, what = rng_mix(h + 2) % 8;
        const uint64_t off = what < 4 ? block * 4096 : block * 4096 + sector * 512, len = what < 4 ? 4096 : 512;

        if (what % 4 == 0) {
            memset(f->disk + off, (int)(h % 251), len);
            read_notes_written(f->notes, off, len);
            h = rng_mix(h);
        } else {
            read_notes_read(f->notes, off, len);
            h = rng_mix(h ^ hash_bytes(f->disk + off, len));
        }
    }
    return h;
}

/* What a state comes to, without any pruning. */
static uint64_t answer_of(struct fixture *f, const struct crash_state *s, uint64_t kind)
{
    assert_int_equal(crash_image_load(f->image, f->log, s), 0);
    return recover(f, kind);
}

static int64_t add(struct read_trie *t, const struct fixture *f)
{
    size_t n;
    const struct disk_note *notes = read_notes_list(f->notes, &n);

    return read_trie_add(t, 0, f->image, notes, n);
}

/* Tests a state, or concludes; returns its number in the trie. */
static int64_t look_at(struct fixture *f, struct read_trie *t, const struct crash_state *s, uint64_t kind, bool *ret_concluded)
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
    struct fixture *f = *state;
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

            assert_true(f->answers[tested] == answer_of(f, s, seed));
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
    struct fixture *f = *state;
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
    struct fixture *f = *state;
    struct read_trie *t = read_trie_new();
    size_t n;

    assert_int_equal(crash_image_load(f->image, f->log, &(struct crash_state){.cut = 0}), 0);
    read_notes_read(f->notes, 0, 2 * 4096);
    const struct disk_note *notes = read_notes_list(f->notes, &n);

    assert_int_equal(read_trie_add(t, 3, f->image, notes, n), 0);
    for (size_t question = 0; question < 6; question++)
        assert_int_equal(read_trie_find(t, question, f->image), question == 3 ? 0 : READ_TRIE_NONE);
    assert_int_equal(read_trie_add(t, 1, f->image, notes, n), 1);
    assert_int_equal(read_trie_find(t, 1, f->image), 1);
    assert_int_equal(read_trie_find(t, 3, f->image), 0);
    read_trie_free(t);
}

/* How many states have this cut and come to this. */
struct tally {
    struct {
        uint64_t cut, answer, n;
    } v[1 << MAX_WRITES];
    size_t n;
};

static void tally_add(struct tally *t, uint64_t cut, uint64_t answer, uint64_t n)
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

static void tally_equal(const struct tally *a, const struct tally *b)
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
static void run_all(struct fixture *f, const struct epoch_writes *w, uint64_t kind, struct tally *ret)
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
        tally_add(ret, s.cut, answer_of(f, &s, kind), 1);
    }
}

/* Every subset, in groups. Returns how many were run. */
static unsigned run_groups(struct fixture *f, struct read_trie *t, const struct epoch_writes *w, uint64_t kind, struct tally *ret)
{
    struct subsets *u = subsets_new(f->log, w->entries, w->n, w->durable, w->end, 1 << MAX_WRITES);
    const struct crash_state *first;
    unsigned n_run = 0;

    ret->n = 0;
    while (subsets_next(u, &first)) {
        bool concluded;
        const int64_t tested = look_at(f, t, first, kind, &concluded);
        size_t n_reads;
        const struct disk_note *reads = read_trie_reads(t, tested, &n_reads);
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
    struct fixture *f = *state;
    static struct tally all, groups;
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
    struct fixture *f = *state;
    static const uint8_t block[4096] = {1};
    const struct state_limits lim = {.sector = 4096};
    const struct disk_note elsewhere = {.block = 0, .sectors = 0xff}, last = {.block = 1, .sectors = 1};
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

static void over_the_limit_is_not_complete(void **state)
{
    struct fixture *f = *state;
    static const uint8_t block[4096] = {1};
    const uint64_t entries[] = {0, 1, 2, 3};
    const struct disk_note note = {.block = 1, .sectors = 1};
    const struct crash_state *first;

    writelog_clear(f->log);
    for (uint64_t i = 0; i < 4; i++)
        writelog_append(f->log, LOG_WRITE, 0, 4096, block, 4096);
    struct subsets *u = subsets_new(f->log, entries, 4, 0, 4, 3);
    while (subsets_next(u, &first))
        subsets_split(u, &note, 1);
    assert_false(subsets_complete(u));
    subsets_free(u);
    u = subsets_new(f->log, entries, 4, 0, 4, 100);
    assert_int_equal(subsets_next(u, &first), 1);
    subsets_give_up(u);
    assert_false(subsets_complete(u));
    subsets_free(u);
}

#define PRUNE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRUNE_TEST(every_state_gets_the_answer_it_would_get_alone),
        PRUNE_TEST(order_of_reads_does_not_matter),
        PRUNE_TEST(what_was_tested_for_one_question_answers_no_other),
        PRUNE_TEST(groups_are_all_subsets_each_with_its_cut_and_answer),
        PRUNE_TEST(an_epoch_of_many_writes_that_nobody_reads_is_one_group),
        PRUNE_TEST(over_the_limit_is_not_complete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
