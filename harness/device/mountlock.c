/*
 * The lock between mounts and sync(2): see mountlock.h. It is made of flock(2) on two device files that every machine with loop
 * volumes has, so that it needs no file of its own and nothing is left of it. flock knows no order among those that wait; hence
 * two: DOOR is held for a moment on the way in, and by a syncer until it has got ROOM, so that no mount comes in before it.
 */
#include "device/mountlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define DOOR "/dev/fuse"
#define ROOM "/dev/loop-control"

static int take(const char *path, int how)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    while (flock(fd, how) != 0)
        if (errno != EINTR) {
            close(fd);
            return -1;
        }
    return fd;
}

static int enter(int how)
{
    const int door = take(DOOR, how);
    const int room = door < 0 ? -1 : take(ROOM, how);

    mountlock_drop(door);
    return room;
}

int mountlock_for_mount(void)
{
    return enter(LOCK_SH);
}

int mountlock_for_sync(void)
{
    return enter(LOCK_EX);
}

void mountlock_drop(int fd)
{
    if (fd >= 0)
        close(fd);
}
