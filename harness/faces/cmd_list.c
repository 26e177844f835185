/* tornpage list: scenarios, backends, faults, verbs and rules, read from the code and the scenario files themselves. */
#include <assert.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/buf.h"
#include "faces/faces.h"
#include "faces/scenarios.h"
#include "known/known.h"
#include "language/verb.h"
#include "report/text.h"
#include "truth/rules.h"

enum { OPTION_INDENT = 32 };

static const struct face_option options[] = {{NULL, 0, NULL, NULL}};

/* "kill, power" */
static void print_strikes(unsigned strikes, FILE *out)
{
    const char *comma = "";

    for (unsigned k = 0; k < STRIKES; k++)
        if (strikes & (1U << k)) {
            fprintf(out, "%s%s", comma, strike_table[k].name);
            comma = ", ";
        }
}

static int list_scenarios(int argc, char **argv)
{
    struct scenarios s = {0};
    const char *home = scenarios_home();

    for (int i = 0; i < argc; i++)
        scenarios_add(&s, argv[i]);
    if (!argc && home)
        scenarios_add(&s, home);
    if (!argc && !home)
        return usage_error(&face_list, "no scenarios are installed; name a directory");
    scenarios_finish(&s);
    for (size_t i = 0; i < s.n; i++) {
        const struct plan *p = s.plan[i];
        printf("%s  (", p->name);
        print_strikes(p->strikes, stdout);
        printf("; %s)\n    ", p->origin ? p->origin : "no origin");
        text_wrap(stdout, p->test ? p->test : "", 4, 4, TEXT_WIDTH);
    }
    int status = s.n_errors ? STATUS_USAGE : STATUS_GOOD;
    scenarios_free(&s);
    return status;
}

/* A row "    left    text"; the text begins in column OPTION_INDENT and is wrapped there. */
static void print_row(const char *left, const char *text)
{
    int n = printf("    %s", left);

    if (n + 2 > OPTION_INDENT)
        printf("\n%*s", OPTION_INDENT, "");
    else
        printf("%*s", OPTION_INDENT - n, "");
    text_wrap(stdout, text, OPTION_INDENT, OPTION_INDENT, TEXT_WIDTH);
}

static void print_option(const struct backend_option *o)
{
    char left[128];

    snprintf(left, sizeof left, "%s=%s", o->key, o->fallback ? o->fallback : "");
    print_row(left, o->help);
}

static int list_backends(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (const struct backend *const *b = backends; *b; b++) {
        printf("%s%s  (", b == backends ? "" : "\n", (*b)->name);
        print_strikes((*b)->strikes, stdout);
        fputs(")\n    ", stdout);
        text_wrap(stdout, (*b)->summary, 4, 4, TEXT_WIDTH);
        fputs("    Cannot show: ", stdout);
        text_wrap(stdout, (*b)->cannot, 17, 17, TEXT_WIDTH);
        for (const struct backend_option *o = (*b)->options; o && o->key; o++)
            print_option(o);
    }
    return STATUS_GOOD;
}

/* An option that makes something go wrong on purpose, and its possible values. */
static void print_fault_option(const struct backend *b, const struct backend_option *o)
{
    struct option_choice c;
    char left[128];

    snprintf(left, sizeof left, "-b %s:%s=...", b->name, o->key);
    print_row(left, o->help);
    for (size_t i = 0; option_choice_at(o, i, &c); i++) {
        snprintf(left, sizeof left, "%s%s%s", c.name, c.argument ? ":" : "", c.argument ? c.argument : "");
        print_row(left, c.sentence);
    }
}

static int list_faults(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("Crash kinds (--crash):");
    for (size_t k = 0; k < STRIKES; k++)
        print_row(strike_table[k].name, strike_table[k].dies);
    puts("\nFaults, which the matrix must then show as violations:");
    for (const struct backend *const *b = backends; *b; b++)
        for (const struct backend_option *o = (*b)->options; o && o->key; o++)
            if (o->fault)
                print_fault_option(*b, o);
    return STATUS_GOOD;
}

/* One rule as `list rules` and `explain --rule` print it. */
void print_rule(const struct rule_info *r)
{
    printf("%s  (%s%s)\n    ", r->id, breach_names[r->breach], r->judged ? "" : "; not judged yet");
    struct buf text = {0};

    buf_printf(&text, "%s.", r->sentence);
    text_wrap(stdout, buf_text(&text), 4, 4, TEXT_WIDTH);
    fputs("    Source: ", stdout);
    text_wrap(stdout, r->source, 12, 12, TEXT_WIDTH);
    buf_free(&text);
}

static int list_rules(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < RULES; i++)
        print_rule(&rule_table[i]);
    return STATUS_GOOD;
}

static int list_verbs(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (const struct verb *v = verb_next(NULL); v; v = verb_next(v)) {
        printf("%s%s%s\n    ", v->name, v->syntax && *v->syntax ? " " : "", v->syntax ? v->syntax : "");
        text_wrap(stdout, v->help, 4, 4, TEXT_WIDTH);
    }
    return STATUS_GOOD;
}

static int list_known(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (const struct known_behaviour *b = known_behaviours; b->name; b++) {
        struct buf text = {0};

        buf_printf(&text, "%s (%s)", b->sentence, b->source);
        printf("%s, on %s\n    ", b->name, b->backend);
        text_wrap(stdout, buf_text(&text), 4, 4, TEXT_WIDTH);
        buf_free(&text);
    }
    return STATUS_GOOD;
}

static int list_template(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fputs(scenario_template, stdout);
    return STATUS_GOOD;
}

static const struct {
    const char *name;
    bool takes_arguments;
    int (*list)(int argc, char **argv);
} kinds[] = {{"scenarios", true, list_scenarios}, {"backends", false, list_backends}, {"faults", false, list_faults},
             {"verbs", false, list_verbs},        {"rules", false, list_rules},       {"known", false, list_known},
             {"template", false, list_template}};

enum { N_KINDS = sizeof kinds / sizeof *kinds };

static int run_command(const struct face *c, int argc, char **argv)
{
    const char *value = NULL, *names[N_KINDS + 1] = {NULL};
    int option = option_next(c, argc, argv, &value);

    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_GOOD : STATUS_USAGE;
    for (size_t i = 0; i < N_KINDS; i++)
        names[i] = kinds[i].name;
    if (optind >= argc)
        return usage_error(c, "what is to be listed? One of scenarios, backends, faults, verbs, rules, known, template");
    for (size_t i = 0; i < N_KINDS; i++) {
        if (strcmp(argv[optind], kinds[i].name) != 0)
            continue;
        if (!kinds[i].takes_arguments && optind + 1 < argc)
            return usage_error(c, "'list %s' takes no further argument, but there is '%s'", kinds[i].name, argv[optind + 1]);
        return kinds[i].list(argc - optind - 1, argv + optind + 1);
    }
    struct buf b = {0};
    text_choices(&b, argv[optind], names);
    usage_error(c, "cannot list '%s'%s", argv[optind], buf_text(&b));
    buf_free(&b);
    return STATUS_USAGE;
}

static void words(char *const *before, int n, struct buf *out)
{
    for (size_t i = 0; n == 0 && i < N_KINDS; i++)
        buf_printf(out, "%s\n", kinds[i].name);
    if (n && strcmp(before[0], "scenarios") == 0)
        scenario_names_print(out);
}

static const struct face_status statuses[] = {
    {"0", "listed"},
    {"2", "wrong usage, or a malformed scenario"},
    {"99", "the output could not be written"},
    {NULL, NULL},
};

const struct face face_list = {
    .name = "list",
    .args = "WHAT [ARGUMENT]...",
    .summary = "List what there is: scenarios, backends, faults, verbs, rules, known behaviour of kernels; and print a scenario "
               "to begin with.",
    .about = "WHAT is one of these:\n"
             "  scenarios [PATH]...        what they test, and where they come from\n"
             "  backends                   kinds of volumes, with their options\n"
             "  faults                     crash kinds, and what can go wrong on purpose\n"
             "  verbs                      of the scenario language\n"
             "  rules                      that findings cite\n"
             "  known                      behaviour of kernels that is known, and of which\n"
             "  template                   a scenario to begin with",
    .options = options,
    .statuses = statuses,
    .words = words,
    .run = run_command,
};
