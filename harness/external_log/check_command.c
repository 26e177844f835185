/* Check commands: see check_command.h. */
#include "external_log/check_command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "host/isolate.h"
#include "host/patience.h"

enum { DEATH_GRACE_MS = 30000, COULD_NOT_RUN = 126 };

static int status_of(int wait_status)
{
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

static _Noreturn void become_shell(const char *command, const char *mount, const char *mark, uint64_t n_marks, int out_fd)
{
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char number[32];
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    snprintf(number, sizeof number, "%" PRIu64, n_marks);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(out_fd, 2) < 0 || setenv("TORNPAGE_MOUNT", mount, 1) ||
        setenv("TORNPAGE_MARK", mark, 1) || setenv("TORNPAGE_MARKS", number, 1))
        _exit(COULD_NOT_RUN);
    execl("/bin/sh", "sh", "-c", command, "check", mount, mark, (char *)NULL);
    _exit(COULD_NOT_RUN);
}

/*
 * The init of the command's pid namespace. It is not the shell itself, because the kernel shields an init from most signals, and
 * a command must be able to die of one.
 */
static _Noreturn void init_process(const char *command, const char *mount, const char *mark, uint64_t n_marks, int out_fd)
{
    int status = 0;

    setsid();
    const pid_t shell = fork();

    if (shell == 0)
        become_shell(command, mount, mark, n_marks, out_fd);
    for (;;) {
        const pid_t pid = wait(&status);

        if (pid == shell)
            _exit(status_of(status));
        if (pid < 0 && errno != EINTR)
            _exit(COULD_NOT_RUN);
    }
}

/* Reads what the pipe holds; false at its end. */
static bool take_output(int fd, struct buf *out)
{
    char chunk[4096];
    ssize_t n;

    while ((n = read(fd, chunk, sizeof chunk)) > 0) {
        const size_t room = CHECK_OUTPUT_BYTES - out->len_bytes;

        buf_add(out, chunk, (size_t)n < room ? (size_t)n : room);
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Returns when the command's init is dead. Kills it at the deadline, and gives up if even then it does not die. */
static void watch(pid_t pid, int pidfd, int out_fd, double deadline_s, struct check_run *ret)
{
    struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN}, {.fd = out_fd, .events = POLLIN}};
    struct patience patience;

    patience_begin(&patience, (int64_t)(deadline_s * 1000));
    while (!fds[0].revents) {
        const int64_t left_ms = patience_left_ns(&patience) / 1000000;

        if (left_ms <= 0 && ret->hung) {
            ret->immortal = true;
            return;
        }
        if (left_ms <= 0) {
            ret->hung = true;
            kill(pid, SIGKILL);
            patience_begin(&patience, DEATH_GRACE_MS);
            continue;
        }
        if (poll(fds, 2, (int)(left_ms < PATIENCE_TICK_MS ? left_ms : PATIENCE_TICK_MS)) > 0 && fds[1].revents &&
            !take_output(out_fd, &ret->out))
            fds[1].fd = -1;
    }
    take_output(out_fd, &ret->out);
}

int check_command_run(const char *command, const char *mount, const char *mark, uint64_t n_marks, double deadline_s,
                      struct check_run *ret, struct error *err)
{
    int out[2], status = 0, pidfd, r = 0;
    pid_t pid;

    *ret = (struct check_run){.status = 0};
    if (pipe2(out, O_CLOEXEC) || fcntl(out[0], F_SETFL, O_NONBLOCK))
        return error_set(err, errno, "pipe2", "", NULL);
    pid = isolate_fork_processes(err);
    if (pid == 0)
        init_process(command, mount, mark, n_marks, out[1]);
    close(out[1]);
    if (pid < 0) {
        close(out[0]);
        return err && err->code ? -err->code : -EIO;
    }
    pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        r = error_set(err, errno, "pidfd_open", "", NULL);
        kill(pid, SIGKILL);
    } else {
        watch(pid, pidfd, out[0], deadline_s, ret);
        close(pidfd);
    }
    while (!ret->immortal && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(out[0]);
    ret->status = status_of(status);
    return r;
}
