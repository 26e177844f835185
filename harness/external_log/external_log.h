/*
 * Explores a log that somebody else made: the crash states of a base image under a dm-log-writes log, each mounted and judged by
 * a check command instead of the oracle.
 *
 * A crash state may exist over a stretch of the log, and marks in that stretch tell the command different things ("this much is
 * promised now"). So a state is checked once for each number of marks that may have been passed when it exists, on a fresh copy
 * each time. Several processes do that side by side (lookers.h); results do not depend on how many.
 */
#ifndef TORNPAGE_EXTERNAL_LOG_EXTERNAL_LOG_H
#define TORNPAGE_EXTERNAL_LOG_EXTERNAL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "dm_log/logmarks.h"
#include "dm_log/logwrites.h"
#include "result/result.h"

struct error;

enum { EXTERNAL_STATES = 1000, EXTERNAL_IMAGES = 10, EXTERNAL_TOLD = 1000 };

struct external_options {
    const char *log_path, *base_path;
    const char *fs, *mount; /* file system; mount options, or NULL */
    unsigned sector;        /* atomic unit: 512, 4096; 0: the file system's default, at least the log's sector */
    const char *check;      /* for sh -c */
    const char *from, *to;  /* marks; NULL: the log's ends */
    uint64_t max_states;    /* visited one by one, and mounted; 0: EXTERNAL_STATES */
    uint64_t seed;
    unsigned jobs;            /* states looked at side by side; 0: chosen */
    bool no_prune;            /* mount every state, also one that must come to what another one came to */
    bool check_prune;         /* mount those as well: one that comes to something else is an error, -EILSEQ */
    double time_s;            /* no state is begun after so long, but the first one; 0: no limit */
    double deadline_s;        /* for one run of the command; longer when there are more jobs than processors */
    const char *findings_dir; /* where images of violated states go; NULL: nowhere */
};

struct external_counts {
    uint64_t states_covered;                    /* looked at or concluded, */
    uint64_t states_mounted;                    /*   looked at with one number of marks at least, */
    uint64_t states_violated;                   /*   violated with one at least */
    uint64_t checks;                            /* runs of the command that were not spared */
    uint64_t epochs_exhaustive, epochs_sampled; /* all subsets of the epoch's writes were covered, or only some */
    double states_exist;                        /* all subsets, torn writes apart */
    bool cut_short;                             /* the time was up before all was done */
    bool untraced;                              /* what was read could not be traced everywhere */
};

enum external_kind { EXTERNAL_MOUNT, EXTERNAL_CHECK, EXTERNAL_HUNG };
extern const char *const external_kind_names[]; /* "mount", "check", "hung" */

struct external_violation {
    enum external_kind kind;
    int status;        /* the command's exit status, 128 + signal; errno of the mount */
    uint64_t cut;      /* position in the log, in entries of the file */
    uint64_t n_marks;  /* passed there */
    const char *state; /* the crash state in words, positions as in the file */
    const char *mark;  /* the last one passed, "" */
    const char *said;  /* what the command or the mount said */
    const char *image; /* file of the state's image, "" when it was not saved */
    char *text;        /* owns the four */
};

struct external_result {
    uint64_t n_entries, n_marks; /* of the log */
    uint64_t from, to;           /* positions in the file that were explored */
    unsigned sector;             /* atomic unit */
    struct external_counts counts;
    struct external_violation *violations; /* the first EXTERNAL_TOLD, in the order they were found */
    size_t n_violations, cap_violations;
    struct epoch_result *epochs; /* those with more than one write, positions as in the file; the first RESULT_EPOCHS */
    size_t n_epochs, cap_epochs;
};

struct external_log; /* a log and an image, in memory, ready to be explored */

/* Called about ten times a second: states done, a guess of those left, those violated. */
typedef void (*external_watch)(void *arg, uint64_t done, uint64_t left, uint64_t violated);

/*
 * Reads log and image. -EINVAL and the like: they are malformed or do not fit each other, or the options are wrong. A skip: the
 * machine lacks the file system or the privileges.
 */
int external_log_open(const struct external_options *opt, struct external_log **ret, struct error *err);
/*
 * Explores, in an isolated process that is gone when this returns. 0; -EINVAL when the base image does not mount even before
 * the first state; another error: the machine or the harness failed. *ret is freed with external_result_free, also on failure.
 */
int external_log_explore(struct external_log *x, external_watch watch, void *arg, struct external_result *ret, struct error *err);
void external_log_close(struct external_log *x);
void external_result_free(struct external_result *r);

#endif
