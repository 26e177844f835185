/* The verbs' arrays, one a subject, each ending with an entry whose name is NULL. table.c walks them. */
#ifndef TORNPAGE_VERBS_VERBS_H
#define TORNPAGE_VERBS_VERBS_H

#include "language/plan.h"
#include "language/verb.h"

extern const struct verb verbs_file[], verbs_io[], verbs_map[], verbs_access[], verbs_sync[], verbs_space[], verbs_clone[],
    verbs_names[], verbs_control[];

static inline bool has_flag(const struct step *s, char letter)
{
    return (s->flags & verb_flag(s->verb, letter)) != 0;
}

/* The value of a flag that takes one; `fallback` when it was not given. */
static inline uint64_t flag_value(const struct step *s, char letter, uint64_t fallback)
{
    int i = verb_flag_index(s->verb, letter);

    return i >= 0 && s->flag_arg[i].given ? s->flag_arg[i].num : fallback;
}

#endif
