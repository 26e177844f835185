/* JUnit XML: a suite for each backend, a case for each scenario and crash kind; violated is a failure, broken an error. */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "report/report.h"

/* Adds text as XML character data, also good between double quotes. */
static void escape(struct buf *b, const char *s)
{
    struct buf clean = {0};

    utf8_clean(&clean, s ? s : "");
    for (const char *p = buf_text(&clean); *p; p++)
        switch (*p) {
        case '<':
            buf_puts(b, "&lt;");
            break;
        case '>':
            buf_puts(b, "&gt;");
            break;
        case '&':
            buf_puts(b, "&amp;");
            break;
        case '"':
            buf_puts(b, "&quot;");
            break;
        default:
            buf_add(b, p, 1);
        }
    buf_free(&clean);
}

/* The first line of text, for an attribute. */
static void escape_line(struct buf *b, const char *s)
{
    struct buf line = {0};

    buf_add(&line, s ? s : "", s ? strcspn(s, "\n") : 0);
    escape(b, buf_text(&line));
    buf_free(&line);
}

static void add_case(struct buf *b, const struct result *r)
{
    static const char *const element[VERDICT_KINDS] = {
        [VERDICT_VIOLATED] = "failure", [VERDICT_BROKEN] = "error", [VERDICT_SKIPPED] = "skipped"};
    const char *outcome = r->known ? NULL : element[r->verdict];

    buf_puts(b, "    <testcase classname=\"");
    escape(b, r->scenario);
    buf_printf(b, "\" name=\"%s\" time=\"%.3f\">", strike_table[r->strike].name, r->wall_s);
    if (outcome) {
        buf_printf(b, "<%s message=\"", outcome);
        escape_line(b, r->reason);
        buf_puts(b, "\">");
        if (r->verdict != VERDICT_SKIPPED)
            escape(b, r->details && *r->details ? r->details : r->reason);
        for (size_t i = 0; i < r->n_findings; i++) {
            buf_puts(b, "\nfinding: ");
            escape(b, r->findings[i]);
        }
        buf_printf(b, "</%s>", outcome);
    }
    buf_printf(b, "<system-out>%s, %llu states covered, %llu mounted, %llu lossy, %llu violated, %llu kills, %llu surprises",
               verdict_names[r->verdict], (unsigned long long)r->states_covered, (unsigned long long)r->states_mounted,
               (unsigned long long)r->states_lossy, (unsigned long long)r->states_violated, (unsigned long long)r->kills,
               (unsigned long long)r->surprises);
    if (!outcome && r->reason && *r->reason) {
        buf_puts(b, "; ");
        escape(b, r->reason);
    }
    buf_puts(b, "</system-out></testcase>\n");
}

static void add_suite(struct buf *b, const struct report *r, const char *spec)
{
    size_t n[VERDICT_KINDS] = {0}, total = 0;
    double time_s = 0;

    for (size_t i = 0; i < r->n_results; i++)
        if (strcmp(r->results[i].backend, spec) == 0) {
            n[r->results[i].verdict]++;
            total++;
            time_s += r->results[i].wall_s;
        }
    buf_puts(b, "  <testsuite name=\"");
    escape(b, spec);
    buf_printf(b, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\">\n", total, n[VERDICT_VIOLATED],
               n[VERDICT_BROKEN], n[VERDICT_SKIPPED], time_s);
    buf_printf(b, "    <properties><property name=\"seed\" value=\"%llu\"/><property name=\"kernel\" value=\"",
               (unsigned long long)r->seed);
    escape(b, r->kernel);
    buf_puts(b, "\"/></properties>\n");
    for (size_t i = 0; i < r->n_results; i++)
        if (strcmp(r->results[i].backend, spec) == 0)
            add_case(b, &r->results[i]);
    buf_puts(b, "  </testsuite>\n");
}

void report_junit(const struct report *r, FILE *out)
{
    struct buf b = {0};

    buf_puts(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tornpage\">\n");
    for (size_t i = 0; i < r->n_configs; i++)
        add_suite(&b, r, r->configs[i].spec);
    buf_puts(&b, "</testsuites>\n");
    fwrite(b.data, 1, b.len_bytes, out);
    buf_free(&b);
}
