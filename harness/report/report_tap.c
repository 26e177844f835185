/*
 * The --tap report: a test for each result; details are comments, which TAP readers ignore. An incomplete run says so at the top,
 * lists the results that there are, and bails out, which fails it for every reader. In version 13, because readers of 13 such as
 * prove(1) refuse 14, and readers of 14 take 13.
 */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "report/report.h"

/* Prints s without '#', which would begin a directive, and without newlines. */
static void one_line(FILE *out, const char *s)
{
    struct buf clean = {0};

    utf8_clean(&clean, s ? s : "");
    for (char *p = clean.data; p && *p; p++)
        fputc(*p == '#' ? ' ' : *p == '\n' || *p == '\t' ? ' ' : *p, out);
    buf_free(&clean);
}

static void comment(FILE *out, const char *s)
{
    struct buf clean = {0};

    utf8_clean(&clean, s ? s : "");
    for (const char *p = buf_text(&clean); *p;) {
        size_t len = strcspn(p, "\n");
        fprintf(out, "# %.*s\n", (int)len, p);
        p += len + (p[len] == '\n');
    }
    buf_free(&clean);
}

static void write_test(const struct result *one, size_t number, FILE *out)
{
    const bool bad = one->verdict == VERDICT_VIOLATED || one->verdict == VERDICT_BROKEN;

    fprintf(out, "%s %zu - ", bad ? "not ok" : "ok", number);
    one_line(out, one->scenario);
    fputs(" on ", out);
    one_line(out, one->backend);
    fprintf(out, ", %s: %s", strike_table[one->strike].name, verdict_names[one->verdict]);
    if (one->states_covered)
        fprintf(out, " (%llu states, %llu lossy, %llu violated)", (unsigned long long)one->states_covered,
                (unsigned long long)one->states_lossy, (unsigned long long)one->states_violated);
    if (one->known)
        fputs(" # TODO known", out);
    if (one->verdict == VERDICT_SKIPPED) {
        fputs(" # SKIP ", out);
        one_line(out, one->reason);
    }
    fputc('\n', out);
    if (one->verdict != VERDICT_SKIPPED)
        comment(out, one->reason);
    if (bad)
        comment(out, one->details);
    for (size_t k = 0; k < one->n_findings; k++) {
        fputs("# finding: ", out);
        one_line(out, one->findings[k]);
        fputc('\n', out);
    }
}

void report_tap(const struct report *r, FILE *out)
{
    struct buf why = {0};
    size_t number = 0;

    outcome_incomplete(&r->outcome, r->n_results, &why);
    fprintf(out, "TAP version 13\n1..%zu\n", r->n_results);
    if (why.len_bytes)
        fprintf(out, "# incomplete: %s\n", why.data);
    fprintf(out, "# seed %llu\n", (unsigned long long)r->seed);
    for (size_t i = 0; i < r->n_results; i++)
        if (!outcome_misses(&r->results[i]))
            write_test(&r->results[i], ++number, out);
    comment(out, r->again);
    if (why.len_bytes)
        fprintf(out, "Bail out! %s\n", why.data);
    buf_free(&why);
}
