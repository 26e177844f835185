/* A finding as loaded from its file, for replay. */
#ifndef TORNPAGE_FINDING_FINDING_FILE_H
#define TORNPAGE_FINDING_FINDING_FILE_H

#include "finding/finding.h"

enum { FINDING_FORMAT = 2 };

/* The fields of an event in a finding file, in this order; their values are text, separated by spaces. */
#define FINDING_EVENT_FIELDS                                                                                                     \
    "step lane begin_seq end_seq begin_pos end_pos ret err signo si_code fault_off no_space ino size_bytes done_bytes place "    \
    "data_off data_len"

struct finding_file {
    struct plan *plan;
    struct backend_config config;
    enum strike strike;
    uint64_t seed, pos;
    struct kill_point kill;
    struct history *history;
    int image_fd;          /* -1: none */
    unsigned defect_kinds; /* a bit per enum defect that the finding holds */
    char *state_text, *kernel, *version;
};

/*
 * 0; -EINVAL, with file and cause in *err, if it is not a finding, or if it is not `trusted` and its backend has options that
 * could harm this machine (backend_config_harmless); another -errno if it cannot be read. Its image is no larger than the volumes
 * of its backend, its history no larger than a run's. Free *ret in any case.
 */
int finding_load(const char *path, bool trusted, struct finding_file *ret, struct error *err);
/* Will replay have the kernel mount the disk image that the file holds? */
bool finding_has_image(const struct finding_file *f);
void finding_file_free(struct finding_file *f);

#endif
