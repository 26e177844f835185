/* Verdict names; defects of a result; freeing it: see result.h. */
#include "result/result.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "parser/parser.h"
#include "verifier/verify.h"

enum {
    STATE_BYTES = 500,    /* a crash state in words may name each of a thousand writes; the finding has all */
    REFUSAL_BYTES = 2000, /* the details have all */
};

const char *const verdict_names[VERDICT_KINDS] = {"kept", "lossy", "violated", "broken", "skipped"};

void result_add_defect(struct result *r, const struct plan *p, const struct defect_report *d)
{
    struct buf action = {0};

    if (r->n_defects == RESULT_DEFECTS)
        return;
    const bool has_step = d->step >= 0 && (size_t)d->step < p->n_steps;

    if (has_step)
        step_print(p, &p->steps[d->step], &action);
    r->defects = grow(r->defects, &r->cap_defects, r->n_defects, sizeof *r->defects);
    r->defects[r->n_defects++] = (struct result_defect){.kind = d->kind,
                                                        .surprise = d->surprise,
                                                        .rule = d->rule,
                                                        .step = has_step ? (uint32_t)d->step + 1 : 0,
                                                        .line = has_step ? p->steps[d->step].line : 0,
                                                        .off = d->off,
                                                        .len = d->len,
                                                        .path = xstrdup(d->path),
                                                        .action = xstrdup(buf_text(&action)),
                                                        .text = xstrdup(d->text),
                                                        .state = xstrdup(""),
                                                        .refusal = xstrdup(""),
                                                        .finding = xstrdup("")};
    buf_free(&action);
}

/* Puts the first max_bytes of text in place of *member. */
static void put(char **member, const char *text, size_t max_bytes)
{
    struct buf cut = {0};

    buf_add(&cut, text, strnlen(text, max_bytes));
    free(*member);
    *member = xstrdup(buf_text(&cut));
    buf_free(&cut);
}

void result_explain_refusal(struct result *r, const char *said)
{
    struct result_defect *last = r->n_defects ? &r->defects[r->n_defects - 1] : NULL;

    if (last && last->kind == DEFECT_MOUNT)
        put(&last->refusal, said, REFUSAL_BYTES);
}

void result_place_defects(struct result *r, size_t first, const char *state, const char *finding)
{
    for (size_t i = first; i < r->n_defects; i++) {
        put(&r->defects[i].state, state, STATE_BYTES);
        put(&r->defects[i].finding, finding ? finding : "", SIZE_MAX);
    }
}

static void free_defects(struct result *r)
{
    for (size_t i = 0; i < r->n_defects; i++) {
        free(r->defects[i].path);
        free(r->defects[i].action);
        free(r->defects[i].text);
        free(r->defects[i].state);
        free(r->defects[i].refusal);
        free(r->defects[i].finding);
    }
    free(r->defects);
}

void result_free(struct result *r)
{
    free_defects(r);
    free(r->scenario);
    free(r->backend);
    free(r->reason);
    free(r->details);
    free(r->known_why);
    free(r->mended);
    for (size_t i = 0; i < r->n_findings; i++)
        free(r->findings[i]);
    free(r->findings);
    free(r->epochs);
    *r = (struct result){0};
}
