/* Units of memory and disks, and sizes as text. */
#ifndef TORNPAGE_BASE_SIZE_H
#define TORNPAGE_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PAGE_BYTES = 4096,  /* of memory, and of the page cache */
    BLOCK_BYTES = 4096, /* in which disk images are kept and compared */
    SECTOR_BYTES = 512, /* in which disks are addressed */
};

/* The atomic units that disks have: what is smaller is never torn. A disk's logical sector is one of them, too. */
static inline bool is_sector_size(uint64_t n_bytes)
{
    return n_bytes == SECTOR_BYTES || n_bytes == BLOCK_BYTES;
}

/* The end of the page that byte `off` - 1 lies in; `off` itself where a page begins there. */
static inline uint64_t page_up(uint64_t off)
{
    return (off + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* Numbers with the suffixes k, m, g, t (powers of 1024). Parses exactly len_bytes; returns 0, -EINVAL or -ERANGE. */
int size_parse(const char *text, size_t len_bytes, uint64_t *ret);
/* The shortest form that parses back: 65536 -> "64k". Writes at most 24 bytes. */
const char *size_print(uint64_t n, char *buf);

#endif
