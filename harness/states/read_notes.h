/*
 * Notes of what was read from a disk before it was written, in the order of the first reads: what whoever read it (mount,
 * recovery, survey, unmount) depends on. What was written before it was read is of its own making.
 */
#ifndef TORNPAGE_STATES_READ_NOTES_H
#define TORNPAGE_STATES_READ_NOTES_H

#include <stddef.h>
#include <stdint.h>

/* Sectors of one 4 KiB block: bit i of `sectors` is its i-th 512 bytes. */
struct read_note {
    uint32_t block;
    uint8_t sectors;
};

struct read_notes;

struct read_notes *read_notes_new(uint64_t n_blocks); /* of the disk */
void read_notes_free(struct read_notes *n);
void read_notes_clear(struct read_notes *n);
/* Bytes of the disk, multiples of 512. */
void read_notes_read(struct read_notes *n, uint64_t off, uint64_t len_bytes);
void read_notes_written(struct read_notes *n, uint64_t off, uint64_t len_bytes);
/* A block may have several notes, each for other sectors. Valid until the next call that changes them. */
const struct read_note *read_notes_list(const struct read_notes *n, size_t *ret_n);

#endif
