/*
 * A backend: a kind of volume under test. One file in backends/, ending in one `const struct backend backend_NAME`, and one page
 * beside it, backends/NAME.md. The Makefile finds the files and makes the list. harness/backend/README.md says how to write one;
 * backends/dir.c is the shortest.
 *
 * A backend fills the common part, and then either `volumes` (a real file system, with a path for the actors) or `model` (no path
 * and no system calls). A backend whose disk the harness keeps has `images` as well.
 *
 * No member checks its arguments or the order of calls: the core calls them through config.h and volume.h, which assert both.
 * "-errno" means that *err is filled; a feature that the machine lacks is an error_skip, whose message names the remedy.
 */
#ifndef TORNPAGE_BACKEND_BACKEND_H
#define TORNPAGE_BACKEND_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#include "backend/config.h"
#include "backend/option.h"
#include "language/plan.h"
#include "truth/guarantees.h"

struct buf;
struct crash_disk;
struct crash_image;
struct disk;
struct error;
struct history;
struct survivors;

/* Volumes that a kernel mounts. `handle` is the backend's own for one volume. */
struct backend_volumes {
    /* Does once what all volumes of a configuration share, before workers are forked: *ret_shared. NULL: nothing is shared. */
    int (*prepare)(const struct backend_config *c, void **ret_shared, struct error *err);
    void (*release)(const struct backend_config *c, void *shared); /* undoes prepare, or adopt. NULL as prepare */
    /* A fresh, empty, unmounted volume; private to this process and gone with it. Required. */
    int (*open)(const struct backend_config *c, uint64_t seed, void **ret_handle, struct error *err);
    void (*close)(void *handle); /* unmounts if need be. Required */
    /* Ends what close may have kept in this process so that the next open is fast. NULL: close keeps nothing. */
    void (*trim)(const struct backend_config *c);
    /* Required, both; a backend whose volumes are always there returns 0. */
    int (*mount)(void *handle, struct error *err);
    int (*unmount)(void *handle, struct error *err);
    /*
     * The mounted root, as client number `client` sees it: 0 to `clients` - 1. Required.
     */
    const char *(*path)(void *handle, unsigned client);
    unsigned clients; /* 0 counts as 1 */
    /* Recorded disk number `n` below the volume; NULL: it has no more. A NULL member: the volume is not the backend's own. */
    struct disk *(*disk)(void *handle, unsigned n);
    /* Fails when a part of the harness below the volume, such as the server of its disk, has died. NULL: there is none. */
    int (*check)(void *handle, struct error *err);
    /* Makes the next mount read the disk anew. NULL: there is no cache between them. */
    int (*rewind)(void *handle, struct error *err);
    /* Checks the unmounted volume read-only; objections go to text, which stays empty without any. NULL: no checker. */
    int (*fsck)(void *handle, char *text, size_t size_bytes, struct error *err);
    /* Why the volume refused to mount: adds lines of the kernel's log and of the checker. NULL: nothing is known. */
    void (*explain_refusal)(void *handle, struct buf *out);
};

/* Disk images that are shown to the file system: crash states, and the images of findings and foreign logs. */
struct backend_images {
    uint64_t (*size)(const struct backend_config *c); /* of its volumes and images, bytes */
    /*
     * Instead of prepare: volumes opened from here on hold a copy of this disk image (a memory file, whose size is the disk's).
     * The caller keeps the descriptor.
     */
    int (*adopt)(const struct backend_config *c, int image_fd, void **ret_shared, struct error *err);
    /* A volume that shows crash images, on a crash disk of its own. The image may be freed when the volume is closed. */
    int (*open)(const struct backend_config *c, struct crash_image *image, void **ret_handle, struct error *err);
    struct crash_disk *(*disk)(void *handle);
};

/* Models: no path, no system calls. */
struct backend_model {
    int (*prepare)(const struct backend_config *c, void **ret_shared, struct error *err); /* as for volumes */
    void (*release)(const struct backend_config *c, void *shared);
    /*
     * Runs the plan whole, from `seed` alone, up to this strike, and fills the history and what survives. *ret_pos is the power
     * cut's position. An error_skip names a verb or feature that is not modelled.
     */
    int (*simulate)(const struct backend_config *c, const struct plan *p, enum strike strike, uint64_t seed, struct history *h,
                    struct survivors *s, uint64_t *ret_pos, struct error *err);
    size_t runs; /* for each scenario and strike that are worth doing by default */
};

struct backend {
    const char *name;
    const char *summary;                  /* one line */
    unsigned strikes;                     /* bit per enum strike that it can show */
    const char *cannot;                   /* what it cannot show, one sentence without its full stop */
    const struct backend_option *options; /* ends with a NULL key; NULL: it has none */
    size_t settings_bytes;                /* of the struct that the options are parsed into */
    /*
     * May a file that nobody vouches for, such as a finding, say these settings? They must not let it name a file, a device or a
     * program of this machine, nor take much of it. The key of the first option that it may not; NULL: it may. NULL: it always
     * may.
     */
    const char *(*harmful)(const void *settings);
    /* Can it work here? NULL: always. */
    int (*probe)(const struct backend_config *c, struct error *err);
    /* What its documents promise. NULL: guarantees_default. */
    void (*guarantees)(const struct backend_config *c, struct guarantees *ret);

    const struct backend_volumes *volumes; /* NULL: a model */
    const struct backend_images *images;   /* NULL: it shows no images, and power cuts are impossible. With volumes only */
    const struct backend_model *model;     /* NULL: it has volumes */
};

extern const struct backend
    *const backends[]; /* NULL-terminated, generated from the files in backends/ by the Makefile, sorted by name */

#endif
