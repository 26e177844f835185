/* Conclusions from what was read: see conclusions.h. */
#include "explore/conclusions.h"

#include <stdlib.h>

#include "base/buf.h"

void conclusions_restart(struct conclusions *c, bool conclude)
{
    read_trie_free(c->trie);
    c->trie = conclude ? read_trie_new() : NULL;
}

void conclusions_free(struct conclusions *c)
{
    read_trie_free(c->trie);
    free(c->observation_of);
    *c = (struct conclusions){.trie = NULL};
}

size_t conclusions_bytes(const struct conclusions *c)
{
    return c->trie ? read_trie_bytes(c->trie) : 0;
}

int64_t conclusions_find(const struct conclusions *c, const struct crash_image *image, size_t question)
{
    return c->trie ? read_trie_find(c->trie, question, image) : READ_TRIE_NONE;
}

int64_t conclusions_add(struct conclusions *c, const struct crash_image *image, size_t question, const struct observation_ref *o)
{
    const int64_t tested = read_trie_add(c->trie, question, image, o->reads, o->n_reads);

    c->observation_of = grow(c->observation_of, &c->cap_observation_of, (size_t)tested, sizeof *c->observation_of);
    c->observation_of[tested] = o->observation;
    return tested;
}
