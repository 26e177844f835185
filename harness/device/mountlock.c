/*
 * The lock between mounts and sync(2): see mountlock.h. It is flock(2) on two device files that every machine with loop volumes
 * has, so it needs no file of its own and leaves none. flock gives waiting processes no order, hence two locks: each process
 * takes DOOR first and ROOM then, and keeps DOOR until it has ROOM. So no mount passes a waiting sync.
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
