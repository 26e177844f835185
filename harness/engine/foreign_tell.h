/* What the process that explores a foreign log tells its caller: progress, violations with their images, the end. */
#ifndef TORNPAGE_ENGINE_FOREIGN_TELL_H
#define TORNPAGE_ENGINE_FOREIGN_TELL_H

#include "base/buf.h"
#include "engine/foreign_look.h"

struct foreign_teller {
    const struct foreign *x;
    int to_parent;
    struct foreign_message m; /* the counts are of whoever explores */
    unsigned n_images;
    struct buf image; /* the file in which the state at hand was saved; empty: not yet */
    double told_s;    /* when progress was told last */
};

/* Now and then, not each time it is called. */
void foreign_tell_progress(struct foreign_teller *t);
/* That the loaded state was violated at position `cut`. Saves it, if it is one of the first; an error when that failed. */
int foreign_tell_violation(struct foreign_teller *t, const struct crash_image *image, const struct crash_state *s, uint64_t cut,
                           size_t n_marks, const struct glimpse *seen, struct error *err);
/* A number that distinguishes a log's crash states from each other. */
uint64_t foreign_state_number(const struct crash_state *s);
void foreign_tell_epoch(struct foreign_teller *t, const struct epoch_result *e);
/* err NULL: all went well. */
void foreign_tell_end(struct foreign_teller *t, const struct error *err);

#endif
