/* Private to this room. Runs the user's check command on a mounted crash state. */
#ifndef TORNPAGE_EXTERNAL_LOG_CHECK_COMMAND_H
#define TORNPAGE_EXTERNAL_LOG_CHECK_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct error;

enum { CHECK_OUTPUT_BYTES = 4096 }; /* as much of a command's output is kept */

struct check_run {
    int status;     /* exit status, 128 + signal */
    bool hung;      /* it ran past its deadline and was killed */
    bool immortal;  /* it hangs in the kernel, and not even SIGKILL ended it */
    struct buf out; /* stdout and stderr, the first CHECK_OUTPUT_BYTES; freed by the caller */
};

/*
 * Runs `sh -c command` with $1 = mount, $2 = mark, and TORNPAGE_MOUNT, TORNPAGE_MARK, TORNPAGE_MARKS (n_marks) in its
 * environment; stdin is /dev/null. When this returns, every process that the command started is gone (unless `immortal`). The
 * caller is isolated and has one thread. 0 if the command ran, whatever its status; -errno if it could not be started.
 */
int check_command_run(const char *command, const char *mount, const char *mark, uint64_t n_marks, double deadline_s,
                      struct check_run *ret, struct error *err);

#endif
