/*
 * Inside the world: what verbs record of themselves (their `effect`) and what the oracle reads. For harness/truth,
 * harness/verifier and harness/verbs.
 *
 * Time is counted as in history.h. A version, a size or a name operation that never ended keeps end_seq == HISTORY_NEVER: nothing
 * supersedes it and no sync covers it, so it stays possible. `certain` is false for what failed or was cut short after
 * it had begun: it may have set any of its bytes, or none, and so never supersedes anything either.
 */
#ifndef TORNPAGE_TRUTH_WORLD_MODEL_H
#define TORNPAGE_TRUTH_WORLD_MODEL_H

#include "base/size.h"
#include "evidence/history.h"
#include "language/plan.h"
#include "truth/guarantees.h"
#include "truth/loss.h"
#include "truth/world.h"

enum { NO_INODE = -1, ALL_INODES = -2, NO_EVENT = -1, ROOT_INODE = 0, MAX_HOLES = 8 };

#define OFF_MAX ((uint64_t)1 << 62)

/* When something happened. */
struct span {
    int32_t event; /* index into history->events; NO_EVENT: before the run */
    bool certain;
    uint64_t begin_seq, end_seq, begin_pos, end_pos;
};

enum content_kind { CONTENT_ZERO, CONTENT_FILL, CONTENT_STAMP, CONTENT_ANY };

/* What bytes are; ANY where lanes raced and it cannot be told. A stamp's byte at offset b of the inode is byte b - shift of the
 * store (clones and collapses move bytes). */
struct content {
    enum content_kind kind;
    uint8_t fill;
    uint32_t file, store;
    int64_t shift;
};

struct version {
    struct span when;
    struct content content;
    uint64_t off, end;
    bool tail; /* stored beyond end of file in the last page (rule D3): never part of the file */
};

/* The size became hi. Unless made durable, whatever extends a file (a write, truncate, fallocate) may leave any size from lo on.
 */
struct size_version {
    struct span when;
    uint64_t lo, hi;
    bool loose; /* lanes raced: which size from lo to hi it became cannot be told */
};

/* A sync that returned 0. `full`: of the whole inode (size whatever it is); else only the size needed to read [off, end). */
struct sync_record {
    struct span when;
    uint64_t off, end;
    bool full;
    bool nameless; /* the inode had no name any more: a promise by practice only */
};

enum inode_kind { INODE_FILE, INODE_DIR, INODE_OTHER };

struct inode {
    enum inode_kind kind;
    bool mapped, written_directly; /* by a shared mapping; with O_DIRECT: the two together may cost a sync EIO (rule I6) */
    struct span born;
    struct version *versions;
    size_t n_versions, cap_versions;
    struct size_version *sizes;
    size_t n_sizes, cap_sizes;
    struct sync_record *syncs;
    size_t n_syncs, cap_syncs;
};

/* A name: a leaf in a directory. Its value is an inode, or NO_INODE. */
struct name {
    int dir;
    const char *leaf; /* points into the plan's path */
    size_t len;
    int now; /* value after all events so far */
};

/* One operation on the name space sets one or two names at once (rename sets two). */
struct name_op {
    struct span when;
    size_t n;
    struct {
        int name, inode;
    } set[2];
};

/* An event looked a name up, or set it. */
struct name_use {
    int name;
    uint32_t event;
};

/* A sync of names: of one directory (documented), of one file's names (practice: names_inode), or of all. */
struct name_sync {
    struct span when;
    int dir;        /* inode of the directory; NO_INODE: all */
    int file_inode; /* practice: the names of this inode and all before them; NO_INODE: not of this kind */
};

struct open_file {
    bool valid, readable, writable, append, direct;
    int inode;
    uint32_t path; /* index into plan->paths: what stamps call the file */
    bool dsync;    /* O_DSYNC or O_SYNC: writes are durable on return */
};

struct mapping {
    bool valid, shared, writable;
    bool syncs;       /* msync -s acts: Linux skips what was mapped from a descriptor that cannot write (it clears VM_SHARED) */
    unsigned n_holes; /* parts that were unmapped, as file offsets */
    struct {
        uint64_t off, end;
    } holes[MAX_HOLES];
    int inode;
    uint32_t path;
    uint64_t off, len;
    uint64_t made_seq;   /* begin_seq of the mmap */
    struct version *own; /* private mappings: what was stored into them */
    size_t n_own, cap_own;
};

/* A load, store or read and its range, to be judged when the world is complete. */
struct access {
    int32_t event;
    int inode;
    uint64_t off, len; /* asked for */
    bool store, through_map, is_private;
    uint64_t made_seq;       /* private mapping: begin_seq of its mmap, */
    size_t own_first, own_n; /*   and its own stores so far, in w->own_pool */
};

/* The expected outcome of a step (rules I3, F1); the verifier checks it against the outcome. */
struct expectation {
    int err;        /* must fail with this errno; 0: must not fail; EXPECT_ANY */
    int signo;      /* must raise this signal (SIGBUS follows from the accesses); EXPECT_ANY: may raise one */
    bool names;     /* err follows from names: void while another lane changes names */
    int size_inode; /* it returned the size of this inode; NO_INODE: it did not */
    int synced;     /* it syncs this inode, whether that succeeds or not; ALL_INODES; NO_INODE: it is no sync */
};
enum { EXPECT_ANY = -1 };

struct world {
    const struct plan *plan;
    const struct history *history;
    const struct guarantees *guarantees;
    struct inode *inodes;
    size_t n_inodes, cap_inodes;
    struct name *names;
    size_t n_names, cap_names;
    struct name_op *ops;
    size_t n_ops, cap_ops;
    struct name_use *uses; /* with several lanes: to see whether they raced */
    size_t n_uses, cap_uses;
    struct name_sync *name_syncs;
    size_t n_name_syncs, cap_name_syncs;
    struct access *accesses;
    size_t n_accesses, cap_accesses;
    struct version *own_pool; /* private stores as they stood when a load was made */
    size_t n_own_pool, cap_own_pool;
    struct expectation *expected; /* by event */
    size_t cap_expected;
    struct open_file files[PLAN_MAX_ACTORS][PLAN_MAX_HANDLES];
    struct mapping maps[PLAN_MAX_ACTORS][PLAN_MAX_HANDLES];
    int16_t current_file[PLAN_MAX_LANES], current_map[PLAN_MAX_LANES]; /* handle, -1 none */
    const struct event *now;                                           /* whose effect is being applied */
    uint64_t raced_seq;    /* from here on it cannot be told which file a name means; HISTORY_NEVER: it can */
    uint64_t shutdown_seq; /* begin_seq of the first shutdown; HISTORY_NEVER: none */
};

/* ---- for effects ---- */

struct span span_of(const struct world *w, const struct event *e, bool certain);
bool event_ended(const struct event *e);          /* it ended, whatever it returned */
bool event_ok(const struct event *e);             /* it ended without error or signal */
bool event_running(const struct event *e);        /* it never ended */
bool event_may_have_acted(const struct event *e); /* it succeeded, was cut short, or failed halfway (EIO) */
bool event_may_have_part(const struct event *e);  /* as that; or it ran out of space, which leaves a part of the bytes (F2) */

/* The descriptor or mapping a step works on; NULL when there is none (the call then fails with EBADF or EINVAL). */
struct open_file *world_file(struct world *w, const struct step *s);
struct mapping *world_map(struct world *w, const struct step *s);
int world_actor(const struct world *w, const struct step *s);

/* Makes room for a handle that a step creates and makes it the lane's current one. */
struct open_file *world_new_file(struct world *w, const struct step *s);
struct mapping *world_new_map(struct world *w, const struct step *s);

/* The inode a path names now; NO_INODE. world_name gives the name itself (made on first use); -1 when its directory does not
 * exist. */
int world_lookup(struct world *w, uint32_t path);
int world_name(struct world *w, uint32_t path);
/* Why a call on a path that names nothing fails: ENOENT, or ENOTDIR where a file stands for a directory on the way. */
int world_missing(struct world *w, uint32_t path);
int world_new_inode(struct world *w, enum inode_kind kind, struct span born);

/* [off, end) of the inode took this content. */
void world_write(struct world *w, int inode, struct span when, uint64_t off, uint64_t end, struct content c);
void world_tail_store(struct world *w, int inode, struct span when, uint64_t off, uint64_t end, struct content c);
/* The size became `size`; bytes that are new read 0. Growth is no single step (ext4's fallocate, XFS's truncate): see struct
 * size_version. */
void world_resize(struct world *w, int inode, struct span when, uint64_t size);
/* The size became `size`, larger, by moving bytes that are versions of their own already. */
void world_shift_size(struct world *w, int inode, struct span when, uint64_t size);
/* Bytes [off, end) are being written and may extend the file: the size grows to `end` on the way, a gap before `off` reads 0. */
void world_extend(struct world *w, int inode, struct span when, uint64_t off, uint64_t end);
/* Pages of private mappings from `from` on are dropped: their own stores there may be gone (I2). */
void world_drop_private(struct world *w, int inode, uint64_t from);
/* len bytes of this content (its shift set for offset 0) went to the end of the file. Returns where; UINT64_MAX: lanes raced. */
uint64_t world_append(struct world *w, int inode, struct span when, uint64_t len, struct content c);
/* Bytes of src at [src_off, src_off+len) appeared at dst_off of dst (clone, copy, collapse, insert). */
void world_copy(struct world *w, int src, uint64_t src_off, int dst, uint64_t dst_off, uint64_t len, struct span when);
uint64_t world_size(const struct world *w, int inode); /* after all events so far */
/* Bounds of the size while the event ran, as far as events that began before it (after world_build: all events) set it. */
void world_size_bounds(const struct world *w, int inode, const struct event *e, uint64_t *ret_min, uint64_t *ret_max);

void world_sync_range(struct world *w, int inode, struct span when, uint64_t off, uint64_t end);
void world_sync_inode(struct world *w, int inode, struct span when); /* fsync: with its names (practice) */
void world_sync_data(struct world *w, int inode, struct span when);  /* fdatasync */
void world_sync_dir(struct world *w, int inode, struct span when);
void world_sync_all(struct world *w, struct span when);

void world_set_name(struct world *w, struct span when, int name, int inode);
void world_set_names(struct world *w, struct span when, int name1, int inode1, int name2, int inode2);

/* The expected outcome of the event, for the effect to fill. Unfilled: it must succeed and raise nothing. */
struct expectation *world_expect(struct world *w, const struct event *e);
/* Notes an access; `through` is the mapping, NULL: a descriptor. */
void world_access(struct world *w, const struct event *e, int inode, uint64_t off, uint64_t len, bool store,
                  const struct mapping *through);
/* Does another lane's call that may change the inode's size overlap this event in time? */
bool world_contended(const struct world *w, const struct event *e, int inode);
/* Does another lane's step that may change bytes of any file? */
bool world_bytes_contended(const struct world *w, const struct event *e);
/* Sets raced_seq, after all events have been applied. */
void world_find_name_races(struct world *w);
/* Forgets a descriptor or mapping; it is no lane's current one any more. */
void world_drop_file(struct world *w, const struct step *s, struct open_file *f);
void world_drop_map(struct world *w, const struct step *s, struct mapping *m);

/* The content that a store or write of this step puts into the file: its stamp, or the byte of -S. */
struct content content_of(const struct world *w, const struct step *s, uint32_t path);

/* ---- for the oracle ---- */

/* A moment at which contents are judged. */
struct moment {
    enum loss loss;    /* what may be gone at this moment (loss.h) */
    bool live;         /* a step's own read, that ran from `from` to `to`; else a readback when all is over */
    bool lossless;     /* as if all that had ended were durable; tells a loss from what was still running */
    uint64_t pos;      /* on the log's clock: position of the write log at which the cut fell */
    uint64_t from, to; /* on the clock of the sequence; HISTORY_NEVER when all is over */
};

static inline bool may_lose_unsynced(const struct moment *m)
{
    return loss_models[m->loss].unsynced;
}

/* The moment after a strike after which so much may be gone. `pos`: of the cut, for a model on the log's clock. */
struct moment world_moment(const struct world *w, enum loss loss, uint64_t pos);

static inline bool on_log_clock(const struct moment *m)
{
    return loss_models[m->loss].clock == CLOCK_LOG;
}

static inline bool began_by(const struct span *s, const struct moment *m)
{
    return on_log_clock(m) ? s->begin_pos <= m->pos : s->begin_seq < m->to;
}

static inline bool ended_by(const struct span *s, const struct moment *m)
{
    return s->end_seq != HISTORY_NEVER && (on_log_clock(m) ? s->end_pos <= m->pos : s->end_seq < m->from);
}

#endif
