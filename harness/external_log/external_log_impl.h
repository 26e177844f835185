/* Inside of foreign.h: what its caller's process (foreign.c) and the isolated one (external_explore_states.c) share. */
#ifndef TORNPAGE_EXTERNAL_LOG_EXTERNAL_LOG_IMPL_H
#define TORNPAGE_EXTERNAL_LOG_EXTERNAL_LOG_IMPL_H

#include "base/error.h"
#include "external_log/external_log.h"

struct external_log {
    const struct external_options *opt;
    struct backend_config config; /* the loop backend, which has adopted the image */
    struct logmarks marks;
    struct logwrites_loaded loaded;
    uint64_t from, to; /* positions in the file */
    unsigned sector;
    unsigned jobs;
    double deadline_s;    /* for one run of the command, beside the other jobs */
    int image_fd;         /* the base image, as a memory file, */
    uint64_t image_bytes; /*   and the size of its own file */
    char *name;           /* of image files, from the log's */
};

/* What the isolated process tells through a pipe; the text of a violation follows its message. */
enum external_event { EXTERNAL_PROGRESS, EXTERNAL_VIOLATION, EXTERNAL_EPOCH, EXTERNAL_FAILED, EXTERNAL_DONE };
struct external_message {
    enum external_event event;
    struct external_counts counts;
    uint64_t left;
    struct error err;          /* EXTERNAL_FAILED */
    struct epoch_result epoch; /* EXTERNAL_EPOCH */
    enum external_kind kind;
    int status;
    uint64_t cut, n_marks;
    uint32_t at[4];      /* state, mark, said, image: offsets in the text */
    uint32_t text_bytes; /* with its last NUL */
};

/* The isolated process: explores and tells. */
void external_explore_states(const struct external_log *x, int to_parent);

#endif
