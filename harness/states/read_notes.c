/* Notes of what was read before it was written: see read_notes.h. */
#include "states/read_notes.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/size.h"

struct read_notes {
    struct read_note *notes;
    size_t n, cap;
    uint64_t n_blocks;
    uint8_t *known;    /* by block: sectors that were read or written */
    uint32_t *touched; /* blocks with such sectors, for clearing */
    size_t n_touched, cap_touched;
};

struct read_notes *read_notes_new(uint64_t n_blocks)
{
    struct read_notes *n = xcalloc(1, sizeof *n);

    n->n_blocks = n_blocks;
    n->known = xcalloc(n_blocks, 1);
    return n;
}

void read_notes_free(struct read_notes *n)
{
    if (!n)
        return;
    free(n->notes);
    free(n->known);
    free(n->touched);
    free(n);
}

void read_notes_clear(struct read_notes *n)
{
    for (size_t i = 0; i < n->n_touched; i++)
        n->known[n->touched[i]] = 0;
    n->n = n->n_touched = 0;
}

/* Makes these sectors of the block known; returns those that were not. */
static uint8_t learn(struct read_notes *n, uint64_t block, uint64_t in_block, uint64_t len_bytes)
{
    const uint64_t first = in_block / SECTOR_BYTES, end = (in_block + len_bytes + SECTOR_BYTES - 1) / SECTOR_BYTES;
    const uint8_t sectors = (uint8_t)((1U << end) - (1U << first));

    assert(block < n->n_blocks);
    const uint8_t news = (uint8_t)(sectors & ~n->known[block]);
    if (news && !n->known[block]) {
        n->touched = grow(n->touched, &n->cap_touched, n->n_touched, sizeof *n->touched);
        n->touched[n->n_touched++] = (uint32_t)block;
    }
    n->known[block] |= news;
    return news;
}

void read_notes_read(struct read_notes *n, uint64_t off, uint64_t len_bytes)
{
    for (uint64_t at = off, end = off + len_bytes, next; at < end; at = next) {
        const uint64_t block = at / BLOCK_BYTES, block_end = (block + 1) * BLOCK_BYTES;

        next = end < block_end ? end : block_end;
        const uint8_t news = learn(n, block, at % BLOCK_BYTES, next - at);
        if (!news)
            continue;
        n->notes = grow(n->notes, &n->cap, n->n, sizeof *n->notes);
        n->notes[n->n++] = (struct read_note){.block = (uint32_t)block, .sectors = news};
    }
}

void read_notes_written(struct read_notes *n, uint64_t off, uint64_t len_bytes)
{
    for (uint64_t at = off, end = off + len_bytes, next; at < end; at = next) {
        const uint64_t block = at / BLOCK_BYTES, block_end = (block + 1) * BLOCK_BYTES;

        next = end < block_end ? end : block_end;
        learn(n, block, at % BLOCK_BYTES, next - at);
    }
}

const struct read_note *read_notes_list(const struct read_notes *n, size_t *ret_n)
{
    *ret_n = n->n;
    return n->notes;
}
