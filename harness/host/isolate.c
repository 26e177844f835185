/*
 * Isolation: see isolate.h. The kernel cleans up, and no code of ours has to run for it: when the harness is killed, its child
 * gets the death signal. That child is init of its pid namespace, so the kernel kills all processes there. With the last of them
 * ends the mount namespace, with that every mount, and with those the loop devices (autoclear).
 */
#include "host/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

/* The same path for all runs and workers: each has its own tmpfs there. Only an empty directory is left behind. */
#define SCRATCH "/run/tornpage"

/* Does this process have a tmpfs at SCRATCH? */
static bool has_scratch;

const char *isolate_scratch(void)
{
    const char *tmp = getenv("TMPDIR");

    return has_scratch ? SCRATCH : tmp && *tmp ? tmp : "/tmp";
}

/* Enters a mount namespace that no other process sees, with a tmpfs at SCRATCH. */
static bool enter_mount_namespace(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    if (mkdir(SCRATCH, 0700) != 0 && errno != EEXIST)
        return false;
    if (mount("tornpage", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") != 0)
        return false;
    /* The processes of the new pid namespace. Some containers forbid this mount; the old /proc does no harm. */
    (void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    return true;
}

/* In the child: it dies with its parent, also if that has already died. */
static void follow_parent(int parent_pidfd)
{
    struct pollfd parent = {.fd = parent_pidfd, .events = POLLIN};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || poll(&parent, 1, 0) != 0)
        _exit(EXIT_FAILURE);
    close(parent_pidfd);
}

/*
 * Forks into a new pid namespace if privileges allow. unshare(CLONE_NEWPID) is about children only, and setns takes it back; a
 * bare clone(2) would need neither but leave glibc with a wrong thread number in the child.
 */
static pid_t fork_into_pid_namespace(bool *ret_new)
{
    int own = open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC);

    *ret_new = own >= 0 && unshare(CLONE_NEWPID) == 0;
    pid_t pid = fork();
    int fork_errno = errno;

    if (pid != 0 && *ret_new && setns(own, CLONE_NEWPID) != 0) {
        /* Whatever we forked next would land in the child's namespace and die with it. */
        fork_errno = errno;
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        pid = -1;
    }
    if (own >= 0)
        close(own);
    errno = fork_errno;
    return pid;
}

/* Forks a child that follows its parent; returns as fork does. */
static pid_t fork_follower(bool *ret_new_pids, struct error *err)
{
    int parent = (int)syscall(SYS_pidfd_open, getpid(), 0);

    if (parent < 0) {
        error_set(err, errno, "pidfd_open", NULL, NULL);
        return -1;
    }
    pid_t pid = fork_into_pid_namespace(ret_new_pids);

    if (pid < 0)
        error_set(err, errno, "fork", NULL, NULL);
    if (pid == 0)
        follow_parent(parent);
    else
        close(parent);
    return pid;
}

pid_t isolate_fork(bool *isolated, struct error *err)
{
    bool new_pids = false;
    pid_t pid = fork_follower(&new_pids, err);

    *isolated = false;
    if (pid == 0)
        *isolated = has_scratch = new_pids && enter_mount_namespace();
    return pid;
}

pid_t isolate_fork_processes(struct error *err)
{
    bool new_pids = false;
    pid_t pid = fork_follower(&new_pids, err);

    if (pid == 0 && !new_pids)
        _exit(EXIT_FAILURE);
    return pid;
}

int isolate_mounts(struct error *err)
{
    return enter_mount_namespace() ? 0 : error_set(err, errno, "isolate", NULL, NULL);
}

int isolate_possible(struct error *err)
{
    enum { FINE, NO_NAMESPACES, NO_LOOP };
    bool isolated = false;
    int status = 0;
    pid_t pid = isolate_fork(&isolated, err);

    if (pid < 0)
        return -EPERM;
    if (pid == 0)
        _exit(!isolated ? NO_NAMESPACES : access("/dev/loop-control", R_OK | W_OK) != 0 ? NO_LOOP : FINE);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == FINE)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_LOOP)
        error_skip(err, "loop", "no /dev/loop-control here: load the module loop, or give the container that device");
    else
        error_skip(
            err, "isolate",
            "mounts need private mount and pid namespaces, which this user may not make: run it as root (in a container: with "
            "CAP_SYS_ADMIN)");
    return -EPERM;
}
