/* Looking at one crash state of a foreign log: mount, check command, unmount, in this process or by lookers. Private to foreign.
 */
#ifndef TORNPAGE_ENGINE_FOREIGN_LOOK_H
#define TORNPAGE_ENGINE_FOREIGN_LOOK_H

#include "base/buf.h"
#include "engine/foreign_impl.h"
#include "storage/crash_image.h"

struct foreign_looks;

/* What a mount failure or the command said about one state at one number of marks. */
struct glimpse {
    bool violated;
    enum foreign_kind kind; /* FOREIGN_MOUNT: the command did not run */
    int status;
    bool untraced; /* what was read is not known: all may have been */
    struct buf said;
    struct buf reads; /* struct disk_note each: what was read meanwhile */
};
void glimpse_free(struct glimpse *g);

/*
 * Makes sure that the state in front of everything mounts (-EINVAL: it does not), and starts as many lookers as there are jobs,
 * with one job none. `image` is for the looks; it stays the caller's.
 */
int foreign_looks_new(const struct foreign *x, struct crash_image *image, struct foreign_looks **ret, struct error *err);
void foreign_looks_free(struct foreign_looks *l);
/*
 * Looks. The state is loaded in the image before, and again after it. An error: it cannot go on, as the machine failed, the base
 * image does not mount any more, or the command cannot be run.
 */
int foreign_look(struct foreign_looks *l, const struct crash_state *s, size_t n_marks, struct glimpse *ret, struct error *err);
/* Is a looker free, which may look at what comes up later? Then it may begin (if it has not yet). */
bool foreign_may_look_ahead(struct foreign_looks *l);
void foreign_look_ahead(struct foreign_looks *l, const struct crash_state *s, size_t n_marks);

#endif
