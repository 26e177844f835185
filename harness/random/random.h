/* Random scenarios: plans made from a generator alone. */
#ifndef TORNPAGE_RANDOM_RANDOM_H
#define TORNPAGE_RANDOM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct plan;
struct rng;

/*
 * A random valid plan of at most `max_steps` steps after set-up, from `r` alone. Small files (some pages), one or two actors, any
 * verb that the `sim` backend models. name, file and origin are "random", text is NULL. Freed with plan_free.
 */
struct plan *plan_random(struct rng *r, size_t max_steps);

/* Random scenarios are called "random/SEED". */
#define RANDOM_PREFIX "random/"

static inline bool is_random_name(const char *name)
{
    return strncmp(name, RANDOM_PREFIX, strlen(RANDOM_PREFIX)) == 0;
}

#endif
