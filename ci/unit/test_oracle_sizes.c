/*
 * The oracle for sizes against a naive one, which asks of each size alone whether some version explains it and no sync forbids
 * it. Random sizes, versions and syncs with overlapping spans, random moments; both must agree on every size, and so must the
 * words for reports.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "naive.h"

enum { SIZES = 24, ROUNDS = 6000 };

static void random_file(struct world *w, struct rng *r)
{
    for (uint64_t n = rng_below(r, 6); n; n--) {
        const uint64_t lo = rng_below(r, SIZES), hi = lo + rng_below(r, SIZES - lo);

        world_shift_size(w, 1, random_span(r), hi);
        struct size_version *v = &w->inodes[1].sizes[w->inodes[1].n_sizes - 1];

        v->lo = rng_one_in(r, 2) ? hi : lo;
        v->loose = rng_one_in(r, 4);
    }
    for (uint64_t n = rng_below(r, 4); n; n--) {
        const uint64_t off = rng_below(r, SIZES), end = off + 1 + rng_below(r, SIZES - off);
        const struct content c = {.kind = rng_one_in(r, 4) ? CONTENT_ZERO : CONTENT_FILL, .fill = 1};

        if (rng_one_in(r, 5))
            world_tail_store(w, 1, random_span(r), off, end, c);
        else
            world_write(w, 1, random_span(r), off, end, c);
    }
    random_syncs(w, r, 3, SIZES);
    for (size_t i = 0; i < w->inodes[1].n_syncs; i++)
        w->inodes[1].syncs[i].nameless = rng_one_in(r, 4);
}

/* ---- the naive oracle ---- */

/* Nothing that ended may be gone. */
static bool keeps_all(const struct moment *m)
{
    return m->loss == LOSS_NOTHING || m->lossless;
}

/* Was this size durable as a whole, by a finished sync of the whole file? */
static bool durable(const struct inode *ino, const struct size_version *v, const struct moment *m)
{
    if (!v->when.certain || !ended_by(&v->when, m))
        return false;
    for (size_t i = 0; i < ino->n_syncs; i++) {
        const struct sync_record *s = &ino->syncs[i];

        if (s->full && !s->nameless && ended_by(&s->when, m) && v->when.end_seq <= s->when.begin_seq)
            return true;
    }
    return keeps_all(m);
}

static const struct size_version *newest_durable(const struct inode *ino, const struct moment *m)
{
    const struct size_version *newest = NULL;

    for (size_t i = 0; i < ino->n_sizes; i++)
        if (durable(ino, &ino->sizes[i], m) && (!newest || ino->sizes[i].when.begin_seq > newest->when.begin_seq))
            newest = &ino->sizes[i];
    return newest;
}

/* The last size that was certain before the sync began. */
static const struct size_version *size_before(const struct inode *ino, const struct sync_record *s)
{
    for (size_t i = ino->n_sizes; i-- > 0;)
        if (ino->sizes[i].when.certain && ino->sizes[i].when.end_seq <= s->when.begin_seq)
            return &ino->sizes[i];
    return NULL;
}

/* Was something else than zeros written to this byte, inside the file, before the ranged sync that covers it? */
static bool written_before(const struct inode *ino, const struct sync_record *s, uint64_t byte)
{
    for (size_t i = 0; i < ino->n_versions; i++) {
        const struct version *v = &ino->versions[i];

        if (v->content.kind != CONTENT_ZERO && !v->tail && v->when.certain && v->when.end_seq <= s->when.begin_seq &&
            v->off <= byte && byte < v->end)
            return true;
    }
    return false;
}

/* Does a finished ranged sync forbid this size, where `v` (NULL: the initial 0) explains it? It does if bytes that it covers, in
 * a file that was larger then, would be beyond the end; a size that came later than what it saw is not its matter. */
static bool forbidden(const struct inode *ino, const struct moment *m, const struct size_version *v, uint64_t size)
{
    for (size_t i = 0; !keeps_all(m) && i < ino->n_syncs; i++) {
        const struct sync_record *s = &ino->syncs[i];
        const struct size_version *seen = size_before(ino, s);

        if (s->full || s->nameless || !ended_by(&s->when, m) || !seen || (v && v->when.begin_seq > seen->when.begin_seq))
            continue;
        for (uint64_t b = size > s->off ? size : s->off; size < (seen->loose ? seen->lo : seen->hi) && b < s->end; b++)
            if (written_before(ino, s, b))
                return true;
    }
    return false;
}

static bool explains(const struct inode *ino, const struct moment *m, const struct size_version *v, uint64_t size)
{
    const struct size_version *floor = newest_durable(ino, m);
    const bool whole = v == floor || (keeps_all(m) && v->when.certain && ended_by(&v->when, m));

    if (!began_by(&v->when, m) || (floor && v->when.end_seq <= floor->when.begin_seq))
        return false;
    return size <= v->hi && size >= (whole && !v->loose ? v->hi : v->lo) && !forbidden(ino, m, v, size);
}

static bool naive_legal(const struct inode *ino, const struct moment *m, uint64_t size)
{
    if (size == 0 && !newest_durable(ino, m) && !forbidden(ino, m, NULL, 0))
        return true;
    for (size_t i = 0; i < ino->n_sizes; i++)
        if (explains(ino, m, &ino->sizes[i], size))
            return true;
    return false;
}

/* ---- comparison ---- */

static uint64_t number(const char **text)
{
    char *end;
    const uint64_t n = strtoull(*text, &end, 10);

    assert_true(end > *text);
    *text = end;
    return n;
}

static bool goes_on(const char **text, const char *what)
{
    const size_t len = strlen(what);

    if (strncmp(*text, what, len) != 0)
        return false;
    *text += len;
    return true;
}

/* Reads "0, 8 to 16, 20". */
static void sizes_told(const char *text, bool *told)
{
    memset(told, 0, SIZES * sizeof *told);
    while (*text) {
        const uint64_t lo = number(&text), hi = goes_on(&text, " to ") ? number(&text) : lo;

        assert_true(hi < SIZES);
        for (uint64_t size = lo; size <= hi; size++)
            told[size] = true;
        assert_true(goes_on(&text, ", ") ? *text != '\0' : *text == '\0');
    }
}

static void sizes_agree_with_the_naive_oracle(void **state)
{
    struct hand_made h;
    struct buf text = {0};
    struct rng r;
    bool told[SIZES];

    (void)state;
    hand_made_new(&h);
    rng_seed(&r, 1);
    for (int round = 0; round < ROUNDS; round++) {
        struct world *w = hand_made_again(&h, &guarantees_default);
        struct moment m = random_moment(&r);

        m.lossless = rng_one_in(&r, 4);
        random_file(w, &r);
        buf_clear(&text);
        oracle_sizes_print(w, 1, &m, &text);
        sizes_told(buf_text(&text), told);
        for (uint64_t size = 0; size < SIZES; size++) {
            int32_t promise;
            const bool legal = oracle_size(w, 1, &m, size, &promise);

            assert_int_equal(legal, naive_legal(&w->inodes[1], &m, size));
            assert_int_equal(told[size], legal);
        }
    }
    buf_free(&text);
    hand_made_free(&h);
}

/* ---- promises ---- */

static struct span event_at(int32_t event, uint64_t begin)
{
    struct span s = span_at(begin);

    s.event = event;
    return s;
}

static int32_t promise_against(const struct world *w, enum loss loss, uint64_t size)
{
    const struct moment m = {.loss = loss, .pos = 1000, .from = HISTORY_NEVER, .to = HISTORY_NEVER};
    int32_t promise = 77;

    assert_false(oracle_size(w, 1, &m, size, &promise));
    return promise;
}

static void what_forbids_a_size_is_the_sync_that_promised_another(void **state)
{
    struct hand_made h;

    (void)state;
    hand_made_new(&h);
    struct world *w = hand_made_again(&h, &guarantees_default);

    world_resize(w, 1, event_at(3, 10), 100);
    assert_int_equal(promise_against(w, LOSS_NOTHING, 0), NO_EVENT);
    world_sync_data(w, 1, event_at(4, 20));
    world_sync_data(w, 1, event_at(5, 30));
    assert_int_equal(promise_against(w, LOSS_UNSYNCED, 0), 5);
    assert_int_equal(promise_against(w, LOSS_NOTHING, 0), NO_EVENT);
    w = hand_made_again(&h, &guarantees_default);
    world_extend(w, 1, event_at(3, 10), 0, 100);
    world_write(w, 1, event_at(3, 10), 0, 100, (struct content){.kind = CONTENT_FILL});
    world_sync_range(w, 1, event_at(4, 20), 0, 100); /* the first that promised it */
    world_sync_range(w, 1, event_at(5, 30), 0, 50);
    world_sync_range(w, 1, event_at(6, 40), 0, 100);
    assert_int_equal(promise_against(w, LOSS_UNSYNCED, 99), 4);
    hand_made_free(&h);
}

/* ---- words ---- */

static void sizes_at(const struct world *w, uint64_t pos, const char *words)
{
    const struct moment m = {.loss = LOSS_UNSYNCED, .pos = pos, .from = HISTORY_NEVER, .to = HISTORY_NEVER};
    struct buf text = {0};

    oracle_sizes_print(w, 1, &m, &text);
    assert_string_equal(buf_text(&text), words);
    buf_free(&text);
}

static void sizes_that_touch_are_told_as_one_range(void **state)
{
    struct hand_made h;

    (void)state;
    hand_made_new(&h);
    struct world *w = hand_made_again(&h, &guarantees_default);

    world_shift_size(w, 1, span_at(10), 8192);
    world_extend(w, 1, span_at(20), 8192, 9000);
    world_extend(w, 1, span_at(30), 9000, 9001);
    world_shift_size(w, 1, span_at(40), 100);
    world_shift_size(w, 1, span_at(50), 50);
    world_resize(w, 1, span_at(60), 60);
    sizes_at(w, 5, "0");
    sizes_at(w, 10, "0, 8192");
    sizes_at(w, 20, "0, 8192 to 9000");
    sizes_at(w, 35, "0, 8192 to 9001");
    sizes_at(w, 50, "0, 8192 to 9001, 100, 50");
    sizes_at(w, 70, "0, 8192 to 9001, 100, 50 to 60");
    world_shift_size(w, 1, span_at(80), 50);
    sizes_at(w, 90, "0, 8192 to 9001, 100, 50 to 60");
    world_sync_data(w, 1, span_at(100));
    sizes_at(w, 110, "50");
    hand_made_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_agree_with_the_naive_oracle),
        cmocka_unit_test(sizes_that_touch_are_told_as_one_range),
        cmocka_unit_test(what_forbids_a_size_is_the_sync_that_promised_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
