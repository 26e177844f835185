/* Private to this room. The inside of a disk: disk.c has the bytes, disk_record.c the requests, with log and faults. */
#ifndef TORNPAGE_DISK_DISK_IMPL_H
#define TORNPAGE_DISK_DISK_IMPL_H

#include <pthread.h>
#include <stdint.h>

#include "disk/disk.h"

/* What all processes share. */
struct disk_shared {
    pthread_mutex_t lock; /* recording is started and stopped while requests are served */
    uint64_t generation;  /* counts disk_record */
    int log_fd;           /* a descriptor of the owner; -1: not recording */
    struct disk_faults faults;
    uint64_t n_writes;       /* since disk_record */
    uint64_t n_epoch_writes; /* since the last flush, ignored or not */
    uint64_t n_errors;       /* requests that were answered with an error */
    uint64_t n_changed;      /* blocks that may differ from the image */
    uint32_t changed[];      /* those blocks, each once; reserved for all blocks, committed as it fills */
};

/* One process's handle: the owner's, or the copy that the serving process inherited. */
struct disk {
    struct disk_shared *s;
    uint8_t *media;      /* shared */
    uint8_t *is_changed; /* shared; by block */
    uint64_t size_bytes;
    unsigned sector;
    int base_fd;
    int owner_pidfd; /* the process that made the disk, from which the log's descriptor is fetched */
    /* The log being recorded into, as mapped here for `log_generation`. */
    struct writelog *log;
    bool log_attached; /* the handle is this process's own, and freed by it */
    uint64_t log_generation;
};

/* Puts bytes (NULL: zeros) on the media. The range must be on the disk. */
void disk_put(struct disk *d, uint64_t off, const uint8_t *src, uint64_t len_bytes);

#endif
