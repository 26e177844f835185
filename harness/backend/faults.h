/*
 * The faults of a run: what goes wrong on purpose while it works. They stand beside the strike, an axis of their own: the trial
 * hands them to whatever misbehaves (today the recorded disk), and no backend looks at them.
 */
#ifndef TORNPAGE_BACKEND_FAULTS_H
#define TORNPAGE_BACKEND_FAULTS_H

#include "disk/disk_faults.h"

struct faults {
    struct disk_faults disk;
};

#endif
