/* Reads and writes of a whole piece, however many calls they take. */
#ifndef TORNPAGE_BASE_WHOLE_H
#define TORNPAGE_BASE_WHOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From and to pipes and sockets. False: the other side is gone, or it failed. */
bool whole_read(int fd, void *dst, size_t len_bytes);
bool whole_write(int fd, const void *src, size_t len_bytes); /* a socket whose other end is gone raises no SIGPIPE */
/* To a place in a file. 0 or -errno. */
int whole_pwrite(int fd, const void *src, uint64_t len_bytes, uint64_t off);

#endif
