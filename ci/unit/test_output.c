/* Files that the user asks for: whole or not there at all, and never in place of what is not a regular file or is an input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "host/output.h"

/* Each test works in a directory of its own. */
static int enter(void **state)
{
    char dir[] = "/tmp/tornpage-output-XXXXXX";

    *state = mkdtemp(dir) ? strdup(dir) : NULL;
    return *state ? chdir(*state) : -1;
}

static int leave(void **state)
{
    char command[64];

    snprintf(command, sizeof command, "rm -r %s", (char *)*state);
    free(*state);
    return chdir("/") || system(command); /* NOLINT(cert-env33-c): a name of our own */
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static const char *get(const char *path)
{
    static char text[32];
    FILE *f = fopen(path, "r");

    memset(text, 0, sizeof text);
    if (!f)
        return "(not there)";
    (void)!fread(text, 1, sizeof text - 1, f);
    fclose(f);
    return text;
}

static unsigned names(void)
{
    DIR *d = opendir(".");
    unsigned n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; /* . and .. */
}

static int begin(const char *path, bool stream, const char *const *inputs, struct output **ret)
{
    struct error err = {.code = 0};
    const int r = output_open(path, stream, inputs, ret, &err);

    assert_int_equal(r, -err.code);
    assert_true(r < 0 ? *ret == NULL : *ret != NULL);
    return r;
}

static void a_file_appears_when_it_is_whole(void **state)
{
    struct output *o;
    struct stat st;
    struct error err = {.code = 0};

    (void)state;
    put("old", "before");
    assert_int_equal(begin("old", false, NULL, &o), 0);
    fputs("after", output_file(o));
    fflush(output_file(o));
    assert_string_equal(get("old"), "before");
    assert_int_equal(names(), 1);
    assert_int_equal(output_commit(o, &err), 0);
    assert_string_equal(get("old"), "after");
    assert_int_equal(names(), 1);

    umask(027);
    assert_int_equal(begin("./new", true, NULL, &o), 0);
    assert_string_equal(get("new"), "(not there)");
    assert_int_equal(output_commit(o, &err), 0);
    umask(022);
    assert_int_equal(stat("new", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

/* Also processes that share their number, each in a namespace of its own, write files of one name at the same time. */
static void many_at_a_time_do_not_disturb_each_other(void **state)
{
    enum { PROCESSES = 6, FILES = 100 };
    pid_t pids[PROCESSES];

    (void)state;
    for (unsigned i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        for (unsigned k = 0; pids[i] == 0 && k < FILES; k++) {
            struct output *o;
            struct error err = {.code = 0};

            if (output_open("f", false, NULL, &o, &err) < 0)
                _exit(1);
            fputs("whole", output_file(o));
            if (output_commit(o, &err) < 0)
                _exit(1);
        }
        if (pids[i] == 0)
            _exit(0);
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status = -1;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_string_equal(get("f"), "whole");
    assert_int_equal(names(), 1);
}

static void an_abandoned_file_leaves_what_was_there(void **state)
{
    struct output *o;

    (void)state;
    put("old", "before");
    assert_int_equal(begin("old", false, NULL, &o), 0);
    fputs("after", output_file(o));
    output_abandon(o);
    assert_string_equal(get("old"), "before");
    assert_int_equal(begin("new", false, NULL, &o), 0);
    output_abandon(o);
    assert_int_equal(names(), 1);
}

static void only_regular_files_are_replaced(void **state)
{
    static const char *const things[] = {"directory", "link", "dangling", "block", "character", "pipe"};
    struct output *o;

    (void)state;
    put("target", "before");
    assert_int_equal(mkdir("directory", 0700) || symlink("target", "link") || symlink("nothing", "dangling"), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    if (mknod("block", S_IFBLK | 0600, makedev(7, 0)) || mknod("character", S_IFCHR | 0600, makedev(1, 3)))
        skip(); /* not root */
    for (size_t i = 0; i < sizeof things / sizeof *things; i++) {
        struct stat before, after;

        assert_int_equal(lstat(things[i], &before), 0);
        assert_int_equal(begin(things[i], false, NULL, &o), -EINVAL);
        if (i < 4) /* a stream goes to the others */
            assert_int_equal(begin(things[i], true, NULL, &o), -EINVAL);
        assert_int_equal(lstat(things[i], &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
    }
    assert_string_equal(get("target"), "before");
    assert_int_equal(begin("directory/none/f", false, NULL, &o), -ENOENT);
    assert_int_equal(begin("", true, NULL, &o), -ENOENT);
    assert_int_equal(begin("new/", true, NULL, &o), -EISDIR);
}

static void what_came_in_the_meantime_is_not_replaced(void **state)
{
    struct output *o;
    struct error err = {.code = 0};

    (void)state;
    assert_int_equal(begin("f", false, NULL, &o), 0);
    assert_int_equal(symlink("target", "f"), 0);
    assert_int_equal(output_commit(o, &err), -EINVAL);
    assert_int_equal(names(), 1);
}

static void an_input_is_not_replaced_under_any_name(void **state)
{
    const char *const inputs[] = {"missing", "in", NULL};
    struct output *o;

    (void)state;
    put("in", "before");
    assert_int_equal(link("in", "other"), 0);
    assert_int_equal(begin("in", false, inputs, &o), -EINVAL);
    assert_int_equal(begin("./in", true, inputs, &o), -EINVAL);
    assert_int_equal(begin("other", false, inputs, &o), -EINVAL);
    assert_string_equal(get("in"), "before");
    assert_int_equal(begin("missing", false, inputs, &o), 0);
    output_abandon(o);
}

static void a_stream_is_written_as_it_is(void **state)
{
    char text[8] = "";
    struct output *o;
    struct error err = {.code = 0};

    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    const int reader = open("pipe", O_RDONLY | O_NONBLOCK);
    assert_int_equal(begin("pipe", true, NULL, &o), 0);
    fputs("text", output_file(o));
    assert_int_equal(output_commit(o, &err), 0);
    assert_int_equal(read(reader, text, sizeof text), 4);
    assert_string_equal(text, "text");
    close(reader);
    assert_int_equal(begin("-", true, NULL, &o), 0);
    assert_ptr_equal(output_file(o), stdout);
    assert_int_equal(output_commit(o, &err), 0);
    assert_int_equal(begin("-", false, NULL, &o), 0); /* a file of this name */
    assert_int_equal(output_commit(o, &err), 0);
    assert_string_equal(get("./-"), "");
}

static void a_write_that_fails_is_an_error(void **state)
{
    struct output *o;
    struct error err = {.code = 0};

    (void)state;
    assert_int_equal(begin("/dev/full", true, NULL, &o), 0);
    fputs("text", output_file(o));
    assert_int_equal(output_commit(o, &err), -ENOSPC);
    assert_int_equal(begin("/dev/full", true, NULL, &o), 0);
    setvbuf(output_file(o), NULL, _IONBF, 0);
    fputs("text", output_file(o)); /* fails here already */
    assert_int_equal(output_commit(o, &err), -EIO);
    assert_int_equal(output_commit(NULL, &err), 0);
    output_abandon(NULL);
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter, leave)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(a_file_appears_when_it_is_whole),
        IN_DIRECTORY(many_at_a_time_do_not_disturb_each_other),
        IN_DIRECTORY(an_abandoned_file_leaves_what_was_there),
        IN_DIRECTORY(only_regular_files_are_replaced),
        IN_DIRECTORY(what_came_in_the_meantime_is_not_replaced),
        IN_DIRECTORY(an_input_is_not_replaced_under_any_name),
        IN_DIRECTORY(a_stream_is_written_as_it_is),
        IN_DIRECTORY(a_write_that_fails_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
