/* Looking at one crash state of a foreign log: mount, check command, unmount, in this process or by lookers. Private to foreign.
 */
#ifndef TORNPAGE_EXTERNAL_LOG_EXTERNAL_LOOK_H
#define TORNPAGE_EXTERNAL_LOG_EXTERNAL_LOOK_H

#include "base/buf.h"
#include "external_log/external_log_impl.h"
#include "states/crash_image.h"

struct external_looks;

/* What a mount failure or the command said about one state at one number of marks. */
struct check_observation {
    bool violated;
    enum external_kind kind; /* EXTERNAL_MOUNT: the command did not run */
    int status;
    bool untraced; /* what was read is not known: all may have been */
    struct buf said;
    struct buf reads; /* struct read_note each: what was read meanwhile */
};
void check_observation_free(struct check_observation *g);

/*
 * Makes sure that the state in front of everything mounts (-EINVAL: it does not), and starts as many lookers as there are jobs,
 * with one job none. `image` is for the looks; it stays the caller's.
 */
int external_looks_new(const struct external_log *x, struct crash_image *image, struct external_looks **ret, struct error *err);
void external_looks_free(struct external_looks *l);
/*
 * Looks. The state is loaded in the image before, and again after it. An error: it cannot go on, as the machine failed, the base
 * image does not mount any more, or the command cannot be run.
 */
int external_look(struct external_looks *l, const struct crash_state *s, size_t n_marks, struct check_observation *ret,
                  struct error *err);
/* Is a looker free, which may look at what comes up later? Then it may begin (if it has not yet). */
bool external_may_look_ahead(struct external_looks *l);
void external_look_ahead(struct external_looks *l, const struct crash_state *s, size_t n_marks);

#endif
