/* Which images were given out for which cuts. Inner part of crash_states.c. */
#ifndef TORNPAGE_STATES_IMAGE_SET_H
#define TORNPAGE_STATES_IMAGE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen;

/* A set; zero-initialised: empty. */
struct image_set {
    struct seen *slots;
    size_t n_slots, n_seen;
};

/*
 * Notes that the image is given out for [cut, *until]; moves *until before what was given out already. False: nothing is new.
 */
bool image_set_note(struct image_set *s, const uint64_t image[2], uint64_t cut, uint64_t *until);
void image_set_free(struct image_set *s);

#endif
