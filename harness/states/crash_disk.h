/*
 * Crash disks: block devices that show a crash image to a file system, which may recover and write to it. Nothing that it wrote
 * is left when the next image is shown.
 *
 * A crash disk is a loop device on a memory file. Requests are traced (blocktrace.h), so the disk knows which blocks were read
 * and which were written, and between two images it copies only blocks that differ. The base image is copied once, without its
 * zeros.
 *
 * Order of calls: crash_disk_show, mount, observe, unmount, crash_disk_settle, crash_disk_reads.
 */
#ifndef TORNPAGE_STATES_CRASH_DISK_H
#define TORNPAGE_STATES_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include "device/blocktrace.h"
#include "states/crash_image.h"

struct crash_disk;
struct error;

/*
 * A disk that shows `image`, which stays the caller's and must outlive the disk. `logical_sector`: of the device, 512 or 4096
 * bytes. `tracer`: NULL where the machine cannot trace; then every block counts as read and written, so that nothing can be
 * concluded and each image costs a comparison of all blocks that are not zero. 0 or -errno.
 */
int crash_disk_new(struct crash_image *image, unsigned logical_sector, const struct blocktracer *tracer, struct crash_disk **ret,
                   struct error *err);
/*
 * Shows another image with the same base from here on; the old one may be freed. Only while nothing is mounted. On failure
 * another process uses the device, and the disk can only be freed.
 */
int crash_disk_set_image(struct crash_disk *d, struct crash_image *image, struct error *err);
void crash_disk_free(struct crash_disk *d); /* after the unmount */
/* Are requests traced? Else every block counts as read. */
bool crash_disk_is_traced(const struct crash_disk *d);
const char *crash_disk_path(const struct crash_disk *d); /* the device's */

/* Makes the device hold the image as it is loaded now. Only while nothing is mounted. 0 or -errno. */
int crash_disk_show(struct crash_disk *d, struct error *err);
/* Notes what was read and written since crash_disk_show. After the unmount. 0 or -errno. */
int crash_disk_settle(struct crash_disk *d, struct error *err);
/* What was read before it was written between crash_disk_show and crash_disk_settle, in order. Valid until the next show. */
const struct read_note *crash_disk_reads(const struct crash_disk *d, size_t *ret_n);

#endif
