/*
 * Crash states against brute force. For small random logs the rule at the top of crash_states.c is applied in the most literal
 * way: at every cut, every subset of every sector that may be in flight, to find all legal images; then what the source visits is
 * compared with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rng.h"
#include "states/crash_states.h"

enum { SECTOR = 512, SECTORS = 4, MAX_ENTRIES = 9, MAX_IMAGES = 1 << 14 };

/* An image: one character for each sector: its fill byte. The base image's is one that no log writes. */
typedef struct image {
    uint8_t sector[SECTORS];
} image;

static const image base = {.sector = {0xff, 0xff, 0xff, 0xff}};

struct legal {
    image images[MAX_IMAGES];
    size_t n;
};

static bool has(const struct legal *l, image im)
{
    for (size_t i = 0; i < l->n; i++)
        if (memcmp(&l->images[i], &im, sizeof im) == 0)
            return true;
    return false;
}

static void add(struct legal *l, image im)
{
    if (has(l, im))
        return;
    assert_true(l->n < MAX_IMAGES);
    l->images[l->n++] = im;
}

static bool reaches(const struct log_entry *e)
{
    return (e->op == LOG_WRITE || e->op == LOG_DISCARD) && !(e->flags & LOG_LOST);
}

/* Applies the sectors of an entry whose bit in `mask` is set. */
static void apply(const struct writelog *l, uint64_t i, unsigned mask, image *im)
{
    const struct log_entry *e = writelog_entry(l, i);

    if (!reaches(e))
        return;
    for (uint64_t s = 0; s < e->len / SECTOR; s++)
        if (mask >> s & 1)
            im->sector[e->off / SECTOR + s] = e->op == LOG_WRITE ? writelog_data(l, e)[s * SECTOR] : 0;
}

static uint64_t durable_at(const struct writelog *l, uint64_t from, uint64_t cut)
{
    uint64_t durable = from;

    for (uint64_t i = from; i < cut; i++) {
        const struct log_entry *e = writelog_entry(l, i);

        if (e->flags & LOG_IGNORED)
            continue;
        if (e->op == LOG_FLUSH)
            durable = i + 1;
        else if (e->flags & LOG_FLUSH_FIRST)
            durable = i;
    }
    return durable;
}

/* All images of writes [i, cut), whole or absent, or also torn in any way. */
static void spread(const struct writelog *l, uint64_t i, uint64_t cut, image im, bool torn, struct legal *ret)
{
    const struct log_entry *e;
    unsigned all;

    if (i == cut) {
        add(ret, im);
        return;
    }
    e = writelog_entry(l, i);
    all = (1U << (e->len / SECTOR)) - 1;
    for (unsigned mask = 0; mask <= all; mask++) {
        image next = im;

        if (mask != 0 && mask != all && !torn)
            continue;
        if (mask != all && (e->flags & LOG_FUA) && !(e->flags & LOG_IGNORED) && reaches(e))
            continue;
        apply(l, i, mask, &next);
        spread(l, i + 1, cut, next, torn, ret);
        if (!reaches(e))
            return;
    }
}

static void legal_at(const struct writelog *l, uint64_t from, uint64_t cut, bool torn, struct legal *ret)
{
    const uint64_t durable = durable_at(l, from, cut);
    image im = base;

    ret->n = 0;
    for (uint64_t i = 0; i < durable; i++)
        apply(l, i, ~0U, &im);
    spread(l, durable, cut, im, torn, ret);
}

/* The image that a state describes, as disk_load makes it. */
static image image_of(const struct writelog *l, const struct crash_state *s)
{
    image im = base;

    for (uint64_t i = 0; i < s->durable; i++)
        apply(l, i, ~0U, &im);
    for (size_t i = 0; i < s->n_kept; i++) {
        const struct kept_write *k = &s->kept[i];

        assert_true(k->entry >= s->durable && k->entry < s->cut);
        apply(l, k->entry, k->count ? ((1U << k->count) - 1) << k->first : ~0U, &im);
    }
    return im;
}

/* A log of up to MAX_ENTRIES random entries; contents repeat, so that different histories meet in one image. */
static struct writelog *random_log(struct rng *r, bool fua, uint64_t *ret_from)
{
    struct writelog *l = writelog_new(64, 1 << 20);
    const uint64_t n = 1 + rng_below(r, MAX_ENTRIES);
    uint8_t data[SECTORS * SECTOR];

    assert_non_null(l);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t first = rng_below(r, SECTORS), count = 1 + rng_below(r, SECTORS - first < 3 ? SECTORS - first : 3);
        unsigned flags = rng_one_in(r, 12) ? LOG_IGNORED : 0;

        switch (rng_below(r, 10)) {
        case 0:
        case 1:
            writelog_append(l, LOG_FLUSH, flags, 0, NULL, 0);
            break;
        case 2:
            writelog_append(l, LOG_DISCARD, 0, first * SECTOR, NULL, count * SECTOR);
            break;
        case 3:
            writelog_append(l, LOG_MARK, 0, 0, "mark", 4);
            break;
        default:
            for (uint64_t s = 0; s < count; s++)
                memset(data + s * SECTOR, (int)(1 + rng_below(r, 3)), SECTOR);
            if (fua && rng_one_in(r, 4))
                flags |= LOG_FUA;
            if (fua && rng_one_in(r, 6))
                flags |= LOG_FLUSH_FIRST;
            if (rng_one_in(r, 10))
                flags |= LOG_LOST;
            writelog_append(l, LOG_WRITE, flags, first * SECTOR, data, count * SECTOR);
        }
    }
    *ret_from = rng_below(r, 2) ? 0 : rng_below(r, n);
    return l;
}

struct visit {
    image im;
    uint64_t cut, until;
};

struct visits {
    struct visit v[4096];
    size_t n;
};

static bool visited(const struct visits *all, image im, uint64_t cut)
{
    for (size_t i = 0; i < all->n; i++)
        if (memcmp(&all->v[i].im, &im, sizeof im) == 0 && all->v[i].cut <= cut && cut <= all->v[i].until)
            return true;
    return false;
}

static void visit_all(const struct writelog *l, uint64_t from, const struct state_limits *lim, uint64_t seed, struct visits *ret)
{
    struct state_source *src = states_new(l, from, writelog_length(l), lim, seed);
    const struct crash_state *s;
    uint64_t done, left;

    ret->n = 0;
    while (states_next(src, &s)) {
        assert_true(ret->n < sizeof ret->v / sizeof ret->v[0]);
        ret->v[ret->n++] = (struct visit){.im = image_of(l, s), .cut = s->cut, .until = s->until};
        states_progress(src, &done, &left);
        assert_int_equal(done, ret->n);
        assert_true(left >= 1);
    }
    states_free(src);
}

static const struct state_limits all_kinds = {.samples = 4, .sector = SECTOR, .torn = true};
static const struct state_limits no_torn = {.samples = 4, .sector = SECTOR, .torn = false};

/* Runs `check` on many random logs. */
static void for_random_logs(bool fua, void (*check)(const struct writelog *l, uint64_t from, uint64_t seed))
{
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct rng r;
        uint64_t from;

        rng_seed(&r, seed);
        struct writelog *l = random_log(&r, fua, &from);
        check(l, from, seed);
        writelog_free(l);
    }
}

/* Every state is legal at every cut of its range, and its range goes no further than that when nothing else stops it. */
static void check_legal(const struct writelog *l, uint64_t from, uint64_t seed)
{
    static struct visits all;
    static struct legal legal;

    visit_all(l, from, &all_kinds, seed, &all);
    for (uint64_t cut = from; cut <= writelog_length(l); cut++) {
        legal_at(l, from, cut, true, &legal);
        for (size_t i = 0; i < all.n; i++)
            if (all.v[i].cut <= cut && cut <= all.v[i].until)
                assert_true(has(&legal, all.v[i].im));
    }
}

static void every_state_is_legal_at_each_of_its_cuts(void **state)
{
    (void)state;
    for_random_logs(false, check_legal);
}

static void every_state_is_legal_with_fua(void **state)
{
    (void)state;
    for_random_logs(true, check_legal);
}

/*
 * Small epochs without torn writes: every legal image, at every cut where it is legal, is covered by some state's range. Shows at
 * once that no subset is missed and that `until` reaches as far as it may.
 */
static void check_complete(const struct writelog *l, uint64_t from, uint64_t seed)
{
    static struct visits all;
    static struct legal legal;
    uint64_t n_epoch = 0;

    for (uint64_t i = from; i < writelog_length(l); i++) {
        const struct log_entry *e = writelog_entry(l, i);

        n_epoch = e->op == LOG_FLUSH && !(e->flags & LOG_IGNORED) ? 0 : n_epoch + reaches(e);
        if (n_epoch > STATES_SMALL_EPOCH)
            return;
    }
    visit_all(l, from, &no_torn, seed, &all);
    for (uint64_t cut = from; cut <= writelog_length(l); cut++) {
        legal_at(l, from, cut, false, &legal);
        for (size_t i = 0; i < legal.n; i++)
            assert_true(visited(&all, legal.images[i], cut));
    }
}

static void small_epochs_are_complete(void **state)
{
    (void)state;
    for_random_logs(false, check_complete);
}

/* Prefixes, and each in-flight write dropped alone, kept alone, and torn, in epochs of any size. */
static void check_kinds(const struct writelog *l, uint64_t from, uint64_t seed)
{
    static struct visits all;
    const uint64_t n = writelog_length(l);

    visit_all(l, from, &all_kinds, seed, &all);
    for (uint64_t cut = from; cut <= n; cut++) {
        image im = base;

        for (uint64_t i = 0; i < cut; i++)
            apply(l, i, ~0U, &im);
        assert_true(visited(&all, im, cut));
    }
    for (uint64_t w = from; w < n; w++) {
        const uint64_t durable = durable_at(l, from, w + 1);
        image alone = base, dropped = base, torn = base;
        uint64_t end = w;

        if (!reaches(writelog_entry(l, w)))
            continue;
        while (end < n && durable_at(l, from, end + 1) == durable)
            end++;
        for (uint64_t i = 0; i < end; i++) {
            if (i < durable)
                apply(l, i, ~0U, &alone);
            if (i != w)
                apply(l, i, ~0U, &dropped);
        }
        for (uint64_t i = 0; i < w; i++)
            apply(l, i, ~0U, &torn);
        apply(l, w, 1, &torn);
        apply(l, w, ~0U, &alone);
        assert_true(visited(&all, alone, w + 1));
        assert_true(visited(&all, dropped, end));
        assert_true(visited(&all, torn, w + 1));
    }
}

static void prefixes_and_single_writes_are_visited(void **state)
{
    (void)state;
    for_random_logs(false, check_kinds);
}

/* No image is given out twice for one cut, and identity tells images apart exactly as far as sectors were written. */
static void check_once(const struct writelog *l, uint64_t from, uint64_t seed)
{
    struct state_source *src = states_new(l, from, writelog_length(l), &all_kinds, seed);
    static struct crash_state seen[4096];
    const struct crash_state *s;
    size_t n = 0;

    while (states_next(src, &s)) {
        const image im = image_of(l, s);

        for (size_t i = 0; i < n; i++) {
            const bool same_identity = memcmp(seen[i].image, s->image, sizeof s->image) == 0;
            const image other = image_of(l, &seen[i]);

            if (same_identity) {
                assert_memory_equal(&im, &other, sizeof im);
                assert_true(seen[i].until < s->cut || s->until < seen[i].cut);
            }
        }
        seen[n] = *s;
        seen[n].kept = calloc(s->n_kept + 1, sizeof *s->kept);
        assert_non_null(seen[n].kept);
        if (s->n_kept)
            memcpy(seen[n].kept, s->kept, s->n_kept * sizeof *s->kept);
        n++;
    }
    for (size_t i = 0; i < n; i++)
        free(seen[i].kept);
    states_free(src);
}

static void no_image_is_given_out_twice(void **state)
{
    (void)state;
    for_random_logs(true, check_once);
}

static struct writelog *long_log(uint64_t n)
{
    struct writelog *l = writelog_new(n, n * SECTOR * 2);
    uint8_t data[2 * SECTOR];

    assert_non_null(l);
    for (uint64_t i = 0; i < n; i++) {
        memset(data, (int)(i & 0xff), sizeof data);
        memcpy(data, &i, sizeof i);
        writelog_append(l, LOG_WRITE, 0, i % 64 * SECTOR, data, sizeof data);
    }
    return l;
}

static void same_seed_gives_same_states(void **state)
{
    struct writelog *l = long_log(20);
    struct state_source *a = states_new(l, 0, 20, &all_kinds, 7), *b = states_new(l, 0, 20, &all_kinds, 7);
    const struct crash_state *sa, *sb;

    (void)state;
    while (states_next(a, &sa)) {
        assert_int_equal(states_next(b, &sb), 1);
        assert_memory_equal(sa->image, sb->image, sizeof sa->image);
        assert_int_equal(sa->cut, sb->cut);
    }
    assert_int_equal(states_next(b, &sb), 0);
    states_free(a);
    states_free(b);
    writelog_free(l);
}

static void max_states_is_kept_and_shared_out_over_the_log(void **state)
{
    struct writelog *l = long_log(300);
    const struct state_limits lim = {.max_states = 40, .samples = 8, .sector = SECTOR, .torn = true};
    struct state_source *src = states_new(l, 0, 300, &lim, 1);
    const struct crash_state *s;
    uint64_t n = 0, late = 0, torn = 0, partial = 0;

    (void)state;
    while (states_next(src, &s)) {
        n++;
        late += s->cut > 200;
        partial += s->n_kept > 0 && s->n_kept < s->cut;
        for (size_t i = 0; i < s->n_kept; i++)
            torn += s->kept[i].count > 0;
    }
    assert_true(n > 20 && n <= 40);
    assert_true(late > 5 && torn > 2 && partial > 5);
    states_free(src);
    writelog_free(l);
}

static void ignored_flush_leaves_everything_in_flight(void **state)
{
    struct writelog *l = writelog_new(8, 1 << 16);
    const struct state_limits lim = {.sector = SECTOR};
    static struct visits all;
    uint8_t data[SECTOR];

    (void)state;
    for (int i = 0; i < 2; i++) {
        memset(data, 'a' + i, sizeof data);
        writelog_append(l, LOG_WRITE, 0, (uint64_t)i * SECTOR, data, sizeof data);
        writelog_append(l, LOG_FLUSH, LOG_IGNORED, 0, NULL, 0);
    }
    visit_all(l, 0, &lim, 1, &all);
    assert_int_equal(all.n, 4);
    for (size_t i = 0; i < all.n; i++)
        assert_int_equal(all.v[i].until, 4);
    writelog_free(l);
}

/* With units of 4096 a write tears only where it crosses a multiple of 4096 on the disk. */
static void units_are_aligned_on_the_disk(void **state)
{
    static const uint8_t data[8192];
    struct writelog *l = writelog_new(8, 1 << 16);
    const struct state_limits lim = {.sector = 4096, .torn = true};
    struct state_source *src;
    const struct crash_state *s;
    int torn = 0;

    (void)state;
    writelog_append(l, LOG_WRITE, 0, 1024, data, 1024);
    writelog_append(l, LOG_WRITE, 0, 8192 + 512, data, 4096);
    src = states_new(l, 0, 2, &lim, 1);
    while (states_next(src, &s))
        for (size_t i = 0; i < s->n_kept; i++) {
            const struct kept_write *k = &s->kept[i];
            const struct log_entry *e = writelog_entry(l, k->entry);
            uint64_t skip, len;

            kept_bytes(k, e->off, e->len, 4096, &skip, &len);
            assert_true(skip + len <= e->len && len > 0);
            if (!k->count)
                continue;
            torn++;
            assert_int_equal(k->entry, 1);
            assert_true(skip == 0 ? len == 3584 : skip == 3584 && len == 512);
        }
    assert_true(torn >= 2);
    states_free(src);
    writelog_free(l);
}

/* The worked timeline of crash_states.c, without torn writes and with one of them. */
static void the_worked_timeline_is_true(void **state)
{
    static const uint8_t block[4096] = {1};
    struct writelog *l = writelog_new(8, 1 << 16);
    struct state_limits lim = {.sector = 512};
    const struct crash_state *s;
    struct buf out = {.data = NULL};
    bool found = false;

    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        writelog_append(l, LOG_WRITE, 0, i * sizeof block, block, sizeof block);
        if (i != 1)
            writelog_append(l, LOG_FLUSH, 0, 0, NULL, 0);
    }
    struct state_source *src = states_new(l, 0, 5, &lim, 1);
    while (states_next(src, &s)) {
        crash_state_print(s, &out);
        buf_puts(&out, "\n");
    }
    states_free(src);
    assert_string_equal(buf_text(&out), "cut at 0 to 1; durable up to 0\n"
                                        "cut at 1 to 4; durable up to 0; kept 0\n"
                                        "cut at 3 to 4; durable up to 2; kept 2\n"
                                        "cut at 4 to 5; durable up to 2; kept 2-3\n"
                                        "cut at 4; durable up to 2; kept 3\n");
    lim.torn = true;
    src = states_new(l, 0, 5, &lim, 1);
    while (states_next(src, &s)) {
        buf_clear(&out);
        crash_state_print(s, &out);
        found |= strcmp(buf_text(&out), "cut at 4; durable up to 2; kept 2; torn 3 (sectors 0-3)") == 0;
    }
    assert_true(found);
    states_free(src);
    buf_free(&out);
    writelog_free(l);
}

static void print_tells_what_is_kept_and_torn(void **state)
{
    struct kept_write kept[] = {{.entry = 12}, {.entry = 13}, {.entry = 15}, {.entry = 16, .first = 0, .count = 4}};
    const struct crash_state s = {.durable = 12, .cut = 17, .until = 20, .kept = kept, .n_kept = 4};
    struct buf out = {.data = NULL};

    (void)state;
    crash_state_print(&s, &out);
    assert_string_equal(buf_text(&out), "cut at 17 to 20; durable up to 12; kept 12-13 15; torn 16 (sectors 0-3)");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_is_legal_at_each_of_its_cuts),
        cmocka_unit_test(every_state_is_legal_with_fua),
        cmocka_unit_test(small_epochs_are_complete),
        cmocka_unit_test(prefixes_and_single_writes_are_visited),
        cmocka_unit_test(no_image_is_given_out_twice),
        cmocka_unit_test(same_seed_gives_same_states),
        cmocka_unit_test(max_states_is_kept_and_shared_out_over_the_log),
        cmocka_unit_test(ignored_flush_leaves_everything_in_flight),
        cmocka_unit_test(units_are_aligned_on_the_disk),
        cmocka_unit_test(the_worked_timeline_is_true),
        cmocka_unit_test(print_tells_what_is_kept_and_torn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
