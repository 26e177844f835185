/* The oracle: which bytes, sizes and names are legal at a moment. Rules in oracle.c and names.c; only harness/truth includes
 * this. */
#ifndef TORNPAGE_TRUTH_ORACLE_H
#define TORNPAGE_TRUTH_ORACLE_H

#include "truth/world_model.h"

/* A stretch of an inode in which the same versions are legal. */
struct segment {
    uint64_t off, end;
    size_t first, n;             /* legal versions: map->legal[first..first+n), newest first; NULL stands for the initial zeros */
    bool anything;               /* any byte at all (stale blocks are documented) */
    const struct version *live;  /* what it was before the crash: the newest that had ended (NULL: the initial zeros) */
    const struct version *floor; /* the newest that must at least be there (NULL: none but the initial zeros) */
    uint64_t practice_seq;       /* practice promises what began at this or later; older is a surprise; 0: nothing */
    int32_t promised_by;         /* event that made `floor` durable; NO_EVENT: no promise was needed (no power cut) */
};

/* Segments of one inode over [0, end); memory is kept between calls. */
struct legal_map {
    struct segment *segs;
    size_t n_segs, cap_segs;
    const struct version **legal;
    size_t n_legal, cap_legal;
    uint64_t *cuts; /* scratch */
    size_t n_cuts, cap_cuts;
};

/* `own`: stores of a private mapping laid over the file; n_own 0 otherwise. */
void oracle_bytes(const struct world *w, int inode, const struct moment *m, uint64_t end, const struct version *own, size_t n_own,
                  struct legal_map *out);
void legal_map_free(struct legal_map *m);

/* Is this size legal? If not, *ret_promise is the event that forbids it (or NO_EVENT). */
bool oracle_size(const struct world *w, int inode, const struct moment *m, uint64_t size, int32_t *ret_promise);
/* In words, for reports: "65536", "0, 4096, 65536", "0 to 65536". */
void oracle_sizes_print(const struct world *w, int inode, const struct moment *m, struct buf *out);

/* Which operations on names had begun, and which must have happened. */
enum op_state { OP_NOT_BEGUN, OP_MAY, OP_MUST };

/* A choice of operations that took effect, and what it makes of the name space. */
struct name_choice {
    int *value;                     /* by name: inode or NO_INODE */
    bool complete;                  /* everything that had begun happened: nothing lost */
    const struct name_op *surprise; /* left out, which only a document allows, not practice; NULL: none */
};

/*
 * Calls `try` with each legal choice, the most complete first, until it returns true. Returns whether one was accepted.
 * More than MAX_LOOSE_OPS undecided operations: only prefixes and prefixes that lack one more operation are tried.
 */
enum { MAX_LOOSE_OPS = 14 };
bool oracle_names(const struct world *w, const struct moment *m, bool (*try)(void *arg, const struct name_choice *c), void *arg);
/* Whether an operation may or must have happened by documents, and the event that promised it. */
enum op_state oracle_op(const struct world *w, const struct name_op *op, const struct moment *m, int32_t *ret_promise);

#endif
