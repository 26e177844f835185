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

/* 0; -EINVAL, with file and cause in *err, if it is not a finding; another -errno if it cannot be read. Free *ret in any case. */
int finding_load(const char *path, struct finding_file *ret, struct error *err);
void finding_file_free(struct finding_file *f);

#endif
