/*
 * Inside of the disk core, for disk.c (blocks and layers) and disk_record.c (what the serving process calls: log and lies).
 *
 * One table says for each 4 KiB block which slot of a pool holds it. The layers of disk.h are stretches of that pool, stacked in
 * the order they were begun, and a list of table entries overwritten, so that dropping a layer is undoing its part of the list.
 */
#ifndef TORNPAGE_STORAGE_DISK_IMPL_H
#define TORNPAGE_STORAGE_DISK_IMPL_H

#include <pthread.h>
#include <stdint.h>

#include "storage/disk.h"

enum {
    BLOCK_BYTES = 4096,
    SECTOR_BYTES = 512,
    SLOT_BASE = 0, /* the block is the base image's */
    SLOT_ZERO = 1, /* the block is all zeros (discarded) */
    SLOT_FIRST = 2 /* slots of the pool */
};

struct undo {
    uint32_t block, slot; /* the block's slot before */
};

/* A height in the pool and in the undo list. */
struct layer_mark {
    uint32_t n_slots;
    uint64_t n_undo;
};

/* What the server and the engine share. */
struct disk_shared {
    uint64_t size_bytes;
    uint64_t n_blocks;
    uint32_t max_slots;
    unsigned sector;
    struct layer_mark top;
    struct layer_mark overlay; /* where the overlay begins */
    uint64_t n_reads;          /* notes of what was read */

    pthread_mutex_t lock; /* recording is switched while the file system may be writing */
    uint64_t generation;  /* counts disk_record */
    int log_fd;           /* in the engine's process; -1: not recording */
    struct disk_lies lies;
    uint64_t n_writes;       /* since disk_record */
    uint64_t n_epoch_writes; /* since the last flush that was asked for */
};

/* One process's handle: the engine's, or the copy that the server got from fork. */
struct disk {
    struct disk_shared *s;
    uint32_t *table;
    struct undo *undo;
    uint8_t *pool;
    struct disk_note *reads;
    uint8_t *read, *written; /* by block: sectors of the notes; sectors written into the overlay */
    void *map;
    size_t map_bytes;
    const uint8_t *base;
    int base_fd;
    int owner_pidfd; /* the engine's process, to fetch the log's descriptor from */
    /* The log being recorded into, as mapped here for `log_generation`. */
    struct writelog *log;
    bool log_attached; /* by this process, which must free it */
    uint64_t log_generation;
    /* The settled layer: entries [0, settled_pos) of the log with this identity, kept below the crash state from load to load. */
    struct layer_mark settled;
    uint64_t settled_log, settled_pos;
    /* The state layer: these writes, in this order. */
    struct kept_write *kept;
    size_t n_kept, cap_kept;
};

/*
 * Puts bytes (NULL: zeros) into the layer that begins at `layer`. 0, or -ENOSPC when the pool is used up (part may be done).
 * `note`: what is read from there later is no news.
 */
int disk_put(struct disk *d, struct layer_mark layer, uint64_t off, const uint8_t *src, uint64_t len_bytes, bool note);
/* The block's bytes as a reader sees them. */
const uint8_t *disk_block(const struct disk *d, uint64_t block);

#endif
