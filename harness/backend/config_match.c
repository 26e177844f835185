/* Does one configuration include another one: see backend_config_includes in config.h. */
#include <string.h>

#include "backend/backend.h"
#include "base/buf.h"

enum { DASH_LETTER = 2 }; /* "-O" */

/*
 * Walks the items of a value, as a mkfs or a mount reads them: "-O a,b -b 1024" has "a" and "b" under "-O", and "1024" under
 * "-b"; "noatime,commit=1" has two under no letter. "-O a" and "-Oa" are the same. A letter by itself is an empty item.
 */
struct items {
    const char *p;
    char letter[DASH_LETTER + 1];
};

static bool next_item(struct items *w, const char **ret_item, size_t *ret_len)
{
    w->p += strspn(w->p, " ,");
    if (!*w->p)
        return false;
    if (w->p[0] == '-' && w->p[1]) {
        memcpy(w->letter, w->p, DASH_LETTER);
        w->p += DASH_LETTER;
    }
    *ret_item = w->p;
    *ret_len = strcspn(w->p, " ,");
    w->p += *ret_len;
    return true;
}

/* An empty item is there as soon as its letter is. */
static bool has_item(const char *value, const char *letter, const char *item, size_t len)
{
    struct items w = {.p = value};
    const char *at;
    size_t n;

    while (next_item(&w, &at, &n))
        if (strcmp(w.letter, letter) == 0 && (len == 0 || (n == len && memcmp(at, item, n) == 0)))
            return true;
    return false;
}

bool words_include(const char *text, const char *wanted)
{
    struct items w = {.p = wanted};
    const char *item;
    size_t n;

    while (next_item(&w, &item, &n))
        if (!text || !has_item(text, w.letter, item, n))
            return false;
    return true;
}

bool backend_config_includes(const struct backend_config *c, const struct backend_config *part)
{
    if (c->backend != part->backend)
        return false;
    for (size_t i = 0; c->backend->options && c->backend->options[i].key; i++) {
        const struct backend_option *o = &c->backend->options[i];
        const char *has = c->text[i] ? c->text[i] : o->fallback, *wanted = part->text[i];

        if (o->type == OPTION_FAULTS && c->text[i] && !wanted)
            return false;
        if (wanted && !(o->type == OPTION_WORDS ? words_include(has, wanted) : has && strcmp(has, wanted) == 0))
            return false;
    }
    return true;
}
