/*
 * Explores a log that another program made: the crash states of a base image under a dm-log-writes log, each mounted and judged
 * by a check command instead of the oracle.
 *
 * A crash state may exist over a range of log positions, and what the command must demand changes at each mark in that range
 * ("from here on this much is promised"). So a state is checked once for each number of marks that may have been passed while it
 * exists, on a fresh copy each time. Several processes do that in parallel (explore/observer.h); results do not depend on their
 * number.
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

enum {
    EXTERNAL_STATES = 1000,     /* default limit of states visited one by one, and of mounts */
    EXTERNAL_IMAGES = 10,       /* violated states whose image is saved */
    EXTERNAL_VIOLATIONS = 1000, /* violated states that are listed */
};

struct external_options {
    const char *log_path, *base_path;
    const char *fs, *mount; /* file system; mount options, or NULL */
    unsigned sector;        /* atomic unit: 512, 4096; 0: the file system's default, at least the log's sector */
    const char *check;      /* for sh -c */
    const char *from, *to;  /* marks; NULL: the log's ends */
    uint64_t max_states;    /* visited one by one, and mounted; 0: EXTERNAL_STATES */
    uint64_t seed;
    unsigned jobs;            /* states observed in parallel; 0: chosen by the number of processors */
    bool no_prune;            /* mount every state; conclude nothing from other states' observations */
    bool check_prune;         /* also mount covered states; a different observation is an error, -EILSEQ */
    double time_s;            /* begin no state later, except the first one; 0: no limit */
    double deadline_s;        /* for one run of the command; extended if there are more jobs than processors */
    const char *findings_dir; /* where images of violated states go; NULL: nowhere */
};

struct external_counts {
    uint64_t states_covered;                    /* mounted or concluded, */
    uint64_t states_mounted;                    /*   mounted for at least one number of marks, */
    uint64_t states_violated;                   /*   violated for at least one */
    uint64_t checks;                            /* runs of the command */
    uint64_t epochs_exhaustive, epochs_sampled; /* epochs of which all subsets of the writes were covered, or some */
    double states_exist;                        /* subsets of each epoch's writes, not counting torn writes */
    bool cut_short;                             /* time_s ran out before all was done */
    bool untraced;                              /* what was read could not always be traced */
};

enum external_kind { EXTERNAL_MOUNT, EXTERNAL_CHECK, EXTERNAL_HUNG };
extern const char *const external_kind_names[]; /* "mount", "check", "hung" */

struct external_violation {
    enum external_kind kind;
    int status;         /* the command's exit status, 128 + signal; errno of the mount */
    uint64_t cut;       /* position in the file, in entries */
    uint64_t n_marks;   /* number of marks passed there */
    const char *state;  /* the crash state in words, positions as in the file */
    const char *mark;   /* the last mark passed, or "" */
    const char *output; /* of the command, or the mount's error */
    const char *image;  /* path of the saved image, or "" */
    char *text;         /* owns the four strings */
};

struct external_result {
    uint64_t n_entries, n_marks; /* of the log */
    uint64_t from, to;           /* positions in the file that were explored */
    unsigned sector;             /* atomic unit */
    struct external_counts counts;
    struct external_violation *violations; /* the first EXTERNAL_VIOLATIONS, in the order they were found */
    size_t n_violations, cap_violations;
    struct epoch_result *epochs; /* the first RESULT_EPOCHS of more than one write; positions as in the file */
    size_t n_epochs, cap_epochs;
};

struct external_log; /* a log and a base image in memory */

/* Called about ten times a second with the number of states done, an estimate of those left, and those violated. */
typedef void (*external_watch)(void *arg, uint64_t done, uint64_t left, uint64_t violated);

/*
 * Reads log and image; *opt must outlive *ret. -EINVAL and the like: they are malformed or do not fit each other, or the options
 * are wrong. A skip (err->skip): the machine lacks the file system or the privileges.
 */
int external_log_open(const struct external_options *opt, struct external_log **ret, struct error *err);
/*
 * Explores, in an isolated process that is gone when this returns. 0; -EINVAL if the base image itself does not mount; another
 * error: the machine or the harness failed. The caller frees *ret with external_result_free, also after failure.
 */
int external_log_explore(struct external_log *x, external_watch watch, void *arg, struct external_result *ret, struct error *err);
void external_log_close(struct external_log *x);
void external_result_free(struct external_result *r);

#endif
