/* Prefetch workers and windows: each state gets its own observation, in whatever order they are taken; a dead worker is reported.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "base/rng.h"
#include "explore/prefetch.h"
#include "explore/window.h"

enum { STATES = 200, BIG = 3 << 20, DEADLY = 77 };

/* Says which state it was, at a length of its own. */
static void observe(void *arg, const struct crash_state *s, uint64_t tag, struct buf *out)
{
    if (s->cut == DEADLY)
        kill(getpid(), SIGKILL);
    buf_printf(out, "%s %llu %llu %zu", (const char *)arg, (unsigned long long)s->cut, (unsigned long long)tag, s->n_kept);
    for (size_t i = 0; i < s->n_kept; i++)
        buf_printf(out, " %llu.%u", (unsigned long long)s->kept[i].entry, s->kept[i].count);
    if (s->cut % 50 == 0)
        for (size_t n = out->len_bytes; n < BIG; n++)
            buf_add(out, "x", 1);
}

static struct crash_state state_of(uint64_t i, struct kept_write *kept)
{
    struct crash_state s = {.cut = i, .until = i, .kept = kept, .n_kept = i % 4};

    for (size_t k = 0; k < s.n_kept; k++)
        kept[k] = (struct kept_write){.entry = i + k, .count = (uint32_t)k};
    return s;
}

static void what_is_taken_is_what_was_asked_for(void **state)
{
    struct kept_write kept[4];
    struct buf got = {.data = NULL}, want = {.data = NULL};
    struct prefetch *l;
    char word[] = "hello";
    struct rng r;

    (void)state;
    rng_seed(&r, 1);
    assert_int_equal(prefetch_new(3, observe, word, &l, NULL), 0);
    for (uint64_t i = 0; i < STATES; i++) {
        const uint64_t tag = i % 2, later = i + 1 + rng_below(&r, 5);
        struct crash_state s;

        if (i == DEADLY)
            continue;
        while (prefetch_idle(l) && rng_one_in(&r, 2)) {
            s = state_of(later == DEADLY ? 0 : later, kept);
            prefetch_begin(l, &s, rng_below(&r, 2));
        }
        s = state_of(i, kept);
        assert_int_equal(prefetch_take(l, &s, tag, &got, NULL), 0);
        buf_clear(&want);
        observe(word, &s, tag, &want);
        assert_int_equal(got.len_bytes, want.len_bytes);
        assert_memory_equal(got.data, want.data, want.len_bytes);
    }
    prefetch_free(l);
    buf_free(&got);
    buf_free(&want);
}

static void a_worker_that_dies_is_an_error(void **state)
{
    struct kept_write kept[4];
    struct crash_state s = state_of(DEADLY, kept);
    struct buf got = {.data = NULL};
    struct error err = {.code = 0};
    struct prefetch *l;

    (void)state;
    assert_int_equal(prefetch_new(2, observe, NULL, &l, NULL), 0);
    assert_int_equal(prefetch_take(l, &s, 0, &got, &err), -ECHILD);
    assert_int_equal(err.code, ECHILD);
    prefetch_free(l);
    buf_free(&got);
}

/* The same states in the same order as without a window, whatever its size. */
static void a_window_leaves_out_nothing(void **state)
{
    static const uint8_t data[512] = {1};
    const struct state_limits lim = {.samples = 5, .sector = 512, .torn = true};
    struct writelog *log = writelog_new(100, 1 << 16);

    (void)state;
    for (uint64_t i = 0; i < 9; i++)
        writelog_append(log, LOG_WRITE, 0, i * 512, data, sizeof data);
    for (size_t size = 1; size < 20; size += 6) {
        struct state_source *a = states_new(log, 0, 9, &lim, 1), *b = states_new(log, 0, 9, &lim, 1);
        struct window *w = window_new(b, size);
        const struct crash_state *x, *y;
        bool passed = false; /* the first state of a later kind was at hand */
        size_t n = 0;

        for (; states_next(a, &x) == 1; n++) {
            y = window_next(w, passed ? STATE_KINDS : STATE_ALONE);
            assert_non_null(y);
            assert_int_equal(x->kind, y->kind);
            assert_int_equal(x->n_kept, y->n_kept);
            if (x->n_kept)
                assert_memory_equal(x->kept, y->kept, x->n_kept * sizeof *x->kept);
            for (size_t i = 1; !passed && window_at(w, i); i++) /* at most one state too far */
                assert_true(window_at(w, i - 1)->kind <= STATE_ALONE);
            passed |= y->kind > STATE_ALONE;
        }
        assert_null(window_next(w, STATE_KINDS));
        assert_true(n > 20);
        window_free(w);
        states_free(a);
        states_free(b);
    }
    writelog_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_what_was_asked_for),
        cmocka_unit_test(a_worker_that_dies_is_an_error),
        cmocka_unit_test(a_window_leaves_out_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
