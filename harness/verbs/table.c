/* All verbs, found by name or walked in a stable order. */
#include <string.h>

#include "verbs/verbs.h"

static const struct verb *const tables[] = {verbs_file,  verbs_map,   verbs_access, verbs_io,      verbs_sync,
                                            verbs_space, verbs_clone, verbs_names,  verbs_control, NULL};

/* The first verb of the table after the one that holds `v` as its last. */
static const struct verb *next_table(const struct verb *v)
{
    for (const struct verb *const *t = tables; *t; t++) {
        const struct verb *end = *t;

        while (end->name)
            end++;
        if (end == v)
            return t[1];
    }
    return NULL;
}

const struct verb *verb_next(const struct verb *v)
{
    if (!v)
        return tables[0];
    v++;
    return v->name ? v : next_table(v);
}

const struct verb *verb_find(const char *name, size_t len_bytes)
{
    for (const struct verb *v = verb_next(NULL); v; v = verb_next(v))
        if (strlen(v->name) == len_bytes && memcmp(v->name, name, len_bytes) == 0)
            return v;
    return NULL;
}
