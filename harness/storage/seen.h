/* Which images were given out for which cuts. Inner part of crash_states.c. */
#ifndef TORNPAGE_STORAGE_SEEN_H
#define TORNPAGE_STORAGE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen;

/* A set; zero-initialised: empty. */
struct seen_images {
    struct seen *slots;
    size_t n_slots, n_seen;
};

/*
 * Notes that the image is given out for [cut, *until]; moves *until before what was given out already. False: nothing is new.
 */
bool seen_note(struct seen_images *s, const uint64_t image[2], uint64_t cut, uint64_t *until);
void seen_free(struct seen_images *s);

#endif
