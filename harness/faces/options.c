/*
 * Options of commands. One table per command serves both getopt_long and --help, so that the two cannot differ.
 */
#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/edit_distance.h"
#include "base/error.h"
#include "base/version.h"
#include "faces/faces.h"
#include "host/output.h"
#include "report/text.h"

enum {
    MAX_OPTIONS = 32,
    HELP_INDENT = 24,
    LONG_BASE = 256, /* getopt_long's value for option i is LONG_BASE + i */
    LONG_COMMON = LONG_BASE + MAX_OPTIONS,
    COMMON_HELP = 0,
    COMMON_VERSION,
    N_COMMON,
    STATUS_INDENT = 17,
};

const struct face_option face_common_options[N_COMMON + 1] = {
    [COMMON_HELP] = {"help", 'h', NULL, "This text."},
    [COMMON_VERSION] = {"version", 'V', NULL, "The version."},
};

const struct face_option face_help_options[] = {
    {"man", 0, NULL, "The manual page of the program, or of COMMAND, for man(1). 'make install' installs them all."},
    {"completion", 0, NULL,
     "bash's completion script, to be sourced. Behind it, -- WORD... asks for the words that may replace the last, which is what "
     "the "
     "script does."},
    {NULL, 0, NULL, NULL},
};

const struct face *face_find(const struct face *const *all, const char *name)
{
    for (; *all; all++)
        if (strcmp((*all)->name, name) == 0)
            return *all;
    return NULL;
}

void face_print_version(void)
{
    puts("tornpage " TORNPAGE_VERSION);
}

void face_print_statuses(const struct face_status *s)
{
    for (; s->status; s++) {
        printf("  %-*s", STATUS_INDENT - 2, s->status);
        text_wrap(stdout, s->meaning, STATUS_INDENT, STATUS_INDENT, TEXT_WIDTH);
    }
}

void face_help_option(const struct face_option *o)
{
    char left[80];
    char letter[8] = "    ";

    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    int n = snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->value ? " " : "", o->value ? o->value : "");
    assert(n > 0 && (size_t)n < sizeof left);
    fputs(left, stdout);
    if (n > HELP_INDENT - 2)
        printf("\n%*s", HELP_INDENT, "");
    else
        printf("%*s", HELP_INDENT - n, "");
    text_wrap(stdout, o->help, HELP_INDENT, HELP_INDENT, TEXT_WIDTH);
}

void face_help(const struct face *c)
{
    printf("Usage: tornpage %s %s%s\n\n", c->name, c->options[0].name ? "[OPTION]... " : "", c->args);
    text_wrap(stdout, c->summary, 0, 0, TEXT_WIDTH);
    puts("");
    for (const struct face_option *o = c->options; o->name; o++)
        face_help_option(o);
    for (const struct face_option *o = face_common_options; o->name; o++)
        face_help_option(o);
    for (const char *p = c->about; *p;) {
        char line[1024];
        size_t len = strcspn(p, "\n");
        assert(len < sizeof line);
        memcpy(line, p, len);
        line[len] = '\0';
        if (p == c->about)
            puts("");
        if (line[0] == ' ')
            puts(line);
        else
            text_wrap(stdout, line, 0, 0, TEXT_WIDTH);
        p += len + (p[len] == '\n');
    }
    puts("\nExit status:");
    face_print_statuses(c->statuses);
    if (c->examples)
        printf("\nExamples:\n%s", c->examples);
}

/* The short options in getopt's form; without '+', so that options may follow positional arguments. */
static void letters_of(const struct face *c, char *ret)
{
    *ret++ = ':';
    for (const struct face_option *o = c->options; o->name; o++)
        if (o->letter) {
            *ret++ = o->letter;
            if (o->value)
                *ret++ = ':';
        }
    for (size_t i = 0; i < N_COMMON; i++)
        *ret++ = face_common_options[i].letter;
    *ret = '\0';
}

/* Reports a wrong long option: it is ambiguous, or unknown. */
static int bad_option(const struct face *c, const char *word)
{
    const char *names[MAX_OPTIONS + N_COMMON + 1];
    struct buf candidates = {0};
    char asked[64];
    size_t n = 0, n_candidates = 0;

    for (const struct face_option *o = c->options; o->name; o++)
        names[n++] = o->name;
    for (size_t i = 0; i < N_COMMON; i++)
        names[n++] = face_common_options[i].name;
    names[n] = NULL;
    snprintf(asked, sizeof asked, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    for (size_t i = 0; i < n; i++)
        if (strncmp(names[i], asked, strlen(asked)) == 0)
            buf_printf(&candidates, "%s--%s", n_candidates++ ? ", " : "", names[i]);

    const char *similar = edit_similar(asked, names);
    if (n_candidates > 1)
        usage_error(c, "option '--%s' is ambiguous: %s", asked, candidates.data);
    else if (similar)
        usage_error(c, "unknown option '--%s'; did you mean '--%s'?", asked, similar);
    else
        usage_error(c, "unknown option '--%s'", asked);
    buf_free(&candidates);
    return OPTION_BAD;
}

int option_next(const struct face *c, int argc, char **argv, const char **ret_value)
{
    struct option longs[MAX_OPTIONS + N_COMMON + 1] = {0};
    char letters[2 * MAX_OPTIONS + N_COMMON + 2];
    int n = 0;

    for (; c->options[n].name; n++) {
        assert(n < MAX_OPTIONS);
        longs[n] =
            (struct option){c->options[n].name, c->options[n].value ? required_argument : no_argument, NULL, LONG_BASE + n};
    }
    for (int i = 0; i < N_COMMON; i++)
        longs[n + i] = (struct option){face_common_options[i].name, no_argument, NULL, LONG_COMMON + i};
    letters_of(c, letters);

    opterr = 0;
    int before = optind ? optind : 1, got = getopt_long(argc, argv, letters, longs, NULL);
    const char *word = optind - 1 >= before && optind - 1 < argc ? argv[optind - 1] : argv[before < argc ? before : argc - 1];
    *ret_value = optarg;
    if (got == -1)
        return OPTION_END;
    if (got == 'h' || got == LONG_COMMON + COMMON_HELP) {
        face_help(c);
        return OPTION_HELP;
    }
    if (got == 'V' || got == LONG_COMMON + COMMON_VERSION) {
        face_print_version();
        return OPTION_HELP;
    }
    if (got == ':') {
        usage_error(c, "option '%s' needs a value", word);
        return OPTION_BAD;
    }
    if (got == '?') {
        /* optopt is 0 for an unknown or ambiguous long option, and LONG_... for one that takes no value. */
        if (optopt >= LONG_BASE)
            usage_error(c, "option '--%.*s' takes no value", (int)strcspn(word + 2, "="), word + 2);
        else if (optopt)
            usage_error(c, "unknown option '-%c'", optopt);
        else
            return bad_option(c, word);
        return OPTION_BAD;
    }
    for (int i = 0; i < n; i++)
        if (got == LONG_BASE + i || got == c->options[i].letter)
            return i;
    assert(!"getopt_long returned an option that the command does not have");
    return OPTION_BAD;
}

int usage_error(const struct face *c, const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    fputs("tornpage: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nTry 'tornpage %s%s--help'.\n", c ? c->name : "", c ? " " : "");
    return STATUS_USAGE;
}

struct output *report_open(const struct face *c, const char *option, const char *path, const char *const *inputs)
{
    struct output *o;
    struct error err = {.code = 0};

    if (output_open(path, true, inputs, &o, &err) < 0)
        usage_error(c, "--%s %s: %s", option, path, err.msg[0] ? err.msg : strerror(err.code));
    return o;
}

int report_close(struct output *o, int status)
{
    struct error err = {.code = 0};
    char text[1024];

    if (output_commit(o, &err) == 0)
        return status;
    fflush(stdout);
    fprintf(stderr, "tornpage: %s\n", error_text(&err, text, sizeof text));
    return STATUS_BROKEN;
}

int close_stdout(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fputs("tornpage: standard output could not be written\n", stderr);
    return STATUS_BROKEN;
}
