/* Reads and writes of a given length, in as many calls as they take. */
#ifndef TORNPAGE_HOST_FULL_IO_H
#define TORNPAGE_HOST_FULL_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* On pipes and sockets. False: the other end is closed, or the call failed. */
bool read_full(int fd, void *dst, size_t len_bytes);
bool write_full(int fd, const void *src, size_t len_bytes); /* raises no SIGPIPE on a socket whose other end is closed */
/* Writes at an offset of a file. 0 or -errno. */
int pwrite_full(int fd, const void *src, uint64_t len_bytes, uint64_t off);

#endif
