/*
 * Completion for bash. The script asks the program, which answers from the tables of its commands, so that no word is listed
 * twice: `tornpage help --completion -- WORD...` prints what may stand in place of the last word.
 *
 * What an option's value may be follows from its placeholder in --help, and what an argument may be from the command.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/buf.h"
#include "device/fsimage.h"
#include "faces/faces.h"
#include "language/strike.h"
#include "truth/rules.h"

/*
 * readline hands over the word behind the last of COMP_WORDBREAKS (':' and '=' are among them), but a backend is "loop:fs=ext4":
 * so the words are cut at blanks here, and of the answers only what is behind that place goes back.
 */
const char completion_script[] =
    "# bash completion for tornpage(1)\n"
    "_tornpage()\n"
    "{\n"
    "    local line=${COMP_LINE:0:COMP_POINT} word words=()\n"
    "    read -ra words <<<\"$line\"\n"
    "    [[ $line == *[[:blank:]] ]] && words+=('')\n"
    "    word=${words[-1]}\n"
    "    mapfile -t COMPREPLY < <(\"${words[0]}\" help --completion -- \"${words[@]:1}\" 2>/dev/null)\n"
    "    if [[ $word == *[:=]* && $COMP_WORDBREAKS == *:* ]]; then\n"
    "        COMPREPLY=(\"${COMPREPLY[@]#\"${word%\"${word##*[:=]}\"}\"}\")\n"
    "    fi\n"
    "    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=/] ]]; then\n"
    "        compopt -o nospace 2>/dev/null\n"
    "    fi\n"
    "}\n"
    "complete -o bashdefault -o default -F _tornpage tornpage\n";

/* ---- values of options: words that `typed` may become, each behind what must not change of it ---- */

static void add(struct buf *out, const char *typed, size_t kept, const char *word, const char *end)
{
    buf_printf(out, "%.*s%s%s\n", (int)kept, typed, word, end);
}

/* Behind the last of `separators` in text, or at its begin. */
static const char *behind_last(const char *text, const char *separators)
{
    const char *at = text;

    for (const char *p = text; *p; p++)
        if (strchr(separators, *p))
            at = p + 1;
    return at;
}

static void add_file_systems(const char *typed, struct buf *out)
{
    for (size_t i = 0; fsimage_names[i]; i++)
        add(out, typed, 0, fsimage_names[i], "");
}

static void add_strikes(const char *typed, struct buf *out)
{
    const size_t kept = (size_t)(behind_last(typed, ",") - typed);

    for (size_t k = 0; k < STRIKES; k++)
        add(out, typed, kept, strike_table[k].name, "");
}

static void add_rules(const char *typed, struct buf *out)
{
    for (size_t i = 0; i < RULES; i++)
        add(out, typed, 0, rule_table[i].id, "");
}

/* The values of an option, `typed` being a whole backend up to here. */
static void add_values(const struct backend_option *o, const char *typed, const char *value, struct buf *out)
{
    const char *last = o->type == OPTION_FAULTS ? behind_last(value, "+") : value;
    struct option_choice c;

    for (size_t i = 0; option_choice_at(o, i, &c); i++)
        add(out, typed, (size_t)(last - typed), c.name, c.argument ? ":" : "");
    for (size_t i = 0; o->check == fsimage_known && fsimage_names[i]; i++)
        add(out, typed, (size_t)(value - typed), fsimage_names[i], "");
}

static void add_backends(const char *typed, struct buf *out)
{
    const char *colon = strchr(typed, ':'), *last = colon ? behind_last(colon + 1, ",") : NULL;
    const char *equals = last ? strchr(last, '=') : NULL;

    for (const struct backend *const *b = backends; *b; b++) {
        const struct backend_option *o = (*b)->options;

        if (!colon) {
            add(out, typed, 0, (*b)->name, "");
            if (o)
                add(out, typed, 0, (*b)->name, ":");
        }
        if (!colon || strlen((*b)->name) != (size_t)(colon - typed) || strncmp((*b)->name, typed, strlen((*b)->name)) != 0)
            continue;
        for (; o && o->key; o++)
            if (!equals)
                add(out, typed, (size_t)(last - typed), o->key, "=");
            else if (strlen(o->key) == (size_t)(equals - last) && strncmp(o->key, last, strlen(o->key)) == 0)
                add_values(o, typed, equals + 1, out);
    }
}

/* What stands for a value in --help. NULL: a file, or something that cannot be listed. */
static const struct {
    const char *placeholder;
    void (*add)(const char *typed, struct buf *out);
} placeholders[] = {
    {"NAME[:KEY=VALUE,...]", add_backends},
    {"KIND[,KIND...]", add_strikes},
    {"ID", add_rules},
    {"FS", add_file_systems},
};

static void add_value(const struct face_option *o, const char *typed, struct buf *out)
{
    for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++)
        if (strcmp(placeholders[i].placeholder, o->value) == 0)
            placeholders[i].add(typed, out);
}

/* ---- a command line ---- */

/* The option that `word` is, "-b" or "--backend" or "--backend=...", if it takes a value; NULL. */
static const struct face_option *valued_option(const struct face *c, const char *word)
{
    if (word[0] != '-')
        return NULL;
    for (const struct face_option *o = c->options; o->name; o++) {
        const size_t len = strlen(o->name);

        if (!o->value)
            continue;
        if (word[1] == o->letter && o->letter && !word[2])
            return o;
        if (word[1] == '-' && strncmp(word + 2, o->name, len) == 0 && (!word[2 + len] || word[2 + len] == '='))
            return o;
    }
    return NULL;
}

static void add_options(const struct face_option *o, struct buf *out)
{
    for (; o->name; o++)
        buf_printf(out, "--%s\n", o->name);
}

static void add_commands(const struct face *const *all, struct buf *out)
{
    for (const struct face *const *c = all; *c; c++)
        buf_printf(out, "%s\n", (*c)->name);
}

/* The value of an option that stands in the same word: "--crash=po". */
static void add_joined_value(const struct face_option *o, const char *typed, struct buf *out)
{
    const char *value = strchr(typed, '=') + 1;
    struct buf values = {0};

    add_value(o, value, &values);
    for (const char *p = buf_text(&values); *p; p += strcspn(p, "\n") + 1)
        buf_printf(out, "%.*s%.*s\n", (int)(value - typed), typed, (int)strcspn(p, "\n"), p);
    buf_free(&values);
}

/* words[0] is behind the command's name; the last of the n is to be completed. */
static void complete_command(const struct face *c, char *const *words, int n, struct buf *out)
{
    const char *typed = words[n - 1];
    char **before = xcalloc((size_t)n, sizeof *before);
    const struct face_option *pending = NULL; /* an option whose value comes next */
    int n_before = 0;
    bool only_words = false; /* behind "--" */

    for (int i = 0; i + 1 < n; i++) {
        if (pending) {
            pending = NULL;
        } else if (!only_words && words[i][0] == '-' && words[i][1]) {
            only_words = strcmp(words[i], "--") == 0;
            pending = strchr(words[i], '=') ? NULL : valued_option(c, words[i]);
        } else {
            before[n_before++] = words[i];
        }
    }
    if (pending) {
        add_value(pending, typed, out);
    } else if (!only_words && typed[0] == '-') {
        const struct face_option *joined = strchr(typed, '=') ? valued_option(c, typed) : NULL;

        if (joined)
            add_joined_value(joined, typed, out);
        add_options(c->options, out);
        add_options(face_common_options, out);
    } else if (c->words) {
        c->words(before, n_before, out);
    }
    free(before);
}

void completion_print(const struct face *const *all, char *const *words, int n, FILE *out)
{
    struct buf found = {0};
    const char *typed = n ? words[n - 1] : "";
    const struct face *c = n > 1 ? face_find(all, words[0]) : NULL;
    const bool help = n > 1 && strcmp(words[0], "help") == 0;

    if (c) {
        complete_command(c, words + 1, n - 1, &found);
    } else if (help && typed[0] == '-') {
        add_options(face_help_options, &found);
    } else if (help || n <= 1) {
        add_commands(all, &found);
    }
    if (n <= 1) {
        buf_puts(&found, "help\n");
        add_options(face_common_options, &found);
    }
    for (const char *p = buf_text(&found); *p; p += strcspn(p, "\n") + 1)
        if (strncmp(p, typed, strlen(typed)) == 0)
            fprintf(out, "%.*s\n", (int)strcspn(p, "\n"), p);
    buf_free(&found);
}
