/*
 * A backend's volume, and the state it is in. The core uses volumes through these functions only, which assert the order of calls
 * and the arguments, so that a backend need check neither:
 *
 *   open ── mount ── path, disk ── unmount ── rewind, fsck ── mount ── ... ── close
 *
 * A volume that is mounted may be closed as well: the backend then unmounts it.
 */
#ifndef TORNPAGE_BACKEND_VOLUME_H
#define TORNPAGE_BACKEND_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct backend_config;
struct buf;
struct crash_disk;
struct crash_image;
struct disk;
struct error;
struct volume;

/* Do this backend's volumes belong to the harness, so that they may be shut down, unmounted and recorded? */
bool volumes_are_own(const struct backend *b);
/* Ends what closed volumes of this configuration have left in this process so that the next open is fast. */
void volumes_trim(const struct backend_config *c);

/* A fresh, empty, unmounted volume of a configuration that is ready; it must outlive the volume. On failure *ret is NULL. */
int volume_open(const struct backend_config *c, uint64_t seed, struct volume **ret, struct error *err);
/*
 * A volume on a crash disk, which shows crash images: call crash_disk_show before each mount, and crash_disk_settle after each
 * unmount.
 */
int volume_open_image(const struct backend_config *c, struct crash_image *image, struct volume **ret, struct error *err);
void volume_close(struct volume *v); /* NULL: nothing */

int volume_mount(struct volume *v, struct error *err);   /* after a failure it is not mounted */
int volume_unmount(struct volume *v, struct error *err); /* after a failure it still is */
bool volume_is_mounted(const struct volume *v);

/* The root, as client number `client` sees it. Mounted only. */
const char *volume_path(struct volume *v, unsigned client);
/* Recorded disk number n below it; NULL: it has no more. Never of a volume that shows images. */
struct disk *volume_disk(struct volume *v, unsigned n);
/* The crash disk of a volume that shows images. */
struct crash_disk *volume_crash_disk(struct volume *v);
/*
 * 0 while every part of the harness below the volume works. Whatever the volume showed since a part died says nothing about the
 * file system: call this before an observation is held against it.
 */
int volume_check(struct volume *v, struct error *err);
/* Makes the next mount read the disk anew. Unmounted only. */
int volume_rewind(struct volume *v, struct error *err);
/* Runs the file system's checker read-only; objections go to text, empty when there are none or no checker. Unmounted only. */
int volume_fsck(struct volume *v, char *text, size_t size_bytes, struct error *err);
/* After a refused mount: adds what the kernel and the checker say to it, in lines, for people. Unmounted only. */
void volume_explain_refusal(struct volume *v, struct buf *out);

#endif
