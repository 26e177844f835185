/* What the command line says about a backend: parsed, printed back, refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "backend/backend.h"
#include "base/error.h"

static void accepted(const char *spec, const char *canonical, const char *key, const char *value)
{
    struct backend_config c, again;
    struct error err;

    assert_int_equal(backend_config_parse(spec, &c, &err), 0);
    assert_string_equal(c.spec, canonical);
    assert_string_equal(backend_value(&c, key), value);
    assert_int_equal(backend_config_parse(c.spec, &again, &err), 0); /* canonical form gives the same */
    assert_string_equal(again.spec, c.spec);
    assert_string_equal(backend_value(&again, key), value);
    backend_config_free(&again);
    backend_config_free(&c);
}

static void options_keep_their_values(void **state)
{
    (void)state;
    accepted("loop", "loop", "fs", "ext4"); /* the default */
    accepted("loop:", "loop", "fs", "ext4");
    accepted("loop:fs=xfs", "loop:fs=xfs", "fs", "xfs");
    accepted("loop:mount=nobarrier,fs=ext4", "loop:fs=ext4,mount=nobarrier", "mount", "nobarrier");
    accepted("loop:mount=nobarrier+data=writeback,fs=ext4", "loop:fs=ext4,mount=nobarrier+data=writeback", "mount",
             "nobarrier,data=writeback");
    accepted("loop:mount=a,,b", "loop:mount=a+b", "mount", "a,b");
    accepted("loop:mkfs=c++d+e", "loop:mkfs=c++d+e", "mkfs", "c+d,e");
    accepted("loop:mount=", "loop:mount=", "mount", "");
}

static void refused(const char *spec, const char *said)
{
    struct backend_config c;
    struct error err;

    assert_int_equal(backend_config_parse(spec, &c, &err), -EINVAL);
    if (!strstr(err.msg, said))
        fail_msg("'%s' does not say '%s'", err.msg, said);
}

static void what_is_wrong_is_refused_with_what_is_possible(void **state)
{
    (void)state;
    refused("", "loop");
    refused("lop", "loop");
    refused("loop2:fs=xfs", "loop");
    refused("loop:size", "size=");
    refused("loop:fz=xfs", "fs=");
    refused("loop:=xfs", "fs=");
    refused("loop:fs=xfs,", "comma");
    refused("loop:fs=xfs,fs=ext4", "twice");
    refused("loop:,fs=xfs", "no such option");
}

static void found_by_name(void **state)
{
    (void)state;
    assert_string_equal(backend_find("sim")->name, "sim");
    assert_null(backend_find("si"));
    assert_null(backend_find("simm"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_keep_their_values),
        cmocka_unit_test(what_is_wrong_is_refused_with_what_is_possible),
        cmocka_unit_test(found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
