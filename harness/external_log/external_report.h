/*
 * Private to this room. Reports from the process that explores an external log to its caller: progress, violations and their
 * images, epochs, the end.
 */
#ifndef TORNPAGE_EXTERNAL_LOG_EXTERNAL_REPORT_H
#define TORNPAGE_EXTERNAL_LOG_EXTERNAL_REPORT_H

#include "base/buf.h"
#include "external_log/external_observe.h"

struct external_reporter {
    const struct external_log *x;
    int to_parent;
    struct external_message m; /* the next message; the explorer keeps its counts up to date */
    unsigned n_images;
    struct buf image;       /* the file in which the loaded state was saved; empty: not yet */
    double last_progress_s; /* clock_s of the last progress message */
};

/* Sends progress, at most ten times a second; may be called as often as you like. */
void external_report_progress(struct external_reporter *t);
/*
 * Reports the loaded state as violated at position `cut`, and saves its image if it is one of the first EXTERNAL_IMAGES. -errno
 * if it could not be saved.
 */
int external_report_violation(struct external_reporter *t, const struct crash_image *image, const struct crash_state *s,
                              uint64_t cut, size_t n_marks, const struct check_observation *observation, struct error *err);
/* A number that distinguishes a log's crash states from each other. */
uint64_t external_state_number(const struct crash_state *s);
void external_report_epoch(struct external_reporter *t, const struct epoch_result *e);
/* The last report. err NULL: the exploration succeeded. */
void external_report_end(struct external_reporter *t, const struct error *err);

#endif
