/*
 * An actor: one process that runs the steps of a plan's lanes. This is what a verb's `call` works with: the tables of open
 * descriptors and of mappings (one of each per process, shared by its threads), the current ones of each lane, the run's
 * directory, and the guarded loads and stores. It knows nothing of other actors; waiting for them and killing is the driver's.
 *
 * A slot stands for a name, plan->handles[slot]; the parser has named everything that a step makes. Opening or mapping under a
 * name that is in use rebinds the name; the old descriptor or mapping stays in the process, nameless, as it would in a program
 * that lost its pointer.
 */
#ifndef TORNPAGE_ACTOR_ACTOR_H
#define TORNPAGE_ACTOR_ACTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "evidence/history.h"
#include "language/plan.h"

enum {
    ACTOR_NO_SLOT = -1,
    ACTOR_NO_PATH = -1, /* a descriptor that no path led to (pipe) */
    ACTOR_MAX_HOLES = 4,
};

struct actor_file {
    bool open;
    int fd;
    int path;      /* index into plan->paths of the path it was opened by, or ACTOR_NO_PATH */
    int open_mode; /* O_RDWR, O_APPEND, O_DIRECT, ... */
};

struct actor_map {
    bool mapped;
    uint8_t *addr;
    uint64_t off;       /* file offset of addr[0] */
    uint64_t len_bytes; /* as asked for */
    uint64_t page_span; /* bytes up to the end of the last page */
    int path;
    unsigned n_holes; /* parts that a partial munmap took out: file offsets [lo, hi) */
    struct {
        uint64_t lo, hi;
    } holes[ACTOR_MAX_HOLES];
};

struct actor {
    const struct plan *plan;
    struct history *history;
    const _Atomic uint64_t *pos;                         /* the write log's published length, or NULL */
    int root_fd;                                         /* the run's directory */
    bool may_shutdown;                                   /* the volume is the run's own */
    bool exiting;                                        /* set by the exit verb: the actor ends after this step */
    int64_t inside_step;                                 /* a kill inside this store ... (-1: none) */
    uint64_t inside_bytes;                               /* ... after so many bytes */
    __attribute__((noreturn)) void (*strike)(void *run); /* the kill point is reached */
    __attribute__((noreturn)) void (*broken)(void *run, int code, const char *what); /* the harness failed */
    void *run;

    pthread_mutex_t lock;                                              /* guards what follows */
    int16_t current_file[PLAN_MAX_LANES], current_map[PLAN_MAX_LANES]; /* slots */
    struct actor_file files[PLAN_MAX_HANDLES];
    struct actor_map maps[PLAN_MAX_HANDLES];
};

/*
 * Prepares *a (plan, history, root_fd, strike, broken set, all else before the tables zero) and this process's signal handlers.
 */
void actor_init(struct actor *a);

/*
 * Copies the descriptor that step s works on ('@name', else the lane's current one); false, and EBADF in *e, when there is none.
 * With the mapping: EINVAL. *ret_slot (may be NULL) is its slot.
 */
bool actor_file(struct actor *a, const struct step *s, struct event *e, struct actor_file *ret, int *ret_slot);
bool actor_map(struct actor *a, const struct step *s, struct event *e, struct actor_map *ret, int *ret_slot);
/* The same by name (index into plan->handles): for -F and -O. */
bool actor_file_named(struct actor *a, uint64_t handle, struct event *e, struct actor_file *ret);
bool actor_map_named(struct actor *a, uint64_t handle, struct event *e, struct actor_map *ret);

/* Enters a new descriptor or mapping under the step's name and makes it the lane's current one. */
void actor_new_file(struct actor *a, const struct step *s, const struct actor_file *f);
void actor_new_map(struct actor *a, const struct step *s, const struct actor_map *m);
/* Replaces what a slot holds; .open or .mapped false empties it, and it stops being any lane's current one. */
void actor_set_file(struct actor *a, int slot, const struct actor_file *f);
void actor_set_map(struct actor *a, int slot, const struct actor_map *m);

/* A path of the plan for the *at() calls: returns the name and sets the directory it is relative to. */
const char *actor_path(const struct actor *a, uint64_t path, int *ret_dirfd);

/* Notes what a system call returned: e->ret, or errno in e->err when rc is negative. */
void actor_result(struct event *e, int64_t rc);

/*
 * The file range a step on a mapping means: its arguments `first` and `first` + 1, or without them the whole mapping. False, and
 * EFAULT in *e, when it does not lie inside the mapping's pages: nothing outside of them is ever touched.
 */
bool actor_map_range(const struct step *s, unsigned first, const struct actor_map *m, struct event *e, uint64_t *ret_off,
                     uint64_t *ret_len);

/* What a store puts into the file: stamps, or one byte over and over. */
struct actor_filling {
    bool stamp;
    uint8_t byte;
    uint32_t file, store; /* as in stamp.h */
    uint64_t key;
};
/* The filling of step s: its -S BYTE, else stamps. */
struct actor_filling actor_filling_of(const struct actor *a, const struct step *s, int path);
/* Bytes [off, off+len) of the file so filled, to ordinary memory. */
void actor_fill(const struct actor_filling *f, uint64_t off, uint8_t *dst, uint64_t len_bytes);

/*
 * Stores to, or loads from, file range [off, off+len) of the mapping, with one 64-bit instruction for each aligned word and one
 * 8-bit instruction for each byte of an unaligned edge, in ascending order (`backwards`: descending). e->done_bytes is the number
 * of bytes done at every moment. A SIGBUS or SIGSEGV ends it and is recorded in *e with its code and file offset. A store that is
 * the run's kill point stops there for good.
 */
void actor_store(struct actor *a, const struct step *s, struct event *e, const struct actor_map *m, uint64_t off,
                 uint64_t len_bytes, const struct actor_filling *f, bool backwards);
void actor_load(struct event *e, const struct actor_map *m, uint64_t off, uint64_t len_bytes, uint8_t *dst);

#endif
