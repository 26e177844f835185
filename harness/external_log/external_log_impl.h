/*
 * Private to this room. What the caller's process (external_log.c) and the isolated one (external_explore.c) share.
 */
#ifndef TORNPAGE_EXTERNAL_LOG_EXTERNAL_LOG_IMPL_H
#define TORNPAGE_EXTERNAL_LOG_EXTERNAL_LOG_IMPL_H

#include "base/error.h"
#include "external_log/external_log.h"

struct external_log {
    const struct external_options *opt;
    struct backend_config config; /* the loop backend; its base image is ours */
    struct logmarks marks;
    struct logwrites_loaded loaded;
    uint64_t from, to; /* positions in the file */
    unsigned sector;
    unsigned jobs;
    double deadline_s;    /* for one run of the command, while the other jobs run */
    int image_fd;         /* the base image as a memory file, */
    uint64_t image_bytes; /*   and the size of the file it came from */
    char *name;           /* prefix of saved images' names, made from the log's name */
};

/* A message from the isolated process, through a pipe. The text of a violation follows its message. */
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
    uint32_t at[4];      /* state, mark, output, image: offsets in the text */
    uint32_t text_bytes; /* including the last NUL */
};

/* What the isolated process does: explores, and reports to the pipe. */
void external_explore_states(const struct external_log *x, int to_parent);

#endif
