/* One step of a scenario: "[LANE:] VERB [@name] ARGS... [-> OUTCOME|...]", and barriers. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "language/outcome.h"
#include "language/verb.h"
#include "parser/parse.h"

enum { MAX_EXPECTED = sizeof((struct expect *)NULL)->code / sizeof *((struct expect *)NULL)->code };

static int unknown_verb(const struct parser *ps, const struct token *t)
{
    const char **names = NULL;
    size_t n = 0, cap = 0;

    for (const struct verb *v = verb_next(NULL); v; v = verb_next(v)) {
        names = grow(names, &cap, n, sizeof *names);
        names[n++] = v->name;
    }
    const int r = lex_fail_word(&ps->lx, t, names, n, "a verb ('tornpage list verbs' shows them)");
    free(names);
    return r;
}

/* The lane prefix, if there is one. *ret_given tells. */
static int parse_lane(struct parser *ps, uint8_t *ret, bool *ret_given)
{
    const struct plan *p = ps->plan;
    struct token t;

    *ret_given = lex_label(&ps->lx, &t);
    if (!*ret_given)
        t = (struct token){.column = lex_column(&ps->lx), .text = "A", .text_len = 1};
    const int lane = lane_find(p, t.text, t.text_len);
    if (lane == -EINVAL)
        return lex_fail_token(&ps->lx, &t, "a lane such as A, B or B.1 (no header's name, 7 characters, threads up to 15)");
    if (lane < 0) /* the first pass found no room for it */
        return lex_fail_token(&ps->lx, &t, "at most %d actors with %d lanes in all", PLAN_MAX_ACTORS, PLAN_MAX_LANES);
    *ret = (uint8_t)lane;
    return 0;
}

static int unknown_outcome(const struct parser *ps, const struct token *t)
{
    const char **names = NULL;
    size_t n = 0, cap = 0;

    for (const char *name; (name = outcome_word(n)) != NULL; n++) {
        names = grow(names, &cap, n, sizeof *names);
        names[n] = name;
    }
    const int r = lex_fail_word(&ps->lx, t, names, n, "an outcome: ok, an errno such as EIO, or a signal such as SIGBUS");
    free(names);
    return r;
}

static int parse_expect(struct parser *ps, struct step *s)
{
    struct token t;
    const uint32_t column = lex_column(&ps->lx);
    int r = lex_token(&ps->lx, &t);

    if (r < 0)
        return r;
    if (!r)
        return lex_fail(&ps->lx, column, "found the end of the line, expected an outcome: ok, an errno or a signal");
    for (size_t i = 0, start = 0; i <= t.text_len; i++) {
        int16_t code;

        if (i < t.text_len && t.text[i] != '|')
            continue;
        const struct token one = {
            .kind = t.kind, .column = t.column + (uint32_t)start, .text = t.text + start, .text_len = i - start};
        if (t.kind != TOKEN_WORD || t.at || outcome_parse(one.text, one.text_len, &code))
            return unknown_outcome(ps, &one);
        for (size_t k = 0; k < s->expect.n; k++) {
            if (s->expect.code[k] == code)
                return lex_fail_token(&ps->lx, &one, "each outcome once");
        }
        if (s->expect.n == MAX_EXPECTED)
            return lex_fail_token(&ps->lx, &one, "at most %d outcomes", MAX_EXPECTED);
        s->expect.code[s->expect.n++] = code;
        start = i + 1;
    }
    r = lex_token(&ps->lx, &t);
    return r == 1 ? lex_fail_token(&ps->lx, &t, "the end of the line behind the outcome") : r;
}

static int parse_barrier(struct parser *ps, struct step *s)
{
    const struct plan *p = ps->plan;
    const uint32_t column = lex_column(&ps->lx);
    struct token t;
    int r;

    while ((r = lex_token(&ps->lx, &t)) == 1) {
        const int lane = t.kind == TOKEN_WORD && !t.at ? lane_find(p, t.text, t.text_len) : -EINVAL;

        if (lane == -EINVAL)
            return lex_fail_token(&ps->lx, &t, "lanes that wait for each other, or nothing for all of them");
        if (lane < 0)
            return lex_fail_token(&ps->lx, &t, "a lane that has a step");
        if (s->barrier_lanes & 1U << lane)
            return lex_fail_token(&ps->lx, &t, "each lane once");
        s->barrier_lanes |= 1U << lane;
    }
    if (r)
        return r;
    if (!s->barrier_lanes)
        s->barrier_lanes = (1U << p->n_lanes) - 1;
    if (!(s->barrier_lanes & (s->barrier_lanes - 1)))
        return lex_fail(&ps->lx, column, "found a barrier of one lane, expected two or more that wait for each other");
    return 0;
}

/* A word of joined flags, "-rS", the value of the last one coming next. */
static int parse_flags(struct parser *ps, struct step *s, const struct syntax *syn, struct step_tokens *tok,
                       const struct token *word)
{
    for (size_t i = 1; i < word->text_len; i++) {
        const char letter = word->text[i];
        const int index = verb_flag_index(s->verb, letter);
        const uint32_t column = word->column + (uint32_t)i;

        if (index < 0) {
            const size_t len = utf8_length(word->text + i, word->text + word->text_len);
            return lex_fail(&ps->lx, column, "found unknown flag '-%.*s', expected '%s%s%s'", (int)len, word->text + i,
                            s->verb->name, s->verb->syntax[0] ? " " : "", s->verb->syntax);
        }
        if (s->flags & 1U << index)
            return lex_fail(&ps->lx, column, "found flag '-%c' again, expected each flag once", letter);
        s->flags |= 1U << index;
        if (syn->flags[index].type == ARG_NONE)
            continue;
        if (i + 1 < word->text_len)
            return lex_fail(&ps->lx, column, "found more flags behind '-%c', expected a blank and its %s", letter,
                            arg_type_names[syn->flags[index].type]);
        const uint32_t value_column = lex_column(&ps->lx);
        const int r = lex_token(&ps->lx, &tok->flag[index]);
        if (r < 0)
            return r;
        if (!r)
            return lex_fail(&ps->lx, value_column, "found the end of the line, expected %s of flag '-%c'",
                            arg_type_names[syn->flags[index].type], letter);
        s->flag_arg[index].given = true;
    }
    return 0;
}

/* Fails unless the arguments given are the required ones plus whole optional groups. */
static int check_count(const struct parser *ps, const struct step *s, const struct syntax *syn, size_t n_args, uint32_t column,
                       bool at_arrow)
{
    if (n_args == syn->n_args || (syn->args[n_args].group && (!n_args || syn->args[n_args].group != syn->args[n_args - 1].group)))
        return 0;
    return lex_fail(&ps->lx, column, "found %s, expected %s ('%s %s')", at_arrow ? "'->'" : "the end of the line",
                    arg_type_names[syn->args[n_args].type], s->verb->name, s->verb->syntax);
}

/* Everything behind the verb, as tokens; the outcomes are interpreted at once. */
static int take_tokens(struct parser *ps, struct step *s, const struct syntax *syn, struct step_tokens *tok)
{
    for (bool first = true;; first = false) {
        struct token t;
        const uint32_t column = lex_column(&ps->lx);
        int r = lex_token(&ps->lx, &t);

        if (r < 0)
            return r;
        const bool at_arrow = r && token_is(&t, "->");
        if (!r || at_arrow) {
            r = check_count(ps, s, syn, tok->n_args, column, at_arrow);
            return r || !at_arrow ? r : parse_expect(ps, s);
        }
        if (first && t.at) {
            tok->at = t;
            tok->has_at = true;
            continue;
        }
        if (t.at)
            return lex_fail_token(&ps->lx, &t, "%s; an '@name' stands right behind the verb",
                                  tok->n_args < syn->n_args ? arg_type_names[syn->args[tok->n_args].type]
                                                            : "the end of the line");
        const bool dash = t.kind == TOKEN_WORD && t.text[0] == '-'; /* a word is never empty */
        if (dash && t.text_len > 1 && t.text[1] == '>')
            return lex_fail_token(&ps->lx, &t, "a blank behind '->'");
        if (dash && t.text_len > 1 && !tok->n_args) {
            r = parse_flags(ps, s, syn, tok, &t);
            if (r)
                return r;
            continue;
        }
        if (dash)
            return lex_fail_token(&ps->lx, &t, "flags as '-x', and before the arguments");
        if (tok->n_args == syn->n_args)
            return lex_fail_token(&ps->lx, &t, "the end of the line or '->'");
        tok->arg[tok->n_args++] = t;
    }
}

static int parse_value(struct parser *ps, const struct step *s, const struct token *t, enum arg_type type, struct arg *ret)
{
    ret->given = true;
    return type == ARG_MAP || type == ARG_FILE ? scope_value(ps, s, t, type, &ret->num) : value_parse(ps, t, type, &ret->num);
}

/* Fails when the furthest offset and the greatest length, as flags or arguments, reach beyond what a stamp can tell. */
static int check_range(const struct parser *ps, const struct step *s, const struct syntax *syn, const struct step_tokens *tok)
{
    uint64_t offset = 0, length = 0;
    const struct token *last = &tok->verb;

    for (size_t i = 0; i < syn->n_flags + syn->n_args; i++) {
        const bool flag = i < syn->n_flags;
        const size_t k = flag ? i : i - syn->n_flags;
        const struct arg *a = flag ? &s->flag_arg[k] : &s->arg[k];
        const enum arg_type type = flag ? syn->flags[k].type : syn->args[k].type;

        if (a->given && type == ARG_OFFSET && a->num > offset)
            offset = a->num;
        if (a->given && type == ARG_LENGTH && a->num > length) {
            length = a->num;
            last = flag ? &tok->flag[k] : &tok->arg[k];
        }
    }
    return offset + length > PLAN_MAX_OFFSET ? lex_fail_token(&ps->lx, last, "OFFSET and LENGTH of at most 1t together") : 0;
}

/* Values in the order in which the step is printed, so that paths get the same indices when that is read again. */
static int parse_values(struct parser *ps, struct step *s, const struct syntax *syn, const struct step_tokens *tok)
{
    int r = 0;

    for (size_t i = 0; i < syn->n_flags && !r; i++) {
        if (s->flag_arg[i].given)
            r = parse_value(ps, s, &tok->flag[i], syn->flags[i].type, &s->flag_arg[i]);
    }
    for (size_t i = 0; i < tok->n_args && !r; i++)
        r = parse_value(ps, s, &tok->arg[i], syn->args[i].type, &s->arg[i]);
    return r ? r : check_range(ps, s, syn, tok);
}

static int parse_action(struct parser *ps, struct step *s, struct step_tokens *tok)
{
    struct syntax syn;
    const bool sound = syntax_read(s->verb, &syn);

    assert(sound);
    (void)sound;
    int r = take_tokens(ps, s, &syn, tok);
    if (!r)
        r = parse_values(ps, s, &syn, tok);
    if (!r)
        r = scope_target(ps, s, &syn, tok);
    return r;
}

int step_parse(struct parser *ps)
{
    struct plan *p = ps->plan;
    struct lexer mark = ps->lx;
    struct step s = {.line = ps->lx.line_no, .handle = -1};
    struct step_tokens tok;
    struct token label;
    bool lane_given = lex_label(&ps->lx, &label);
    int r;

    tok.has_at = false;
    tok.n_args = 0;
    const uint32_t verb_column = lex_column(&ps->lx);
    r = lex_token(&ps->lx, &tok.verb);
    if (r < 0)
        return r;
    if (r && tok.verb.kind == TOKEN_WORD && !tok.verb.at)
        s.verb = verb_find(tok.verb.text, tok.verb.text_len);
    const bool meets = s.verb && s.verb->properties & VERB_MEETS;
    if (meets && !lane_given) {
        r = parse_barrier(ps, &s);
    } else {
        const bool have_verb = r;
        struct lexer behind = ps->lx;

        ps->lx = mark;
        r = parse_lane(ps, &s.lane, &lane_given);
        ps->lx = behind;
        if (r)
            return r;
        if (!have_verb)
            return lex_fail(&ps->lx, verb_column, "found the end of the line, expected a verb");
        if (meets)
            return lex_fail_token(&ps->lx, &tok.verb, "no lane before it: 'barrier' or 'barrier A B' says who waits");
        if (!s.verb)
            return unknown_verb(ps, &tok.verb);
        r = parse_action(ps, &s, &tok);
    }
    if (r)
        return r;
    if (p->n_steps == PLAN_MAX_STEPS)
        return lex_fail(&ps->lx, verb_column, "found one more step, expected at most %d", PLAN_MAX_STEPS);
    p->steps = grow(p->steps, &p->cap_steps, p->n_steps, sizeof *p->steps);
    p->steps[p->n_steps++] = s;
    return 0;
}
