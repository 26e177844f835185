/* Finds and loads the scenarios named on a command line. */
#ifndef TORNPAGE_FACES_SCENARIOS_H
#define TORNPAGE_FACES_SCENARIOS_H

#include <stddef.h>
#include <stdint.h>

#include "language/plan.h"

struct buf;

struct scenarios {
    struct plan **plan;
    size_t n, cap;
    char **file; /* what was read, NULL-terminated; NULL: nothing was */
    size_t n_files, file_cap;
    size_t n_errors; /* files that could not be loaded, words that name nothing; each was reported */
};

/* The names of all scenarios below scenarios_home(), sorted, also of those that do not load. */
struct scenario_names {
    char **v; /* ends with NULL */
    size_t n, cap;
};
void scenario_names(struct scenario_names *ret);
/* The same, added to `out`, a line each. */
void scenario_names_print(struct buf *out);
void scenario_names_free(struct scenario_names *names);

/* The directory of scenarios to use if none is named, or NULL. Valid until the next call. */
const char *scenarios_home(void);
/*
 * Loads what `word` names: a file, a directory (all *.scn below it, sorted), the name of a scenario below scenarios_home()
 * ("local/store-no-msync"), or "random/SEED". Errors go to stderr and are counted.
 */
void scenarios_add(struct scenarios *s, const char *word);
/* Adds the random scenario of this seed, named random/SEED. */
void scenarios_add_random(struct scenarios *s, uint64_t seed);
/* Sorts by name. Different files with the same name are errors; a file that was named twice is kept once. */
void scenarios_finish(struct scenarios *s);
void scenarios_free(struct scenarios *s);

/* A scenario that is its own manual: what `tornpage list template` prints. */
extern const char scenario_template[];

#endif
