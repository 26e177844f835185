/* Running programs: see command.h. */
#include "host/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"

enum { CHUNK_BYTES = 4096 }; /* of what a program prints */

/* mkfs and its kin live in sbin, which is not in everybody's PATH. */
static const char *const directories[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

static bool find(const char *name, char *path, size_t size_bytes)
{
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        snprintf(path, size_bytes, "%s/%s", directories[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

bool command_exists(const char *name)
{
    char path[PATH_MAX];

    return find(name, path, sizeof path);
}

/* The child of command_run. */
static _Noreturn void become(const char *path, const char *const *argv, pid_t parent, int out_fd)
{
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || null < 0)
        _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(null, 0);
    dup2(out_fd, 1);
    dup2(out_fd, 2);
    /* execv takes char *const * for the sake of old programs and changes nothing. */
    execv(path, (char *const *)(uintptr_t)argv);
    _exit(127);
}

int command_run(const char *const *argv, struct buf *out, int *ret_status, struct error *err)
{
    char path[PATH_MAX], chunk[CHUNK_BYTES];
    const pid_t parent = getpid();
    int pipe_fd[2], status = 0;
    ssize_t n;
    pid_t pid;

    if (!find(argv[0], path, sizeof path))
        return error_set(err, ENOENT, "run", argv[0], "there is no such program on this machine");
    if (pipe2(pipe_fd, O_CLOEXEC))
        return error_set(err, errno, "pipe2", "", NULL);
    pid = fork();
    if (pid == 0)
        become(path, argv, parent, pipe_fd[1]);
    close(pipe_fd[1]);
    while (pid > 0 && ((n = read(pipe_fd[0], chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)))
        if (out && n > 0)
            buf_add(out, chunk, (size_t)n);
    close(pipe_fd[0]);
    if (pid < 0)
        return error_set(err, errno, "fork", argv[0], NULL);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return error_set(err, errno, "waitpid", argv[0], NULL);
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}
