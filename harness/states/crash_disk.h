/*
 * A block device on which a file system finds a crash image, recovers, and may write what it likes: the next image finds nothing
 * of that. It is a loop device on a memory file, as fast as the kernel's own: what was read and written is learned from the block
 * layer's tracepoint (blocktrace.h), and between two images only the blocks that differ are copied. The memory file holds what is
 * not zero in the base image, copied once, and what was written.
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
 * `logical_sector`: of the device, 512 or 4096. `tracer` may be NULL, where the machine cannot trace: then every image is
 * taken to read everything, and costs a comparison of all that is not zero.
 */
int crash_disk_new(struct crash_image *image, unsigned logical_sector, const struct blocktracer *tracer, struct crash_disk **ret,
                   struct error *err);
/*
 * From here on it shows this image, which has the same base; the other one may be freed. Only while nothing is mounted. An error:
 * the device is in use, and the disk is of no more use.
 */
int crash_disk_set_image(struct crash_disk *d, struct crash_image *image, struct error *err);
void crash_disk_free(struct crash_disk *d); /* after the unmount */
/* Is it known what is read? Else every image is taken to read everything. */
bool crash_disk_is_traced(const struct crash_disk *d);
const char *crash_disk_path(const struct crash_disk *d); /* of the device */

/* The image, as it is loaded now, is what the device holds from here on. Only while nothing is mounted. */
int crash_disk_show(struct crash_disk *d, struct error *err);
/* Learns what was done since: for crash_disk_reads, and so that it can be undone. After the unmount. */
int crash_disk_settle(struct crash_disk *d, struct error *err);
/* What was read before it was written from crash_disk_show to crash_disk_settle, in order. */
const struct read_note *crash_disk_reads(const struct crash_disk *d, size_t *ret_n);

#endif
