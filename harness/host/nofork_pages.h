/*
 * Memory that forked children do not inherit, for large things that no child reads. So a fork does not copy its page tables, and
 * the parent does not fault on each of its pages when it next writes there. When memory is out it aborts, as buf.h does.
 */
#ifndef TORNPAGE_HOST_NOFORK_PAGES_H
#define TORNPAGE_HOST_NOFORK_PAGES_H

#include <stddef.h>

enum { NOFORK_UNIT_BYTES = 64 << 10 }; /* all lengths are multiples of this, which whole pages are on every machine */

/* Grows memory, which may move, or makes it (old NULL). New pages are zero. Returns the new address. */
void *nofork_grow(void *old, size_t old_bytes, size_t new_bytes);
void nofork_free(void *base, size_t len_bytes);

/* One page of zeros that every forked child sees as zeros again (MADV_WIPEONFORK); NULL where the kernel has none. Never freed.
 */
void *wiped_page(void);

#endif
