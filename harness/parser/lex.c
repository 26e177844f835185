/* Lines, words and places of a scenario file: see lex.h. */
#include "parser/lex.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/edit_distance.h"
#include "base/error.h"
#include "base/utf8.h"

enum {
    SHOWN_BYTES = 40, /* of a token in a message */
    WORD_BYTES = 96,  /* of one that may be mistyped */
};

int lex_fail(const struct lexer *lx, uint32_t column, const char *fmt, ...)
{
    char msg[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return error_set(lx->err, EINVAL, NULL, NULL, "%.100s:%u:%u: %s", lx->file, lx->line_no, column, msg);
}

int lex_fail_token(const struct lexer *lx, const struct token *t, const char *fmt, ...)
{
    char msg[320];
    size_t shown = t->text_len;
    va_list ap;

    if (shown > SHOWN_BYTES) { /* cut between characters */
        shown = SHOWN_BYTES;
        while (shown && ((unsigned char)t->text[shown] & 0xc0) == 0x80)
            shown--;
    }
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return lex_fail(lx, t->column, "found '%s%.*s%s', expected %s", t->at ? "@" : "", (int)shown, t->text,
                    shown < t->text_len ? "..." : "", msg);
}

int lex_fail_word(const struct lexer *lx, const struct token *t, const char *const *list, size_t n, const char *expected)
{
    char asked[WORD_BYTES], similar[WORD_BYTES];
    const char **names = xcalloc(n + 1, sizeof *names);

    for (size_t i = 0; i < n; i++)
        names[i] = list[i];
    snprintf(asked, sizeof asked, "%.*s", (int)t->text_len, t->text);
    const char *found = edit_similar(asked, names);
    free(names);
    if (!found)
        return lex_fail_token(lx, t, "%s", expected);
    snprintf(similar, sizeof similar, "%s", found);
    for (char *p = similar; (p = strchr(p, ' ')) != NULL;)
        *p = '-';
    return lex_fail_token(lx, t, "%s; did you mean '%s'?", expected, similar);
}

static int check_bytes(struct lexer *lx, const char *text, const char *end)
{
    const char *line = text;

    lx->line_no = 1;
    for (const char *p = text; p < end;) {
        const unsigned char c = (unsigned char)*p;
        const uint32_t column = (uint32_t)(p - line) + 1;

        if (c == '\n') {
            line = ++p;
            lx->line_no++;
            continue;
        }
        if (column > LEX_MAX_LINE_BYTES)
            return lex_fail(lx, column, "found a line that goes on, expected at most %d bytes in a line", LEX_MAX_LINE_BYTES);
        if (!c)
            return lex_fail(lx, column, "found a NUL byte, expected text");
        if (c == '\r')
            return lex_fail(lx, column, "found a carriage return, expected lines that end in a line feed alone");
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return lex_fail(lx, column, "found control byte 0x%02x, expected text", c);
        const size_t n = utf8_length(p, end);
        if (!n)
            return lex_fail(lx, column, "found byte 0x%02x that is not UTF-8, expected text", c);
        p += n;
    }
    lx->line_no = 0;
    return 0;
}

int lex_open(struct lexer *lx, const char *file, const char *text, size_t len_bytes, struct error *err)
{
    assert(file && (text || !len_bytes));
    if (!len_bytes)
        text = "";
    *lx = (struct lexer){
        .file = file, .err = err, .next = text, .text_end = text + len_bytes, .line = text, .p = text, .end = text};
    return check_bytes(lx, text, text + len_bytes);
}

bool lex_line(struct lexer *lx)
{
    lx->line_no++;
    if (lx->next == lx->text_end) {
        lx->line = lx->p = lx->end = lx->text_end;
        return false;
    }
    const char *feed = memchr(lx->next, '\n', (size_t)(lx->text_end - lx->next));
    lx->line = lx->p = lx->next;
    lx->end = feed ? feed : lx->text_end;
    lx->next = feed ? feed + 1 : lx->text_end;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

uint32_t lex_column(struct lexer *lx)
{
    while (lx->p < lx->end && is_blank(*lx->p))
        lx->p++;
    return (uint32_t)(lx->p - lx->line) + 1;
}

bool lex_at_end(struct lexer *lx)
{
    lex_column(lx);
    return lx->p == lx->end || *lx->p == '#';
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Takes one escape behind the backslash at lx->p. */
static int take_escape(struct lexer *lx, char *ret)
{
    const uint32_t column = (uint32_t)(lx->p - lx->line) + 1;
    const size_t left = (size_t)(lx->end - lx->p);
    const char c = left > 1 ? lx->p[1] : '\0';

    if (c == 'x' && left > 3 && hex_digit(lx->p[2]) >= 0 && hex_digit(lx->p[3]) >= 0) {
        const int n = hex_digit(lx->p[2]) * 16 + hex_digit(lx->p[3]);

        if (!n)
            return lex_fail(lx, column, "found escape \\x00, expected no NUL byte in a quoted text");
        lx->p += 4;
        *ret = (char)n;
        return 0;
    }
    if (c != '"' && c != '\'' && c != '\\' && c != 'n' && c != 't')
        return lex_fail(lx, column, "found an unknown escape, expected \\\" \\' \\\\ \\n \\t or \\xHH");
    *ret = c == 'n' ? '\n' : c == 't' ? '\t' : c;
    lx->p += 2;
    return 0;
}

static int take_quoted(struct lexer *lx, char quote, struct token *t)
{
    const size_t max = quote == '"' ? LEX_MAX_QUOTED_BYTES : 1;

    t->kind = quote == '"' ? TOKEN_QUOTED : TOKEN_CHAR;
    lx->p++;
    for (;;) {
        const uint32_t column = (uint32_t)(lx->p - lx->line) + 1;
        char c = '\0';

        if (lx->p == lx->end)
            return lex_fail(lx, column, "found the end of the line, expected a closing %c", quote);
        if (*lx->p == quote)
            break;
        if (t->value_len == max)
            return lex_fail(lx, column, "found a longer quoted text, expected at most %zu byte%s between %c and %c", max,
                            max == 1 ? "" : "s", quote, quote);
        if (*lx->p == '\\') {
            if (take_escape(lx, &c))
                return -EINVAL;
        } else {
            c = *lx->p++;
        }
        t->value[t->value_len++] = c;
    }
    lx->p++;
    if (lx->p < lx->end && !is_blank(*lx->p))
        return lex_fail(lx, (uint32_t)(lx->p - lx->line) + 1, "found more text behind a closing %c, expected a blank", quote);
    return 0;
}

int lex_token(struct lexer *lx, struct token *ret)
{
    if (lex_at_end(lx))
        return 0;
    ret->kind = TOKEN_WORD;
    ret->at = *lx->p == '@';
    ret->column = lex_column(lx);
    ret->value_len = 0;
    if (ret->at)
        lx->p++;
    ret->text = lx->p;
    if (lx->p < lx->end && (*lx->p == '"' || *lx->p == '\'')) {
        const int r = take_quoted(lx, *lx->p, ret);
        if (r)
            return r;
    } else {
        while (lx->p < lx->end && !is_blank(*lx->p))
            lx->p++;
    }
    ret->value[ret->value_len] = '\0';
    ret->text_len = (size_t)(lx->p - ret->text);
    return 1;
}

/* A token that is just the stretch [from, to) of the line. */
static void plain_token(const struct lexer *lx, const char *from, const char *to, struct token *ret)
{
    ret->kind = TOKEN_WORD;
    ret->at = false;
    ret->column = (uint32_t)(from - lx->line) + 1;
    ret->text = from;
    ret->text_len = (size_t)(to - from);
    ret->value_len = 0;
}

bool lex_label(struct lexer *lx, struct token *ret)
{
    if (lex_at_end(lx) || *lx->p == '"' || *lx->p == '\'' || *lx->p == '@')
        return false;
    const char *p = lx->p;
    while (p < lx->end && !is_blank(*p) && *p != ':')
        p++;
    if (p == lx->end || *p != ':')
        return false;
    plain_token(lx, lx->p, p, ret);
    lx->p = p + 1;
    return true;
}

void lex_rest(struct lexer *lx, struct token *ret)
{
    const char *from, *to;

    lex_column(lx);
    from = to = lx->p;
    for (const char *p = from; p < lx->end; p++) {
        if (*p == '#' && (p == lx->line || is_blank(p[-1])))
            break;
        if (!is_blank(*p))
            to = p + 1;
    }
    plain_token(lx, from, to, ret);
    lx->p = lx->end;
}

const char *token_value(const struct token *t, size_t *ret_len_bytes)
{
    *ret_len_bytes = t->kind == TOKEN_WORD ? t->text_len : t->value_len;
    return t->kind == TOKEN_WORD ? t->text : t->value;
}

bool token_is(const struct token *t, const char *word)
{
    return t->kind == TOKEN_WORD && !t->at && t->text_len == strlen(word) && !memcmp(t->text, word, t->text_len);
}
