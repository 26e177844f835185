/* Header lines of a scenario: `test:`, `origin:` and so on (see scenarios/README.md). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/size.h"
#include "parser/parse.h"

enum { STRIKE_LIST_BYTES = 128 };
enum { MAX_REPEAT = 1000 };

/* A run of the header's value that the parsers below walk: words, with every comma a word of its own. */
struct walk {
    const char *p, *end;
    uint32_t column; /* of p */
};

static bool next_word(struct walk *w, struct token *ret)
{
    const char *from;

    while (w->p < w->end && (*w->p == ' ' || *w->p == '\t')) {
        w->p++;
        w->column++;
    }
    from = w->p;
    *ret = (struct token){.kind = TOKEN_WORD, .column = w->column, .text = from};
    if (w->p < w->end && *w->p == ',') {
        w->p++;
    } else {
        while (w->p < w->end && !strchr(" \t,", *w->p))
            w->p++;
    }
    ret->text_len = (size_t)(w->p - from);
    w->column += (uint32_t)ret->text_len;
    return ret->text_len > 0;
}

/* Index of the word in the list of names, -1 when it is none of them. */
static int name_index(const struct token *t, const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        if (token_is(t, names[i]))
            return i;
    }
    return -1;
}

static int parse_sentence(char **ret, const struct token *value)
{
    *ret = xmalloc(value->text_len + 1);
    memcpy(*ret, value->text, value->text_len);
    (*ret)[value->text_len] = '\0';
    return 0;
}

static int parse_test(struct parser *ps, const struct token *value)
{
    return parse_sentence(&ps->plan->test, value);
}

static int parse_origin(struct parser *ps, const struct token *value)
{
    return parse_sentence(&ps->plan->origin, value);
}

static int parse_requires(struct parser *ps, const struct token *value)
{
    struct walk w = {.p = value->text, .end = value->text + value->text_len, .column = value->column};
    struct plan *p = ps->plan;
    struct token t;

    while (next_word(&w, &t)) {
        for (size_t i = 0; i < t.text_len; i++) {
            if (!t.text[i] || !strchr("abcdefghijklmnopqrstuvwxyz0123456789_-=.", t.text[i]))
                return lex_fail_token(&ps->lx, &t, "a feature word of a-z, 0-9, '_', '-', '=' and '.'");
        }
        for (size_t i = 0; i < p->n_requires; i++) {
            if (token_is(&t, p->requires_[i]))
                return lex_fail_token(&ps->lx, &t, "each feature once");
        }
        if (p->n_requires == PLAN_MAX_REQUIRES)
            return lex_fail_token(&ps->lx, &t, "at most %d features", PLAN_MAX_REQUIRES);
        parse_sentence(&p->requires_[p->n_requires++], &t);
    }
    return 0;
}

/* Fails: `t` names no strike. */
static int unknown_strike(const struct parser *ps, const struct token *t, const char *more)
{
    const char *names[STRIKES];
    char list[STRIKE_LIST_BYTES];
    size_t n = (size_t)snprintf(list, sizeof list, "a crash kind: ");

    for (unsigned k = 0; k < STRIKES; k++) {
        names[k] = strike_table[k].name;
        n += (size_t)snprintf(list + n, STRIKE_LIST_BYTES - n, "%s%s",
                              k == 0            ? ""
                              : k + 1 < STRIKES ? ", "
                                                : " or ",
                              strike_table[k].name);
    }
    snprintf(list + n, sizeof list - n, "%s", more);
    return lex_fail_word(&ps->lx, t, names, STRIKES, list);
}

static int parse_strike(struct parser *ps, const struct token *value)
{
    struct walk w = {.p = value->text, .end = value->text + value->text_len, .column = value->column};
    struct token t;

    while (next_word(&w, &t)) {
        const enum strike strike = strike_parse(t.text, t.text_len);

        if (strike == STRIKES)
            return unknown_strike(ps, &t, ", with blanks between");
        if (ps->plan->strikes & 1U << strike)
            return lex_fail_token(&ps->lx, &t, "each crash kind once");
        ps->plan->strikes |= 1U << strike;
    }
    return 0;
}

static int found_end(const struct parser *ps, const struct walk *w, const char *expected)
{
    return lex_fail(&ps->lx, w->column, "found the end of the line, expected %s", expected);
}

static int parse_sometimes(struct parser *ps, const struct token *value)
{
    struct walk w = {.p = value->text, .end = value->text + value->text_len, .column = value->column};
    struct plan *p = ps->plan;

    for (;;) {
        struct token strike_word, sight_word, comma;

        if (!next_word(&w, &strike_word))
            return found_end(ps, &w, "a crash kind and what is seen after it");
        const enum strike strike = strike_parse(strike_word.text, strike_word.text_len);
        if (strike == STRIKES)
            return unknown_strike(ps, &strike_word, "");
        if (!next_word(&w, &sight_word))
            return found_end(ps, &w, "what is seen: lost, kept, torn, mixed or absent");
        const int sight = name_index(&sight_word, sight_names, SIGHT_KINDS);
        if (sight < 0)
            return lex_fail_word(&ps->lx, &sight_word, sight_names, SIGHT_KINDS,
                                 "what is seen: lost, kept, torn, mixed or absent");
        for (size_t i = 0; i < p->n_sometimes; i++) {
            if (p->sometimes[i].strike == strike && (int)p->sometimes[i].sight == sight)
                return lex_fail_token(&ps->lx, &strike_word, "each pair once");
        }
        if (p->n_sometimes == PLAN_MAX_SOMETIMES)
            return lex_fail_token(&ps->lx, &strike_word, "at most %d pairs", PLAN_MAX_SOMETIMES);
        ps->sometimes_at[p->n_sometimes].line = ps->lx.line_no;
        ps->sometimes_at[p->n_sometimes].column = strike_word.column;
        p->sometimes[p->n_sometimes++] = (struct sometimes){.strike = strike, .sight = (enum sight)sight};
        if (!next_word(&w, &comma))
            return 0;
        if (!token_is(&comma, ","))
            return lex_fail_token(&ps->lx, &comma, "a comma between pairs");
    }
}

/* "kernel<6.2", "kernel>=6.7". Returns 1 when the word is one, 0 when it is none; else fails. */
static int parse_kernel(struct parser *ps, const struct token *t, struct kernel_range *ret)
{
    static const char less[] = "kernel<", from[] = "kernel>=", any[] = "kernel";
    const struct {
        const char *word;
        uint32_t *bound;
    } bounds[] = {{from, &ret->from}, {less, &ret->before}};

    if (t->text_len < strlen(any) || memcmp(t->text, any, strlen(any)) != 0)
        return 0;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        const size_t n = strlen(bounds[i].word);

        if (t->text_len < n || memcmp(t->text, bounds[i].word, n) != 0)
            continue;
        if (*bounds[i].bound)
            return lex_fail_token(&ps->lx, t, "each bound once");
        return kernel_parse(t->text + n, t->text_len - n, bounds[i].bound) && *bounds[i].bound
                   ? 1
                   : lex_fail_token(&ps->lx, t, "a version of the kernel, such as kernel<6.2 or kernel>=6.1.119");
    }
    return lex_fail_token(&ps->lx, t, "kernel< or kernel>= and a version");
}

/* A rule's name: "scenario", or a letter and a number. Which rules there are is not the parser's business. */
static bool is_rule(const struct token *t)
{
    if (t->text_len >= KNOWN_RULE_BYTES)
        return false;
    if (token_is(t, "scenario"))
        return true;
    for (size_t i = 1; i < t->text_len; i++)
        if (t->text[i] < '0' || t->text[i] > '9')
            return false;
    return t->text_len > 1 && t->text[0] >= 'A' && t->text[0] <= 'Z';
}

/* The backend with its options, which have commas of their own. */
static bool next_spec(struct walk *w, struct token *ret)
{
    if (!next_word(w, ret))
        return false;
    for (; w->p < w->end && *w->p != ' ' && *w->p != '\t'; w->p++, w->column++)
        ret->text_len++;
    return true;
}

/* Fills the entry from its words, CRASH BACKEND [KERNEL]... DEFECT RULE. */
static int parse_known_entry(struct parser *ps, struct walk *w, struct known *ret)
{
    struct token word;
    int r = 1;

    if (!next_word(w, &word))
        return found_end(ps, w, "a crash kind, a backend, a defect and a rule");
    ret->strike = strike_parse(word.text, word.text_len);
    if (ret->strike == STRIKES)
        return unknown_strike(ps, &word, "");
    if (!next_spec(w, &word))
        return found_end(ps, w, "a backend, such as loop:fs=btrfs");
    parse_sentence(&ret->backend, &word);
    while (r > 0) {
        if (!next_word(w, &word))
            return found_end(ps, w, "a defect, such as lost or wrong-size");
        r = parse_kernel(ps, &word, &ret->kernels);
    }
    if (r < 0)
        return r;
    ret->defect = defect_parse(word.text, word.text_len);
    if (ret->defect == DEFECT_KINDS)
        return lex_fail_word(&ps->lx, &word, defect_names, DEFECT_KINDS,
                             "kernel< or kernel>= and a version, or a defect, such as lost or wrong-size");
    if (!next_word(w, &word))
        return found_end(ps, w, "the rule that is broken, such as C1");
    if (!is_rule(&word))
        return lex_fail_token(&ps->lx, &word, "the rule that is broken, such as C1");
    memcpy(ret->rule, word.text, word.text_len);
    return 0;
}

static int parse_known(struct parser *ps, const struct token *value)
{
    struct walk w = {.p = value->text, .end = value->text + value->text_len, .column = value->column};
    struct plan *p = ps->plan;

    for (;;) {
        struct walk ahead = w;
        struct token first, comma;

        if (p->n_known == PLAN_MAX_KNOWN && next_word(&ahead, &first))
            return lex_fail_token(&ps->lx, &first, "at most %d known defects", PLAN_MAX_KNOWN);
        const int r = parse_known_entry(ps, &w, &p->known[p->n_known++]);
        if (r < 0)
            return r;
        if (!next_word(&w, &comma))
            return 0;
        if (!token_is(&comma, ","))
            return lex_fail_token(&ps->lx, &comma, "a comma between known defects");
    }
}

static int parse_repeat(struct parser *ps, const struct token *value)
{
    uint64_t n;

    if (size_parse(value->text, value->text_len, &n) || n < 1 || n > MAX_REPEAT)
        return lex_fail_token(&ps->lx, value, "a number from 1 to %d", MAX_REPEAT);
    ps->plan->repeat = (uint32_t)n;
    return 0;
}

static const struct header {
    const char *name;
    bool required;
    int (*parse)(struct parser *ps, const struct token *value); /* value is not empty */
    const char *expected;                                       /* in place of an empty value */
} headers[] = {
    {"test", true, parse_test, "a sentence that says what is tested"},
    {"origin", true, parse_origin, "where the test comes from"},
    {"requires", false, parse_requires, "feature words"},
    {"crash", true, parse_strike, "crash kinds"},
    {"sometimes", false, parse_sometimes, "a crash kind and what is seen after it"},
    {"known", false, parse_known, "a crash kind, a backend, a defect and a rule"},
    {"repeat", false, parse_repeat, "a number from 1 to 1000"},
};

enum { N_HEADERS = sizeof headers / sizeof *headers };

bool header_known(const char *name, size_t len_bytes)
{
    for (size_t i = 0; i < N_HEADERS; i++) {
        if (strlen(headers[i].name) == len_bytes && !strncasecmp(headers[i].name, name, len_bytes))
            return true;
    }
    return false;
}

int header_parse(struct parser *ps, const struct token *name)
{
    const char *names[N_HEADERS];
    struct token value;

    for (size_t i = 0; i < N_HEADERS; i++) {
        if (!token_is(name, headers[i].name))
            continue;
        if (ps->headers & 1U << i)
            return lex_fail(&ps->lx, name->column, "found a second header '%s:', expected each header once", headers[i].name);
        ps->headers |= 1U << i;
        lex_rest(&ps->lx, &value);
        if (!value.text_len)
            return lex_fail(&ps->lx, value.column, "found nothing behind '%s:', expected %s", headers[i].name,
                            headers[i].expected);
        return headers[i].parse(ps, &value);
    }
    for (size_t i = 0; i < N_HEADERS; i++)
        names[i] = headers[i].name;
    return lex_fail_word(&ps->lx, name, names, N_HEADERS, "a header: test, origin, requires, crash, sometimes, known or repeat");
}

int headers_finish(struct parser *ps, uint32_t column, const char *found)
{
    for (size_t i = 0; i < N_HEADERS; i++) {
        if (headers[i].required && !(ps->headers & 1U << i))
            return lex_fail(&ps->lx, column, "found %s, expected header '%s:' above it", found, headers[i].name);
    }
    for (size_t i = 0; i < ps->plan->n_sometimes; i++) {
        const enum strike strike = ps->plan->sometimes[i].strike;

        if (!(ps->plan->strikes & 1U << strike)) {
            struct lexer at = ps->lx;
            at.line_no = ps->sometimes_at[i].line;
            return lex_fail(&at, ps->sometimes_at[i].column, "found '%s', expected a crash kind that 'crash:' lists",
                            strike_table[strike].name);
        }
    }
    return 0;
}
