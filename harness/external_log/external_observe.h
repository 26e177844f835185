/*
 * Private to this room. Observing a crash state of an external log: the check command runs on it. The question is the number of
 * marks passed, which the command receives.
 */
#ifndef TORNPAGE_EXTERNAL_LOG_EXTERNAL_OBSERVE_H
#define TORNPAGE_EXTERNAL_LOG_EXTERNAL_OBSERVE_H

#include "base/buf.h"
#include "explore/observer.h"
#include "external_log/external_log_impl.h"

/* The observation of one state at one number of marks: a refused mount, or the command's status and output. */
struct check_observation {
    bool violated;
    enum external_kind kind; /* EXTERNAL_MOUNT: the command did not run */
    int status;
    struct buf output;
};
void check_observation_free(struct check_observation *c);

/* The argument of external_observing. */
struct external_checker {
    const struct external_log *x;
    struct check_observation observation;
};

extern const struct observer_ops external_observing;

#endif
