/* The summary below the matrix: violations with details, reasons, notes, totals, the seed and the command to repeat the run. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "report/report.h"

enum {
    MAX_VIOLATIONS = 40, /* printed in full; the others are counted */
    MAX_LINES = 14,      /* of a result's details */
    MAX_NAMES = 6,       /* scenarios named for one reason */
    MAX_SAMPLED = 20,    /* epochs listed */
};

static void heading(FILE *out, struct term term, const char *text)
{
    fprintf(out, "%s%s%s\n", term.colour ? "\033[1m" : "", text, colour_end(term));
}

static void print_violation(const struct result *r, FILE *out, struct term term)
{
    fprintf(out, "%s%s%s %s on %s, %s", verdict_colour(r->verdict, term), verdict_word(r->verdict), colour_end(term), r->scenario,
            r->backend, strike_table[r->strike].name);
    if (r->known)
        fputs(" (known)", out);
    if (r->states_violated && r->states_covered)
        fprintf(out, ": in %s of %s states", text_short(r->states_violated), text_short(r->states_covered));
    fputc('\n', out);

    if (r->known_why && *r->known_why) {
        fprintf(out, "    %s: ", r->known ? "known" : "known, a part of it");
        text_wrap(out, r->known_why, 4, 6, term.width);
    }
    size_t left_out = text_lines(out, r->details && *r->details ? r->details : r->reason, 4, MAX_LINES);
    if (left_out)
        fprintf(out, "    (%zu more lines; replay the finding for all)\n", left_out);
    for (size_t i = 0; i < r->n_findings; i++) {
        struct buf path = {0};
        text_shell(&path, r->findings[i]);
        fprintf(out, "    tornpage replay %s\n", buf_text(&path));
        buf_free(&path);
    }
}

static void print_violations(const struct report *r, FILE *out, struct term term)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_results; i++)
        if (r->results[i].verdict == VERDICT_VIOLATED && n++ < MAX_VIOLATIONS) {
            print_violation(&r->results[i], out, term);
            fputc('\n', out);
        }
    if (n > MAX_VIOLATIONS)
        fprintf(out, "(%s more violations; --json has all)\n\n", text_count(n - MAX_VIOLATIONS));
}

static void print_surprises(const struct report *r, FILE *out, struct term term)
{
    bool any = false;

    for (size_t i = 0; i < r->n_results; i++) {
        const struct result *one = &r->results[i];
        if (!one->surprises)
            continue;
        if (!any)
            heading(out, term, "Surprises (*): against what is common practice, but against no document");
        any = true;
        fprintf(out, "  %s on %s, %s: %s\n", one->scenario, one->backend, strike_table[one->strike].name,
                text_count(one->surprises));
        if (one->verdict != VERDICT_VIOLATED && one->details)
            text_lines(out, one->details, 6, 4);
    }
    if (any)
        fputc('\n', out);
}

static void print_mended(const struct report *r, FILE *out, struct term term)
{
    bool any = false;

    for (size_t i = 0; i < r->n_results; i++) {
        const struct result *one = &r->results[i];

        if (!one->mended || !*one->mended)
            continue;
        if (!any)
            heading(out, term, "Mended: what is known of this kernel, and was not seen in this run");
        any = true;
        fprintf(out, "  %s on %s, %s: ", one->scenario, one->backend, strike_table[one->strike].name);
        text_wrap(out, one->mended, 4, 4, term.width);
    }
    if (any)
        fputc('\n', out);
}

static bool unobserved(const struct result *r)
{
    return (r->verdict == VERDICT_KEPT || r->verdict == VERDICT_LOSSY) && r->reason && *r->reason;
}

/* One line for each scenario, strike and reason, with all its backends. */
static void print_unobserved(const struct report *r, FILE *out, struct term term)
{
    bool any = false;

    for (size_t i = 0; i < r->n_results; i++) {
        const struct result *one = &r->results[i];
        bool printed = false;
        if (!unobserved(one))
            continue;
        for (size_t k = i; k-- > 0 && strcmp(r->results[k].scenario, one->scenario) == 0 && !printed;)
            printed = unobserved(&r->results[k]) && r->results[k].strike == one->strike &&
                      strcmp(r->results[k].reason, one->reason) == 0;
        if (printed)
            continue;
        if (!any)
            heading(out, term, "Not observed: what the scenario says may happen, and no run showed");
        any = true;
        fprintf(out, "  %s, %s: %s (", one->scenario, strike_table[one->strike].name, one->reason);
        for (size_t k = i; k < r->n_results && strcmp(r->results[k].scenario, one->scenario) == 0; k++)
            if (unobserved(&r->results[k]) && r->results[k].strike == one->strike &&
                strcmp(r->results[k].reason, one->reason) == 0)
                fprintf(out, "%s%s", k > i ? " " : "", r->results[k].backend);
        fputs(")\n", out);
    }
    if (any)
        fputc('\n', out);
}

/* Sorts results by reason, backend and strike; those that agree in all three are printed together. */
static int by_reason(const void *a, const void *b)
{
    const struct result *const *x = a, *const *y = b;
    int order = strcmp((*x)->reason, (*y)->reason);

    if (!order)
        order = strcmp((*x)->backend, (*y)->backend);
    if (!order)
        order = (int)(*x)->strike - (int)(*y)->strike;
    return order ? order : (*x > *y) - (*x < *y);
}

static bool same_reason(const struct result *a, const struct result *b)
{
    return strcmp(a->reason, b->reason) == 0 && strcmp(a->backend, b->backend) == 0 && a->strike == b->strike;
}

static void print_reasons(const struct report *r, enum verdict verdict, FILE *out, struct term term)
{
    const struct result **v = xcalloc(r->n_results + 1, sizeof *v);
    size_t n = 0;

    for (size_t i = 0; i < r->n_results; i++)
        if (r->results[i].verdict == verdict)
            v[n++] = &r->results[i];
    if (n) {
        qsort(v, n, sizeof *v, by_reason);
        heading(out, term, verdict == VERDICT_BROKEN ? "Broken: the harness or the machine failed" : "Skipped");
    }
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && same_reason(v[i], v[end]);)
            end++;
        if (i == 0 || strcmp(v[i]->reason, v[i - 1]->reason) != 0) {
            fputs("  ", out);
            text_wrap(out, *v[i]->reason ? v[i]->reason : "(no reason given)", 2, 2, term.width);
        }
        fprintf(out, "    %s, %s: ", v[i]->backend, strike_table[v[i]->strike].name);
        if (end - i > MAX_NAMES)
            fprintf(out, "%s scenarios", text_count(end - i));
        for (size_t k = i; k < end && end - i <= MAX_NAMES; k++)
            fprintf(out, "%s%s", k > i ? ", " : "", v[k]->scenario);
        fputc('\n', out);
    }
    if (n)
        fputc('\n', out);
    free(v);
}

const char report_untraced[] =
    "What recovery reads could not be traced everywhere (with a BPF program at block:block_rq_issue; it "
    "needs tracefs, CAP_BPF and CAP_PERFMON), so more states were mounted than necessary.";

void summary_epoch(const struct epoch_result *e, FILE *out)
{
    fprintf(out, "positions %s to %s of the log", text_short(e->from), text_short(e->to));
    fprintf(out, ": %u writes, %.9g states, %s covered\n", e->n_writes, e->exist, text_short(e->covered));
}

/* Epochs of which not all states were covered. */
static void print_sampled(const struct report *r, FILE *out, struct term term)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_results; i++)
        for (size_t k = 0; k < r->results[i].n_epochs; k++) {
            const struct result *one = &r->results[i];
            const struct epoch_result *e = &one->epochs[k];

            if (e->exhaustive || n++ >= MAX_SAMPLED)
                continue;
            if (n == 1)
                heading(out, term, "Sampled epochs: the states that may exist there were not all covered");
            fprintf(out, "  %s on %s, ", one->scenario, one->backend);
            if (e->first_line)
                fprintf(out, "line %u to %u, ", e->first_line, e->last_line);
            summary_epoch(e, out);
        }
    if (n > MAX_SAMPLED)
        fprintf(out, "  ... and %s more; --json has all\n", text_count(n - MAX_SAMPLED));
    if (n)
        fputc('\n', out);
}

static void print_totals(const struct report *r, FILE *out, struct term term)
{
    size_t n[VERDICT_KINDS] = {0};
    uint64_t covered = 0, mounted = 0, kills = 0, exhaustive = 0, sampled = 0, cut_short = 0;
    bool untraced = false;
    struct buf why = {0};

    for (size_t i = 0; i < r->n_results; i++) {
        n[r->results[i].verdict]++;
        covered += r->results[i].states_covered;
        mounted += r->results[i].states_mounted;
        kills += r->results[i].kills;
        exhaustive += r->results[i].epochs_exhaustive;
        sampled += r->results[i].epochs_sampled;
        cut_short += r->results[i].cut_short;
        untraced |= r->results[i].untraced;
    }
    outcome_incomplete(&r->outcome, r->n_results, &why);
    if (why.len_bytes)
        fprintf(out, "Incomplete: %s.\n", why.data);
    buf_free(&why);
    fprintf(out, "%s results:", text_count(r->n_results));
    for (unsigned v = 0; v < VERDICT_KINDS; v++)
        fprintf(out, "%s %s%s %s%s", v ? "," : "", n[v] ? verdict_colour(v, term) : "", text_count(n[v]), verdict_word(v),
                n[v] ? colour_end(term) : "");
    if (cut_short)
        fprintf(out, "; %s cut short by --time", text_count(cut_short));
    fprintf(out, ".\n%s states covered, %s mounted", covered < 1000000000 ? text_count(covered) : text_short(covered),
            text_count(mounted));
    if (exhaustive + sampled)
        fprintf(out, " (%s times), %s epochs exhaustive, %s sampled", text_short(mounted ? covered / mounted : 0),
                text_count(exhaustive), text_count(sampled));
    fprintf(out, ", %s kills, in %s.\n", text_count(kills), text_duration(r->wall_s));
    if (untraced)
        fprintf(out, "%s\n", report_untraced);
    fprintf(out, "Seed %llu, kernel %s. To repeat:\n  %s\n", (unsigned long long)r->seed, r->kernel, r->again);
}

void summary_print(const struct report *r, FILE *out, struct term term)
{
    print_violations(r, out, term);
    print_surprises(r, out, term);
    print_unobserved(r, out, term);
    print_mended(r, out, term);
    print_reasons(r, VERDICT_BROKEN, out, term);
    print_reasons(r, VERDICT_SKIPPED, out, term);
    print_sampled(r, out, term);
    print_totals(r, out, term);
}
