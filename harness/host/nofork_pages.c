/* Memory that forked children do not inherit, or find empty: see nofork_pages.h. */
#include "host/nofork_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *nofork_grow(void *old, size_t old_bytes, size_t new_bytes)
{
    void *p = old ? mremap(old, old_bytes, new_bytes, MREMAP_MAYMOVE)
                  : mmap(NULL, new_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || madvise(p, new_bytes, MADV_DONTFORK) != 0) {
        fputs("tornpage: out of memory\n", stderr);
        abort();
    }
    return p;
}

void nofork_free(void *base, size_t len_bytes)
{
    if (base)
        munmap(base, len_bytes);
}

void *wiped_page(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p != MAP_FAILED && madvise(p, page, MADV_WIPEONFORK) == 0)
        return p;
    if (p != MAP_FAILED)
        munmap(p, page);
    return NULL;
}
