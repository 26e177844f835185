/* Runs a program of the machine (mkfs, fsck) and keeps what it says. */
#ifndef TORNPAGE_HOST_COMMAND_H
#define TORNPAGE_HOST_COMMAND_H

#include <stdbool.h>

struct buf;
struct error;

/*
 * Runs argv (NULL-terminated; argv[0] is looked up in PATH and the sbin directories) with stdin from /dev/null, and adds what it
 * prints to `out` (stdout and stderr together; may be NULL). Descriptors without FD_CLOEXEC are passed on. *ret_status: exit
 * status, or 128 + signal. 0 when it ran at all; else -errno (-ENOENT: no such program). The child dies with this process.
 */
int command_run(const char *const *argv, struct buf *out, int *ret_status, struct error *err);
/* Is there such a program? */
bool command_exists(const char *name);

#endif
