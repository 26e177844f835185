/* Private mount and pid namespaces, and children that die with their parent. */
#ifndef TORNPAGE_HOST_ISOLATE_H
#define TORNPAGE_HOST_ISOLATE_H

#include <stdbool.h>
#include <sys/types.h>

struct error;

/*
 * Can this process make mount and pid namespaces and mounts in them, and are there loop devices? 0; else -EPERM and *err is a
 * skip that names the remedy. Tried, not guessed: a child does it and is gone again.
 */
int isolate_possible(struct error *err);
/*
 * Forks a child that dies (SIGKILL) when the calling thread dies. Where privileges allow, *isolated is true in the child: it is
 * init of a new pid namespace, so that everything below it dies with it, and lives in a mount namespace of its own, from which
 * nothing propagates, with a fresh /proc and a tmpfs at isolate_scratch(). Else only the death signal holds, for the child alone,
 * and what it forks must ask for the same. Returns as fork does; on failure -1 and *err is filled. The caller must have one
 * thread.
 */
pid_t isolate_fork(bool *isolated, struct error *err);
/*
 * Forks a child that dies with the calling thread and is init of a new pid namespace, so that all processes below it are gone
 * when it has been waited for; mounts are shared with the caller. Only for callers that are isolated themselves: where there can
 * be no such namespace the child ends at once (EXIT_FAILURE). Returns as isolate_fork does.
 */
pid_t isolate_fork_processes(struct error *err);
/*
 * In an isolated process, or a child of one: what is mounted from here on is for this process and its children alone, ends with
 * the last of them, and isolate_scratch() is empty again. What was mounted before stays as long as they live.
 */
int isolate_mounts(struct error *err);
/*
 * A directory for mount points and run directories: in an isolated child its own tmpfs, empty at first; elsewhere $TMPDIR or
 * /tmp, where names must be made unique and removed.
 */
const char *isolate_scratch(void);

#endif
