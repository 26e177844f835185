/* The image that all volumes of one configuration begin as. */
#ifndef TORNPAGE_DEVICE_BASE_IMAGE_H
#define TORNPAGE_DEVICE_BASE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

struct error;

struct base_image {
    const char *fs;
    uint64_t size_bytes;
    unsigned sector;   /* the disk's logical sector */
    const char *mkfs;  /* more options for mkfs, separated by spaces; NULL: none */
    const char *mount; /* mount options; NULL: none */
    bool old_bytes;    /* the disk held other bytes than zeros before mkfs */
    unsigned fill;     /* percentage of the free space that files of the first mount take, every second of which was deleted and
                          written again; 0: none */
};

/*
 * Makes the image in a new memory file: a file system that was mounted once with its options and unmounted, so that what it only
 * does at its first mount is in no write log, and options that it refuses are told at once. With `fill`, the allocator has been
 * all over the volume and finds its free space in pieces. Returns the descriptor, which is the caller's to close, or -errno.
 */
int base_image_make(const struct base_image *b, struct error *err);

#endif
