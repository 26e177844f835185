/* tornpage: dispatches to the commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/version.h"
#include "faces/faces.h"
#include "report/text.h"

enum { MAX_COMMANDS = 16, OPEN_FILES_LEAST = 64 };

const struct face *const faces[] = {&face_run, &face_list,    &face_explain, &face_replay,
                                    &face_log, &face_explore, &face_bench,   NULL};

static void help(void)
{
    puts("Usage: tornpage COMMAND [OPTION]... [ARGUMENT]...\n\n"
         "What is left of a memory-mapped file after something goes wrong? tornpage runs scripted stores,\n"
         "msyncs and truncations on a real file system, kills the process or cuts the power, opens the\n"
         "files again and compares what it finds with everything the documented contract allows.\n");
    for (const struct face *const *c = faces; *c; c++) {
        printf("  %-10s", (*c)->name);
        text_wrap(stdout, (*c)->summary, 12, 12, TEXT_WIDTH);
    }
    puts("\n  --help, --version\n\n"
         "'tornpage COMMAND --help' describes one command.\n\n"
         "Exit status: 0 nothing violated, 1 violated, 2 wrong usage or a malformed scenario, 77 everything\n"
         "skipped, 99 broken (the harness or the machine failed).");
}

static const struct face *find(const char *name)
{
    for (const struct face *const *c = faces; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

static int unknown_command(const char *name)
{
    static const char *const options[] = {"--help", "--version", NULL};
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

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage_error(NULL, "a command is missing");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || (strcmp(argv[1], "help") == 0 && argc == 2)) {
        help();
        return close_stdout(STATUS_GOOD);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("tornpage " TORNPAGE_VERSION);
        return close_stdout(STATUS_GOOD);
    }
    if (strcmp(argv[1], "help") == 0) {
        const struct face *named = find(argv[2]);
        if (!named)
            return unknown_command(argv[2]);
        face_help(named);
        return close_stdout(STATUS_GOOD);
    }

    const struct face *c = find(argv[1]);
    if (!c)
        return unknown_command(argv[1]);
    if (!raise_open_files())
        return STATUS_BROKEN;
    return close_stdout(c->run(c, argc - 1, argv + 1));
}
