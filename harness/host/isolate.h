/* Private mount and pid namespaces, and children that die with their parent. */
#ifndef TORNPAGE_HOST_ISOLATE_H
#define TORNPAGE_HOST_ISOLATE_H

#include <stdbool.h>
#include <sys/types.h>

struct error;

/*
 * Can this process make mount and pid namespaces and mount in them, and are there loop devices? 0; else -EPERM, and *err is a
 * skip that names the remedy. A child tries it.
 */
int isolate_possible(struct error *err);
/*
 * Forks a child that dies (SIGKILL) when the calling thread dies. Returns as fork does; -1 on failure, with *err. The caller must
 * have one thread.
 *
 * Where privileges allow, *isolated is true in the child. Then it is init of a new pid namespace, so all processes below it die
 * with it. It has a mount namespace of its own, from which nothing propagates, with a fresh /proc and a tmpfs at
 * isolate_scratch(). Where they do not, only the child itself dies with its parent, and processes that it forks must ask for that
 * themselves.
 */
pid_t isolate_fork(bool *isolated, struct error *err);
/*
 * Forks a child that dies with the calling thread and is init of a new pid namespace: once it has been waited for, all processes
 * below it are gone. It shares the caller's mounts. Only for callers that are isolated: where such a namespace cannot be made,
 * the child exits at once (EXIT_FAILURE). Returns as isolate_fork does.
 */
pid_t isolate_fork_processes(struct error *err);
/*
 * Gives an isolated process, or a child of one, a mount namespace of its own: mounts made from here on are seen by it and its
 * children only, and end with the last of them. isolate_scratch() is empty again. Earlier mounts stay as long as they live. 0 or
 * -errno.
 */
int isolate_mounts(struct error *err);
/*
 * A directory for mount points and run directories: in an isolated child its own tmpfs, empty at first; elsewhere $TMPDIR or
 * /tmp, where names must be made unique and removed.
 */
const char *isolate_scratch(void);

#endif
