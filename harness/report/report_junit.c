/*
 * The --junit report: a suite for each backend, a case for each result. What Jenkins (junit-10.xsd of its xUnit plugin) and
 * GitLab (docs, "Unit test reports") read: a case is named by classname and name together, GitLab ignores all but the first of a
 * name, shows the content of an element and not its message, and Jenkins takes what is before the classname's last dot as a
 * package.
 *
 * An element `failure` or `error` stands where the result makes the run fail, and nowhere else: a known violation has none. An
 * incomplete run has one more suite, at the top, with an error.
 */
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "base/version.h"
#include "report/report.h"

enum element { ELEMENT_NONE, ELEMENT_FAILURE, ELEMENT_ERROR, ELEMENT_SKIPPED, ELEMENTS };

static const char *const element_names[ELEMENTS] = {
    [ELEMENT_FAILURE] = "failure", [ELEMENT_ERROR] = "error", [ELEMENT_SKIPPED] = "skipped"};

struct totals {
    size_t n[ELEMENTS], cases;
    double time_s;
};

/* U+FFFE and U+FFFF, which no XML document may hold. */
static bool is_noncharacter(const char *p)
{
    return p[0] == '\xef' && p[1] == '\xbf' && (p[2] == '\xbe' || p[2] == '\xbf');
}

/* Adds text as XML character data that is also valid inside double quotes. */
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
        case '\xef':
            buf_add(b, is_noncharacter(p) ? "?" : p, 1);
            p += is_noncharacter(p) ? 2 : 0;
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

static enum element element_of(const struct result *r)
{
    if (outcome_fails(r))
        return ELEMENT_FAILURE;
    return r->verdict == VERDICT_BROKEN ? ELEMENT_ERROR : r->verdict == VERDICT_SKIPPED ? ELEMENT_SKIPPED : ELEMENT_NONE;
}

/* What is the matter, for an element's attribute `type`: the first violation's kind, or the verdict. */
static const char *type_of(const struct result *r)
{
    for (size_t i = 0; r->verdict == VERDICT_VIOLATED && i < r->n_defects; i++)
        if (!r->defects[i].surprise)
            return defect_names[r->defects[i].kind];
    return outcome_misses(r) ? "missing" : verdict_names[r->verdict];
}

static void add_element(struct buf *b, const struct result *r, const char *tag)
{
    buf_printf(b, "<%s type=\"%s\" message=\"", tag, type_of(r));
    escape_line(b, r->reason);
    buf_puts(b, "\">");
    escape(b, r->details && *r->details ? r->details : r->reason); /* details name the findings */
    buf_printf(b, "</%s>", tag);
}

static void add_case(struct buf *b, const struct result *r)
{
    const char *tag = element_names[element_of(r)];

    buf_puts(b, "    <testcase classname=\"");
    escape(b, r->backend);
    buf_printf(b, ".%s\" name=\"", strike_table[r->strike].name);
    escape(b, r->scenario);
    buf_printf(b, "\" time=\"%.3f\">", r->wall_s);
    if (tag)
        add_element(b, r, tag);
    buf_printf(b, "<system-out>%s%s, %llu states covered, %llu mounted, %llu lossy, %llu violated, %llu kills, %llu surprises",
               verdict_names[r->verdict], r->known ? " (known)" : "", (unsigned long long)r->states_covered,
               (unsigned long long)r->states_mounted, (unsigned long long)r->states_lossy, (unsigned long long)r->states_violated,
               (unsigned long long)r->kills, (unsigned long long)r->surprises);
    if (!tag && r->reason && *r->reason) {
        buf_puts(b, "; ");
        escape(b, r->reason);
    }
    buf_puts(b, "</system-out></testcase>\n");
}

/* Adds to *t the results of the backend `spec`; NULL: of all. */
static void add_up(const struct report *r, const char *spec, struct totals *t)
{
    for (size_t i = 0; i < r->n_results; i++)
        if (!spec || strcmp(r->results[i].backend, spec) == 0) {
            t->n[element_of(&r->results[i])]++;
            t->cases++;
            t->time_s += r->results[i].wall_s;
        }
}

/* The attributes from `tests` on that <testsuites> and <testsuite> share. */
static void add_totals(struct buf *b, const struct totals *t)
{
    buf_printf(b, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" time=\"%.3f\"", t->cases, t->n[ELEMENT_FAILURE],
               t->n[ELEMENT_ERROR], t->time_s);
}

static void begin_suite(struct buf *b, const struct report *r, const char *name, const struct totals *t)
{
    char begin[32];
    struct tm utc;

    strftime(begin, sizeof begin, "%Y-%m-%dT%H:%M:%S", gmtime_r(&r->begin, &utc));
    buf_puts(b, "  <testsuite name=\"");
    escape(b, name);
    buf_puts(b, "\"");
    add_totals(b, t);
    buf_printf(b, " skipped=\"%zu\" timestamp=\"%s\">\n", t->n[ELEMENT_SKIPPED], begin);
}

static void add_property(struct buf *b, const char *name, const char *value)
{
    buf_printf(b, "      <property name=\"%s\" value=\"", name);
    escape_line(b, value);
    buf_puts(b, "\"/>\n");
}

/* How the suite's results came about: the program, the machine, the seed, and each option of the backend with its value. */
static void add_properties(struct buf *b, const struct report *r, const struct backend_config *c)
{
    const struct backend_option *o = c->backend->options;
    char seed[24];

    snprintf(seed, sizeof seed, "%llu", (unsigned long long)r->seed);
    buf_puts(b, "    <properties>\n");
    add_property(b, "tornpage", TORNPAGE_VERSION);
    add_property(b, "kernel", r->kernel);
    add_property(b, "seed", seed);
    add_property(b, "command", r->again);
    add_property(b, "backend", c->backend->name);
    for (size_t i = 0; o && o[i].key; i++)
        add_property(b, o[i].key, c->text[i] ? c->text[i] : o[i].fallback);
    buf_puts(b, "    </properties>\n");
}

static void add_suite(struct buf *b, const struct report *r, const struct backend_config *c)
{
    struct totals t = {0};

    add_up(r, c->spec, &t);
    begin_suite(b, r, c->spec, &t);
    add_properties(b, r, c);
    for (size_t i = 0; i < r->n_results; i++)
        if (strcmp(r->results[i].backend, c->spec) == 0)
            add_case(b, &r->results[i]);
    buf_puts(b, "  </testsuite>\n");
}

static void add_incomplete(struct buf *b, const struct report *r, const char *why)
{
    const struct totals one = {.n = {[ELEMENT_ERROR] = 1}, .cases = 1};

    begin_suite(b, r, "tornpage run", &one);
    buf_puts(b,
             "    <testcase classname=\"tornpage.run\" name=\"complete\" time=\"0.000\"><error type=\"incomplete\" message=\"");
    escape(b, why);
    buf_puts(b, "\">");
    escape(b, why);
    buf_puts(b, "</error></testcase>\n  </testsuite>\n");
}

void report_junit(const struct report *r, FILE *out)
{
    struct totals all = {0};
    struct buf b = {0}, why = {0};

    add_up(r, NULL, &all);
    outcome_incomplete(&r->outcome, r->n_results, &why);
    all.n[ELEMENT_ERROR] += why.len_bytes > 0;
    all.cases += why.len_bytes > 0;
    buf_puts(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tornpage\"");
    add_totals(&b, &all);
    buf_puts(&b, ">\n");
    if (why.len_bytes)
        add_incomplete(&b, r, why.data);
    for (size_t i = 0; i < r->n_configs; i++)
        add_suite(&b, r, &r->configs[i]);
    buf_puts(&b, "</testsuites>\n");
    fwrite(b.data, 1, b.len_bytes, out);
    buf_free(&why);
    buf_free(&b);
}
