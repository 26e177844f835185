/*
 * Isolation: see isolate.h. The kernel cleans up, and no code of ours has to run for it: when the harness is killed, its child
 * gets the death signal. That child is init of its pid namespace, so the kernel kills all processes there. With the last of them
 * ends the mount namespace, with that every mount, and with those the loop devices (autoclear).
 */
#include "host/isolate.h"

#include <errno.h>
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

/*
 * Where the scratch may be: the first that is there or can be made. It is the same path for all runs and workers, since each has
 * its own tmpfs there. Only an empty directory is left behind.
 */
static const char *const scratches[] = {"/run/tornpage", "/tmp/.tornpage", "/var/tmp/.tornpage", "/mnt"};

/* Where this process has its tmpfs; NULL: nowhere. */
static const char *scratch;

const char *isolate_scratch(void)
{
    const char *tmp = getenv("TMPDIR");

    return scratch ? scratch : tmp && *tmp ? tmp : "/tmp";
}

/* Mounts the tmpfs, again where it was if there is one. */
static bool mount_scratch(void)
{
    for (size_t i = 0; i < sizeof scratches / sizeof *scratches; i++) {
        const char *path = scratch ? scratch : scratches[i];

        if (mkdir(path, 0700) != 0 && errno != EEXIST && errno != EROFS)
            continue;
        if (mount("tornpage", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") == 0) {
            scratch = path;
            return true;
        }
    }
    return false;
}

enum entered { ENTERED, NO_NAMESPACE, NO_SCRATCH };

/* Enters a mount namespace that no other process sees, with a tmpfs at isolate_scratch(). errno is set if it fails. */
static enum entered enter_mount_namespace(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return NO_NAMESPACE;
    if (!mount_scratch())
        return NO_SCRATCH;
    /* The processes of the new pid namespace. Some containers forbid this mount; the old /proc does no harm. */
    (void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    return ENTERED;
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
 * Forks into a new pid namespace if privileges allow. unshare(CLONE_NEWPID) is about children only, and setns with a pidfd of
 * this process takes it back; a bare clone(2) would need neither but leave glibc with a wrong thread number in the child.
 */
static pid_t fork_into_pid_namespace(int own_pidfd, bool *ret_new)
{
    *ret_new = unshare(CLONE_NEWPID) == 0;
    pid_t pid = fork();
    int fork_errno = errno;

    if (pid != 0 && *ret_new && setns(own_pidfd, CLONE_NEWPID) != 0) {
        /* Whatever we forked next would land in the child's namespace and die with it. */
        fork_errno = errno;
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        pid = -1;
    }
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
    pid_t pid = fork_into_pid_namespace(parent, ret_new_pids);

    if (pid < 0)
        error_set(err, errno, "fork", NULL, NULL);
    if (pid == 0)
        follow_parent(parent);
    else
        close(parent);
    return pid;
}

/* As isolate_fork, and tells the child what it lacks. */
static pid_t fork_entered(enum entered *ret, struct error *err)
{
    bool new_pids = false;
    pid_t pid = fork_follower(&new_pids, err);

    *ret = NO_NAMESPACE;
    if (pid == 0 && new_pids)
        *ret = enter_mount_namespace();
    return pid;
}

pid_t isolate_fork(bool *isolated, struct error *err)
{
    enum entered entered;
    pid_t pid = fork_entered(&entered, err);

    *isolated = pid == 0 && entered == ENTERED;
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
    return enter_mount_namespace() == ENTERED ? 0 : error_set(err, errno, "isolate", NULL, NULL);
}

int isolate_possible(struct error *err)
{
    enum entered entered;
    int status = 0;
    pid_t pid = fork_entered(&entered, err);

    if (pid < 0)
        return -EPERM;
    if (pid == 0)
        _exit((int)entered);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == ENTERED) {
        if (access("/dev/loop-control", R_OK | W_OK) == 0)
            return 0;
        error_skip(err, "loop", "no /dev/loop-control here: load the module loop, or give the container that device");
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SCRATCH) {
        error_skip(err, "isolate", "no place to mount a tmpfs: make one of the directories %s, %s, %s and %s", scratches[0],
                   scratches[1], scratches[2], scratches[3]);
    } else {
        error_skip(
            err, "isolate",
            "mounts need private mount and pid namespaces, which this user may not make: run it as root (in a container: with "
            "CAP_SYS_ADMIN)");
    }
    return -EPERM;
}
