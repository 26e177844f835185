/* How a run ended, from its results: the same for its exit status and for all reports. */
#ifndef TORNPAGE_REPORT_OUTCOME_H
#define TORNPAGE_REPORT_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "result/result.h"

struct buf;

struct outcome {
    size_t n[VERDICT_KINDS]; /* results by verdict, not those that are missing; known violations are `known` as well */
    size_t known;            /* violations that do not make the run fail */
    size_t missing;          /* results that should be there and are not: then the run is incomplete */
    size_t not_begun;        /* results that --time left out, among the missing or not: random scenarios are its budget */
    int interrupted_by;      /* signal; 0: none */
};

void outcome_of(const struct result *results, size_t n, struct outcome *ret);
/* Is the run incomplete because this result is missing? */
bool outcome_misses(const struct result *r);
/* Does the result make the run fail as violated? A known violation does not. */
bool outcome_fails(const struct result *r);
/* Why the run is incomplete, in one line: "interrupted by SIGINT: 12 of 40 results are missing". Adds nothing if it is complete.
 */
void outcome_incomplete(const struct outcome *o, size_t n_results, struct buf *out);

#endif
