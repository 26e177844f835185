/* The backends a command line names: "loop:fs={ext4,xfs},disk=ignore-flush", alternatives in braces as a shell has them. */
#ifndef TORNPAGE_FACES_SPECS_H
#define TORNPAGE_FACES_SPECS_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/backend.h"

struct specs {
    struct backend_config *config;
    size_t n, cap;
    size_t n_errors; /* the user was told of each */
};

/*
 * Adds the backends of one word, each alternative one; equal ones once. Wrong names, keys and values are reported to stderr and
 * counted. What a machine merely lacks is no error here: the campaign skips it with the reason.
 */
void specs_add(struct specs *s, const char *word);
/* True when the word is a backend ("sim", "loop:fs=xfs") rather than a path: it begins with a backend's name. */
bool specs_looks_like(const char *word);
void specs_free(struct specs *s);

#endif
