/* Run directories: a fresh one for each run of a plan on a mounted volume. */
#ifndef TORNPAGE_HOST_RUN_DIRECTORY_H
#define TORNPAGE_HOST_RUN_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

struct error;

/* Writes the path root/run-N to `path` (size_bytes long). 0 or -ENAMETOOLONG. */
int run_directory_path(const char *root, uint64_t n, char *path, size_t size_bytes, struct error *err);
/*
 * Makes the directory root/run-N and writes its path to `path` (size_bytes long). An old one of that name is removed first.
 * Returns its descriptor, which is the caller's to close, or -errno.
 */
int run_directory_make(const char *root, uint64_t n, char *path, size_t size_bytes, struct error *err);
/*
 * Removes everything in the open directory `fd`. `path` is for messages. 0, or -errno: -ENOTEMPTY when names keep appearing.
 */
int run_directory_empty(int fd, const char *path, struct error *err);
/* Removes the directory with all that is in it. 0, also when there is none, or -errno. */
int run_directory_remove(const char *path, struct error *err);

#endif
