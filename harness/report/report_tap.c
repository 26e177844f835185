/* TAP version 13: a test for each result; details as comments, which every TAP reader can pass over. */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "report/report.h"

/* A description may hold no '#', which would begin a directive, and no newline. */
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

void report_tap(const struct report *r, FILE *out)
{
    fprintf(out, "TAP version 13\n1..%zu\n# seed %llu\n", r->n_results, (unsigned long long)r->seed);
    for (size_t i = 0; i < r->n_results; i++) {
        const struct result *one = &r->results[i];
        bool bad = one->verdict == VERDICT_VIOLATED || one->verdict == VERDICT_BROKEN;

        fprintf(out, "%s %zu - ", bad ? "not ok" : "ok", i + 1);
        one_line(out, one->scenario);
        fputs(" on ", out);
        one_line(out, one->backend);
        fprintf(out, ", %s: %s", strike_table[one->strike].name, verdict_names[one->verdict]);
        if (one->states_covered)
            fprintf(out, " (%llu states, %llu lossy, %llu violated)", (unsigned long long)one->states_covered,
                    (unsigned long long)one->states_lossy, (unsigned long long)one->states_violated);
        if (one->known)
            fputs(" # TODO known: see the scenario's header", out);
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
    comment(out, r->again);
}
