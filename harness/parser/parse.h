/* Private to this room. What the parts of the scenario parser share: parse.c (lines, lanes), headers.c, steps.c, values.c,
 * scope.c. */
#ifndef TORNPAGE_PARSER_PARSE_H
#define TORNPAGE_PARSER_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "language/plan.h"
#include "language/syntax.h"
#include "parser/lex.h"

enum { PLAN_MAX_SOMETIMES = 8, PLAN_MAX_REQUIRES = 8 };

/* Offsets, sizes and ends of ranges go up to this: what a stamp can tell. */
#define PLAN_MAX_OFFSET (UINT64_C(1) << 40)

/* The two kinds of things that '@names' stand for; a mapping may have its descriptor's name. */
enum scope_kind { SCOPE_FILE, SCOPE_MAP, SCOPE_KINDS };

/* Which names steps read so far have made, and which are current. Indices into plan->handles; -1: none. */
struct scope {
    uint64_t made[SCOPE_KINDS][PLAN_MAX_ACTORS];      /* bit per handle */
    int16_t actor_last[SCOPE_KINDS][PLAN_MAX_ACTORS]; /* made last, in the order of the file */
    int16_t lane_last[SCOPE_KINDS][PLAN_MAX_LANES];
};

struct parser {
    struct lexer lx;
    struct plan *plan;
    unsigned headers; /* bit per header seen, by its place in the table of headers.c */
    struct {
        uint32_t line, column;
    } sometimes_at[PLAN_MAX_SOMETIMES];
    bool in_steps;   /* the headers are over */
    bool setup_over; /* '---' was read */
    struct scope scope;
};

/* The tokens of a step's line, before they are interpreted. */
struct step_tokens {
    struct token verb;
    struct token at; /* '@name' behind the verb */
    bool has_at;
    struct token flag[STEP_MAX_FLAGS]; /* values of flags, by index */
    struct token arg[STEP_MAX_ARGS];
    size_t n_args;
};

/* headers.c */
bool header_known(const char *name, size_t len_bytes);
int header_parse(struct parser *ps, const struct token *name);
/* Checks the headers as a whole when the first step (or the end, `found`) comes at `column`. */
int headers_finish(struct parser *ps, uint32_t column, const char *found);

/* steps.c: a line that is neither header nor '---'. */
int step_parse(struct parser *ps);

/* lanes.c: the lane that `name` ("A", "B.1") stands for; -EINVAL when it is no lane name, -ENOENT when the plan has none such. */
int lane_find(const struct plan *p, const char *name, size_t len_bytes);
/* Adds a lane unless the plan has it, or is full: the second pass then misses it and says so. */
void lane_add(struct plan *p, const char *name, size_t len_bytes);

/* values.c: turns a token into the number or index that struct arg holds; not for MAP and FILE. */
int value_parse(struct parser *ps, const struct token *t, enum arg_type type, uint64_t *ret);
/* Checks a name behind '@' or a MAP or FILE value. */
int name_check(struct parser *ps, const struct token *t);
bool word_is_plain(const char *text, size_t len_bytes); /* may be written without quotes */

/* scope.c */
void scope_init(struct scope *sc);
/* Interprets a MAP or FILE value. */
int scope_value(struct parser *ps, const struct step *s, const struct token *t, enum arg_type type, uint64_t *ret);
/* Settles s->handle, and notes what the step makes. All else of the step is set. */
int scope_target(struct parser *ps, struct step *s, const struct syntax *syn, const struct step_tokens *tok);
/* Whether the step can make its descriptor or mapping, going by what it is expected to return. */
bool step_may_succeed(const struct step *s);

#endif
