/*
 * Clones take turns: see clones.h. The lock is flock(2) on the image's own file, through a description of its own: shared for a
 * clone that may be mounted beside others, exclusive for one that may not. It ends with the process, and so does its mount.
 */
#include "device/clones.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "device/fsimage.h"

static bool lock(int fd, int how)
{
    int r;

    do
        r = flock(fd, how);
    while (r != 0 && errno == EINTR);
    return r == 0;
}

int clones_mount(const char *fs, const char *device, const char *dir, const char *options, int image_fd, int *ret_turn,
                 struct error *err)
{
    static bool one_at_a_time; /* what this process has learnt of the kernel */
    struct error refusal = {.code = 0};
    char path[64];
    int r = -EEXIST;

    *ret_turn = -1;
    if (!fsimage_lists_devices(fs))
        return fsimage_mount(fs, device, dir, options, err);
    snprintf(path, sizeof path, "/proc/self/fd/%d", image_fd);
    const int turn = open(path, O_RDONLY | O_CLOEXEC);
    if (turn < 0)
        return error_set(err, errno, "open", path, NULL);
    if (!one_at_a_time && lock(turn, LOCK_SH))
        r = fsimage_mount(fs, device, dir, options, &refusal);
    if (r == -EEXIST && lock(turn, LOCK_EX)) { /* gives up the shared one first */
        one_at_a_time = true;
        refusal = (struct error){.code = 0}; /* a success leaves none */
        fsimage_forget_device(fs, NULL);     /* what a process that was killed has left */
        r = fsimage_mount(fs, device, dir, options, &refusal);
    }
    if (r == 0) {
        *ret_turn = turn;
        return 0;
    }
    close(turn);
    if (!refusal.code)
        r = error_set(&refusal, ENOLCK, "flock", path, NULL);
    if (err)
        *err = refusal;
    return r;
}

void clones_end_turn(const char *fs, const char *device, int *turn)
{
    if (*turn < 0)
        return;
    fsimage_forget_device(fs, device);
    flock(*turn, LOCK_UN); /* children may have the descriptor still */
    close(*turn);
    *turn = -1;
}
