/* A finding as read back from its file. Private to the engine and its tests. */
#ifndef TORNPAGE_FINDING_FINDING_FILE_H
#define TORNPAGE_FINDING_FINDING_FILE_H

#include "finding/finding.h"

enum { FINDING_FORMAT = 1 };

/* The values of one event in a finding file, in this order, as text with spaces between. */
#define FINDING_EVENT_FIELDS                                                                                                     \
    "step lane begin_seq end_seq begin_pos end_pos ret err signo si_code fault_off ino size_bytes data_off data_len"

struct finding_file {
    struct plan *plan;
    struct backend_config config;
    enum strike strike;
    uint64_t seed, pos;
    struct kill_point kill;
    struct history *history;
    int image_fd;          /* -1: none */
    unsigned defect_kinds; /* bit per enum defect that was found then */
    char *state_text, *kernel, *version;
};

/* 0; -EINVAL with file and cause; -errno when the file cannot be read. */
int finding_load(const char *path, struct finding_file *ret, struct error *err);
void finding_file_free(struct finding_file *f);

#endif
