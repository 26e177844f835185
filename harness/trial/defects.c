/* Defects of a trial in words and as findings: see trial.h. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/volume.h"
#include "base/buf.h"
#include "base/error.h"
#include "finding/finding.h"
#include "parser/parser.h"
#include "trial/trial.h"

void trial_print_defect(const struct trial *t, const struct defect_report *d, struct buf *out)
{
    const struct plan *p = t->job->plan;

    buf_printf(out, "%s%s", d->surprise ? "surprise: " : "", defect_names[d->kind]);
    if (d->path[0])
        buf_printf(out, " %s", d->path);
    if (d->len)
        buf_printf(out, ", %llu byte%s at %llu", (unsigned long long)d->len, d->len == 1 ? "" : "s", (unsigned long long)d->off);
    buf_printf(out, " (rule %s)", rule_table[d->rule].id);
    if (d->step >= 0 && (size_t)d->step < p->n_steps) {
        buf_printf(out, ", line %u: ", p->steps[d->step].line);
        step_print(p, &p->steps[d->step], out);
    }
    buf_printf(out, ": %s\n", d->text);
}

/* The event of a store that faulted before the byte at which it was to be killed: the kill point was never reached. */
static const struct event *faulted_before(const struct trial *t, const struct kill_point *k)
{
    const struct history *h = t->history;

    for (uint32_t i = 0; k->kind == KILL_INSIDE && i < h->n_events; i++)
        if (h->events[i].step == k->step && h->events[i].signo)
            return &h->events[i];
    return NULL;
}

void trial_print_point(const struct trial *t, const struct strike_point *at, struct buf *out)
{
    const struct event *faulted = faulted_before(t, &at->kill);

    if (faulted)
        buf_printf(out, "not killed: line %u raised SIG%s after %llu bytes", t->job->plan->steps[faulted->step].line,
                   sigabbrev_np(faulted->signo), (unsigned long long)faulted->done_bytes);
    else
        kill_point_print(t->job->plan, &at->kill, out);
    if (at->describe)
        at->describe(at->arg, out);
}

/* The history with the numbers of the saved log for positions; the caller frees it. */
static struct history *numbered_history(const struct trial *t)
{
    struct history *h = history_copy(t->history);

    for (uint32_t i = 0; i < h->n_events; i++) {
        h->events[i].begin_pos = log_number(&t->numbers, h->events[i].begin_pos);
        h->events[i].end_pos = log_number(&t->numbers, h->events[i].end_pos);
    }
    return h;
}

const char *trial_save_finding(struct trial *t, const struct strike_point *at, const char *where)
{
    struct history *history = numbered_history(t);
    struct finding f = {.plan = t->job->plan,
                        .config = t->job->config,
                        .strike = t->job->strike,
                        .seed = at->seed,
                        .history = history,
                        .pos = log_number(&t->numbers, at->pos),
                        .kill = at->kill,
                        .state_text = where,
                        .image_fd = at->image ? at->image(at->arg) : -1,
                        .verdict = &t->verdict};
    struct error err;
    char *path = NULL;

    if (finding_save(&f, t->job->findings_dir, &path, &err) == 0) {
        struct result *r = t->result;
        r->findings = realloc(r->findings, (r->n_findings + 1) * sizeof *r->findings);
        assert(r->findings);
        r->findings[r->n_findings++] = path;
        buf_printf(&t->details, "  finding: %s\n", path);
    } else {
        char text[900];
        buf_printf(&t->details, "  the finding could not be saved: %s\n", error_text(&err, text, sizeof text));
    }
    if (f.image_fd >= 0)
        close(f.image_fd);
    free(history);
    return path;
}

void trial_explain_refusal(struct trial *t, const struct strike_point *at)
{
    struct buf said = {0};

    if (at->explain_refusal)
        at->explain_refusal(at->arg, &said);
    else if (t->volume && !volume_is_mounted(t->volume))
        volume_explain_refusal(t->volume, &said);
    for (const char *line = buf_text(&said); *line; line += strcspn(line, "\n"), line += *line == '\n')
        buf_printf(&t->details, "  %.*s\n", (int)strcspn(line, "\n"), line);
    result_explain_refusal(t->result, buf_text(&said));
    buf_free(&said);
}
