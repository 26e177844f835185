/* tornpage run: runs and judges scenarios x backends x strikes; a matrix for people, JSON, JUnit and TAP for machines. */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "faces/faces.h"
#include "faces/scenarios.h"
#include "faces/specs.h"
#include "host/output.h"
#include "random/random.h"
#include "report/report.h"

enum {
    RUN_BACKEND,
    RUN_CRASH,
    RUN_SEED,
    RUN_JOBS,
    RUN_TIME,
    RUN_STATES,
    RUN_RUNS,
    RUN_RANDOM,
    RUN_FSCK,
    RUN_NO_PRUNE,
    RUN_CHECK_PRUNE,
    RUN_FINDINGS,
    RUN_LOG,
    RUN_FORM, /* the first of them */
    RUN_OPTIONS = RUN_FORM + REPORT_N_FORMS
};

#define NAME_AND_COMMA(id, name, ...) #name ", "

static const struct face_option options[RUN_OPTIONS + 1] = {
    [RUN_BACKEND] = {"backend", 'b', "NAME[:KEY=VALUE,...]",
                     "The kind of volume to test; may be given several times, and braces hold alternatives: "
                     "-b loop:fs={ext4,xfs},disk=ignore-flush. Default: sim, dir, and loop with fs=ext4, fs=xfs and fs=btrfs. "
                     "'tornpage list backends' lists them all."},
    [RUN_CRASH] = {"crash", 'c', "KIND[,KIND...]",
                   "Crash kinds to try: " STRIKE_TABLE(NAME_AND_COMMA) "or several of these. Default: all that apply."},
    [RUN_SEED] = {"seed", 's', "N", "The source of all randomness; the same seed gives the same run. Default: 1."},
    [RUN_JOBS] = {"jobs", 'j', "N", "Worker processes. Default: chosen by the number of processors."},
    [RUN_TIME] =
        {"time", 't', "TIME",
         "Stop after this time: seconds, or 90s, 5m, 2h. Each scenario on a backend under a crash kind has a share of it; when "
         "that is used up it mounts no further states and is judged on what it saw. What was not begun is skipped."},
    [RUN_STATES] = {"states", 0, "N", "Mount at most N crash states of each scenario, backend and crash kind. Default: 200."},
    [RUN_RUNS] =
        {"runs", 0, "N",
         "Runs of each scenario on backends that simulate ('sim'), each from a seed of its own. Default: the backend's."},
    [RUN_RANDOM] = {"random", 'r', "N",
                    "Also N random scenarios, made from the seed and named random/SEED; only these when no scenario is named."},
    [RUN_FSCK] = {"fsck", 0, NULL, "Also run the file system's checker on each crash state."},
    [RUN_NO_PRUNE] = {"no-prune", 0, NULL,
                      "Mount every crash state, even if it agrees with a mounted one in everything that recovery reads."},
    [RUN_CHECK_PRUNE] = {"check-prune", 0, NULL,
                         "Also mount the states that are covered; a result is broken if one shows something else."},
    [RUN_FINDINGS] = {"findings", 'f', "DIR", "Directory of saved findings, made with the first one. Default: findings."},
    [RUN_LOG] = {"log", 0, "DIR",
                 "Save each power recording as DIR/NAME.log, in the format of dm-log-writes with a mark at each step's begin and "
                 "end, and the image it starts from as DIR/NAME.base; for 'tornpage explore' and replay-log."},
#define FORM_OPTION(form, value, help) [RUN_FORM + REPORT_##form] = {#form, 0, value, help},
    REPORT_FORMS(FORM_OPTION)
#undef FORM_OPTION
        [RUN_OPTIONS] = {NULL, 0, NULL, NULL},
};

#undef NAME_AND_COMMA

static const char *const default_backends[] = {"sim", "dir", "loop:fs=ext4", "loop:fs=xfs", "loop:fs=btrfs"};

struct run {
    struct campaign_options opt;
    struct scenarios scenarios;
    struct specs specs;
    uint64_t n_random;
    struct {
        const char *path; /* "-": standard output; NULL: not asked for */
        struct output *out;
    } forms[REPORT_N_FORMS];
    bool seed_given;
    struct buf typed; /* the arguments as they were typed */
};

static int parse_strikes(const char *text, unsigned *ret)
{
    const char *names[STRIKES + 1] = {NULL};
    char word[32];

    for (size_t k = 0; k < STRIKES; k++)
        names[k] = strike_table[k].name;
    *ret = 0;
    for (const char *p = text;; p++) {
        const size_t len = strcspn(p, ",");
        const enum strike strike = strike_parse(p, len);
        if (strike == STRIKES) {
            struct buf b = {0};
            snprintf(word, sizeof word, "%.*s", (int)len, p);
            text_choices(&b, word, names);
            usage_error(&face_run, "unknown crash kind '%s'%s", word, buf_text(&b));
            buf_free(&b);
            return STATUS_USAGE;
        }
        *ret |= 1U << strike;
        p += len;
        if (!*p)
            return 0;
    }
}

static int parse_number(int option, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
    if (text_number(text, min, max, ret))
        return 0;
    return usage_error(&face_run, "--%s %s: expected a whole number from %llu to %llu", options[option].name, text,
                       (unsigned long long)min, (unsigned long long)max);
}

static int take_option(struct run *run, int option, const char *value)
{
    uint64_t n = 0;
    int rc = 0;

    switch (option) {
    case RUN_BACKEND:
        specs_add(&run->specs, value);
        return 0;
    case RUN_CRASH:
        return parse_strikes(value, &run->opt.strikes);
    case RUN_SEED:
        run->seed_given = true;
        return parse_number(option, value, 0, INT64_MAX, &run->opt.seed);
    case RUN_JOBS:
        rc = parse_number(option, value, 1, 1024, &n);
        run->opt.jobs = (unsigned)n;
        return rc;
    case RUN_TIME:
        if (text_seconds(value, &run->opt.time_s))
            return 0;
        return usage_error(&face_run, "--time %s: expected seconds, or a time such as 90s, 5m or 2h", value);
    case RUN_STATES:
        return parse_number(option, value, 1, INT64_MAX, &run->opt.max_states);
    case RUN_RUNS:
        return parse_number(option, value, 1, INT64_MAX, &run->opt.runs);
    case RUN_RANDOM:
        return parse_number(option, value, 1, 10000000, &run->n_random);
    case RUN_FSCK:
        run->opt.fsck = true;
        return 0;
    case RUN_NO_PRUNE:
        run->opt.no_prune = true;
        return 0;
    case RUN_CHECK_PRUNE:
        run->opt.check_prune = true;
        return 0;
    case RUN_FINDINGS:
        run->opt.findings_dir = value;
        return *value ? 0 : usage_error(&face_run, "--findings: the name of the directory is empty");
    case RUN_LOG:
        run->opt.log_dir = value;
        return *value ? 0 : usage_error(&face_run, "--log: the name of the directory is empty");
    default:
        assert(option >= RUN_FORM && option < RUN_OPTIONS);
        run->forms[option - RUN_FORM].path = value ? value : "-";
        return 0;
    }
}

/* Takes scenarios and backends from the positional arguments, and the defaults for what was not given. */
static void take_arguments(struct run *run, int argc, char **argv)
{
    bool named = false;
    struct rng r;

    for (int i = optind; i < argc; i++) {
        /* A shell makes two words of -b loop:fs={ext4,xfs}, and only the first is the option's value. */
        if (specs_looks_like(argv[i]) && access(argv[i], F_OK) != 0) {
            specs_add(&run->specs, argv[i]);
        } else {
            scenarios_add(&run->scenarios, argv[i]);
            named = true;
        }
    }
    if (!named && !run->n_random) {
        const char *home = scenarios_home();
        if (home) {
            scenarios_add(&run->scenarios, home);
        } else {
            usage_error(&face_run, "no scenarios named, and none are installed; name a file or a directory");
            run->scenarios.n_errors++;
        }
    }
    rng_seed(&r, run->opt.seed);
    for (uint64_t i = 0; i < run->n_random; i++)
        scenarios_add_random(&run->scenarios, rng_next(&r) >> 16); /* 48 bits: shorter names */
    scenarios_finish(&run->scenarios);
    if (!run->specs.n && !run->specs.n_errors)
        for (size_t i = 0; i < sizeof default_backends / sizeof *default_backends; i++)
            specs_add(&run->specs, default_backends[i]);
}

/* Opens the reports' files before the run, so that a wrong path is found early. At most one report may go to standard output. */
static int open_reports(struct run *run)
{
    const char *on_stdout = NULL;

    for (size_t i = 0; i < REPORT_N_FORMS; i++) {
        const struct face_option *o = &options[RUN_FORM + i];
        const char *path = run->forms[i].path;

        if (!path)
            continue;
        if (strcmp(path, "-") == 0) {
            if (on_stdout)
                return usage_error(&face_run, "only one of --%s and --%s can have the standard output", on_stdout, o->name);
            on_stdout = o->name;
        }
        run->forms[i].out = report_open(&face_run, o->name, path, (const char *const *)run->scenarios.file);
        if (!run->forms[i].out)
            return STATUS_USAGE;
    }
    return 0;
}

/* Remembers what was typed behind "run". Call it before getopt_long permutes argv. */
static void remember_arguments(int argc, char **argv, struct buf *ret)
{
    for (int i = 1; i < argc; i++) {
        buf_puts(ret, " ");
        text_shell(ret, argv[i]);
    }
}

/* The command to paste, with the seed spelled out. */
static void command_again(const struct run *run, struct buf *ret)
{
    text_shell(ret, program_invocation_name);
    buf_puts(ret, " run");
    if (!run->seed_given)
        buf_printf(ret, " --seed %llu", (unsigned long long)run->opt.seed);
    buf_puts(ret, buf_text(&run->typed));
}

/* An incomplete run is not green. A known violation is no failure. */
static int status_of(const struct outcome *o, size_t n_results)
{
    if (o->n[VERDICT_VIOLATED] > o->known)
        return STATUS_VIOLATED;
    if (o->interrupted_by)
        return 128 + o->interrupted_by; /* as a shell says it */
    if (o->n[VERDICT_BROKEN] || o->missing)
        return STATUS_BROKEN;
    return o->n[VERDICT_SKIPPED] == n_results ? STATUS_SKIPPED : STATUS_GOOD;
}

static int report_all(struct run *run, const struct report *report)
{
    static void (*const write[REPORT_N_FORMS])(const struct report *r, FILE *out) = {
#define FORM_WRITE(form, ...) [REPORT_##form] = report_##form,
        REPORT_FORMS(FORM_WRITE)
#undef FORM_WRITE
    };
    FILE *people = stdout;

    for (size_t i = 0; i < REPORT_N_FORMS; i++)
        if (run->forms[i].out && output_file(run->forms[i].out) == stdout)
            people = stderr;
    struct term term = term_of(people);
    int status = report->status;

    matrix_print(report, people, term);
    if (!report->n_results)
        fputs("Nothing to do: the scenarios' headers leave none of these crash kinds.\n", people);
    summary_print(report, people, term);
    for (size_t i = 0; i < REPORT_N_FORMS; i++)
        if (run->forms[i].out) {
            write[i](report, output_file(run->forms[i].out));
            status = report_close(run->forms[i].out, status);
            run->forms[i].out = NULL;
        }
    return status;
}

static int campaign(struct run *run)
{
    struct result *results = NULL;
    size_t n_results = 0;
    struct progress_line line;
    struct error err = {0};
    struct utsname host;
    struct buf again = {0};
    char text[1024];
    const time_t begin = time(NULL);

    uname(&host);
    progress_begin(&line, stderr, run->opt.time_s);
    int rc = campaign_run(run->scenarios.plan, run->scenarios.n, run->specs.config, run->specs.n, &run->opt, progress_watch,
                          &line, &results, &n_results, &err);
    progress_end(&line);
    if (rc < 0) {
        fprintf(stderr, "tornpage: %s\n", error_text(&err, text, sizeof text));
        return STATUS_BROKEN;
    }

    command_again(run, &again);
    struct report report = {.results = results,
                            .n_results = n_results,
                            .configs = run->specs.config,
                            .n_configs = run->specs.n,
                            .begin = begin,
                            .seed = run->opt.seed,
                            .kernel = host.release,
                            .again = buf_text(&again),
                            .wall_s = clock_s() - line.begin_s};
    outcome_of(results, n_results, &report.outcome);
    report.status = status_of(&report.outcome, n_results);
    const int status = report_all(run, &report);
    for (size_t i = 0; i < n_results; i++)
        result_free(&results[i]);
    free(results);
    buf_free(&again);
    return status;
}

static int run_all(struct run *run, int argc, char **argv)
{
    const char *value = NULL;
    int option;

    while ((option = option_next(&face_run, argc, argv, &value)) >= 0)
        if (take_option(run, option, value) != 0)
            return STATUS_USAGE;
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_GOOD : STATUS_USAGE;

    take_arguments(run, argc, argv);
    if (run->scenarios.n_errors || run->specs.n_errors)
        return STATUS_USAGE;
    int status = open_reports(run);
    if (status == 0)
        status = campaign(run);
    for (size_t i = 0; i < REPORT_N_FORMS; i++)
        output_abandon(run->forms[i].out); /* of a run that came to no results */
    return status;
}

static int run_command(const struct face *c, int argc, char **argv)
{
    struct run run = {.opt = {.seed = 1, .strikes = (1U << STRIKES) - 1, .findings_dir = "findings"}};

    assert(c == &face_run);
    remember_arguments(argc, argv, &run.typed);
    int status = run_all(&run, argc, argv);
    buf_free(&run.typed);
    scenarios_free(&run.scenarios);
    specs_free(&run.specs);
    return status;
}

static void words(char *const *before, int n, struct buf *out)
{
    (void)before, (void)n;
    scenario_names_print(out);
}

static const struct face_status statuses[] = {
    {"0", "nothing violated, apart from what is known"},
    {"1", "violated"},
    {"2", "wrong usage, or a malformed scenario (file:line:column: found ..., expected ...)"},
    {"77", "everything skipped"},
    {"99", "broken, and nothing violated; or --time ran out before some scenario, other than a random one, began"},
    {"129, 130, 143", "interrupted by SIGHUP, SIGINT or SIGTERM, and nothing violated"},
    {NULL, NULL},
};

const struct face face_run = {
    .name = "run",
    .args = "[SCENARIO|DIRECTORY]... [-b BACKEND]...",
    .summary = "Run scenarios, break something at each chosen instant, and judge what is left.",
    .about = "SCENARIO is a file, or a name as in the matrix (local/store-no-msync), or random/SEED. Of a DIRECTORY all *.scn "
             "files below it are run. Default: the scenarios in ./scenarios, else those installed (or $TORNPAGE_SCENARIOS).\n"
             "\n"
             "The matrix shows for each scenario, backend and crash kind: kept (everything was there), lossy N/M (something was "
             "legally lost in N of M crash states), VIOLATED N/M (something was seen that the contract forbids), broken (the "
             "harness or the machine failed), skipped, or - (does not apply). Findings are saved and can be replayed alone.",
    .options = options,
    .statuses = statuses,
    .examples = "  tornpage run\n"
                "  tornpage run scenarios/local/store-no-msync.scn -b loop:fs=ext4,mount=nobarrier\n"
                "  tornpage run -b loop:fs={ext4,xfs,btrfs},disk=ignore-flush --crash power\n"
                "  tornpage run --random 1000 -b sim --seed 7 --json -\n",
    .words = words,
    .run = run_command,
};
