/* Keeps mounts of volumes and sync(2) apart, for all runs on a machine. */
#ifndef TORNPAGE_DEVICE_MOUNTLOCK_H
#define TORNPAGE_DEVICE_MOUNTLOCK_H

/*
 * sync(2) walks a list of all superblocks of the machine, waits for each one that is just being mounted, and new ones are put at
 * the list's end. Beside workers that mount hundreds of times a second it walks for minutes, and nothing can kill it meanwhile.
 * So whoever mounts a volume takes this lock for mounting, which many may hold, and whoever calls sync(2) takes it for syncing,
 * which one may hold alone. One that wants to sync is not starved by those that mount.
 *
 * Both wait, return a descriptor to hand to mountlock_drop, and go with the process that dies. Where the lock cannot be had (no
 * permission for the devices that it lives on) they return -1, which mountlock_drop takes, too: then nothing is kept apart.
 */
int mountlock_for_mount(void);
int mountlock_for_sync(void);
void mountlock_drop(int fd);

#endif
