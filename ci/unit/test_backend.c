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

/* The value of the option as it was given; NULL: it was not. */
static const char *given(const struct backend_config *c, const char *key)
{
    size_t i = 0;

    while (strcmp(c->backend->options[i].key, key) != 0)
        i++;
    return c->text[i];
}

static void accepted(const char *spec, const char *canonical, const char *key, const char *value)
{
    struct backend_config c, again;
    struct error err;

    assert_int_equal(backend_config_parse(spec, &c, &err), 0);
    assert_string_equal(c.spec, canonical);
    assert_string_equal(given(&c, key), value);
    assert_int_equal(backend_config_parse(c.spec, &again, &err), 0); /* canonical form gives the same */
    assert_string_equal(again.spec, c.spec);
    assert_string_equal(given(&again, key), value);
    backend_config_free(&again);
    backend_config_free(&c);
}

static void options_keep_their_values(void **state)
{
    (void)state;
    accepted("loop:fs=xfs", "loop:fs=xfs", "fs", "xfs");
    accepted("loop:mount=nobarrier,fs=ext4", "loop:fs=ext4,mount=nobarrier", "mount", "nobarrier");
    accepted("loop:mount=nobarrier+data=writeback,fs=ext4", "loop:fs=ext4,mount=nobarrier+data=writeback", "mount",
             "nobarrier,data=writeback");
    accepted("loop:mount=a,,b", "loop:mount=a+b", "mount", "a,b");
    accepted("loop:mkfs=c++d+e", "loop:mkfs=c++d+e", "mkfs", "c+d,e");
    accepted("loop:mount=", "loop:mount=", "mount", "");
}

static int harmless(const char *spec, struct error *err)
{
    struct backend_config c;

    if (backend_config_parse(spec, &c, err) < 0)
        fail_msg("%s: %s", spec, err->msg);
    const int r = backend_config_harmless(&c, err);

    assert_true(r == 0 || (r == -EINVAL && strstr(err->msg, "may make this machine do more")));
    backend_config_free(&c);
    return r;
}

/* What a file from others may have root do: the usual options, and nothing that names a file, a device or another program. */
static void only_harmless_options_may_come_from_others(void **state)
{
    static const char *const good[] = {
        "sim:canary=flush-ignored",
        "dir",
        "loop",
        "loop:fs=ext4,mkfs=-b 1024 -O ^extents+^64bit,mount=data=journal+commit=1",
        "loop:fs=ext4,mkfs=-b1024 -J size=4+fast_commit_size=1 -E lazy_itable_init=0+nodiscard -q",
        "loop:fs=xfs,mkfs=-b size=1024 -m reflink=0 -d agcount=2,mount=logbsize=256k+wsync",
        "loop:fs=btrfs,mkfs=-O ^no-holes --nodesize=16384 --csum xxhash -M,mount=compress-force=zlib:3",
        "loop:fs=ext4,mkfs=,mount=,size=1g,sector=4096,disk=ignore-flush",
    };
    static const char *const bad[] = {
        "dir:path=/etc",
        "dir:path=x",
        "loop:fs=f2fs",
        "loop:size=2g",
        "loop:fs=btrfs,mkfs=/dev/sda",
        "loop:fs=btrfs,mkfs=sda",
        "loop:fs=btrfs,mkfs=-f sda",
        "loop:fs=btrfs,mkfs=-r.",
        "loop:fs=btrfs,mkfs=--rootdir=x",
        "loop:fs=btrfs,mkfs=--nodesize",
        "loop:fs=btrfs,mkfs=-q=x",
        "loop:fs=btrfs,mkfs=--quiet=x",
        "loop:fs=btrfs,mkfs=-",
        "loop:fs=btrfs,mkfs=--",
        "loop:fs=btrfs,mkfs=-L -r",
        "loop:fs=ext4,mkfs=-z undo",
        "loop:fs=ext4,mkfs=-zundo",
        "loop:fs=ext4,mkfs=-qz undo",
        "loop:fs=ext4,mkfs=-q undo",
        "loop:fs=ext4,mkfs=-d x",
        "loop:fs=ext4,mkfs=-l x",
        "loop:fs=ext4,mkfs=-J device=LABEL=x",
        "loop:fs=ext4,mkfs=-J size=4+device=UUID=x",
        "loop:fs=ext4,mkfs=-Jdevice=x",
        "loop:fs=ext4,mkfs=-J size=4+",
        "loop:fs=ext4,mkfs=-E offset=4096",
        "loop:fs=ext4,mkfs=-b $(id)",
        "loop:fs=xfs,mkfs=-l logdev=x",
        "loop:fs=xfs,mkfs=-d name=x+file=1",
        "loop:fs=xfs,mkfs=-r rtdev=x",
        "loop:fs=xfs,mkfs=-p x",
        "loop:fs=xfs,mkfs=-c options=x",
        "loop:fs=ext4,mount=journal_path=/dev/sda",
        "loop:fs=ext4,mount=noatime+journal_dev=0x801",
        "loop:fs=xfs,mount=logdev=/dev/sda",
        "loop:fs=btrfs,mount=device=/dev/sda",
        "loop:fs=btrfs,mount=subvol=/x",
        "loop:fs=xfs,mount=data=journal",
    };
    struct error err = {.code = 0};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (harmless(good[i], &err) < 0)
            fail_msg("refused: %s", err.msg);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (harmless(bad[i], &err) == 0)
            fail_msg("accepted: %s", bad[i]);
}

static void refused(const char *spec, const char *said)
{
    struct backend_config c;
    struct error err;

    assert_int_equal(backend_config_parse(spec, &c, &err), -EINVAL);
    if (!strstr(err.msg, said))
        fail_msg("'%s' does not say '%s'", err.msg, said);
    backend_config_free(&c);
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
    refused("loop:size=1k", "from 1m to 8t");
    refused("loop:size=9t", "from 1m to 8t");
    refused("loop:size=64q", "size=64q");
    refused("loop:sector=520", "512, 4096");
    refused("loop:disk=drop:0", "drop:N");
    refused("sim:canary=", "rename-not-atomic");
}

/* Options of every type, in a backend made up here. */
struct settings {
    const char *text, *unset;
    struct words words;
    uint64_t size_bytes, no_size;
    int choice, no_choice;
};

static bool colour(size_t i, struct option_choice *ret)
{
    *ret = (struct option_choice){.name = (const char *const[]){"red", "blue", NULL}[i]};
    return ret->name;
}

#define MEMBER(m) .offset = offsetof(struct settings, m)
static const struct backend_option typed[] = {
    {.key = "text", .type = OPTION_TEXT, .fallback = "none", MEMBER(text)},
    {.key = "unset", .type = OPTION_TEXT, MEMBER(unset)},
    {.key = "words", .type = OPTION_WORDS, .separator = ',', MEMBER(words)},
    {.key = "size", .type = OPTION_SIZE, .fallback = "4k", .most = 1 << 20, MEMBER(size_bytes)},
    {.key = "no_size", .type = OPTION_SIZE, .most = 1 << 20, MEMBER(no_size)},
    {.key = "choice", .type = OPTION_CHOICE, .fallback = "blue", .choice = colour, MEMBER(choice)},
    {.key = "no_choice", .type = OPTION_CHOICE, .choice = colour, MEMBER(no_choice)},
    {.key = "disk", .type = OPTION_FAULTS, .choice = colour},
    {.key = NULL},
};
static const struct backend made_up = {.name = "made-up", .options = typed, .settings_bytes = sizeof(struct settings)};

static void values_have_the_type_of_their_option(void **state)
{
    struct backend_config c;
    const struct settings *s;
    struct error err;

    (void)state;
    backend_config_begin(&c, &made_up);
    assert_int_equal(backend_config_set(&c, "words", ",a,b+c,,d", &err), 0);
    assert_int_equal(backend_config_set(&c, "size", "8k", &err), 0);
    assert_int_equal(backend_config_set(&c, "disk", "ignore-flush,drop:3", &err), 0);
    assert_int_equal(backend_config_set(&c, "text", NULL, &err), 0);
    assert_int_equal(backend_config_set(&c, "texts", "x", &err), -EINVAL);
    assert_int_equal(backend_config_end(&c, &err), 0);
    s = c.settings;
    assert_string_equal(c.spec, "made-up:words=+a+b++c++d,size=8k,disk=ignore-flush+drop:3");
    assert_string_equal(s->text, "none");
    assert_null(s->unset);
    assert_int_equal(s->words.n, 3);
    assert_string_equal(s->words.text, ",a,b+c,,d");
    assert_true(words_have(&s->words, "b+c") && words_have(&s->words, "d") && !words_have(&s->words, "b"));
    assert_null(s->words.v[3]);
    assert_int_equal(s->size_bytes, 8192);
    assert_int_equal(s->no_size, 0);
    assert_int_equal(s->choice, 1);
    assert_int_equal(s->no_choice, OPTION_UNSET);
    assert_true(c.faults.disk.ignore_flush);
    assert_int_equal(c.faults.disk.drop_nth, 3);
    backend_config_free(&c);
}

static void words_are_compared_whole(void **state)
{
    (void)state;
    assert_true(words_include("-b 1024 -O extent,bigalloc", "-O bigalloc"));
    assert_true(words_include("-Obigalloc", "-O bigalloc"));
    assert_false(words_include("-O ^bigalloc", "-O bigalloc"));
    assert_false(words_include("-L bigalloc", "-O bigalloc"));
    assert_false(words_include(NULL, "-O bigalloc"));
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
        cmocka_unit_test(values_have_the_type_of_their_option),
        cmocka_unit_test(only_harmless_options_may_come_from_others),
        cmocka_unit_test(words_are_compared_whole),
        cmocka_unit_test(found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
