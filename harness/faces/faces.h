/*
 * What the commands of the command line share: the form of a command, its options, exit statuses, wrong usage.
 *
 * What the code calls a strike is a "crash kind" in every text for users: `--crash KIND`, the key "crash" in JSON, help texts,
 * reports and the README. These are interfaces, and keep the older word.
 */
#ifndef TORNPAGE_FACES_FACES_H
#define TORNPAGE_FACES_FACES_H

#include <stdio.h>

/* Exit statuses. If several apply, the first in this order counts: usage, violated, broken, skipped, good. */
enum status {
    STATUS_GOOD = 0,     /* nothing violated */
    STATUS_VIOLATED = 1, /* the oracle objects to an observation */
    STATUS_USAGE = 2,    /* wrong usage, or a malformed scenario */
    STATUS_SKIPPED = 77, /* everything was skipped */
    STATUS_BROKEN = 99,  /* the harness or the machine failed */
};

struct output;

struct face_option {
    const char *name;  /* long name without "--" */
    char letter;       /* short form, 0: none */
    const char *value; /* the placeholder of its value in --help; NULL: it takes none */
    const char *help;  /* one or two sentences; defaults belong here */
};

/* What an exit status means, or several: "129, 130, 143". */
struct face_status {
    const char *status, *meaning;
};

struct buf;

/* A command. Its help, its manual and its completion come from here. */
struct face {
    const char *name;
    const char *args;    /* what follows the options in the synopsis */
    const char *summary; /* one line */
    const char *about;   /* paragraphs for --help, separated by newlines; a line that begins with a space is kept as it is */
    const struct face_option *options;  /* ends with a NULL name; --help and --version are added to every command */
    const struct face_status *statuses; /* ends with a NULL status */
    const char *examples;               /* command lines, each with two blanks before it and a newline behind; NULL: none */
    /* For completion: adds a line for each word that may stand behind these n, which are no options. NULL: file names may. */
    void (*words)(char *const *before, int n, struct buf *out);
    int (*run)(const struct face *c, int argc, char **argv);
};

extern const struct face face_run, face_list, face_explain, face_replay, face_log, face_explore, face_bench;
/* The command of this name in a NULL-terminated list of all; NULL: there is none. */
const struct face *face_find(const struct face *const *all, const char *name);

/* Options that every command has as well; ends with a NULL name. */
extern const struct face_option face_common_options[];
/* Options of `tornpage help`; ends with a NULL name. */
extern const struct face_option face_help_options[];
/* The first paragraph of `tornpage --help` and of the manual. */
extern const char face_introduction[];

enum { OPTION_END = -1, OPTION_BAD = -2, OPTION_HELP = -3 };
/*
 * The next option of argv: its index in c->options, with *ret_value (NULL without one). OPTION_END: only positional arguments
 * are left, argv[optind] and on. OPTION_BAD: a wrong option, which was reported. OPTION_HELP: the help or the version was asked
 * for, and printed.
 */
int option_next(const struct face *c, int argc, char **argv, const char **ret_value);
void face_help(const struct face *c);
void face_help_option(const struct face_option *o); /* its lines in --help */
/* "0 nothing violated", a line for each. */
void face_print_statuses(const struct face_status *s);
void face_print_version(void);

/* Prints what is wrong with the usage, and which help to read (c may be NULL); returns STATUS_USAGE. */
int usage_error(const struct face *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * Begins the file of a report that the option --`option` names, "-" for standard output: output_open with `stream`. NULL: it
 * cannot be; this was reported, and the status is STATUS_USAGE.
 */
struct output *report_open(const struct face *c, const char *option, const char *path, const char *const *inputs);
/* Gives the report its name, and frees it; NULL does nothing. Returns `status`, or prints a message and returns STATUS_BROKEN. */
int report_close(struct output *o, int status);
/* Flushes stdout. Returns `status`, or prints a message and returns STATUS_BROKEN if stdout could not be written. */
int close_stdout(int status);

/* The manual page of a command, for man(1); c NULL: of the program, whose main command is the first of all. */
void manual_print(const struct face *const *all, const struct face *c, FILE *out);
/* bash's completion script. */
extern const char completion_script[];
/* The words that may stand in place of the last of `words`, what was typed behind "tornpage"; a line each. */
void completion_print(const struct face *const *all, char *const *words, int n, FILE *out);

/* One rule, as `list rules` and `explain --rule` print it. */
struct rule_info;
void print_rule(const struct rule_info *r);

#endif
