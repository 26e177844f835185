/* Private to this room. Which images were given out for which cuts. */
#ifndef TORNPAGE_STATES_IMAGE_SET_H
#define TORNPAGE_STATES_IMAGE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct given_image;

/* Zero-initialised: empty. */
struct image_set {
    struct given_image *slots;
    size_t n_slots, n_given;
};

/*
 * Notes that the image is given out for the cuts [cut, *until]. If it was given out for some of them before, *until moves down to
 * the last new one. False: there is no new one.
 */
bool image_set_note(struct image_set *s, const uint64_t image[2], uint64_t cut, uint64_t *until);
void image_set_free(struct image_set *s);

#endif
