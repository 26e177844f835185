/* Well-formed scenarios: what they mean, and that printing and parsing undo each other. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/size.h"
#include "language/plan.h"
#include "language/syntax.h"
#include "language/verb.h"
#include "parser/parser.h"

#define H "test: t\norigin: o\ncrash: none\n"

static struct plan *parsed(const char *text)
{
    struct plan *p = NULL;
    struct error err;

    if (plan_parse("s.scn", "s", text, strlen(text), &p, &err))
        fail_msg("%s", err.msg);
    return p;
}

/* Prints the plan, parses that, and checks that both the plans and a second print are equal. Returns the text, to be freed. */
static char *round_trip(const struct plan *p)
{
    struct buf once = {0}, twice = {0};

    plan_print(p, &once);
    struct plan *back = parsed(buf_text(&once));
    if (!plan_equal(p, back))
        fail_msg("parsing this gives another plan:\n%s", once.data);
    plan_print(back, &twice);
    assert_string_equal(once.data, twice.data);
    plan_free(back);
    buf_free(&twice);
    return once.data;
}

static void headers_mean_what_they_say(void **state)
{
    struct plan *p = parsed("# before\ntest:  a store \xc3\xa4 is kept  # not this\norigin: claim 1, bug#7\n\nrepeat: 20\n"
                            "requires: reflink punch\ncrash: power none\nsometimes: power lost, power kept,none mixed\nsync\n");

    (void)state;
    assert_string_equal(p->test, "a store \xc3\xa4 is kept");
    assert_string_equal(p->origin, "claim 1, bug#7");
    assert_int_equal(p->repeat, 20);
    assert_int_equal(p->n_requires, 2);
    assert_string_equal(p->requires_[1], "punch");
    assert_int_equal(p->strikes, 1U << STRIKE_POWER | 1U << STRIKE_NONE);
    assert_int_equal(p->n_sometimes, 3);
    assert_int_equal(p->sometimes[1].strike, STRIKE_POWER);
    assert_int_equal(p->sometimes[1].sight, SIGHT_KEPT);
    assert_int_equal(p->sometimes[2].sight, SIGHT_MIXED);
    free(round_trip(p));
    plan_free(p);
}

static void canonical_text_is_this(void **state)
{
    struct plan *p =
        parsed("crash: power kill\norigin:o\ntest: t\nopen -x -fs f # the file\n mmap  -F f -w -r 0x0 0x1000\n---\n"
               "mwrite -S 'a' 65536 1024\nmsync @f -s 4096 8191 -> ok|EIO\nopen @n g -> ENOENT\nmmap @f\nchmod 644 f\n"
               "open \"a b\\\"\\\\\\x01\"\nopen @\"n m\" \"-x\"");
    char *text;

    (void)state;
    text = round_trip(p);
    assert_string_equal(text, "test: t\norigin: o\ncrash: kill power\n\nopen -fsx f\nmmap -rw -F f 0 4k\n---\n"
                              "mwrite -S 0x61 64k 1k\nmsync @f -s 4k 8191 -> ok|EIO\nopen @n g -> ENOENT\nmmap\nchmod 0644 f\n"
                              "open \"a b\\\"\\\\\\x01\"\nopen @\"n m\" \"-x\"\n");
    free(text);
    plan_free(p);
}

static void setup_is_what_stands_above_the_dashes(void **state)
{
    struct plan *p = parsed(H "open -f f\nsync\n---\nsync\n"), *none = parsed(H "open -f f\nsync\nsync\n");

    (void)state;
    assert_true(p->steps[0].setup && p->steps[1].setup && !p->steps[2].setup);
    assert_false(none->steps[0].setup);
    assert_false(plan_equal(p, none));
    assert_int_equal(p->steps[2].line, 7);
    plan_free(p);
    plan_free(none);
}

static void bare_barrier_means_all_lanes_of_the_file(void **state)
{
    struct plan *p = parsed(H "sync\nbarrier\nB.1: sync\nbarrier B.1 A\nC: sync\n");
    char *text = round_trip(p);

    (void)state;
    assert_int_equal(p->n_lanes, 3);
    assert_int_equal(p->n_actors, 3);
    assert_string_equal(p->actors[1], "B");
    assert_int_equal(p->lanes[1].thread, 1);
    assert_int_equal(p->steps[1].barrier_lanes, 7);
    assert_int_equal(p->steps[3].barrier_lanes, 3);
    assert_int_equal(p->steps[3].lane, 0);
    assert_non_null(strstr(text, "A: sync\nbarrier\nB.1: sync\nbarrier A B.1\nC: sync\n"));
    free(text);
    plan_free(p);
}

static void thread_zero_is_the_actor_itself(void **state)
{
    struct plan *p = parsed(H "A.0: sync\nA: sync\nA:sync\nsync\n");

    (void)state;
    assert_int_equal(p->n_lanes, 1);
    plan_free(p);
}

static void names_stand_for_what_was_made(void **state)
{
    struct plan *p = parsed(H "open -f f\nopen @n -f g\nmmap 0 4k\nmmap @m -F f 0 4k\nmsync @n -s\nmsync -s\nfsync\nfsync @f\n");

    (void)state;
    assert_string_equal(p->handles[p->steps[0].handle], "f"); /* by default the path */
    assert_string_equal(p->handles[p->steps[1].handle], "n");
    assert_string_equal(p->handles[p->steps[2].handle], "n"); /* by default its descriptor's */
    assert_string_equal(p->handles[p->steps[3].handle], "m");
    assert_int_equal(p->steps[4].handle, p->steps[2].handle);
    assert_int_equal(p->steps[5].handle, -1); /* the current one */
    assert_int_equal(p->steps[6].handle, -1);
    assert_int_equal(p->steps[7].handle, p->steps[0].handle);
    free(round_trip(p));
    plan_free(p);
}

/* Which thread is faster must not decide what a step works on: the name is settled when the file is read. */
static void thread_takes_over_what_its_actor_made_last(void **state)
{
    struct plan *p = parsed(H "open -f f\nmmap 0 4k\nopen -f g\nA.1: mwrite 0 8\nA.1: fsync\nA.1: mmap 0 4k\nA.1: mread 0 8\n");
    const struct step *s = p->steps;
    const int file_flag = verb_flag_index(s[5].verb, 'F');

    (void)state;
    assert_string_equal(p->handles[s[3].handle], "f");
    assert_string_equal(p->handles[s[4].handle], "g");
    assert_true(s[5].flags & verb_flag(s[5].verb, 'F'));
    assert_string_equal(p->handles[s[5].flag_arg[file_flag].num], "g");
    assert_int_equal(s[6].handle, -1); /* its own */
    free(round_trip(p));
    plan_free(p);
}

static void step_that_must_fail_makes_nothing(void **state)
{
    struct plan *p = parsed(H "open -f f\nopen g -> ENOENT\nmmap 0 4k\nmmap @m 0 4k -> ok|EIO\nmread @m 0 8\n");

    (void)state;
    assert_string_equal(p->handles[p->steps[2].handle], "f");
    free(round_trip(p));
    plan_free(p);
}

static void arguments_are_numbers(void **state)
{
    struct plan *p =
        parsed(H "open -f f\nmmap 0 8k\nmwrite -S 0xff 0x10 1k\nmwrite -S '\\n' 0 1\nmwrite -S '#' 0 1\nchmod 2705 f\n"
                 "truncate 1t\n");
    const struct step *s = p->steps + 2;
    const int byte = verb_flag_index(s[0].verb, 'S');

    (void)state;
    assert_int_equal(s[0].flag_arg[byte].num, 255);
    assert_int_equal(s[0].arg[0].num, 16);
    assert_int_equal(s[0].arg[1].num, 1024);
    assert_int_equal(s[1].flag_arg[byte].num, '\n');
    assert_int_equal(s[2].flag_arg[byte].num, '#');
    assert_int_equal(s[3].arg[0].num, 02705);
    assert_int_equal(s[4].arg[0].num, UINT64_C(1) << 40);
    assert_false(p->steps[0].arg[1].given);
    free(round_trip(p));
    plan_free(p);
}

static void outcomes_are_codes(void **state)
{
    struct plan *p = parsed(H "open -f f\nmmap 0 4k\nmwrite 0 8 -> SIGBUS\nmsync -s -> ok|EIO\n");

    (void)state;
    assert_int_equal(p->steps[2].expect.code[0], -7);
    assert_int_equal(p->steps[3].expect.n, 2);
    assert_int_equal(p->steps[3].expect.code[1], EIO);
    plan_free(p);
}

/* Equality must see every difference a line can make. */
static void plans_that_differ_are_not_equal(void **state)
{
    static const char *const steps[] = {
        "open -f f\nmmap\nmwrite 0 8\n",
        "open -f g\nmmap\nmwrite 0 8\n",
        "open -fs f\nmmap\nmwrite 0 8\n",
        "open @n -f f\nmmap\nmwrite 0 8\n",
        "open -f f\nmmap @m\nmwrite 0 8\n",
        "open -f f\nmmap\nmwrite 8 8\n",
        "open -f f\nmmap\nmwrite 0 9\n",
        "open -f f\nmmap\nmwrite -S 1 0 8\n",
        "open -f f\nmmap\nmwrite -S 2 0 8\n",
        "open -f f\nmmap\nmwrite 0 8 -> ok\n",
        "open -f f\nmmap\nmwrite 0 8 -> EIO\n",
        "open -f f\nmmap\nmwrite\n",
        "open -f f\nmmap\nmread 0 8\n",
        "B: open -f f\nB: mmap\nB: mwrite 0 8\n",
        "open -f f\n---\nmmap\nmwrite 0 8\n",
        "open -f f\nmmap\nmwrite 0 8\nsync\n",
        "A.1: open -f f\nA.1: mmap\nA.1: mwrite 0 8\n",
        "open -f f\nmmap\nmwrite @f 0 8\n",
    };
    enum { N = sizeof steps / sizeof *steps };
    struct plan *plans[N];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct buf text = {0};
        buf_printf(&text, H "%s", steps[i]);
        plans[i] = parsed(text.data);
        buf_free(&text);
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < N; k++)
            assert_int_equal(plan_equal(plans[i], plans[k]), i == k);
    }
    for (size_t i = 0; i < N; i++)
        plan_free(plans[i]);
}

static void sizes_round_trip(void **state)
{
    static const struct {
        uint64_t n;
        const char *text;
    } known[] = {{0, "0"},
                 {1, "1"},
                 {1023, "1023"},
                 {1024, "1k"},
                 {65536, "64k"},
                 {1 << 20, "1m"},
                 {UINT64_C(1) << 40, "1t"},
                 {UINT64_C(1) << 50, "1024t"},
                 {(UINT64_C(1) << 40) - 1, "1099511627775"}};
    struct rng r;
    char text[24];
    uint64_t n;

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_string_equal(size_print(known[i].n, text), known[i].text);
    rng_seed(&r, 1);
    for (int i = 0; i < 20000; i++) {
        const uint64_t want = (rng_next(&r) >> rng_below(&r, 64)) << rng_below(&r, 40);
        size_print(want, text);
        assert_int_equal(size_parse(text, strlen(text), &n), 0);
        assert_int_equal(n, want);
    }
    assert_int_equal(size_parse("0x1fk", 5, &n), 0);
    assert_int_equal(n, 0x1f << 10);
    assert_int_equal(size_parse("18446744073709551615", 20, &n), 0);
    assert_int_equal(size_parse("18446744073709551616", 20, &n), -ERANGE);
    assert_int_equal(size_parse("16777216t", 9, &n), -ERANGE);
    assert_int_equal(size_parse("", 0, &n), -EINVAL);
    assert_int_equal(size_parse("k", 1, &n), -EINVAL);
}

/* Every verb's syntax string is of the documented form, and verb_flag agrees with it. */
static void every_verb_has_a_sound_syntax(void **state)
{
    size_t n = 0;

    (void)state;
    for (const struct verb *v = verb_next(NULL); v; v = verb_next(v), n++) {
        struct syntax syn;

        assert_ptr_equal(verb_find(v->name, strlen(v->name)), v);
        if (!syntax_read(v, &syn))
            fail_msg("%s: syntax '%s'", v->name, v->syntax);
        for (size_t i = 0; i < syn.n_flags; i++) {
            assert_int_equal(verb_flag_index(v, syn.flags[i].letter), i);
            assert_int_equal(verb_flag(v, syn.flags[i].letter), 1U << i);
        }
        assert_int_equal(verb_flag(v, '?'), 0);
    }
    assert_true(n > 40);
}

static void unsound_syntax_is_noticed(void **state)
{
    static const char *const unsound[] = {"OFFSETS",   "[-a",           "[-ab]", "[-a] [-a]", "[OFFSET] LENGTH",
                                          "[-S BITE]", "OFFSET,LENGTH", "[]",    "[-]",       "offset"};

    (void)state;
    for (size_t i = 0; i < sizeof unsound / sizeof *unsound; i++) {
        const struct verb v = {.name = "v", .syntax = unsound[i]};
        struct syntax syn;
        if (syntax_read(&v, &syn))
            fail_msg("'%s' was accepted", unsound[i]);
    }
}

static void load_tells_why_a_file_cannot_be_read(void **state)
{
    char dir[] = "/tmp/tornpage-plan-XXXXXX", path[64];
    struct plan *p = NULL;
    struct error err;

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(plan_load(dir, "n", &p, &err), -EISDIR);
    snprintf(path, sizeof path, "%s/f", dir);
    assert_int_equal(plan_load(path, "n", &p, &err), -ENOENT);
    const int fd = open(path, O_CREAT | O_RDWR, 0600);
    assert_true(fd >= 0);
    assert_int_equal(plan_load(path, "n", &p, &err), -EINVAL);
    assert_non_null(strstr(err.msg, "empty file"));
    assert_int_equal(write(fd, H "sync\n", strlen(H "sync\n")), strlen(H "sync\n"));
    assert_int_equal(plan_load(path, "n", &p, &err), 0);
    assert_string_equal(p->name, "n");
    assert_string_equal(p->text, H "sync\n");
    plan_free(p);
    assert_int_equal(ftruncate(fd, PLAN_MAX_TEXT + 1), 0);
    assert_int_equal(plan_load(path, "n", &p, &err), -EFBIG);
    close(fd);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(plan_load(path, "n", &p, &err), -EINVAL); /* and does not hang */
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_mean_what_they_say),
        cmocka_unit_test(canonical_text_is_this),
        cmocka_unit_test(setup_is_what_stands_above_the_dashes),
        cmocka_unit_test(bare_barrier_means_all_lanes_of_the_file),
        cmocka_unit_test(thread_zero_is_the_actor_itself),
        cmocka_unit_test(names_stand_for_what_was_made),
        cmocka_unit_test(thread_takes_over_what_its_actor_made_last),
        cmocka_unit_test(step_that_must_fail_makes_nothing),
        cmocka_unit_test(arguments_are_numbers),
        cmocka_unit_test(outcomes_are_codes),
        cmocka_unit_test(plans_that_differ_are_not_equal),
        cmocka_unit_test(sizes_round_trip),
        cmocka_unit_test(every_verb_has_a_sound_syntax),
        cmocka_unit_test(unsound_syntax_is_noticed),
        cmocka_unit_test(load_tells_why_a_file_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
