/* Inside of the disk core, for disk.c (the bytes) and disk_record.c (what the serving process calls: log and faults). */
#ifndef TORNPAGE_DISK_DISK_IMPL_H
#define TORNPAGE_DISK_DISK_IMPL_H

#include <pthread.h>
#include <stdint.h>

#include "disk/disk.h"

/* What the server and the engine share. */
struct disk_shared {
    pthread_mutex_t lock; /* recording is switched while the file system may be writing */
    uint64_t generation;  /* counts disk_record */
    int log_fd;           /* in the engine's process; -1: not recording */
    struct disk_faults faults;
    uint64_t n_writes;       /* since disk_record */
    uint64_t n_epoch_writes; /* since the last flush that was asked for */
    uint64_t n_changed;      /* blocks that may differ from the image: */
    uint32_t changed[];      /*   each once. Reserved for all, and committed as it fills */
};

/* One process's handle: the engine's, or the copy that the server got from fork. */
struct disk {
    struct disk_shared *s;
    uint8_t *media;      /* shared, too */
    uint8_t *is_changed; /* by block; shared */
    uint64_t size_bytes;
    unsigned sector;
    int base_fd;
    int owner_pidfd; /* the engine's process, to fetch the log's descriptor from */
    /* The log being recorded into, as mapped here for `log_generation`. */
    struct writelog *log;
    bool log_attached; /* by this process, which must free it */
    uint64_t log_generation;
};

/* Puts bytes (NULL: zeros) on the media; the range is on the disk. */
void disk_put(struct disk *d, uint64_t off, const uint8_t *src, uint64_t len_bytes);

#endif
