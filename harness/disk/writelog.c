/*
 * The write log: see writelog.h. One memory file holds a header, the entries and the data, each reserved at full size and
 * committed page by page as it fills. A handle is private to its process; what it maps is shared.
 */
#include "disk/writelog.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/size.h"

enum {
    DATA_ALIGN_BYTES = 8,
    AHEAD_BYTES = 128 << 10 /* a few writes of the usual size */
};

struct log_header {
    _Atomic uint64_t n_entries; /* published length */
    _Atomic uint64_t identity;  /* changes with writelog_clear */
    _Atomic int overflowed;
    uint64_t cap_entries, cap_data, n_data;
};

struct writelog {
    struct log_header *header;
    struct log_entry *entries;
    uint8_t *data;
    size_t map_bytes;
    uint64_t n_ready; /* bytes of data that are present in this process */
    int fd;
};

static uint64_t round_up(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static uint64_t entries_bytes(uint64_t cap_entries)
{
    return round_up(cap_entries * sizeof(struct log_entry), PAGE_BYTES);
}

/* Distinct for every log and clear of this process. */
static uint64_t new_identity(void)
{
    static _Atomic uint64_t last;

    return ((uint64_t)getpid() << 40) + atomic_fetch_add(&last, 1) + 1;
}

/* Maps the memory file; takes over fd on success only. */
static struct writelog *map_log(int fd, uint64_t cap_entries, uint64_t cap_data_bytes)
{
    const size_t map_bytes = PAGE_BYTES + entries_bytes(cap_entries) + round_up(cap_data_bytes, PAGE_BYTES);
    void *p;

    if (ftruncate(fd, (off_t)map_bytes))
        return NULL;
    p = mmap(NULL, map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (p == MAP_FAILED)
        return NULL;

    struct writelog *l = xcalloc(1, sizeof *l);
    l->header = p;
    l->entries = (struct log_entry *)(void *)((uint8_t *)p + PAGE_BYTES);
    l->data = (uint8_t *)p + PAGE_BYTES + entries_bytes(cap_entries);
    l->map_bytes = map_bytes;
    l->fd = fd;
    return l;
}

struct writelog *writelog_new(uint64_t cap_entries, uint64_t cap_data_bytes)
{
    const int fd = memfd_create("tornpage-writelog", MFD_CLOEXEC);
    struct writelog *l;

    if (fd < 0)
        return NULL;
    l = map_log(fd, cap_entries, cap_data_bytes);
    if (!l) {
        close(fd);
        return NULL;
    }
    l->header->cap_entries = cap_entries;
    l->header->cap_data = cap_data_bytes;
    l->header->identity = new_identity();
    return l;
}

struct writelog *writelog_attach(int fd)
{
    struct log_header h;

    if (pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h)
        return NULL;
    return map_log(fd, h.cap_entries, h.cap_data);
}

void writelog_free(struct writelog *l)
{
    if (!l)
        return;
    munmap(l->header, l->map_bytes);
    close(l->fd);
    free(l);
}

void writelog_clear(struct writelog *l)
{
    l->header->n_data = 0;
    atomic_store(&l->header->overflowed, 0);
    atomic_store(&l->header->identity, new_identity());
    atomic_store(&l->header->n_entries, 0);
}

int writelog_fd(const struct writelog *l)
{
    return l->fd;
}

uint64_t writelog_identity(const struct writelog *l)
{
    return atomic_load(&l->header->identity);
}

_Atomic uint64_t *writelog_position(struct writelog *l)
{
    return &l->header->n_entries;
}

uint64_t writelog_length(const struct writelog *l)
{
    return atomic_load_explicit(&l->header->n_entries, memory_order_acquire);
}

const struct log_entry *writelog_entry(const struct writelog *l, uint64_t i)
{
    assert(i < writelog_length(l));
    return &l->entries[i];
}

const uint8_t *writelog_data(const struct writelog *l, const struct log_entry *e)
{
    return l->data + e->data_off;
}

int writelog_append(struct writelog *l, enum log_op op, unsigned flags, uint64_t off, const void *data, uint64_t len_bytes)
{
    struct log_header *h = l->header;
    const uint64_t n = atomic_load_explicit(&h->n_entries, memory_order_relaxed);
    const uint64_t n_data_bytes = data ? round_up(len_bytes, DATA_ALIGN_BYTES) : 0;

    assert(op == LOG_FLUSH || op == LOG_DISCARD ? !data : data != NULL);
    assert(op == LOG_MARK || (off % SECTOR_BYTES == 0 && len_bytes % SECTOR_BYTES == 0));
    /* After one entry was lost none may follow: a log with a gap would show states that never could exist. */
    if (h->overflowed || n == h->cap_entries || n_data_bytes > h->cap_data - h->n_data) {
        atomic_store(&h->overflowed, 1);
        return -ENOSPC;
    }
    l->entries[n] = (struct log_entry){
        .off = off,
        .len = len_bytes,
        .data_off = data ? h->n_data : 0,
        .op = (uint16_t)op,
        .flags = (uint16_t)flags,
    };
    if (data)
        memcpy(l->data + h->n_data, data, len_bytes);
    h->n_data += n_data_bytes;
    atomic_store_explicit(&h->n_entries, n + 1, memory_order_release);
    return 0;
}

void writelog_ready(struct writelog *l)
{
    const uint64_t n_data = l->header->n_data, from = l->n_ready > n_data ? l->n_ready : n_data / PAGE_BYTES * PAGE_BYTES,
                   to = round_up(n_data, PAGE_BYTES) + AHEAD_BYTES;

    /* In large strides; what a kernel refuses comes with the first touch. */
    if (from > n_data + AHEAD_BYTES / 2 || to > l->header->cap_data)
        return;
    madvise(l->data + from, to - from, MADV_POPULATE_WRITE);
    l->n_ready = to;
}

int writelog_overflowed(const struct writelog *l)
{
    return atomic_load(&l->header->overflowed);
}
