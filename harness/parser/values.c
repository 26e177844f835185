/* Values of arguments: numbers by their type, paths, names. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/size.h"
#include "parser/parse.h"

enum { MAX_MODE = 07777, MAX_BYTE = 255 };

bool word_is_plain(const char *text, size_t len_bytes)
{
    if (!len_bytes || text[0] == '-')
        return false;
    for (size_t i = 0; i < len_bytes; i++) {
        const char c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("._+/-", c))))
            return false;
    }
    return true;
}

/* What paths and names have in common. */
static int check_text(struct parser *ps, const struct token *t, const char *what)
{
    size_t len;
    const char *text = token_value(t, &len);

    if (t->kind == TOKEN_CHAR)
        return lex_fail_token(&ps->lx, t, "%s in double quotes or plain", what);
    if (t->kind == TOKEN_WORD && !word_is_plain(text, len))
        return lex_fail_token(&ps->lx, t, "%s of letters, digits and . _ + / - (others and a leading - only in double quotes)",
                              what);
    if (!len)
        return lex_fail_token(&ps->lx, t, "%s that is not empty", what);
    if (len > LEX_MAX_QUOTED_BYTES)
        return lex_fail_token(&ps->lx, t, "%s of at most %d bytes", what, LEX_MAX_QUOTED_BYTES);
    return 0;
}

int name_check(struct parser *ps, const struct token *t)
{
    return check_text(ps, t, "a name");
}

static bool is_device(const char *path, size_t len)
{
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full"};

    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        if (strlen(devices[i]) == len && !memcmp(devices[i], path, len))
            return true;
    }
    return false;
}

/* One spelling a path: the oracle compares them as text. And none that leaves the run's directory. */
static int parse_path(struct parser *ps, const struct token *t, uint64_t *ret)
{
    size_t len;
    const char *path = token_value(t, &len);
    int r = check_text(ps, t, "a path");

    if (r)
        return r;
    if (path[0] == '/' && !is_device(path, len))
        return lex_fail_token(&ps->lx, t, "a path below the run's directory, or /dev/null, /dev/zero, /dev/full");
    for (size_t i = path[0] == '/', start = i; i <= len; i++) {
        if (i < len && path[i] != '/')
            continue;
        if (i == start)
            return lex_fail_token(&ps->lx, t, "a path without empty components");
        if (i - start == 2 && !memcmp(path + start, "..", 2))
            return lex_fail_token(&ps->lx, t, "a path without '..'");
        if (i - start == 1 && path[start] == '.' && len > 1)
            return lex_fail_token(&ps->lx, t, "a path without '.' components ('.' alone is the run's directory)");
        start = i + 1;
    }
    r = plan_path(ps->plan, path, len);
    if (r < 0)
        return lex_fail_token(&ps->lx, t, "at most %d paths in a scenario", PLAN_MAX_PATHS);
    *ret = (uint64_t)r;
    return 0;
}

static int parse_octal(struct parser *ps, const struct token *t, uint64_t *ret)
{
    uint64_t n = 0;

    for (size_t i = 0; i < t->text_len && n <= MAX_MODE; i++) {
        if (t->text[i] < '0' || t->text[i] > '7')
            return lex_fail_token(&ps->lx, t, "MODE, an octal number such as 0644");
        n = n * 8 + (uint64_t)(t->text[i] - '0');
    }
    if (n > MAX_MODE)
        return lex_fail_token(&ps->lx, t, "MODE of at most 07777");
    *ret = n;
    return 0;
}

static int parse_bytes(struct parser *ps, const struct token *t, enum arg_type type, uint64_t *ret)
{
    const int r = size_parse(t->text, t->text_len, ret);

    if (r == -EINVAL)
        return lex_fail_token(&ps->lx, t, "%s in bytes, such as 4096, 4k or 0x1000", arg_type_names[type]);
    if (r || *ret > PLAN_MAX_OFFSET)
        return lex_fail_token(&ps->lx, t, "%s of at most 1t", arg_type_names[type]);
    if (type == ARG_LENGTH && !*ret)
        return lex_fail_token(&ps->lx, t, "LENGTH of at least 1");
    return 0;
}

static int parse_byte(struct parser *ps, const struct token *t, uint64_t *ret)
{
    if (t->kind == TOKEN_CHAR) {
        if (t->value_len != 1)
            return lex_fail_token(&ps->lx, t, "one byte between the quotes");
        *ret = (unsigned char)t->value[0];
        return 0;
    }
    if (size_parse(t->text, t->text_len, ret) || *ret > MAX_BYTE)
        return lex_fail_token(&ps->lx, t, "BYTE, 0 to 255, 0x00 to 0xff or a quoted character such as 'a'");
    return 0;
}

int value_parse(struct parser *ps, const struct token *t, enum arg_type type, uint64_t *ret)
{
    if (t->at)
        return lex_fail_token(&ps->lx, t, "%s without '@'", arg_type_names[type]);
    if (type == ARG_PATH || type == ARG_NEWPATH)
        return parse_path(ps, t, ret);
    if (type == ARG_BYTE && t->kind != TOKEN_QUOTED)
        return parse_byte(ps, t, ret);
    if (t->kind != TOKEN_WORD)
        return lex_fail_token(&ps->lx, t, "%s, which is not quoted", arg_type_names[type]);
    if (type == ARG_MODE)
        return parse_octal(ps, t, ret);
    if (type == ARG_COUNT) {
        if (size_parse(t->text, t->text_len, ret) || *ret > UINT32_MAX)
            return lex_fail_token(&ps->lx, t, "COUNT, a number from 0 to 4294967295");
        return 0;
    }
    assert(type == ARG_OFFSET || type == ARG_LENGTH || type == ARG_SIZE);
    return parse_bytes(ps, t, type, ret);
}
