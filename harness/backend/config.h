/*
 * A configuration: a backend and what the command line says of it, "loop:fs=ext4,mount=nobarrier". This is how the core uses a
 * backend's common part; its volumes are used through volume.h.
 *
 * In a spec, values keep commas by doubling or by '+': mount=nobarrier+data=writeback gives "nobarrier,data=writeback"; "++" is a
 * plus.
 */
#ifndef TORNPAGE_BACKEND_CONFIG_H
#define TORNPAGE_BACKEND_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/faults.h"
#include "language/strike.h"

struct backend;
struct error;
struct guarantees;
struct history;
struct plan;
struct survivors;

enum { BACKEND_MAX_OPTIONS = 16 };

struct backend_config {
    const struct backend *backend;
    char *spec;                      /* canonical, as in reports */
    void *settings;                  /* the backend's own struct, settings_bytes long */
    struct faults faults;            /* of runs with this configuration */
    void *shared;                    /* what prepare or adopt made; shared by all workers (inherited over fork) */
    bool ready;                      /* prepared, or an image was adopted */
    char *text[BACKEND_MAX_OPTIONS]; /* values as given, by option; the settings point into them */
};

const struct backend *backend_find(const char *name);

/*
 * Parses "NAME[:key=value,...]", values and all. -EINVAL with a message that lists what is possible. Freed with
 * backend_config_free, also on failure.
 */
int backend_config_parse(const char *spec, struct backend_config *ret, struct error *err);
/*
 * The same without text to take apart: begin, set any options (a value as it is, with its commas; NULL is ignored), end. -EINVAL
 * as above.
 */
void backend_config_begin(struct backend_config *c, const struct backend *b);
int backend_config_set(struct backend_config *c, const char *key, const char *value, struct error *err);
int backend_config_end(struct backend_config *c, struct error *err);
/*
 * May a file that nobody vouches for say this configuration? 0; -EINVAL with a message that names the first option that it may
 * not.
 */
int backend_config_harmless(const struct backend_config *c, struct error *err);
void backend_config_free(struct backend_config *c); /* released before */

/*
 * Has c all that `part` gives? The same backend, the same values, and of values that are lists at least part's words; an option
 * that neither gives has its default. Not when c has faults that part does not name.
 */
bool backend_config_includes(const struct backend_config *c, const struct backend_config *part);

/* Can it work here? 0; -errno, with an error_skip where the machine lacks something. */
int backend_probe(const struct backend_config *c, struct error *err);
void backend_guarantees(const struct backend_config *c, struct guarantees *ret);
bool backend_is_model(const struct backend *b);

/* Makes it ready for volumes or runs: with a fresh file system, or with this disk image (where backend_takes_images). */
int backend_prepare(struct backend_config *c, struct error *err);
int backend_adopt(struct backend_config *c, int image_fd, struct error *err);
bool backend_takes_images(const struct backend *b);
uint64_t backend_image_size(const struct backend_config *c); /* bytes, of every image of a backend that takes them */
void backend_release(struct backend_config *c);              /* undoes either; not ready: does nothing */

/* Runs a model that is ready, as struct backend_model says. */
int backend_simulate(const struct backend_config *c, const struct plan *p, enum strike strike, uint64_t seed, struct history *h,
                     struct survivors *s, uint64_t *ret_pos, struct error *err);

#endif
