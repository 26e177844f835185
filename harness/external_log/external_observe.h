/*
 * Private to this room. Observing a crash state of an external log: the check command runs on it. The question is the number of
 * marks that the command is told of.
 */
#ifndef TORNPAGE_EXTERNAL_LOG_EXTERNAL_OBSERVE_H
#define TORNPAGE_EXTERNAL_LOG_EXTERNAL_OBSERVE_H

#include "base/buf.h"
#include "explore/observer.h"
#include "external_log/external_log_impl.h"

/* What a refused mount or the command said about one state at one number of marks. */
struct check_observation {
    bool violated;
    enum external_kind kind; /* EXTERNAL_MOUNT: the command did not run */
    int status;
    struct buf said;
};
void check_observation_free(struct check_observation *c);

/* The argument of external_observing. */
struct external_checker {
    const struct external_log *x;
    struct check_observation at_hand;
};

extern const struct observer_ops external_observing;

#endif
