/*
 * Serves a recorded disk as one file through FUSE, in a process of its own.
 *
 * Why a process: a thread that hangs in mount(2) on this disk keeps all descriptors of its process open, /dev/fuse among them. If
 * that process also served the disk, killing it would leave the request unanswered for ever. The serving process alone has
 * /dev/fuse open and dies with its parent (PR_SET_PDEATHSIG). That aborts the connection and ends every waiting request with an
 * error.
 */
#ifndef TORNPAGE_DISK_FUSE_DISK_H
#define TORNPAGE_DISK_FUSE_DISK_H

#include <stdbool.h>

struct disk;
struct error;
struct fuse_disk;

/* Is there a FUSE device that this process may open? */
bool fuse_disk_possible(void);
/*
 * Forks the server and waits until its file can be opened. `dir`: an existing empty directory in the caller's private mount
 * namespace, for the FUSE mount. On success *ret_fd is a descriptor of the disk's file (O_RDWR|O_DIRECT), the caller's to close,
 * and the mount is detached again: the disk lives as long as the descriptor, or a loop device made from it, is open. 0 or -errno;
 * after a failure nothing is left.
 */
int fuse_disk_start(struct disk *d, const char *dir, struct fuse_disk **ret, int *ret_fd, struct error *err);
/*
 * 0 while the server is alive, is not stopped by a signal, and has answered no request with an error; NULL: 0. A server that is
 * dying right now may still count as alive, although requests fail already: ask the disk itself, too.
 */
int fuse_disk_check(struct fuse_disk *f, struct error *err);
/* Kills the server and reaps it. Users of the disk get I/O errors. */
void fuse_disk_stop(struct fuse_disk *f);

#endif
