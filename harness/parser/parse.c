/*
 * The scenario parser: lines, lanes and the order of things. Headers are read by headers.c, steps by steps.c; the grammar is in
 * scenarios/README.md. Lanes are collected in a first pass, because a bare `barrier` means all lanes of the file, later ones too.
 */
#include "parser/parse.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "language/verb.h"
#include "parser/parser.h"

/* Does a step that begins with this word, and no lane before it, run in a lane of its own? */
static bool needs_lane(const struct token *t)
{
    const struct verb *v = verb_find(t->text, t->text_len);

    return !(v && v->properties & VERB_MEETS) && !token_is(t, "---");
}

static void collect_lanes(struct plan *p, struct lexer lx)
{
    struct token t;

    lx.err = NULL;
    while (lex_line(&lx)) {
        if (lex_at_end(&lx))
            continue;
        if (lex_label(&lx, &t))
            lane_add(p, t.text, t.text_len);
        else if (lex_token(&lx, &t) == 1 && needs_lane(&t))
            lane_add(p, "A", 1);
    }
}

/* The line `---`. */
static int end_setup(struct parser *ps, const struct token *t)
{
    if (ps->setup_over)
        return lex_fail_token(&ps->lx, t, "one '---' at most");
    if (!ps->plan->n_steps)
        return lex_fail_token(&ps->lx, t, "the steps of the set-up above it");
    if (!lex_at_end(&ps->lx)) {
        struct token rest;
        lex_rest(&ps->lx, &rest);
        return lex_fail_token(&ps->lx, &rest, "nothing behind '---'");
    }
    ps->setup_over = true;
    for (size_t i = 0; i < ps->plan->n_steps; i++)
        ps->plan->steps[i].setup = true;
    return 0;
}

static bool has_lower(const struct token *t)
{
    for (size_t i = 0; i < t->text_len; i++) {
        if (t->text[i] >= 'a' && t->text[i] <= 'z')
            return true;
    }
    return false;
}

static int parse_line(struct parser *ps)
{
    struct lexer mark = ps->lx;
    struct token t;
    int r;

    if (lex_at_end(&ps->lx))
        return 0;
    if (lex_label(&ps->lx, &t) && has_lower(&t)) {
        if (!ps->in_steps)
            return header_parse(ps, &t);
        if (header_known(t.text, t.text_len))
            return lex_fail(&ps->lx, t.column, "found header '%.*s:' behind the first step, expected headers above all steps",
                            (int)t.text_len, t.text);
    }
    ps->lx = mark;
    if (!ps->in_steps) {
        r = headers_finish(ps, lex_column(&ps->lx), "a step");
        if (r)
            return r;
        ps->in_steps = true;
    }
    r = lex_token(&ps->lx, &t);
    if (r == 1 && token_is(&t, "---"))
        return end_setup(ps, &t);
    ps->lx = mark;
    return r < 0 ? r : step_parse(ps);
}

static int parse_text(struct parser *ps)
{
    while (lex_line(&ps->lx)) {
        const int r = parse_line(ps);
        if (r)
            return r;
    }
    if (!ps->in_steps) {
        const int r = headers_finish(ps, 1, "the end of the file");
        if (r)
            return r;
    }
    const struct plan *p = ps->plan;
    if (!p->n_steps)
        return lex_fail(&ps->lx, 1, "found the end of the file, expected a step");
    if (p->steps[p->n_steps - 1].setup)
        return lex_fail(&ps->lx, 1, "found the end of the file, expected a step behind '---'");
    return 0;
}

int plan_parse(const char *file, const char *name, const char *text, size_t len_bytes, struct plan **ret, struct error *err)
{
    struct parser ps = {.lx = {.file = file, .err = err, .line_no = 1}};

    assert(file && name && (text || !len_bytes) && ret);
    *ret = NULL;
    if (!len_bytes)
        return lex_fail(&ps.lx, 1, "found an empty file, expected header 'test:'");
    if (len_bytes > PLAN_MAX_TEXT)
        return lex_fail(&ps.lx, 1, "found %zu bytes, expected a scenario of at most %d", len_bytes, PLAN_MAX_TEXT);
    int r = lex_open(&ps.lx, file, text, len_bytes, err);
    if (r)
        return r;
    ps.plan = xcalloc(1, sizeof *ps.plan);
    ps.plan->name = xstrdup(name);
    ps.plan->file = xstrdup(file);
    ps.plan->text = xmalloc(len_bytes + 1);
    memcpy(ps.plan->text, text, len_bytes);
    ps.plan->text[len_bytes] = '\0';
    ps.plan->repeat = 1;
    scope_init(&ps.scope);
    collect_lanes(ps.plan, ps.lx);
    r = parse_text(&ps);
    if (r) {
        plan_free(ps.plan);
        return r;
    }
    *ret = ps.plan;
    return 0;
}
