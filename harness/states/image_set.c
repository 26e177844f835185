/* Which images were given out for which cuts: see image_set.h. A hash table with open addressing; its size is a power of two. */
#include "states/image_set.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/rng.h"

/* An image given out for the cuts [cut, until]. Ranges that end at the same cut are one, which grows downwards. */
struct given_image {
    uint64_t image[2], until, cut;
    bool used;
};

static struct given_image *find(const struct image_set *s, const uint64_t image[2], uint64_t until)
{
    size_t i = rng_mix(image[0] ^ until) & (s->n_slots - 1);

    while (s->slots[i].used &&
           (s->slots[i].image[0] != image[0] || s->slots[i].image[1] != image[1] || s->slots[i].until != until))
        i = (i + 1) & (s->n_slots - 1);
    return &s->slots[i];
}

bool image_set_note(struct image_set *s, const uint64_t image[2], uint64_t cut, uint64_t *until)
{
    struct given_image *e, entry = {.image = {image[0], image[1]}, .until = *until, .cut = cut, .used = true};

    if (2 * (s->n_given + 1) > s->n_slots) {
        struct given_image *old = s->slots;
        const size_t n_old = s->n_slots;

        s->n_slots = n_old ? n_old * 2 : 256;
        s->slots = xcalloc(s->n_slots, sizeof *s->slots);
        for (size_t i = 0; i < n_old; i++)
            if (old[i].used)
                *find(s, old[i].image, old[i].until) = old[i];
        free(old);
    }
    e = find(s, image, *until);
    if (e->used && cut >= e->cut)
        return false;
    if (e->used)
        *until = e->cut - 1;
    s->n_given += !e->used;
    *e = entry;
    return true;
}

void image_set_free(struct image_set *s)
{
    free(s->slots);
    *s = (struct image_set){.slots = NULL};
}
