/* Plans as values: making, comparing and freeing them. See plan.h. */
#include "language/plan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "language/verb.h"

const char *const sight_names[SIGHT_KINDS] = {"lost", "kept", "torn", "mixed", "absent"};

/* Index of the name in the list, added when new; -ENOSPC when the list holds `max` others. */
static int list_index(char **list, size_t *n, size_t max, const char *name, size_t len_bytes)
{
    for (size_t i = 0; i < *n; i++) {
        if (!strncmp(list[i], name, len_bytes) && !list[i][len_bytes])
            return (int)i;
    }
    if (*n == max)
        return -ENOSPC;
    char *copy = xmalloc(len_bytes + 1);
    memcpy(copy, name, len_bytes);
    copy[len_bytes] = '\0';
    list[*n] = copy;
    return (int)(*n)++;
}

int plan_path(struct plan *p, const char *path, size_t len_bytes)
{
    assert(p && path && len_bytes && !memchr(path, '\0', len_bytes));
    return list_index(p->paths, &p->n_paths, PLAN_MAX_PATHS, path, len_bytes);
}

int plan_handle(struct plan *p, const char *name, size_t len_bytes)
{
    assert(p && name && len_bytes && !memchr(name, '\0', len_bytes));
    return list_index(p->handles, &p->n_handles, PLAN_MAX_HANDLES, name, len_bytes);
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    free(p->name);
    free(p->file);
    free(p->text);
    free(p->test);
    free(p->origin);
    for (size_t i = 0; i < p->n_requires; i++)
        free(p->requires_[i]);
    for (size_t i = 0; i < p->n_known; i++)
        free(p->known[i].backend);
    for (size_t i = 0; i < p->n_paths; i++)
        free(p->paths[i]);
    for (size_t i = 0; i < p->n_handles; i++)
        free(p->handles[i]);
    free(p->steps);
    free(p);
}

bool plan_has(const struct plan *p, unsigned properties)
{
    for (size_t i = 0; i < p->n_steps; i++)
        if (p->steps[i].verb->properties & properties)
            return true;
    return false;
}

static bool lists_equal(char *const *a, size_t n_a, char *const *b, size_t n_b)
{
    if (n_a != n_b)
        return false;
    for (size_t i = 0; i < n_a; i++) {
        if (strcmp(a[i], b[i]))
            return false;
    }
    return true;
}

static bool args_equal(const struct arg *a, const struct arg *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i].given != b[i].given || (a[i].given && a[i].num != b[i].num))
            return false;
    }
    return true;
}

static bool steps_equal(const struct step *a, const struct step *b)
{
    return a->verb == b->verb && a->lane == b->lane && a->setup == b->setup && a->handle == b->handle && a->flags == b->flags &&
           a->barrier_lanes == b->barrier_lanes && args_equal(a->flag_arg, b->flag_arg, STEP_MAX_FLAGS) &&
           args_equal(a->arg, b->arg, STEP_MAX_ARGS) && a->expect.n == b->expect.n &&
           !memcmp(a->expect.code, b->expect.code, a->expect.n * sizeof *a->expect.code);
}

static bool headers_equal(const struct plan *a, const struct plan *b)
{
    if (strcmp(a->test, b->test) || strcmp(a->origin, b->origin) || a->strikes != b->strikes || a->repeat != b->repeat ||
        a->n_sometimes != b->n_sometimes || a->n_known != b->n_known ||
        !lists_equal(a->requires_, a->n_requires, b->requires_, b->n_requires))
        return false;
    for (size_t i = 0; i < a->n_sometimes; i++) {
        if (a->sometimes[i].strike != b->sometimes[i].strike || a->sometimes[i].sight != b->sometimes[i].sight)
            return false;
    }
    for (size_t i = 0; i < a->n_known; i++) {
        const struct known *x = &a->known[i], *y = &b->known[i];

        if (x->strike != y->strike || x->defect != y->defect || x->kernels.from != y->kernels.from ||
            x->kernels.before != y->kernels.before || strcmp(x->rule, y->rule) != 0 || strcmp(x->backend, y->backend) != 0)
            return false;
    }
    return true;
}

bool plan_equal(const struct plan *a, const struct plan *b)
{
    assert(a && b);
    if (!headers_equal(a, b) || a->n_actors != b->n_actors || a->n_lanes != b->n_lanes || a->n_steps != b->n_steps ||
        !lists_equal(a->paths, a->n_paths, b->paths, b->n_paths) ||
        !lists_equal(a->handles, a->n_handles, b->handles, b->n_handles))
        return false;
    for (size_t i = 0; i < a->n_actors; i++) {
        if (strcmp(a->actors[i], b->actors[i]))
            return false;
    }
    for (size_t i = 0; i < a->n_lanes; i++) {
        if (a->lanes[i].actor != b->lanes[i].actor || a->lanes[i].thread != b->lanes[i].thread)
            return false;
    }
    for (size_t i = 0; i < a->n_steps; i++) {
        if (!steps_equal(&a->steps[i], &b->steps[i]))
            return false;
    }
    return true;
}
