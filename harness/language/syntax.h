/* Reads a verb's syntax string (see verb.h) into what the parser and the printer work with. */
#ifndef TORNPAGE_LANGUAGE_SYNTAX_H
#define TORNPAGE_LANGUAGE_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include "language/plan.h"

struct verb;

enum arg_type {
    ARG_NONE, /* a flag without a value */
    ARG_OFFSET,
    ARG_LENGTH,
    ARG_SIZE,
    ARG_COUNT,
    ARG_BYTE,
    ARG_MODE,
    ARG_PATH,
    ARG_NEWPATH,
    ARG_MAP,
    ARG_FILE,
    ARG_TYPES
};
extern const char *const arg_type_names[ARG_TYPES]; /* "OFFSET", ...; "" for ARG_NONE */

struct syntax_flag {
    char letter;
    enum arg_type type;
};

struct syntax_arg {
    enum arg_type type;
    unsigned group; /* 0: required; arguments of one optional group n > 0 come together */
};

struct syntax {
    struct syntax_flag flags[STEP_MAX_FLAGS]; /* index: bit in step->flags and index in step->flag_arg */
    size_t n_flags;
    struct syntax_arg args[STEP_MAX_ARGS]; /* required ones first */
    size_t n_args;
};

/*
 * Fills *ret; false when the string is not of the form verb.h describes (unknown type, a flag twice, a required argument behind
 * an optional one, too many), which is a defect of the verb table.
 */
bool syntax_read(const struct verb *v, struct syntax *ret);

#endif
