/*
 * Serves a disk core as one file through FUSE, in a process of its own.
 *
 * Why a process: a thread stuck in mount(2) on this disk keeps its whole process's descriptors alive, /dev/fuse among them; if
 * that process also served the disk, killing it would leave the request unanswerable for ever. The serving process owns /dev/fuse
 * alone and dies with its parent (PR_SET_PDEATHSIG), which aborts the connection and ends every waiting request with an error.
 */
#ifndef TORNPAGE_DISK_FUSE_DISK_H
#define TORNPAGE_DISK_FUSE_DISK_H

#include <stdbool.h>

struct disk;
struct error;
struct fuse_disk;

/*
 * Forks the server and waits until its file can be opened. `dir`: an existing empty directory in the caller's private mount
 * namespace, which the FUSE mount covers. On success *ret_fd is an open descriptor (O_RDWR|O_DIRECT) of the disk's file, and the
 * mount is already detached again: only the descriptor (and a loop device configured from it) keeps the disk alive.
 */
int fuse_disk_start(struct disk *d, const char *dir, struct fuse_disk **ret, int *ret_fd, struct error *err);
bool fuse_disk_serves(struct fuse_disk *f); /* is the server alive? */
/* Ends the server and reaps it. Whatever still uses the disk gets I/O errors. */
void fuse_disk_stop(struct fuse_disk *f);

#endif
