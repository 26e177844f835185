/* tornpage explore: explores the crash states of an external log, judged by a command. */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "base/version.h"
#include "external_log/external_log.h"
#include "faces/faces.h"
#include "host/output.h"
#include "report/report.h"
#include "report/text.h"

enum {
    EXPLORE_LOG,
    EXPLORE_BASE,
    EXPLORE_FS,
    EXPLORE_CHECK,
    EXPLORE_MOUNT,
    EXPLORE_FROM,
    EXPLORE_TO,
    EXPLORE_MAX,
    EXPLORE_TIME,
    EXPLORE_JOBS,
    EXPLORE_NO_PRUNE,
    EXPLORE_CHECK_PRUNE,
    EXPLORE_SEED,
    EXPLORE_SECTOR,
    EXPLORE_DEADLINE,
    EXPLORE_JSON,
    EXPLORE_FINDINGS,
    EXPLORE_OPTIONS
};

static const struct face_option options[EXPLORE_OPTIONS + 1] = {
    [EXPLORE_LOG] = {"log", 'l', "FILE", "The log, in the format of dm-log-writes."},
    [EXPLORE_BASE] = {"base", 'B', "IMAGE", "The device's contents when the log began: a file or a device, which is only read."},
    [EXPLORE_FS] = {"fs", 0, "FS", "The file system to mount: ext4, xfs, btrfs, or another that this kernel has."},
    [EXPLORE_CHECK] = {"check", 'c', "COMMAND",
                       "Run by sh -c on each mounted crash state. Status 0: good; 126 and 127: the shell could not run it; any "
                       "other: a violation."},
    [EXPLORE_MOUNT] = {"mount", 'o', "OPTIONS", "Mount options, as for mount -o."},
    [EXPLORE_FROM] = {"from", 0, "MARK", "Only crashes after the first mark of this name."},
    [EXPLORE_TO] = {"to", 0, "MARK", "Only crashes up to the next mark of this name."},
    [EXPLORE_MAX] = {"states", 0, "N", "Visit at most N crash states one by one, and mount at most N. Default: 1000."},
    [EXPLORE_TIME] =
        {"time", 't', "TIME",
         "Begin no crash state after this time: seconds, or 90s, 5m, 2h. The report says what was left out. Default: no limit."},
    [EXPLORE_JOBS] = {"jobs", 'j', "N",
                      "Observe N states in parallel. Default: chosen by the number of processors. Results do not depend on it."},
    [EXPLORE_NO_PRUNE] = {"no-prune", 0, NULL,
                          "Mount every crash state. Needed when COMMAND depends on more than the volume and the mark."},
    [EXPLORE_CHECK_PRUNE] = {"check-prune", 0, NULL,
                             "Also mount the states that are covered; the run is broken if COMMAND ends differently there."},
    [EXPLORE_SEED] = {"seed", 's', "N", "The source of all randomness. Default: 1."},
    [EXPLORE_SECTOR] =
        {"sector", 0, "BYTES",
         "The atomic unit, which a disk writes whole or not at all: 512 or 4096. Default: the loop backend's for this "
         "file system; 4096 if the log has such sectors."},
    [EXPLORE_DEADLINE] =
        {"deadline", 0, "TIME",
         "A command that runs longer is killed; if it does so twice on one state, that is a violation. Seconds, or 90s, 5m. "
         "It is multiplied by the number of jobs for each processor, and grows up to five times on a machine that is short of "
         "processors, disks or memory. Default: 30s."},
    [EXPLORE_JSON] = {"json", 0, "FILE", "Also write the results as JSON; '-' is standard output."},
    [EXPLORE_FINDINGS] = {"findings", 'f', "DIR",
                          "Directory for images of the first 10 violated states, raw sparse files. Default: findings."},
    [EXPLORE_OPTIONS] = {NULL, 0, NULL, NULL},
};

enum { MAX_VIOLATIONS = 10, MAX_EPOCHS = 20 };

static int parse_number(int option, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
    if (text_number(text, min, max, ret))
        return 0;
    return usage_error(&face_explore, "--%s %s: expected a whole number from %llu to %llu", options[option].name, text,
                       (unsigned long long)min, (unsigned long long)max);
}

static int take_option(struct external_options *opt, const char **json, int option, const char *value)
{
    const char **const texts[EXPLORE_OPTIONS] = {[EXPLORE_LOG] = &opt->log_path,
                                                 [EXPLORE_BASE] = &opt->base_path,
                                                 [EXPLORE_FS] = &opt->fs,
                                                 [EXPLORE_CHECK] = &opt->check,
                                                 [EXPLORE_FROM] = &opt->from,
                                                 [EXPLORE_TO] = &opt->to,
                                                 [EXPLORE_MOUNT] = &opt->mount,
                                                 [EXPLORE_JSON] = json,
                                                 [EXPLORE_FINDINGS] = &opt->findings_dir};
    uint64_t n = 0;
    int rc;

    switch (option) {
    case EXPLORE_MAX:
        return parse_number(option, value, 1, INT64_MAX, &opt->max_states);
    case EXPLORE_JOBS:
        rc = parse_number(option, value, 1, 1024, &n);
        opt->jobs = (unsigned)n;
        return rc;
    case EXPLORE_NO_PRUNE:
        opt->no_prune = true;
        return 0;
    case EXPLORE_CHECK_PRUNE:
        opt->check_prune = true;
        return 0;
    case EXPLORE_SEED:
        return parse_number(option, value, 0, INT64_MAX, &opt->seed);
    case EXPLORE_SECTOR:
        opt->sector = strcmp(value, "512") == 0 ? 512 : strcmp(value, "4096") == 0 ? 4096 : 0;
        return opt->sector ? 0 : usage_error(&face_explore, "--sector %s: expected 512 or 4096", value);
    case EXPLORE_TIME:
        if (text_seconds(value, &opt->time_s))
            return 0;
        return usage_error(&face_explore, "--time %s: expected seconds, or a time such as 90s, 5m or 2h", value);
    case EXPLORE_DEADLINE:
        if (text_seconds(value, &opt->deadline_s))
            return 0;
        return usage_error(&face_explore, "--deadline %s: expected seconds, or a time such as 90s or 5m", value);
    default:
        assert(texts[option]);
        *texts[option] = value;
        return *value || option == EXPLORE_MOUNT || option == EXPLORE_FROM || option == EXPLORE_TO
                   ? 0
                   : usage_error(&face_explore, "--%s: its value is empty", options[option].name);
    }
}

static const char *verdict_of(int status)
{
    return verdict_names[status == STATUS_GOOD       ? VERDICT_KEPT
                         : status == STATUS_VIOLATED ? VERDICT_VIOLATED
                         : status == STATUS_SKIPPED  ? VERDICT_SKIPPED
                                                     : VERDICT_BROKEN];
}

static void write_json(const struct external_options *opt, const struct external_result *r, int status, const char *reason,
                       double wall_s, FILE *out)
{
    const struct external_counts *c = &r->counts;
    json_t *all = json_array(), *findings = json_array(), *epochs = json_array(), *j;
    struct utsname host = {0};

    uname(&host);
    for (size_t i = 0; i < r->n_violations; i++) {
        const struct external_violation *v = &r->violations[i];

        json_array_append_new(all, json_pack("{ss, si, sI, sI, so, so, so, so}", "kind", external_kind_names[v->kind], "status",
                                             v->status, "position", (json_int_t)v->cut, "marks", (json_int_t)v->n_marks, "mark",
                                             json_text_clean(v->mark), "state", json_text_clean(v->state), "said",
                                             json_text_clean(v->output), "image", json_text_clean(v->image)));
        if (*v->image)
            json_array_append_new(findings, json_text_clean(v->image));
    }
    for (size_t i = 0; i < r->n_epochs; i++)
        json_array_append_new(epochs, report_epoch(&r->epochs[i]));
    j = json_pack(
        "{si, ss, si, ss, sI, sf, so, so, ss, si, ss, so, sI, sI, sI, sI, sI, sI, sI, sI, sI, sI, sf, so, so, so, sb, sb}",
        "schema", REPORT_SCHEMA, "tornpage", TORNPAGE_VERSION, "status", status, "kernel", host.release, "seed",
        (json_int_t)opt->seed, "wall_s", (double)(int64_t)(wall_s * 1000) / 1000, "log", json_text_clean(opt->log_path), "base",
        json_text_clean(opt->base_path), "fs", opt->fs, "sector", (int)r->sector, "verdict", verdict_of(status), "reason",
        json_text_clean(reason), "entries", (json_int_t)r->n_entries, "marks", (json_int_t)r->n_marks, "from",
        (json_int_t)r->from, "to", (json_int_t)r->to, "states_covered", (json_int_t)c->states_covered, "states_mounted",
        (json_int_t)c->states_mounted, "checks", (json_int_t)c->checks, "states_violated", (json_int_t)c->states_violated,
        "epochs_exhaustive", (json_int_t)c->epochs_exhaustive, "epochs_sampled", (json_int_t)c->epochs_sampled, "states_exist",
        c->states_exist, "epochs", epochs, "violations", all, "findings", findings, "untraced", (int)c->untraced, "cut_short",
        (int)c->cut_short);
    assert(j);
    if (json_dumpf(j, out, JSON_INDENT(1)) == 0)
        fputc('\n', out);
    json_decref(j);
}

static void print_violation(const struct external_violation *v, FILE *out)
{
    struct buf mark = {.data = NULL}, output = {.data = NULL};

    utf8_clean(&mark, v->mark);
    utf8_clean(&output, v->output);
    fprintf(out, "\nposition %llu, %s%s%s: ", (unsigned long long)v->cut, v->n_marks ? "last mark '" : "before any mark",
            buf_text(&mark), v->n_marks ? "'" : "");
    if (v->kind == EXTERNAL_MOUNT)
        fputs("it does not mount\n", out);
    else if (v->kind == EXTERNAL_HUNG)
        fputs("the command did not end before its deadline\n", out);
    else if (v->status > 128)
        fprintf(out, "the command died of signal %d, or ended with status %d\n", v->status - 128, v->status);
    else
        fprintf(out, "the command ended with status %d\n", v->status);
    fprintf(out, "    state: %s\n", v->state);
    text_lines(out, buf_text(&output), 4, 12);
    if (*v->image)
        fprintf(out, "    image: %s\n", v->image);
    buf_free(&mark);
    buf_free(&output);
}

/* Epochs of which not all states were covered. */
static void print_sampled(const struct external_result *r, FILE *out)
{
    unsigned n = 0;

    for (size_t i = 0; i < r->n_epochs; i++) {
        if (r->epochs[i].exhaustive || n++ >= MAX_EPOCHS)
            continue;
        fputs(n == 1 ? "\nSampled epochs: the states that may exist there were not all covered\n  " : "  ", out);
        summary_epoch(&r->epochs[i], out);
    }
    if (n > MAX_EPOCHS)
        fprintf(out, "  ... and %s more; --json has more\n", text_count(n - MAX_EPOCHS));
    if (n)
        fputs("\n", out);
}

static void print_result(const struct external_options *opt, const struct external_result *r, double wall_s, FILE *out)
{
    const struct external_counts *c = &r->counts;
    const struct term term = term_of(out);
    const enum verdict verdict = c->states_violated ? VERDICT_VIOLATED : VERDICT_KEPT;

    for (size_t i = 0; i < r->n_violations && i < MAX_VIOLATIONS; i++)
        print_violation(&r->violations[i], out);
    if (r->n_violations > MAX_VIOLATIONS)
        fprintf(out, "\n... and %s more\n", text_count(r->n_violations - MAX_VIOLATIONS));
    if (r->n_violations)
        fputs("\n", out);
    print_sampled(r, out);
    fprintf(out, "%s: entries %llu to %llu of %llu, %s marks; atomic unit %u; seed %llu\n", opt->log_path,
            (unsigned long long)r->from, (unsigned long long)r->to, (unsigned long long)r->n_entries, text_count(r->n_marks),
            r->sector, (unsigned long long)opt->seed);
    fprintf(out, "%.9g states exist, torn writes apart; %s epochs exhaustive, %s sampled%s\n", c->states_exist,
            text_count(c->epochs_exhaustive), text_count(c->epochs_sampled), c->cut_short ? "; cut short by --time" : "");
    if (c->untraced)
        fprintf(out, "%s\n", report_untraced);
    fprintf(out, "%s%s%s: %s of %s crash states violated; %s mounted, %s checks in %s\n", verdict_colour(verdict, term),
            verdict_word(verdict), colour_end(term), text_count(c->states_violated), text_count(c->states_covered),
            text_count(c->states_mounted), text_count(c->checks), text_duration(wall_s));
}

static void watch(void *arg, uint64_t done, uint64_t left, uint64_t violated)
{
    const struct progress p = {.jobs_total = 1, .states_done = done, .states_left = left, .violated = violated};

    progress_watch(arg, NULL, &p);
}

/* The exit status for an error: wrong input counts as wrong usage. */
static int status_of(int rc, const struct error *err)
{
    if (err->skip)
        return STATUS_SKIPPED;
    return rc == -EINVAL || rc == -ENOENT || rc == -EACCES || rc == -EISDIR || rc == -E2BIG ? STATUS_USAGE : STATUS_BROKEN;
}

static int explore(const struct external_options *opt, struct output *json)
{
    FILE *json_out = json ? output_file(json) : NULL;
    struct external_result result = {.n_entries = 0};
    struct error err = {.code = 0};
    struct progress_line line;
    struct external_log *x = NULL;
    char text[1024] = "";
    int status = STATUS_GOOD;

    progress_begin(&line, stderr, opt->time_s);
    int rc = external_log_open(opt, &x, &err);
    if (rc == 0)
        rc = external_log_explore(x, watch, &line, &result, &err);
    progress_end(&line);
    const double wall_s = clock_s() - line.begin_s;
    if (rc == 0 || result.counts.states_violated)
        print_result(opt, &result, wall_s, json_out == stdout ? stderr : stdout);
    if (rc < 0) {
        fflush(stdout);
        fprintf(stderr, "tornpage: %s\n", error_text(&err, text, sizeof text));
        status = result.counts.states_violated ? STATUS_VIOLATED : status_of(rc, &err);
    } else if (result.counts.states_violated) {
        status = STATUS_VIOLATED;
    }
    if (json_out && status != STATUS_USAGE)
        write_json(opt, &result, status, text, wall_s, json_out);
    if (status == STATUS_USAGE)
        output_abandon(json);
    else
        status = report_close(json, status);
    external_result_free(&result);
    external_log_close(x);
    return status;
}

static int run_command(const struct face *c, int argc, char **argv)
{
    struct external_options opt = {.seed = 1, .deadline_s = 30, .findings_dir = "findings"};
    const char *value = NULL, *json = NULL;
    struct output *out = NULL;
    int option;

    while ((option = option_next(c, argc, argv, &value)) >= 0)
        if (take_option(&opt, &json, option, value) != 0)
            return STATUS_USAGE;
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_GOOD : STATUS_USAGE;
    if (optind < argc)
        return usage_error(c, "'%s' is not an option, and explore takes no other arguments", argv[optind]);
    if (!opt.log_path || !opt.base_path || !opt.fs || !opt.check)
        return usage_error(c, "--%s is missing", !opt.log_path ? "log" : !opt.base_path ? "base" : !opt.fs ? "fs" : "check");
    if (json) {
        out = report_open(c, "json", json, (const char *const[]){opt.log_path, opt.base_path, NULL});
        if (!out)
            return STATUS_USAGE;
    }
    return explore(&opt, out);
}

/* There are none: a word that is no option is wrong. */
static void words(char *const *before, int n, struct buf *out)
{
    (void)before, (void)n, (void)out;
}

static const struct face_status statuses[] = {
    {"0", "nothing violated"},
    {"1", "violated"},
    {"2", "wrong usage, or a log or image that is malformed or does not fit"},
    {"77", "skipped: the machine lacks something"},
    {"99", "broken, and nothing violated"},
    {NULL, NULL},
};

const struct face face_explore = {
    .name = "explore",
    .args = "--log FILE --base IMAGE --fs FS --check COMMAND",
    .summary = "Explore the crash states of another program's write log, and judge each by a command.",
    .about =
        "The log comes from the kernel's dm-log-writes, from QEMU's blklogwrites, or from 'tornpage run --log'. For each disk "
        "image that a power cut during the log may have left, the file system is mounted and COMMAND runs. It gets the mount "
        "point as $1 and the last mark before the cut as $2; its environment holds both as TORNPAGE_MOUNT and TORNPAGE_MARK, and "
        "the number of marks before the cut as TORNPAGE_MARKS. It may write: each state is mounted afresh. A state that may "
        "exist before and after a mark is checked for both. A file system that does not mount is a violation, too.\n"
        "\n"
        "A mark is a promise of the program that made the log ('dmsetup message DEVICE 0 mark fsync-done'): after it, COMMAND "
        "may demand what was synced before it. Everything runs in private namespaces; all processes that COMMAND starts end with "
        "it.\n"
        "\n"
        "A state is covered without a mount if it agrees with a checked one, at the same number of marks, in everything that "
        "mount, COMMAND and unmount read from the volume. That holds if COMMAND reads nothing but the volume, $1, $2 and files "
        "that do not change. One that depends on the time, on chance, or on what its earlier runs left behind needs --no-prune. "
        "Commands run in parallel and in no fixed order: what they write outside the volume needs a unique name (mktemp), or "
        "--jobs 1.\n"
        "\n"
        "Which states: every prefix of the log; each write in flight dropped alone, kept alone and torn; all subsets of up to "
        "six writes in flight, samples of more; then all subsets of those, too, if few enough mounts suffice. The report says "
        "how many states exist, and which epochs (the writes between two flushes) are exhaustive and which are only sampled.",
    .options = options,
    .statuses = statuses,
    .examples = "  tornpage explore --log fsx.log --base fsx.base --fs xfs --check 'sh verify.sh \"$1\" \"$2\"'\n"
                "  tornpage explore -l w.log -B w.img --fs ext4 --from mkfs --check 'cmp a \"$1/a\"'\n",
    .words = words,
    .run = run_command,
};
