/* What a run came to, and the forms it is reported in: a matrix and notes for people; JSON, JUnit and TAP for machines. */
#ifndef TORNPAGE_REPORT_REPORT_H
#define TORNPAGE_REPORT_REPORT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "backend/backend.h"
#include "campaign/campaign.h"
#include "report/text.h"
#include "result/result.h"

struct report {
    const struct result *results; /* sorted by scenario, backend, crash kind */
    size_t n_results;
    const struct backend_config *configs; /* in the order of the command line */
    size_t n_configs;
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

/* The matrix of scenarios x backends, in blocks of as many backends as fit the width. */
void matrix_print(const struct report *r, FILE *out, struct term term);
/* What stands below it: violations with their details, reasons, notes, totals, seed and command. */
void summary_print(const struct report *r, FILE *out, struct term term);

/* "What recovery reads ...": why so little was covered without a mount. */
extern const char report_untraced[];

/* One epoch: as JSON, which belongs to the caller, and as the end of a line for people: "positions 13 to 36 of the log: ...". */
json_t *report_epoch(const struct epoch_result *e);
void summary_epoch(const struct epoch_result *e, FILE *out);

/* How a verdict word is printed for people ("VIOLATED"), and its terminal colour ("" and "" without colour). */
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
    double rate_at_s; /* when it was last measured, */
    uint64_t rate_at; /*   and the count then */
    char newest[64];  /* the scenario that finished last */
};
void progress_begin(struct progress_line *l, FILE *out, double limit_s);
/* A campaign_watch; arg is the struct progress_line. */
void progress_watch(void *arg, const struct result *r, const struct progress *p);
void progress_end(struct progress_line *l); /* removes the line */

#endif
