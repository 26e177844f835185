/* What the process that explores a foreign log tells its caller: progress, violations with their images, the end. */
#ifndef TORNPAGE_EXTERNAL_LOG_EXTERNAL_REPORT_H
#define TORNPAGE_EXTERNAL_LOG_EXTERNAL_REPORT_H

#include "base/buf.h"
#include "external_log/external_observe.h"

struct external_reporter {
    const struct external_log *x;
    int to_parent;
    struct external_message m; /* the counts are of whoever explores */
    unsigned n_images;
    struct buf image; /* the file in which the state at hand was saved; empty: not yet */
    double told_s;    /* when progress was told last */
};

/* Now and then, not each time it is called. */
void external_report_progress(struct external_reporter *t);
/* That the loaded state was violated at position `cut`. Saves it, if it is one of the first; an error when that failed. */
int external_report_violation(struct external_reporter *t, const struct crash_image *image, const struct crash_state *s,
                              uint64_t cut, size_t n_marks, const struct check_observation *seen, struct error *err);
/* A number that distinguishes a log's crash states from each other. */
uint64_t external_state_number(const struct crash_state *s);
void external_report_epoch(struct external_reporter *t, const struct epoch_result *e);
/* err NULL: all went well. */
void external_report_end(struct external_reporter *t, const struct error *err);

#endif
