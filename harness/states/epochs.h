/*
 * The write log cut into epochs, with what is needed to name the image that any subset of an epoch's writes leaves behind.
 * Inner part of crash_states.c, whose opening comment is the model.
 */
#ifndef TORNPAGE_STATES_EPOCHS_H
#define TORNPAGE_STATES_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/writelog.h"

#define VERSION_NONE UINT32_MAX

/* A write or discard that may be in flight. Epochs are stretches of items; those of entries before `from` come first. */
struct item {
    uint64_t entry;
    uint64_t sector; /* the first one */
    uint32_t n_sectors;
    uint32_t first_version; /* its sectors' versions follow each other */
    uint32_t epoch;
    bool forced;        /* a FUA write: on the media from its completion on */
    uint64_t prefix[2]; /* identity of the image that holds this item and everything before it */
};

/* One sector's content as one item leaves it. */
struct version {
    uint64_t content; /* hash of its bytes */
    uint32_t item;
    uint32_t next; /* next version of the same sector, or VERSION_NONE */
    uint32_t base; /* last version of the same sector before this epoch, or VERSION_NONE */
};

/* Cuts in (end of the epoch before, end]: everything before `start` is durable, items [first, last) may be in flight. */
struct epoch {
    uint64_t start, end; /* log positions */
    uint32_t first, last;
    uint64_t durable[2]; /* identity of the image that holds everything before start */
};

static inline uint32_t epoch_n_items(const struct epoch *ep)
{
    return ep->last - ep->first;
}

struct epochs {
    struct epoch *epochs;
    struct item *items;
    struct version *versions;
    size_t n_epochs, n_items, n_versions, cap_epochs, cap_items, cap_versions;
    uint32_t first_item; /* of the first epoch */
};

/* The part of an item that is kept, in sectors from its start; count 0: nothing. */
struct part {
    uint32_t first, count;
};

void epochs_build(struct epochs *e, const struct writelog *l, uint64_t from, uint64_t to);
void epochs_free(struct epochs *e);

/* Identity of the image that holds what is durable in this epoch and `parts` (one for each of its items) of the rest. */
void epochs_image(const struct epochs *e, uint32_t epoch, const struct part *parts, uint64_t ret[2]);
/* The largest cut at which this image, which exists at `cut` in this epoch, still exists without a gap. */
uint64_t epochs_until(const struct epochs *e, uint32_t epoch, uint64_t cut, const uint64_t image[2]);

#endif
