/*
 * The faults of a run: what goes wrong on purpose while it works. They are an axis of their own beside the strike. The trial
 * passes them to what misbehaves (today the recorded disk); no backend reads them.
 */
#ifndef TORNPAGE_BACKEND_FAULTS_H
#define TORNPAGE_BACKEND_FAULTS_H

#include "disk/disk_faults.h"

struct faults {
    struct disk_faults disk;
};

#endif
