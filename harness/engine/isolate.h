/* Private mount (and pid) namespaces, and children that die with their parent. */
#ifndef TORNPAGE_ENGINE_ISOLATE_H
#define TORNPAGE_ENGINE_ISOLATE_H

#include <stdbool.h>
#include <sys/types.h>

struct error;

/* Can this process make mount and pid namespaces, loop devices and mounts? If not, fills err (skip, with the remedy) and returns
 * -EPERM. */
int isolate_possible(struct error *err);
/*
 * Forks a child that dies (SIGKILL) when this process dies, with everything below it: where privileges allow, it is init of a new
 * pid namespace and lives in a private mount namespace with a fresh tmpfs at a scratch directory; else only PR_SET_PDEATHSIG
 * holds. Returns as fork does. `isolated` tells in the child whether the namespaces were made.
 */
pid_t isolate_fork(bool *isolated, struct error *err);
/* A private scratch directory (tmpfs in an isolated child), for mount points and run directories. */
const char *isolate_scratch(void);

#endif
