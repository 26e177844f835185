/* The words for what can be wrong with what is left of a file. The verifier says them, the header `known:` names them. */
#ifndef TORNPAGE_LANGUAGE_DEFECT_H
#define TORNPAGE_LANGUAGE_DEFECT_H

#include <stddef.h>

enum defect {
    DEFECT_LOST,        /* a version made durable is not there */
    DEFECT_TORN,        /* a word is partly one version, partly another, where none of that is legal */
    DEFECT_STALE,       /* an older version came back after a newer one was durable */
    DEFECT_MISDIRECTED, /* a store's bytes at another offset of the same file */
    DEFECT_FOREIGN,     /* another file's bytes */
    DEFECT_NOBODY,      /* bytes nobody wrote */
    DEFECT_ZEROED,      /* zeros where no zero is legal */
    DEFECT_SIZE,        /* wrong file size */
    DEFECT_MISSING,     /* a name that must be there is not */
    DEFECT_EXTRA,       /* a name that must not be there is */
    DEFECT_MOUNT,       /* the volume does not mount */
    DEFECT_READONLY,    /* the volume is not writable afterwards */
    DEFECT_FSCK,        /* fsck objects */
    DEFECT_INCOHERENT,  /* read(2), a mapping or another process disagree; or a read did not see a store */
    DEFECT_UNREADABLE,  /* a read failed */
    DEFECT_SIGNAL,      /* a signal where none may come, or none where one must */
    DEFECT_RESULT,      /* a call returned what it must not */
    DEFECT_HANG,        /* a step did not end before the deadline */
    DEFECT_KINDS
};
extern const char *const defect_names[DEFECT_KINDS]; /* "lost", "wrong size", ... */

/* The kind that a word of len_bytes names, blanks written as '-' ("wrong-size"); DEFECT_KINDS when it names none. */
enum defect defect_parse(const char *word, size_t len_bytes);

#endif
