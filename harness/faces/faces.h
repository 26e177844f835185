/* What the commands of the command line share: the form of a command, its options, exit statuses, wrong usage. */
#ifndef TORNPAGE_FACES_FACES_H
#define TORNPAGE_FACES_FACES_H

/* Exit statuses. When several apply, the first in this order is given: usage, violated, broken, skipped, good. */
enum status {
    STATUS_GOOD = 0,     /* nothing violated */
    STATUS_VIOLATED = 1, /* the oracle objects to something that was seen */
    STATUS_USAGE = 2,    /* wrong usage, or a malformed scenario */
    STATUS_SKIPPED = 77, /* everything was skipped */
    STATUS_BROKEN = 99,  /* the harness or the machine failed */
};

struct face_option {
    const char *name;  /* long name without "--" */
    char letter;       /* short form, 0: none */
    const char *value; /* what --help calls its value; NULL: it takes none */
    const char *help;  /* one or two sentences; defaults belong here */
};

struct face {
    const char *name;
    const char *args;    /* what follows the options in the synopsis */
    const char *summary; /* one line */
    const char *about;   /* paragraphs for --help, separated by newlines; a line that begins with a space is kept as it is */
    const struct face_option *options; /* ends with a NULL name; --help is added to every command */
    int (*run)(const struct face *c, int argc, char **argv);
};

extern const struct face face_run, face_list, face_explain, face_replay, face_log, face_explore, face_bench;
extern const struct face *const faces[]; /* NULL-terminated, in the order of --help */

enum { OPTION_END = -1, OPTION_BAD = -2, OPTION_HELP = -3 };
/*
 * The next option of argv: its index in c->options, with *ret_value (NULL without one). OPTION_END: only positional arguments
 * are left, argv[optind] and on. OPTION_BAD: wrong, and the user was told. OPTION_HELP: --help was given and printed.
 */
int option_next(const struct face *c, int argc, char **argv, const char **ret_value);
void face_help(const struct face *c);

/* Tells the user what is wrong, and where to read more (c may be NULL); returns STATUS_USAGE. */
int usage_error(const struct face *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Flushes stdout; STATUS_BROKEN, and a message, when it could not be written; else `status`. */
int close_stdout(int status);

#endif
