/*
 * Manual pages for man(1), made from the same tables as --help: `tornpage help --man [COMMAND]`. In the macros of man(7), of
 * which groff and mandoc know all that are used here.
 */
#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "faces/faces.h"

const char face_introduction[] = "What is left of a memory-mapped file after something goes wrong? tornpage runs scripted "
                                 "stores, msyncs and truncations on a real "
                                 "file system, kills the process or cuts the power, opens the files again and compares what it "
                                 "finds with everything the documented "
                                 "contract allows.";

struct entry {
    const char *name, *text;
};

static const struct entry environment[] = {
    {"TORNPAGE_SCENARIOS", "The directory of scenarios, in place of ./scenarios and of those installed."},
    {"TMPDIR", "Where the backend dir works unless path= says it, and where files for a while go without root. Default: /tmp."},
    {"COLUMNS", "How wide the matrix may be where standard output is no terminal. Default: 200."},
    {"NO_COLOR", "If it is not empty, nothing is coloured; nor is it if TERM is dumb."},
    {"TERM", "The kind of terminal."},
    {NULL, NULL},
};

static const struct entry files[] = {
    {"./scenarios", "The scenarios that are run if none is named. If it does not exist, those installed are."},
    {"PREFIX/share/tornpage/scenarios", "The scenarios installed. PREFIX is where the program's directory bin is."},
    {"./findings", "Saved findings, NAME.finding.json, unless --findings names another directory."},
    {"/run/tornpage",
     "An empty directory, on which a run as root mounts a tmpfs that no other process sees. Where there is no /run it is "
     "/tmp/.tornpage, /var/tmp/.tornpage or /mnt."},
    {NULL, NULL},
};

/* Text with what roff would take for its own escaped. A line that would begin with a control character gets a \& before it. */
static void put(FILE *out, const char *text)
{
    bool begins = true;

    for (; *text; text++) {
        if (begins && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\'')
            fputs("\\(aq", out);
        else if (*text == '`')
            fputs("\\(ga", out);
        else if (*text == '^')
            fputs("\\(ha", out);
        else if (*text == '~')
            fputs("\\(ti", out);
        else
            fputc(*text, out);
        begins = *text == '\n';
    }
}

static void heading(FILE *out, const char *text)
{
    fprintf(out, ".SH %s\n", text);
}

static void entry(FILE *out, const char *name, const char *text)
{
    fputs(".TP\n\\fB", out);
    put(out, name);
    fputs("\\fR\n", out);
    put(out, text);
    fputc('\n', out);
}

static void entries(FILE *out, const char *title, const struct entry *e)
{
    heading(out, title);
    for (; e->name; e++)
        entry(out, e->name, e->text);
}

static void option(FILE *out, const struct face_option *o)
{
    fputs(".TP\n", out);
    if (o->letter)
        fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
    fputs("\\fB\\-\\-", out);
    put(out, o->name);
    fputs("\\fR", out);
    if (o->value) {
        fputs(" \\fI", out);
        put(out, o->value);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    put(out, o->help);
    fputc('\n', out);
}

static void options(FILE *out, const struct face_option *o)
{
    for (; o->name; o++)
        option(out, o);
}

static void statuses(FILE *out, const struct face_status *s)
{
    heading(out, "EXIT STATUS");
    for (; s->status; s++)
        entry(out, s->status, s->meaning);
}

static void verbatim(FILE *out, const char *lines, size_t len)
{
    fputs(".PP\n.nf\n", out);
    while (len) {
        const char *end = memchr(lines, '\n', len);
        const size_t n = end ? (size_t)(end - lines) + 1 : len;
        char line[1024];

        snprintf(line, sizeof line, "%.*s%s", (int)n, lines, end ? "" : "\n");
        put(out, line);
        lines += n;
        len -= n;
    }
    fputs(".fi\n", out);
}

/* Paragraphs as in --help: a line that begins with a blank is kept as it is, with those that follow. */
static void paragraphs(FILE *out, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        if (*text == ' ') {
            while (text[len] == '\n' && text[len + 1] == ' ')
                len += 1 + strcspn(text + len + 1, "\n");
            verbatim(out, text, len);
        } else if (len) {
            char line[2048];

            snprintf(line, sizeof line, ".PP\n%.*s\n", (int)len, text);
            fputs(".PP\n", out);
            put(out, line + strlen(".PP\n"));
        }
        text += len + (text[len] == '\n');
    }
}

static void title(FILE *out, const struct face *c)
{
    fputs(c ? ".TH TORNPAGE\\-" : ".TH TORNPAGE", out);
    for (const char *p = c ? c->name : ""; *p; p++)
        fputc(toupper((unsigned char)*p), out);
    fputs(" 1 \"\" \"tornpage " TORNPAGE_VERSION "\" \"User Commands\"\n", out);
}

static void see_also(FILE *out, const struct face *const *all, const struct face *without)
{
    heading(out, "SEE ALSO");
    if (without)
        fputs(".BR tornpage (1),\n", out);
    for (const struct face *const *c = all; *c; c++)
        if (*c != without)
            fprintf(out, ".BR tornpage\\-%s (1),\n", (*c)->name);
    fputs(".BR xfs_io (8),\n.BR msync (2)\n", out);
}

static void of_program(FILE *out, const struct face *const *all)
{
    const struct face *main_one = all[0];

    assert(main_one);
    title(out, NULL);
    heading(out, "NAME");
    fputs("tornpage \\- test what crashes leave of memory\\-mapped files\n", out);
    heading(out, "SYNOPSIS");
    fputs(".B tornpage\n.I COMMAND\n[\\fIOPTION\\fR]...\n[\\fIARGUMENT\\fR]...\n", out);
    heading(out, "DESCRIPTION");
    paragraphs(out, face_introduction);
    heading(out, "COMMANDS");
    for (const struct face *const *c = all; *c; c++) {
        fprintf(out, ".TP\n.BR tornpage\\-%s (1)\n", (*c)->name);
        put(out, (*c)->summary);
        fputc('\n', out);
    }
    heading(out, "OPTIONS");
    options(out, face_common_options);
    fputs(".SS Of tornpage help\n", out);
    options(out, face_help_options);
    statuses(out, main_one->statuses);
    fprintf(out, ".PP\nThese are of \\fBtornpage %s\\fR; the other commands have fewer.\n", main_one->name);
    entries(out, "ENVIRONMENT", environment);
    entries(out, "FILES", files);
    heading(out, "EXAMPLES");
    verbatim(out, main_one->examples, strlen(main_one->examples));
    see_also(out, all, NULL);
}

void manual_print(const struct face *const *all, const struct face *c, FILE *out)
{
    if (!c) {
        of_program(out, all);
        return;
    }
    title(out, c);
    heading(out, "NAME");
    fprintf(out, "tornpage\\-%s \\- ", c->name);
    put(out, c->summary);
    fputc('\n', out);
    heading(out, "SYNOPSIS");
    fprintf(out, ".B tornpage %s\n", c->name);
    if (c->options->name)
        fputs("[\\fIOPTION\\fR]...\n", out);
    put(out, c->args);
    fputc('\n', out);
    heading(out, "DESCRIPTION");
    paragraphs(out, c->summary);
    paragraphs(out, c->about);
    heading(out, "OPTIONS");
    options(out, c->options);
    options(out, face_common_options);
    statuses(out, c->statuses);
    if (c->examples) {
        heading(out, "EXAMPLES");
        verbatim(out, c->examples, strlen(c->examples));
    }
    see_also(out, all, c);
}
