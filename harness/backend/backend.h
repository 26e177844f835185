/*
 * A backend: a kind of volume under test. One file in backends/, ending in one `const struct backend` named backend_NAME, and one
 * page beside it (backends/NAME.md). The Makefile finds files by wildcard and makes the list; the engine checks arguments and
 * call order, a backend need not.
 */
#ifndef TORNPAGE_BACKEND_BACKEND_H
#define TORNPAGE_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/disk.h"
#include "language/plan.h"
#include "truth/guarantees.h"

struct crash_disk;
struct crash_image;
struct error;
struct history;
struct survivors;
struct volume; /* the backend's own */

struct backend_option {
    const char *key;
    const char *fallback; /* default as text; NULL: none */
    const char *help;
};

enum { BACKEND_MAX_OPTIONS = 16 };

/*
 * A backend chosen on the command line, "loop:fs=ext4,mount=nobarrier". Values keep commas by doubling or by '+':
 * mount=nobarrier+data=writeback gives "nobarrier,data=writeback". "++" is a plus.
 */
struct backend_config {
    const struct backend *backend;
    char *spec;                             /* canonical, as in reports: "loop:fs=ext4,mount=nobarrier" */
    const char *value[BACKEND_MAX_OPTIONS]; /* by index into backend->options; the default where not given */
    void *prepared;                         /* what backend->prepare made; shared by all workers (inherited over fork) */
};

struct backend {
    const char *name;
    const char *summary;                  /* one line */
    const struct backend_option *options; /* ends with a NULL key */
    unsigned strikes;                     /* bit per enum strike it can show */
    const char *cannot;                   /* what it cannot show, one sentence */

    /* Can it work here? 0; error_skip with the remedy; or a real error. Also checks the option values (-EINVAL). */
    int (*probe)(const struct backend_config *c, struct error *err);
    /* Does once what all volumes share (mkfs of the base image). Runs before workers are forked. NULL: nothing. */
    int (*prepare)(struct backend_config *c, struct error *err);
    void (*release)(struct backend_config *c); /* undoes prepare */
    /*
     * Instead of prepare: volumes opened from here on hold a copy of this disk image (a memory file, whose size is the disk's),
     * not a fresh file system; for replay. The caller keeps the descriptor. Undone by release. NULL: it has no disk.
     */
    int (*adopt)(struct backend_config *c, int image_fd, struct error *err);
    void (*guarantees)(const struct backend_config *c, struct guarantees *ret);

    /* --- volumes with a path: actors make real system calls there (dir, loop) --- */
    /* A fresh, empty, unmounted volume; private to this process and gone with it. */
    int (*open)(const struct backend_config *c, uint64_t seed, struct volume **ret, struct error *err);
    void (*close)(struct volume *v); /* unmounts if need be */
    /* Ends what close may have kept in this process so that the next open is fast. NULL: it keeps nothing. */
    void (*trim)(const struct backend_config *c);
    int (*mount)(struct volume *v, struct error *err);
    int (*unmount)(struct volume *v, struct error *err);
    const char *(*path)(struct volume *v);              /* the mounted root */
    struct disk *(*disk)(struct volume *v);             /* its recorded disk; NULL member: power cuts are impossible */
    int (*rewind)(struct volume *v, struct error *err); /* makes the next mount read the disk anew */
    /*
     * A volume that shows crash images, on a disk of its own: call crash_disk_show before each mount, crash_disk_settle after
     * each unmount. Only there crash_disk answers. NULL where disk is.
     */
    int (*open_crashed)(const struct backend_config *c, struct crash_image *image, struct volume **ret, struct error *err);
    struct crash_disk *(*crash_disk)(struct volume *v);
    /* Checks the unmounted volume read-only; objections go to text. NULL: no fsck. */
    int (*fsck)(struct volume *v, char *text, size_t size_bytes, struct error *err);
    void (*lies)(const struct backend_config *c, struct disk_faults *ret); /* NULL: honest */

    /* --- model backends: no path, no system calls (sim) --- */
    /*
     * Runs the plan whole, from `seed` alone, up to a crash of this kind, and fills the history and what survives. *ret_pos is
     * the power cut's position. Returns 0, error_skip for a verb or feature that is not modelled, or -errno.
     */
    int (*simulate)(const struct backend_config *c, const struct plan *p, enum strike strike, uint64_t seed, struct history *h,
                    struct survivors *s, uint64_t *ret_pos, struct error *err);
    size_t runs; /* simulate: runs for each scenario and crash kind that are worth doing by default */
};

extern const struct backend
    *const backends[]; /* NULL-terminated, generated from the files in backends/ by the Makefile, sorted by name */

const struct backend *backend_find(const char *name);
/* Parses "NAME[:key=value,...]". -EINVAL with a message that lists what is possible. Freed with backend_config_free. */
int backend_config_parse(const char *spec, struct backend_config *ret, struct error *err);
void backend_config_free(struct backend_config *c);
/* Value of an option by key; never fails for a key the backend declares. */
const char *backend_value(const struct backend_config *c, const char *key);

#endif
