/*
 * Lines and words of a scenario file, with their places. All messages about a place go through lex_fail, so they
 * have one form: "file:line:column: found X, expected Y". Columns count bytes from 1.
 */
#ifndef TORNPAGE_PARSER_LEX_H
#define TORNPAGE_PARSER_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    LEX_MAX_LINE_BYTES = 1000,
    LEX_MAX_QUOTED_BYTES = 255, /* after escapes; no path component may be longer on the file systems we know */
};

enum token_kind {
    TOKEN_WORD,   /* plain characters up to the next blank */
    TOKEN_QUOTED, /* "..." */
    TOKEN_CHAR,   /* 'c' */
};

struct token {
    enum token_kind kind;
    bool at;                              /* '@' stood before it (and is in none of the texts) */
    uint32_t column;                      /* of its first byte, the '@' or quote */
    const char *text;                     /* as written, for messages; points into the file's text */
    size_t text_len;                      /* bytes */
    char value[LEX_MAX_QUOTED_BYTES + 1]; /* quoted and char: without quotes and escapes */
    size_t value_len;                     /* bytes; value may hold no NUL inside */
};

struct lexer {
    const char *file;
    struct error *err;
    const char *next, *text_end; /* what lex_line has not taken yet */
    const char *line, *p, *end;  /* the current line and the place in it */
    uint32_t line_no;            /* 1-based; 0 before the first lex_line */
};

/* Starts reading; fails (-EINVAL) on bytes that no scenario holds: NUL, control, CR, non-UTF-8; and on over-long lines. */
int lex_open(struct lexer *lx, const char *file, const char *text, size_t len_bytes, struct error *err);
/* Goes to the next line; false after the last, with line_no then one past it. */
bool lex_line(struct lexer *lx);
/* Skips blanks and returns the column of what comes next, which may be the end of the line (a comment counts as such). */
uint32_t lex_column(struct lexer *lx);
bool lex_at_end(struct lexer *lx);
/* Takes the next token: 1, 0 at the end of the line, -EINVAL for a broken quote. */
int lex_token(struct lexer *lx, struct token *ret);
/*
 * If the line goes on with a name and a colon ("test:", "A.1:"), takes both, fills *ret with the name and returns true; else
 * takes nothing.
 */
bool lex_label(struct lexer *lx, struct token *ret);
/* Takes the rest of the line up to a comment, without blanks around it. */
void lex_rest(struct lexer *lx, struct token *ret);
/* Fills the error with "file:line:column: " and the message (which reads "found X, expected Y"); returns -EINVAL. */
int lex_fail(const struct lexer *lx, uint32_t column, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* As lex_fail "found 'TOKEN', expected ..." with the token shortened to what fits a message. */
int lex_fail_token(const struct lexer *lx, const struct token *t, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/*
 * As lex_fail_token for a word that is none of the n in `list`: what is expected, and the most similar one, if one is. That is
 * printed as it is written in a scenario, '-' for a blank.
 */
int lex_fail_word(const struct lexer *lx, const struct token *t, const char *const *list, size_t n, const char *expected);
/* What a plain or quoted token stands for, and its length. */
const char *token_value(const struct token *t, size_t *ret_len_bytes);
bool token_is(const struct token *t, const char *word); /* a plain word, exactly this one */

#endif
