/* A lock between mounts of volumes and sync(2), for all runs on a machine. */
#ifndef TORNPAGE_DEVICE_MOUNTLOCK_H
#define TORNPAGE_DEVICE_MOUNTLOCK_H

/*
 * sync(2) walks a list of all superblocks of the machine and waits for each that is just being mounted; new ones come at the end
 * of the list. Beside workers that mount hundreds of times a second it walks for minutes, and cannot be killed meanwhile. So a
 * mount takes this lock for mounting, which many may hold, and a call of sync(2) takes it for syncing, which excludes all others.
 * Mounts do not starve a waiting sync.
 *
 * Both functions wait and return a descriptor for mountlock_drop. A lock ends with its process, too. Without permission for the
 * devices that the lock is made of they return -1, which mountlock_drop accepts: then nothing is locked.
 */
int mountlock_for_mount(void);
int mountlock_for_sync(void);
void mountlock_drop(int fd);

#endif
