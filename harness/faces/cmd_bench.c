/* tornpage bench: compares tornpage's speed with the bare kernel's. */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/version.h"
#include "bench/bench.h"
#include "faces/faces.h"
#include "faces/scenarios.h"
#include "host/output.h"
#include "report/report.h"
#include "report/text.h"

enum { BENCH_JSON, BENCH_SECONDS, BENCH_ROUNDS, BENCH_JOBS, BENCH_OPTIONS };
enum { MAX_BENCHES = 32, NAME_COLUMNS = 14 };

static const struct face_option options[BENCH_OPTIONS + 1] = {
    [BENCH_JSON] = {"json", 0, "FILE", "Also write the figures as JSON; '-' is standard output."},
    [BENCH_SECONDS] = {"seconds", 's', "TIME", "Least time of one measurement: seconds, such as 0.5. Default: 1."},
    [BENCH_ROUNDS] = {"rounds", 'n', "N", "Measure floor and ours N times, alternately, and take medians. Default: 5."},
    [BENCH_JOBS] = {"jobs", 'j', "N", "Workers of the power benches, floor and ours alike. Default: as many as 'run' uses."},
    [BENCH_OPTIONS] = {NULL, 0, NULL, NULL},
};

struct chosen {
    const struct bench *bench[MAX_BENCHES];
    size_t n;
};

static bool is_chosen(const struct chosen *c, const struct bench *b)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->bench[i] == b)
            return true;
    return false;
}

static int choose(const struct face *f, int argc, char **argv, struct chosen *ret)
{
    const char *names[MAX_BENCHES + 1];
    size_t n = 0;

    for (; benches[n]; n++) {
        assert(n < MAX_BENCHES);
        names[n] = benches[n]->name;
    }
    names[n] = NULL;
    for (int i = optind; i < argc; i++) {
        size_t k = 0;

        while (k < n && strcmp(argv[i], names[k]) != 0)
            k++;
        if (k == n) {
            struct buf b = {0};
            text_choices(&b, argv[i], names);
            usage_error(f, "unknown bench '%s'%s", argv[i], buf_text(&b));
            buf_free(&b);
            return STATUS_USAGE;
        }
        if (!is_chosen(ret, benches[k]))
            ret->bench[ret->n++] = benches[k];
    }
    for (size_t i = 0; optind >= argc && i < n; i++)
        ret->bench[ret->n++] = benches[i];
    return 0;
}

/* Three significant digits at least; in one of two static buffers, for floor and ours in one printf. */
static const char *figure(double x)
{
    static char text[2][32];
    static unsigned next;
    char *t = text[next++ % 2];

    if (x >= 1e9)
        snprintf(t, sizeof text[0], "%.2f G", x / 1e9);
    else if (x >= 1e6)
        snprintf(t, sizeof text[0], "%.2f M", x / 1e6);
    else
        snprintf(t, sizeof text[0], x >= 100 ? "%.0f" : "%.1f", x);
    return t;
}

static void print_head(FILE *out)
{
    fprintf(out, "%-*s%-10s%12s%12s%8s   spread\n", NAME_COLUMNS, "bench", "unit", "floor", "ours", "ratio");
}

static const char *status_name(const struct bench_result *r)
{
    return r->status == BENCH_MEASURED ? "measured" : r->status == BENCH_SKIPPED ? "skipped" : "broken";
}

static void print_row(FILE *out, const struct bench *b, const struct bench_result *r)
{
    fprintf(out, "%-*s%-10s", NAME_COLUMNS, b->name, b->unit);
    if (r->status == BENCH_MEASURED)
        fprintf(out, "%12s%12s%8.2f   %.2f to %.2f\n", figure(r->floor), figure(r->ours), r->ratio, r->ratio_least,
                r->ratio_most);
    else
        fprintf(out, "  %s: %s\n", status_name(r), r->reason);
    fflush(out);
}

static json_t *row(const struct bench *b, const struct bench_result *r)
{
    const struct {
        const char *key;
        double figure;
    } figures[] = {{"floor", r->floor},
                   {"ours", r->ours},
                   {"ratio", r->ratio},
                   {"ratio_least", r->ratio_least},
                   {"ratio_most", r->ratio_most}};
    const bool measured = r->status == BENCH_MEASURED;
    json_t *j = json_object();

    json_object_set_new(j, "name", json_string(b->name));
    json_object_set_new(j, "unit", json_string(b->unit));
    json_object_set_new(j, "status", json_string(status_name(r)));
    json_object_set_new(j, "reason", json_text_clean(measured ? "" : r->reason));
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        json_object_set_new(j, figures[i].key, measured ? json_real(figures[i].figure) : json_null());
    return j;
}

static void print_json(FILE *out, json_t *rows, const struct bench_options *o)
{
    json_t *j = json_object();
    struct utsname host;

    uname(&host);
    json_object_set_new(j, "schema", json_integer(REPORT_SCHEMA));
    json_object_set_new(j, "tornpage", json_string(TORNPAGE_VERSION));
    json_object_set_new(j, "kernel", json_string(host.release));
    json_object_set_new(j, "seconds", json_real(o->seconds));
    json_object_set_new(j, "rounds", json_integer(o->rounds));
    json_object_set_new(j, "benches", rows);
    if (json_dumpf(j, out, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0)
        fputc('\n', out);
    json_decref(j);
}

/* Returns the exit status: broken if a bench was, skipped if all were. */
static int run_chosen(const struct chosen *c, const struct bench_options *o, FILE *people, json_t *rows)
{
    size_t n_skipped = 0;
    bool any_broken = false;

    print_head(people);
    for (size_t i = 0; i < c->n; i++) {
        struct bench_result r;

        fflush(NULL); /* the bench is a fork of this process */
        bench_run(c->bench[i], o, &r);
        print_row(people, c->bench[i], &r);
        json_array_append_new(rows, row(c->bench[i], &r));
        n_skipped += r.status == BENCH_SKIPPED;
        any_broken |= r.status == BENCH_BROKEN;
    }
    return any_broken ? STATUS_BROKEN : n_skipped == c->n ? STATUS_SKIPPED : STATUS_GOOD;
}

static int take_option(const struct face *f, int option, const char *value, struct bench_options *o, const char **json)
{
    uint64_t n = 0;

    switch (option) {
    case BENCH_JSON:
        *json = value;
        return 0;
    case BENCH_SECONDS:
        if (text_seconds(value, &o->seconds))
            return 0;
        return usage_error(f, "--seconds %s: expected seconds, such as 0.5", value);
    case BENCH_ROUNDS:
        if (!text_number(value, 1, BENCH_MAX_ROUNDS, &n))
            return usage_error(f, "--rounds %s: expected a whole number from 1 to %d", value, BENCH_MAX_ROUNDS);
        o->rounds = (unsigned)n;
        return 0;
    default:
        assert(option == BENCH_JOBS);
        if (!text_number(value, 1, 1024, &n))
            return usage_error(f, "--jobs %s: expected a whole number from 1 to 1024", value);
        o->jobs = (unsigned)n;
        return 0;
    }
}

static int run_command(const struct face *f, int argc, char **argv)
{
    struct bench_options o = {.seconds = 1, .rounds = 5};
    struct chosen chosen = {.n = 0};
    struct scenarios scenarios = {.n = 0};
    const char *value = NULL, *json = NULL;
    struct output *out = NULL;
    int option;

    while ((option = option_next(f, argc, argv, &value)) >= 0)
        if (take_option(f, option, value, &o, &json) != 0)
            return STATUS_USAGE;
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_GOOD : STATUS_USAGE;
    if (choose(f, argc, argv, &chosen) != 0)
        return STATUS_USAGE;
    for (size_t i = 0; i < chosen.n && scenarios.n == 0 && scenarios_home(); i++)
        if (chosen.bench[i]->scenarios) {
            scenarios_add(&scenarios, scenarios_home());
            scenarios_finish(&scenarios);
        }
    if (scenarios.n_errors)
        return STATUS_USAGE;
    o.plans = scenarios.plan;
    o.n_plans = scenarios.n;
    if (json) {
        out = report_open(f, "json", json, (const char *const *)scenarios.file);
        if (!out)
            return STATUS_USAGE;
    }

    json_t *rows = json_array();
    int status = run_chosen(&chosen, &o, out && output_file(out) == stdout ? stderr : stdout, rows);
    if (out)
        print_json(output_file(out), rows, &o);
    else
        json_decref(rows);
    status = report_close(out, status);
    scenarios_free(&scenarios);
    return status;
}

static void words(char *const *before, int n, struct buf *out)
{
    (void)before, (void)n;
    for (size_t i = 0; benches[i]; i++)
        buf_printf(out, "%s\n", benches[i]->name);
}

static const struct face_status statuses[] = {
    {"0", "measured"}, {"2", "wrong usage"}, {"77", "everything skipped"}, {"99", "broken"}, {NULL, NULL},
};

const struct face face_bench = {
    .name = "bench",
    .args = "[NAME]...",
    .summary = "Compare tornpage's speed with what the bare kernel needs for the same work.",
    .about = "Each bench measures floor and ours alternately in one run, so that a busy machine slows both. Figures are medians "
             "over the rounds. The ratio is the median of the rounds' ratios, with the least and the greatest as its spread; "
             "larger is better: it is ours / floor, but floor / ours for memory. A bench that needs root or loop devices is "
             "skipped with the reason where there are none.\n"
             "\n"
             "The benches:\n"
             "  power-ext4, power-xfs, power-btrfs (states/s)\n"
             "      floor: mount, read of all files and unmount of crash images of the same recording (the\n"
             "      journal's recovery included) from a plain loop device over a memory file, with the same\n"
             "      mount options and number of workers\n"
             "      ours: the same states as 'run' explores them, each mounted: loaded, mounted, read back,\n"
             "      probed with a write and fsync, unmounted, judged; including recordings between them\n"
             "  kill (kills/s)\n"
             "      floor: fork, mmap, store of 16 KiB, SIGKILL, wait, read of the file (64 KiB, existing before)\n"
             "      ours: the driver's run of a plan up to its kill point, readback and verifier; each run makes\n"
             "      its file anew in an empty directory and removes it. Both on tmpfs; without root in $TMPDIR\n"
             "  record (steps/s)\n"
             "      floor: stores, writes and syncs as bare system calls on ext4 on a plain loop device\n"
             "      ours: the same as a plan on the recorded disk, recording\n"
             "  verify (bytes/s)\n"
             "      floor: memcmp of two buffers of 16 MiB, larger than the L2 cache\n"
             "      ours: the verifier on a file of that size with several legal versions\n"
             "  sim (runs/s)\n"
             "      floor: none, so the target stands here: 30,000 a second on one core\n"
             "      ours: random plans of at most 8 steps simulated, built into worlds, judged\n"
             "  covered-ext4, covered-xfs, covered-btrfs (states)\n"
             "      floor: crash states of all scenarios that were mounted\n"
             "      ours: crash states that were covered: the mounted ones and all that must show the same\n"
             "  memory (MiB)\n"
             "      floor: twice the write log, which has 100,000 entries on a volume of 1 GiB\n"
             "      ours: the peak of a process in which a crash disk shows every prefix of that log",
    .options = options,
    .statuses = statuses,
    .words = words,
    .run = run_command,
};
