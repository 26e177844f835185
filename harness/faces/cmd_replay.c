/* tornpage replay: reproduces a finding from its file alone, and judges it again. */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "faces/faces.h"
#include "finding/finding_file.h"
#include "report/report.h"
#include "report/text.h"
#include "result/result.h"
#include "trial/replay.h"

enum { REPLAY_TIMES, REPLAY_TRUST, REPLAY_OPTIONS };

static const struct face_option options[REPLAY_OPTIONS + 1] = {
    [REPLAY_TIMES] = {"times", 'n', "N", "Replay each finding N times and count the verdicts. Default: 1."},
    [REPLAY_TRUST] =
        {"trust", 0, NULL,
         "Also replay findings whose backend has options that could do harm, such as the name of a device for mkfs. Read "
         "them first."},
    [REPLAY_OPTIONS] = {NULL, 0, NULL, NULL},
};

/* The worse of two statuses; from the worst: wrong usage, violated, broken, skipped, good. */
static int worse(int a, int b)
{
    static const int order[] = {STATUS_USAGE, STATUS_VIOLATED, STATUS_BROKEN, STATUS_SKIPPED};

    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return STATUS_GOOD;
}

static void print_first(const char *path, const struct result *r, struct term term)
{
    printf("%s\n%s on %s, %s: %s%s%s\n", path, r->scenario, r->backend, strike_table[r->strike].name,
           verdict_colour(r->verdict, term), verdict_word(r->verdict), colour_end(term));
    text_lines(stdout, r->details && *r->details ? r->details : r->reason ? r->reason : "", 4, SIZE_MAX);
}

static int cannot_load(int rc, const struct error *err)
{
    char text[1024];

    fflush(stdout);
    fprintf(stderr, "tornpage: %s\n", error_text(err, text, sizeof text));
    if (err->skip)
        return STATUS_SKIPPED;
    return rc == -EINVAL || rc == -ENOENT || rc == -EACCES || rc == -EISDIR ? STATUS_USAGE : STATUS_BROKEN;
}

static int replay(const char *path, bool trusted, uint64_t times)
{
    static const int status_of[VERDICT_KINDS] = {
        [VERDICT_VIOLATED] = STATUS_VIOLATED, [VERDICT_BROKEN] = STATUS_BROKEN, [VERDICT_SKIPPED] = STATUS_SKIPPED};
    struct term term = term_of(stdout);
    uint64_t n[VERDICT_KINDS] = {0};
    struct finding_file f;
    struct error err = {0};
    int status = STATUS_GOOD;
    const int rc = finding_load(path, trusted, &f, &err);

    if (rc < 0)
        return cannot_load(rc, &err);
    if (finding_has_image(&f)) {
        printf("%s: the kernel of this machine mounts the disk image in this file\n", path);
        fflush(stdout);
    }
    for (uint64_t i = 0; i < times; i++) {
        struct result r = {0};

        finding_replay(&f, &r);
        if (i == 0)
            print_first(path, &r, term);
        n[r.verdict]++;
        status = worse(status, status_of[r.verdict]);
        result_free(&r);
    }
    for (unsigned v = 0; times > 1 && v < VERDICT_KINDS; v++)
        if (n[v])
            printf("%s%s%s %s of %s times\n", verdict_colour(v, term), verdict_word(v), colour_end(term), text_count(n[v]),
                   text_count(times));
    finding_file_free(&f);
    return status;
}

static int run_command(const struct face *c, int argc, char **argv)
{
    const char *value = NULL;
    uint64_t times = 1;
    bool trusted = false;
    int option, status = STATUS_GOOD;

    while ((option = option_next(c, argc, argv, &value)) >= 0) {
        assert(option == REPLAY_TIMES || option == REPLAY_TRUST);
        if (option == REPLAY_TRUST)
            trusted = true;
        else if (!text_number(value, 1, 1000000, &times))
            return usage_error(c, "--times %s: expected a whole number from 1 to 1000000", value);
    }
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_GOOD : STATUS_USAGE;
    if (optind >= argc)
        return usage_error(c, "which finding?");
    for (int i = optind; i < argc; i++)
        status = worse(status, replay(argv[i], trusted, times));
    return status;
}

static const struct face_status statuses[] = {
    {"0", "not violated this time"},
    {"1", "violated again"},
    {"2", "wrong usage, or not a finding"},
    {"77", "skipped: the machine lacks something"},
    {"99", "broken"},
    {NULL, NULL},
};

const struct face face_replay = {
    .name = "replay",
    .args = "FINDING...",
    .summary = "Open exactly the crash state of a finding, and judge it again.",
    .about = "A finding is a file that 'tornpage run' saved. Nothing else of that run is needed, not even the scenario's file.\n"
             "\n"
             "A finding from somebody else is not trusted: its backend may have the usual options of ext4, xfs and btrfs only. "
             "Its disk "
             "image is mounted all the same, and a kernel has more to fear from an image than from a file; use a virtual machine "
             "where that matters.",
    .options = options,
    .statuses = statuses,
    .run = run_command,
};
