/*
 * The verifier: survivors and reads against what the oracle calls legal. Pure: no I/O.
 */
#ifndef TORNPAGE_TRUTH_VERIFY_H
#define TORNPAGE_TRUTH_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "language/plan.h"
#include "truth/guarantees.h"
#include "truth/history.h"
#include "truth/survivors.h"

struct world;

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
extern const char *const defect_names[DEFECT_KINDS]; /* "lost", "torn", ... */

/* One thing the oracle objects to; the first wrong byte and all that a person needs to see why. */
struct defect_report {
    enum defect kind;
    bool surprise; /* against practice only, not against a document */
    char rule[16]; /* rule of ORACLE.md, "C1" */
    char path[128];
    uint64_t off, len; /* first wrong byte, and how many in a row are wrong in the same way */
    int32_t step;      /* the step involved most (it promised, or touched these bytes last); -1 none */
    char text[640];    /* sentences: what was legal, what was seen, which steps */
};

enum { VERIFY_MAX_DEFECTS = 16 };

struct verify_result {
    struct defect_report defects[VERIFY_MAX_DEFECTS];
    size_t n_defects;                 /* kept; more may have been seen */
    size_t n_violations, n_surprises; /* all that were seen */
    unsigned sights;                  /* bit per enum sight: legal things that were seen */
    bool lossy; /* something the crash legally took away: a byte, a size or a name is not what it was before the crash */
};

/* Judges survivors of a crash. `pos`: the power cut's position in the write log; ignored for other kinds. Adds to *ret. */
void verify_survivors(const struct world *w, enum crash_kind crash, uint64_t pos, const struct survivors *s,
                      struct verify_result *ret);
/* Judges each step's outcome and what it read, as recorded (rules A1, F1, I). Adds to *ret. */
void verify_steps(const struct world *w, struct verify_result *ret);

/* Errors of a step that say the file system lacks a feature (skipped), or that the machine failed (broken): not the verifier's.
 */
bool errno_is_feature(int err);
bool errno_is_machine(int err);

#endif
