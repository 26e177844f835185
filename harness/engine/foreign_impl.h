/* Inside of foreign.h: what its caller's process (foreign.c) and the isolated one (foreign_states.c) share. */
#ifndef TORNPAGE_ENGINE_FOREIGN_IMPL_H
#define TORNPAGE_ENGINE_FOREIGN_IMPL_H

#include "base/error.h"
#include "engine/foreign.h"

struct foreign {
    const struct foreign_options *opt;
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
enum foreign_event { FOREIGN_PROGRESS, FOREIGN_VIOLATION, FOREIGN_EPOCH, FOREIGN_FAILED, FOREIGN_DONE };
struct foreign_message {
    enum foreign_event event;
    struct foreign_counts counts;
    uint64_t left;
    struct error err;          /* FOREIGN_FAILED */
    struct epoch_result epoch; /* FOREIGN_EPOCH */
    enum foreign_kind kind;
    int status;
    uint64_t cut, n_marks;
    uint32_t at[4];      /* state, mark, said, image: offsets in the text */
    uint32_t text_bytes; /* with its last NUL */
};

/* The isolated process: explores and tells. */
void foreign_states(const struct foreign *x, int to_parent);

#endif
