/* Reads and writes of a whole piece, however many calls they take. */
#ifndef TORNPAGE_HOST_FULL_IO_H
#define TORNPAGE_HOST_FULL_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From and to pipes and sockets. False: the other side is gone, or it failed. */
bool read_full(int fd, void *dst, size_t len_bytes);
bool write_full(int fd, const void *src, size_t len_bytes); /* a socket whose other end is gone raises no SIGPIPE */
/* To a place in a file. 0 or -errno. */
int pwrite_full(int fd, const void *src, uint64_t len_bytes, uint64_t off);

#endif
