/* Text and bytes as JSON: what is kept, and what is made of bytes that JSON cannot hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/json_bytes.h"
#include "base/json_text.h"

static const char *const texts[] = {
    "", "plain", "tab\tand\nline", "caf\xc3\xa9", "\xff", "caf\xc3\xa9 \xc3", "\xed\xa0\x80 surrogate", "\x01\x1b[0m\x7f"};

static void exact_text_comes_back_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *j = json_text_exact(texts[i]);
        char *back = json_text_exact_decode(j);

        assert_non_null(back);
        assert_string_equal(back, texts[i]);
        free(back);
        json_decref(j);
    }
    json_t *number = json_integer(1);
    assert_null(json_text_exact_decode(number));
    json_decref(number);
}

static void clean_text_is_always_a_string(void **state)
{
    static const char *const want[] = {"",  "plain",         "tab\tand\nline", "caf\xc3\xa9",
                                       "?", "caf\xc3\xa9 ?", "??? surrogate",  "??[0m?"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *j = json_text_clean(texts[i]);

        assert_string_equal(json_string_value(j), want[i]);
        json_decref(j);
    }
    json_t *none = json_text_clean(NULL);
    assert_string_equal(json_string_value(none), "");
    json_decref(none);
}

static void bytes_of_any_length_come_back(void **state)
{
    uint8_t data[300];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i + 7 * i);
    for (size_t n = 0; n <= sizeof data; n++) {
        json_t *j = json_bytes_encode(data, n);
        void *back = NULL;
        size_t n_back = 0;

        if (n > 0)
            assert_int_equal(json_bytes_decode(j, n - 1, &back, &n_back), -EFBIG);
        assert_null(back);
        assert_int_equal(json_bytes_decode(j, n, &back, &n_back), 0);
        assert_int_equal(n_back, n);
        assert_memory_equal(back, data, n);
        free(back);
        json_decref(j);
    }
}

static void wrong_length_or_text_is_refused(void **state)
{
    static const char *const wrong[] = {"{}", "{\"bytes\": 3}", "{\"bytes\": -1, \"deflate_base64\": \"\"}",
                                        "{\"bytes\": 3, \"deflate_base64\": \"***=\"}",
                                        "{\"bytes\": 3, \"deflate_base64\": \"AAA\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *j = json_loads(wrong[i], 0, NULL);
        void *back = NULL;
        size_t n;

        assert_non_null(j);
        assert_int_equal(json_bytes_decode(j, 100, &back, &n), -EINVAL);
        assert_null(back);
        json_decref(j);
    }
    json_t *j = json_bytes_encode("abc", 3);
    void *back = NULL;
    size_t n;

    json_object_set_new(j, "bytes", json_integer(4));
    assert_int_equal(json_bytes_decode(j, 100, &back, &n), -EINVAL);
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_text_comes_back_as_it_was),
        cmocka_unit_test(clean_text_is_always_a_string),
        cmocka_unit_test(bytes_of_any_length_come_back),
        cmocka_unit_test(wrong_length_or_text_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
