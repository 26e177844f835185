/*
 * Crash images: the bytes that a disk holds after a power cut. They are those of a base image, the durable writes of a log, and
 * the writes in flight that a crash state keeps. Blocks are not copied but looked up in the base image or the log; only a block
 * that is put together from parts takes memory of its own. A crash disk (crash_disk.h) shows an image to a file system.
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
 * An image over the base image in memory file `base_fd`, which has the disk's size, whole blocks. The file stays the caller's,
 * open and unchanged, as long as the image lives. `sector`: the atomic unit, 512 or 4096 bytes. 0 or -errno.
 */
int crash_image_new(int base_fd, unsigned sector, struct crash_image **ret, struct error *err);
void crash_image_free(struct crash_image *c);
uint64_t crash_image_size(const struct crash_image *c);
unsigned crash_image_sector(const struct crash_image *c);
int crash_image_base(const struct crash_image *c); /* base_fd */

/*
 * Loads a state: the image holds it from here on. The log must not change until another log is loaded. 0; -ENOSPC when the blocks
 * put together from parts take more than 4 TiB: then the image holds the base image.
 */
int crash_image_load(struct crash_image *c, const struct writelog *log, const struct crash_state *s);
/* BLOCK_BYTES; valid until the next load. */
const uint8_t *crash_image_block(const struct crash_image *c, uint64_t block);
/* A hash of the bytes of these sectors. */
uint64_t crash_image_hash(const struct crash_image *c, struct read_note what);
/* Copies the image into a new, sparse memory file. Returns its descriptor, which is the caller's to close, or -errno. */
int crash_image_snapshot(const struct crash_image *c);

/* What is loaded: all entries of the log (NULL: none) before `durable`, and the kept ones. */
struct crash_image_contents {
    const struct writelog *log;
    uint64_t durable;
    const struct kept_write *kept;
    size_t n_kept;
};
struct crash_image_contents crash_image_contents(const struct crash_image *c);

#endif
