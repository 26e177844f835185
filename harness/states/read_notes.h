/*
 * Notes of what was read from a disk before it was written there, in the order of the first reads. An observation (mount,
 * recovery, readback, unmount) depends on these places only: what it wrote itself before it read it follows from the rest.
 */
#ifndef TORNPAGE_STATES_READ_NOTES_H
#define TORNPAGE_STATES_READ_NOTES_H

#include <stddef.h>
#include <stdint.h>

/* Sectors of one block: bit i of `sectors` is its i-th sector (SECTOR_BYTES). */
struct read_note {
    uint32_t block;
    uint8_t sectors;
};

struct read_notes;

struct read_notes *read_notes_new(uint64_t n_blocks); /* of the disk */
void read_notes_free(struct read_notes *n);
void read_notes_clear(struct read_notes *n);
/* Notes a read, or a write. Bytes of the disk; sectors that are touched in part count as a whole. */
void read_notes_read(struct read_notes *n, uint64_t off, uint64_t len_bytes);
void read_notes_written(struct read_notes *n, uint64_t off, uint64_t len_bytes);
/* The notes. A block may have several, each for other sectors. Valid until the next call that changes them. */
const struct read_note *read_notes_list(const struct read_notes *n, size_t *ret_n);

#endif
