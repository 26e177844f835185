/* Reports of a run: a matrix and a summary for people; JSON, JUnit and TAP for machines. */
#ifndef TORNPAGE_REPORT_REPORT_H
#define TORNPAGE_REPORT_REPORT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "backend/backend.h"
#include "campaign/campaign.h"
#include "report/outcome.h"
#include "report/text.h"
#include "result/result.h"

struct report {
    const struct result *results; /* sorted by scenario, backend, strike */
    size_t n_results;
    const struct backend_config *configs; /* in the order of the command line */
    size_t n_configs;
    struct outcome outcome; /* of the results */
    int status;             /* exit status of the run */
    time_t begin;
    uint64_t seed;
    const char *kernel; /* uname -r */
    const char *again;  /* the command that repeats the run */
    double wall_s;
};

/*
 * Forms for machines: the only list. X(name, what --help calls the option's value, help). A form is `--NAME` of `tornpage run`
 * and report_NAME, in a file of that name; one without a value goes to standard output. They write to `out` and leave it to the
 * caller to see whether it took everything.
 */
#define REPORT_FORMS(X)                                                                                                          \
    X(json, "FILE", "Also write the results as JSON; '-' is standard output.")                                                   \
    X(junit, "FILE", "Also write the results as JUnit XML; '-' is standard output.")                                             \
    X(tap, NULL, "Write the results as TAP to standard output.")

#define REPORT_FORM_ENUM(name, ...) REPORT_##name,
enum { REPORT_FORMS(REPORT_FORM_ENUM) REPORT_N_FORMS };
#undef REPORT_FORM_ENUM
#define REPORT_FORM_WRITE(name, ...) void report_##name(const struct report *r, FILE *out);
REPORT_FORMS(REPORT_FORM_WRITE)
#undef REPORT_FORM_WRITE

/* The matrix of scenarios x backends, in blocks as wide as the terminal. */
void matrix_print(const struct report *r, FILE *out, struct term term);
/* Below the matrix: violations with details, reasons, notes, totals, the seed and the command to repeat the run. */
void summary_print(const struct report *r, FILE *out, struct term term);

/* The note that explains why little was covered without a mount: "What recovery reads ...". */
extern const char report_untraced[];

/* The version of the JSON that `run`, `explore` and `bench` write: JSON.md. */
enum { REPORT_SCHEMA = 1 };

/* One epoch as JSON (the caller's to free), and as the end of a line for people: "positions 13 to 36 of the log: ...". */
json_t *report_epoch(const struct epoch_result *e);
void summary_epoch(const struct epoch_result *e, FILE *out);

/* A verdict for people ("VIOLATED"); the escape sequences that begin its colour and end it, "" if the terminal has none. */
const char *verdict_word(enum verdict v);
const char *verdict_colour(enum verdict v, struct term term);
const char *colour_end(struct term term);

/* The progress line: one live line on a terminal, nothing elsewhere. */
struct progress_line {
    FILE *out;
    struct term term;
    double begin_s;   /* monotonic clock */
    double limit_s;   /* --time; 0: none */
    double last_s;    /* when the line was last drawn */
    double rate;      /* states (or runs) a second, smoothed */
    double rate_at_s; /* when rate was last measured, */
    uint64_t rate_at; /*   and the count then */
    char newest[64];  /* the scenario of the latest result */
};
void progress_begin(struct progress_line *l, FILE *out, double limit_s);
/* A campaign_watch; arg is the struct progress_line. */
void progress_watch(void *arg, const struct result *r, const struct progress *p);
void progress_end(struct progress_line *l); /* removes the line */

#endif
