/*
 * Memory in whole pages for what is large and no forked child looks at: fork(2) leaves it out. So a fork copies nothing of it,
 * and the parent does not fault on each page of it when it next writes there. Out of memory aborts, as in buf.h.
 */
#ifndef TORNPAGE_HOST_NOFORK_PAGES_H
#define TORNPAGE_HOST_NOFORK_PAGES_H

#include <stddef.h>

enum { NOFORK_UNIT_BYTES = 64 << 10 }; /* all lengths are multiples of this: the page size or more on every machine */

/* New pages are zero; old NULL: there are none yet. Returns the new place. */
void *nofork_grow(void *old, size_t old_bytes, size_t new_bytes);
void nofork_free(void *base, size_t len_bytes);

#endif
