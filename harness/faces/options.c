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
#include "faces/faces.h"
#include "host/output.h"
#include "report/text.h"

enum {
    MAX_OPTIONS = 32,
    HELP_INDENT = 24,
    LONG_BASE = 256, /* getopt_long's value for option i is LONG_BASE + i */
    LONG_HELP = LONG_BASE + MAX_OPTIONS,
};

static const struct face_option help_row = {"help", 'h', NULL, "This text."};

static void help_option(const struct face_option *o)
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
        help_option(o);
    help_option(&help_row);
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
    *ret++ = 'h';
    *ret = '\0';
}

/* Reports a wrong long option: it is ambiguous, or unknown. */
static int bad_option(const struct face *c, const char *word)
{
    const char *names[MAX_OPTIONS + 2];
    struct buf candidates = {0};
    char asked[64];
    size_t n = 0, n_candidates = 0;

    for (const struct face_option *o = c->options; o->name; o++)
        names[n++] = o->name;
    names[n++] = help_row.name;
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
    struct option longs[MAX_OPTIONS + 2] = {0};
    char letters[2 * MAX_OPTIONS + 4];
    int n = 0;

    for (; c->options[n].name; n++) {
        assert(n < MAX_OPTIONS);
        longs[n] =
            (struct option){c->options[n].name, c->options[n].value ? required_argument : no_argument, NULL, LONG_BASE + n};
    }
    longs[n] = (struct option){help_row.name, no_argument, NULL, LONG_HELP};
    letters_of(c, letters);

    opterr = 0;
    int before = optind ? optind : 1, got = getopt_long(argc, argv, letters, longs, NULL);
    const char *word = optind - 1 >= before && optind - 1 < argc ? argv[optind - 1] : argv[before < argc ? before : argc - 1];
    *ret_value = optarg;
    if (got == -1)
        return OPTION_END;
    if (got == 'h' || got == LONG_HELP) {
        face_help(c);
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
