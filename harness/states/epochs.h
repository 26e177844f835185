/*
 * Private to this room. The write log divided into epochs, with what is needed to tell apart the images that subsets of an
 * epoch's writes leave. The model is in the opening comment of crash_states.c.
 */
#ifndef TORNPAGE_STATES_EPOCHS_H
#define TORNPAGE_STATES_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/writelog.h"

#define VERSION_NONE UINT32_MAX

/* A write or discard that reaches the media. Each epoch is a stretch of items; those of entries before `from` come first. */
struct item {
    uint64_t entry;
    uint64_t sector; /* the first one */
    uint32_t n_sectors;
    uint32_t first_version; /* of its first sector; those of the other sectors follow */
    uint32_t epoch;
    bool forced;        /* a FUA write: on the media from its completion on */
    uint64_t prefix[2]; /* identity of the image that holds all items up to this one */
};

/* What one item writes to one sector. */
struct version {
    uint64_t content; /* hash of its bytes */
    uint32_t item;
    uint32_t next; /* next version of the same sector, or VERSION_NONE */
    uint32_t base; /* last version of the same sector before this epoch, or VERSION_NONE */
};

/* For cuts behind the end of the epoch before, up to `end`: what is before `start` is durable, items [first, last) are in flight.
 */
struct epoch {
    uint64_t start, end; /* log positions */
    uint32_t first, last;
    uint64_t durable[2]; /* identity of the image that holds all items before the epoch */
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
    uint32_t first_item; /* of the first epoch; items before it are durable at every cut */
};

/* The part of an item that is kept, in sectors from its start; count 0: nothing. */
struct part {
    uint32_t first, count;
};

/* Divides [from, to) of the log into epochs. */
void epochs_build(struct epochs *e, const struct writelog *l, uint64_t from, uint64_t to);
void epochs_free(struct epochs *e);

/* Identity of the image that holds everything before the epoch and these parts of its items, one for each. */
void epochs_image(const struct epochs *e, uint32_t epoch, const struct part *parts, uint64_t ret[2]);
/* The last cut up to which an image that exists at `cut`, in this epoch, exists without a gap. */
uint64_t epochs_until(const struct epochs *e, uint32_t epoch, uint64_t cut, const uint64_t image[2]);

#endif
