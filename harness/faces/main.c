/* tornpage: dispatches to the commands. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "faces/faces.h"
#include "report/text.h"

enum { MAX_COMMANDS = 16, OPEN_FILES_LEAST = 64 };

/* In the order of --help; the main one first. */
static const struct face *const faces[] = {&face_run, &face_list,    &face_explain, &face_replay,
                                           &face_log, &face_explore, &face_bench,   NULL};

static void help(void)
{
    puts("Usage: tornpage COMMAND [OPTION]... [ARGUMENT]...\n");
    text_wrap(stdout, face_introduction, 0, 0, TEXT_WIDTH);
    puts("");
    for (const struct face *const *c = faces; *c; c++) {
        printf("  %-10s", (*c)->name);
        text_wrap(stdout, (*c)->summary, 12, 12, TEXT_WIDTH);
    }
    puts("\n  -h, --help, -V, --version\n\n"
         "'tornpage COMMAND --help' and 'tornpage help COMMAND' describe one command. Options of 'help':\n");
    for (const struct face_option *o = face_help_options; o->name; o++)
        face_help_option(o);
    puts("\nExit status of 'run':");
    face_print_statuses(face_run.statuses);
}

static int unknown_command(const char *name)
{
    static const char *const options[] = {"--help", "--version", "--man", "--completion", NULL};
    const char *names[MAX_COMMANDS + 1];
    size_t n = 0;
    struct buf b = {0};

    for (const struct face *const *c = faces; *c; c++)
        names[n++] = (*c)->name;
    names[n] = NULL;
    text_choices(&b, name, *name == '-' ? options : names);
    usage_error(NULL, "unknown %s '%s'%s", *name == '-' ? "option" : "command", name, buf_text(&b));
    buf_free(&b);
    return STATUS_USAGE;
}

/*
 * Takes all descriptors that the process may have: a crash disk needs one for each processor. With fewer than OPEN_FILES_LEAST,
 * nothing that goes wrong would say anything about a file system. RLIMIT_NOFILE, getrlimit(2).
 */
static bool raise_open_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return true;
    if (files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_max >= OPEN_FILES_LEAST)
        return true;
    fprintf(stderr, "tornpage: this process may have %llu open files, and %d are needed; raise the hard limit (ulimit -Hn)\n",
            (unsigned long long)files.rlim_max, OPEN_FILES_LEAST);
    return false;
}

/* tornpage help [--man] [COMMAND], and tornpage help --completion [-- WORD...] */
static int help_command(int argc, char **argv)
{
    const bool man = argc && strcmp(argv[0], "--man") == 0;

    if (argc && strcmp(argv[0], "--completion") == 0) {
        if (argc == 1)
            fputs(completion_script, stdout);
        else if (strcmp(argv[1], "--") != 0)
            return usage_error(NULL, "help --completion: expected '-- WORD...', and there is '%s'", argv[1]);
        else
            completion_print(faces, argv + 2, argc - 2, stdout);
        return STATUS_GOOD;
    }
    argc -= man;
    argv += man;
    const struct face *named = argc ? face_find(faces, argv[0]) : NULL;
    if (argc && !named)
        return unknown_command(argv[0]);
    if (argc > 1)
        return usage_error(NULL, "'help' takes one command, but there is '%s' as well", argv[1]);
    if (man)
        manual_print(faces, named, stdout);
    else if (named)
        face_help(named);
    else
        help();
    return STATUS_GOOD;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage_error(NULL, "a command is missing");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help();
        return close_stdout(STATUS_GOOD);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        face_print_version();
        return close_stdout(STATUS_GOOD);
    }
    if (strcmp(argv[1], "help") == 0)
        return close_stdout(help_command(argc - 2, argv + 2));

    const struct face *c = face_find(faces, argv[1]);
    if (!c)
        return unknown_command(argv[1]);
    if (!raise_open_files())
        return STATUS_BROKEN;
    return close_stdout(c->run(c, argc - 1, argv + 1));
}
