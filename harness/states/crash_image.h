/*
 * What a disk holds after a power cut: a base image, the writes of a log that had become durable, and those in flight that a
 * crash state keeps. Nothing is copied that can be pointed at: a block lies in the base image or in the log, and only one that is
 * put together from parts takes memory of its own. A crash disk (crash_disk.h) shows it to a file system.
 */
#ifndef TORNPAGE_STATES_CRASH_IMAGE_H
#define TORNPAGE_STATES_CRASH_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "disk/writelog.h"
#include "states/crash_states.h"
#include "states/read_notes.h"

struct crash_image;
struct error;

/*
 * Over the image in memory file `base_fd`, whose size is the disk's, a multiple of 4096. The caller keeps it open, and as it is.
 * `sector`: the atomic unit, 512 or 4096.
 */
int crash_image_new(int base_fd, unsigned sector, struct crash_image **ret, struct error *err);
void crash_image_free(struct crash_image *c);
uint64_t crash_image_size(const struct crash_image *c);
unsigned crash_image_sector(const struct crash_image *c);
int crash_image_base(const struct crash_image *c); /* the descriptor */

/*
 * Holds this state from here on. The log must stay as it is until another is loaded. 0 or -errno: -ENOSPC when more parts than 4
 * TiB come together.
 */
int crash_image_load(struct crash_image *c, const struct writelog *log, const struct crash_state *s);
/* 4096 bytes; until the next load. */
const uint8_t *crash_image_block(const struct crash_image *c, uint64_t block);
/* A hash of what these sectors hold. */
uint64_t crash_image_hash(const struct crash_image *c, struct read_note what);
/* Copies it into a new memory file (sparse); returns the descriptor or -errno. */
int crash_image_snapshot(const struct crash_image *c);

/* What is loaded: all entries of the log (NULL: no log yet) before `durable`, and these. */
struct crash_image_contents {
    const struct writelog *log;
    uint64_t durable;
    const struct kept_write *kept;
    size_t n_kept;
};
struct crash_image_contents crash_image_contents(const struct crash_image *c);

#endif
