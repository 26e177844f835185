/* Runs programs of the machine (mkfs, fsck) and keeps their output. */
#ifndef TORNPAGE_HOST_COMMAND_H
#define TORNPAGE_HOST_COMMAND_H

#include <stdbool.h>

struct buf;
struct error;

/*
 * Runs argv (NULL-terminated; argv[0] is looked up in the usual bin and sbin directories) with stdin from /dev/null, and waits
 * for it. Its stdout and stderr are added to `out` (may be NULL). It inherits descriptors without FD_CLOEXEC, and dies with this
 * process. *ret_status: its exit status, or 128 + signal. 0 when it ran; else -errno (-ENOENT: there is no such program).
 */
int command_run(const char *const *argv, struct buf *out, int *ret_status, struct error *err);
/* Is there such a program? */
bool command_exists(const char *name);

#endif
