/*
 * Mounts of volumes that are clones of one image. Before Linux 6.7 btrfs knows a volume by the fsid in it and mounts one clone at
 * a time: the second is refused with EEXIST. Nothing asks which kernel it is: as soon as one clone is refused so, clones of that
 * image take turns.
 */
#ifndef TORNPAGE_DEVICE_CLONES_H
#define TORNPAGE_DEVICE_CLONES_H

struct error;

/*
 * Mounts as fsimage_mount does, waiting for its turn if need be. `image_fd`: the memory file of the image, by which its clones
 * know each other. *ret_turn is to be given back with clones_end_turn after the unmount; -1 when there is none. 0 or -errno.
 */
int clones_mount(const char *fs, const char *device, const char *dir, const char *options, int image_fd, int *ret_turn,
                 struct error *err);
/* After the unmount of the device. *turn is -1 then; of -1 it does nothing. */
void clones_end_turn(const char *fs, const char *device, int *turn);

#endif
