/* Distances of words, on which "did you mean" rests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/edit_distance.h"

static size_t distance(const char *a, const char *b)
{
    return edit_distance(a, strlen(a), b, strlen(b));
}

static void counts_insertions_deletions_and_replacements(void **state)
{
    (void)state;
    assert_int_equal(distance("", ""), 0);
    assert_int_equal(distance("msync", "msync"), 0);
    assert_int_equal(distance("", "abc"), 3);
    assert_int_equal(distance("msnc", "msync"), 1);
    assert_int_equal(distance("msyncc", "msync"), 1);
    assert_int_equal(distance("mzync", "msync"), 1);
    assert_int_equal(distance("mysnc", "msync"), 2);
    assert_int_equal(distance("kitten", "sitting"), 3);
}

static void looks_at_no_more_than_the_length_says(void **state)
{
    (void)state;
    assert_int_equal(edit_distance("fsync@f", 5, "fsync", 5), 0);
}

static void a_very_long_word_is_like_none(void **state)
{
    char word[1000];

    (void)state;
    memset(word, 'a', sizeof word);
    assert_int_equal(edit_distance(word, sizeof word, "a", 1), sizeof word);
    assert_int_equal(edit_distance("a", 1, word, sizeof word), sizeof word);
}

static void the_most_similar_word_is_found_if_any_is(void **state)
{
    static const char *const list[] = {"dir", "loop", "sim", NULL};

    (void)state;
    assert_string_equal(edit_similar("lop", list), "loop");
    assert_string_equal(edit_similar("sin", list), "sim");
    assert_null(edit_similar("floppy disk", list));
    assert_null(edit_similar("x", list));
    assert_string_equal(edit_similar("LOOP", list), "loop");
    assert_string_equal(edit_similar("b1", (const char *const[]){"A1", "B1", NULL}), "B1");
    assert_string_equal(edit_similar("msyncs-the-range", (const char *const[]){"msync", "msyncs-the-range-twice", NULL}),
                        "msyncs-the-range-twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_insertions_deletions_and_replacements),
        cmocka_unit_test(looks_at_no_more_than_the_length_says),
        cmocka_unit_test(a_very_long_word_is_like_none),
        cmocka_unit_test(the_most_similar_word_is_found_if_any_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
