/* The backends named on a command line, with alternatives in braces as in a shell: "loop:fs={ext4,xfs},disk=ignore-flush". */
#ifndef TORNPAGE_FACES_SPECS_H
#define TORNPAGE_FACES_SPECS_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/backend.h"

struct specs {
    struct backend_config *config;
    size_t n, cap;
    size_t n_errors; /* each was reported to stderr */
};

/*
 * Adds the backends of one word: one for each alternative, without duplicates. Wrong names, keys and values are reported to
 * stderr and counted. If the machine lacks something for a backend, that is no error here: the campaign skips it and says why.
 */
void specs_add(struct specs *s, const char *word);
/* Does the word begin with a backend's name ("sim", "loop:fs=xfs"), so that it is no path? */
bool specs_looks_like(const char *word);
void specs_free(struct specs *s);

#endif
