/* Defects in words: which step, which version, what was promised. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "parser/parser.h"
#include "verifier/judge.h"

void form_note(const struct world *w, struct verify_result *r)
{
    const struct defect_report *d = r->open;
    const struct verb *verb = d && d->step >= 0 ? w->plan->steps[d->step].verb : NULL;

    r->open = NULL;
    if (!d)
        return;
    for (size_t i = 0; i < r->n_forms; i++)
        if (r->forms[i].kind == d->kind && r->forms[i].rule == d->rule && r->forms[i].verb == verb)
            return;
    if (r->n_forms == VERIFY_MAX_FORMS)
        r->more_forms = true;
    else
        r->forms[r->n_forms++] = (struct form){.rule = d->rule, .kind = d->kind, .verb = verb};
}

struct defect_report *defect_new(struct judge *j, enum defect kind, enum rule rule, const char *path, bool surprise)
{
    struct verify_result *r = j->ret;

    if (!r)
        return NULL;
    form_note(j->w, r);
    *(surprise ? &r->n_surprises : &r->n_violations) += 1;
    const bool full = r->n_defects == VERIFY_MAX_DEFECTS;
    if (full && surprise)
        return NULL;
    struct defect_report *d = full ? &r->more : &r->defects[r->n_defects++];

    *d = (struct defect_report){.kind = kind, .rule = rule, .surprise = surprise, .step = -1};
    snprintf(d->path, sizeof d->path, "%s", path);
    if (!surprise)
        r->open = d;
    return d;
}

void defect_say(struct defect_report *d, const char *fmt, ...)
{
    if (!d)
        return;
    size_t len = strlen(d->text);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(d->text + len, sizeof d->text - len, fmt, ap);
    va_end(ap);
}

int32_t event_step(const struct world *w, int32_t event)
{
    if (event < 0 || w->history->events[event].lane == HISTORY_LANE_HARNESS)
        return -1;
    return (int32_t)w->history->events[event].step;
}

const char *event_words(const struct world *w, int32_t event, char buf[static 160])
{
    int32_t step = event_step(w, event);
    struct buf text = {0};

    if (event < 0) {
        snprintf(buf, 160, "nothing");
    } else if (step < 0) {
        bool start = w->history->events[event].step == HISTORY_STEP_START;

        snprintf(buf, 160, "%s", start ? "the sync after set-up" : "the unmount");
    } else {
        step_print(w->plan, &w->plan->steps[step], &text);
        snprintf(buf, 160, "step %d `%.96s` (line %u)", step + 1, buf_text(&text), w->plan->steps[step].line);
        buf_free(&text);
    }
    return buf;
}

const char *version_words(const struct world *w, const struct version *v, char buf[static 224])
{
    char event[160];

    if (!v)
        snprintf(buf, 224, "zeros (new space)");
    else
        snprintf(buf, 224, "%s of %s%s",
                 v->content.kind == CONTENT_ZERO  ? "the zeros"
                 : v->content.kind == CONTENT_ANY ? "any bytes because"
                                                  : "the bytes",
                 event_words(w, v->when.event, event), v->when.certain ? "" : ", which did not finish");
    return buf;
}

void verify_clear(struct verify_result *v)
{
    v->n_defects = v->n_violations = v->n_surprises = v->n_forms = 0;
    v->more_forms = false;
    v->open = NULL;
    v->sights = 0;
    v->lossy = false;
}
