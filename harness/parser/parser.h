/* Scenario text to plan, and back. The grammar and a tutorial are in scenarios/README.md. */
#ifndef TORNPAGE_PARSER_PARSER_H
#define TORNPAGE_PARSER_PARSER_H

#include "language/plan.h"

struct buf;
struct error;

/*
 * Parses text (len_bytes long, any bytes) as the scenario `name` from `file`. On success *ret is the plan, freed with plan_free.
 * On failure returns -EINVAL and err->msg is "file:line:column: found X, expected Y".
 */
int plan_parse(const char *file, const char *name, const char *text, size_t len_bytes, struct plan **ret, struct error *err);
/* Reads and parses a file. Also fails with -ENOENT, -EACCES, -EISDIR, -EFBIG (over PLAN_MAX_TEXT), -EIO. */
int plan_load(const char *file, const char *name, struct plan **ret, struct error *err);
/* Prints the plan in canonical form; parsing that text gives an equal plan. */
void plan_print(const struct plan *p, struct buf *out);
void step_print(const struct plan *p, const struct step *s, struct buf *out); /* one step, no newline */

#endif
