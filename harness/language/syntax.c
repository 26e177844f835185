/* Verb syntax strings: see syntax.h for the result and verb.h for the form. */
#include "language/syntax.h"

#include <assert.h>
#include <string.h>

#include "language/verb.h"

const char *const arg_type_names[ARG_TYPES] = {"",     "OFFSET", "LENGTH",  "SIZE", "COUNT", "BYTE",
                                               "MODE", "PATH",   "NEWPATH", "MAP",  "FILE"};

/* Takes a run of upper-case letters from *s as a type; ARG_NONE when there is none or it is unknown. */
static enum arg_type take_type(const char **s)
{
    size_t len = 0;

    while ((*s)[len] >= 'A' && (*s)[len] <= 'Z')
        len++;
    for (int t = ARG_OFFSET; t < ARG_TYPES; t++) {
        if (strlen(arg_type_names[t]) == len && !memcmp(arg_type_names[t], *s, len)) {
            *s += len;
            return (enum arg_type)t;
        }
    }
    return ARG_NONE;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "-x]" or "-x TYPE]", the bracket before it being taken. */
static bool take_flag(const char **s, struct syntax *ret)
{
    struct syntax_flag flag = {.letter = (*s)[1]};

    if (!is_letter(flag.letter) || ret->n_flags == STEP_MAX_FLAGS)
        return false;
    for (size_t i = 0; i < ret->n_flags; i++) {
        if (ret->flags[i].letter == flag.letter)
            return false;
    }
    *s += 2;
    if (**s == ' ') {
        ++*s;
        flag.type = take_type(s);
        if (!flag.type)
            return false;
    }
    ret->flags[ret->n_flags++] = flag;
    return *(*s)++ == ']';
}

static bool take_arg(const char **s, unsigned group, struct syntax *ret)
{
    const enum arg_type type = take_type(s);

    if (!type || ret->n_args == STEP_MAX_ARGS)
        return false;
    if (!group && ret->n_args && ret->args[ret->n_args - 1].group)
        return false;
    ret->args[ret->n_args++] = (struct syntax_arg){.type = type, .group = group};
    return true;
}

/* "A B]", the bracket before it being taken. */
static bool take_group(const char **s, unsigned group, struct syntax *ret)
{
    for (;;) {
        if (!take_arg(s, group, ret))
            return false;
        const char c = *(*s)++;
        if (c == ']')
            return true;
        if (c != ' ')
            return false;
    }
}

bool syntax_read(const struct verb *v, struct syntax *ret)
{
    const char *s = v->syntax;
    unsigned group = 0;

    assert(s);
    memset(ret, 0, sizeof *ret);
    while (*s) {
        bool good;

        if (*s == '[') {
            s++;
            good = *s == '-' ? take_flag(&s, ret) : take_group(&s, ++group, ret);
        } else {
            good = take_arg(&s, 0, ret);
        }
        if (!good || (*s && *s != ' '))
            return false;
        while (*s == ' ')
            s++;
    }
    return true;
}

int verb_flag_index(const struct verb *v, char c)
{
    int index = 0;

    for (const char *s = v->syntax; *s; s++) {
        if (s[0] != '[' || s[1] != '-')
            continue;
        if (s[2] == c)
            return index;
        index++;
    }
    return -1;
}

unsigned verb_flag(const struct verb *v, char c)
{
    const int index = verb_flag_index(v, c);

    return index < 0 ? 0 : 1U << index;
}
