/* What is known: versions of kernels, options that include others, and the table's own form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "backend/config.h"
#include "base/buf.h"
#include "known/known.h"
#include "language/kernel.h"
#include "language/verb.h"

static void versions_are_read_and_printed(void **state)
{
    static const struct {
        const char *text;
        uint32_t version; /* 0: it is none */
    } cases[] = {{"6.1", KERNEL(6, 1, 0)},
                 {"6.1.192", KERNEL(6, 1, 192)},
                 {"6.12.0", KERNEL(6, 12, 0)},
                 {"6", 0},
                 {"6.", 0},
                 {"6.1.", 0},
                 {"6.1-rc1", 0},
                 {"", 0},
                 {"6.1.5000", 0},
                 {"256.1", 0},
                 {"v6.1", 0},
                 {"6.1.1.1", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t version = 0;

        assert_int_equal(kernel_parse(cases[i].text, strlen(cases[i].text), &version), cases[i].version != 0);
        if (cases[i].version)
            assert_int_equal(version, cases[i].version);
    }
    struct buf text = {0};
    kernel_print(KERNEL(6, 12, 0), &text);
    kernel_print(KERNEL(6, 1, 192), &text);
    assert_string_equal(buf_text(&text), "6.126.1.192");
    buf_free(&text);
}

static void debian_tells_its_version_apart_from_its_release(void **state)
{
    (void)state;
    assert_int_equal(kernel_of("6.1.0-56-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)"),
                     KERNEL(6, 1, 192));
    assert_int_equal(kernel_of("6.18.44-fc-v595", "#1 SMP PREEMPT_DYNAMIC @0"), KERNEL(6, 18, 44));
    assert_int_equal(kernel_of("6.13.0-rc2", "Debian of nobody"), KERNEL(6, 13, 0));
    assert_int_equal(kernel_of("unknown", ""), 0);
}

static void a_range_begins_with_its_first_version_and_ends_before_its_last(void **state)
{
    const struct kernel_range r = {.from = KERNEL(6, 2, 0), .before = KERNEL(6, 7, 0)};

    (void)state;
    assert_false(kernel_in(KERNEL(6, 1, 4095), &r));
    assert_true(kernel_in(KERNEL(6, 2, 0), &r));
    assert_true(kernel_in(KERNEL(6, 6, 99), &r));
    assert_false(kernel_in(KERNEL(6, 7, 0), &r));
    assert_true(kernel_in(KERNEL(99, 0, 0), &(struct kernel_range){.from = KERNEL(6, 2, 0)}));
    assert_true(kernel_in(0, &(struct kernel_range){.before = KERNEL(6, 2, 0)}));
}

static bool includes(const char *whole, const char *part)
{
    struct backend_config a, b;

    assert_int_equal(backend_config_parse(whole, &a, NULL), 0);
    assert_int_equal(backend_config_parse(part, &b, NULL), 0);
    const bool r = backend_config_includes(&a, &b);
    backend_config_free(&a);
    backend_config_free(&b);
    return r;
}

static void options_include_others(void **state)
{
    (void)state;
    assert_true(includes("loop:fs=xfs,size=64m", "loop:fs=xfs"));
    assert_true(includes("loop", "loop:fs=ext4")); /* by default */
    assert_true(includes("loop:fs=ext4,mount=commit=1+data=journal", "loop:mount=data=journal,fs=ext4"));
    assert_true(includes("loop:fs=ext4,mkfs=-b 1024 -O bigalloc+fast_commit", "loop:fs=ext4,mkfs=-Ofast_commit"));
    assert_true(includes("loop:fs=ext4,mkfs=-Ofast_commit -b1024", "loop:fs=ext4,mkfs=-b 1024 -O fast_commit"));
    assert_true(includes("loop:fs=xfs,disk=ignore-flush", "loop:fs=xfs,disk=ignore-flush"));
}

static void options_do_not_include_others(void **state)
{
    (void)state;
    assert_false(includes("loop:fs=xfs", "dir"));
    assert_false(includes("loop:fs=xfs", "loop:fs=ext4"));
    assert_false(includes("loop:fs=xfs", "loop:fs=xfs,size=64m"));
    assert_false(includes("loop:fs=ext4,mount=data=writeback", "loop:fs=ext4,mount=data=journal"));
    assert_false(includes("loop:fs=ext4,mkfs=-O bigalloc", "loop:fs=ext4,mkfs=-O fast_commit"));
    assert_false(includes("loop:fs=ext4,mkfs=-E bigalloc", "loop:fs=ext4,mkfs=-O bigalloc"));
    assert_false(includes("loop:fs=ext4,mkfs=-O bigallocator", "loop:fs=ext4,mkfs=-O bigalloc"));
    assert_false(includes("loop:fs=xfs,disk=ignore-flush", "loop:fs=xfs")); /* what a lying disk shows is not the kernel's */
}

/* Each word of a list is a verb. */
static void assert_verbs(const char *words)
{
    for (const char *w = words ? words : ""; *w; w += strspn(w, "| ")) {
        const size_t n = strcspn(w, "| ");

        assert_non_null(verb_find(w, n));
        w += n;
    }
}

static void the_table_is_in_order(void **state)
{
    struct backend_config c;

    (void)state;
    for (const struct known_behaviour *b = known_behaviours; b->name; b++) {
        assert_true(b->strikes && b->n_forms > 0 && b->n_forms <= KNOWN_FORMS);
        assert_true(b->sentence && b->source && b->sentence[strlen(b->sentence) - 1] != '.');
        assert_int_equal(backend_config_parse(b->backend, &c, NULL), 0);
        backend_config_free(&c);
        if (b->cured_by) {
            assert_int_equal(backend_config_parse(b->cured_by, &c, NULL), 0);
            backend_config_free(&c);
        }
        assert_verbs(b->needs);
        assert_verbs(b->step);
        for (size_t i = 0; i < b->n_forms; i++)
            assert_true(rule_table[b->forms[i].rule].breach != BREACH_SURPRISE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_read_and_printed),
        cmocka_unit_test(debian_tells_its_version_apart_from_its_release),
        cmocka_unit_test(a_range_begins_with_its_first_version_and_ends_before_its_last),
        cmocka_unit_test(options_include_others),
        cmocka_unit_test(options_do_not_include_others),
        cmocka_unit_test(the_table_is_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
