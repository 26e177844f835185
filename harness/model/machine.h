/*
 * Private to this room. What the parts of the machine share: sim.c (lanes, ticks, crashes) and the models of the verbs, one file
 * a subject. Descriptors, mappings and their names work as in actor/actor.h; errors and signals are those Linux gives root.
 */
#ifndef TORNPAGE_MODEL_MACHINE_H
#define TORNPAGE_MODEL_MACHINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/size.h"
#include "evidence/history.h"
#include "language/plan.h"
#include "model/sim.h"
#include "model/simfs.h"

struct verb;

enum {
    SIM_SLOTS = PLAN_MAX_HANDLES + PLAN_MAX_PATHS, /* a name each: handles, then paths no handle is spelt like */
    SIM_NO_SLOT = -1,
    SIM_MAX_HOLES = 4,
    SIM_MAX_LOCKS = 32,
    SIM_LETTERS = 'z' - 'A' + 1,
    SIM_BOUNCE_BYTES = 4096,
};

#define SIM_MAX_FILE (((uint64_t)1 << 44) - PAGE_BYTES) /* bytes, as on ext4 with blocks of 4 KiB */

struct sim_file {
    bool open;
    struct simfs_inode *inode;
    uint32_t path; /* index into plan->paths: what stamps call the file */
    bool readable, writable, append, direct, dsync;
};

/* A page of a private mapping that was stored into. */
struct sim_own_page {
    uint64_t index; /* offset in the file / page size */
    struct sim_own_page *next;
    uint8_t data[PAGE_BYTES];
};

struct sim_map {
    bool mapped;
    struct simfs_inode *inode;
    uint32_t path;
    uint64_t off, len_bytes, page_span; /* file offset; length as asked for, and up to the end of its last page */
    bool shared, readable, writable, locked;
    unsigned n_holes; /* parts that a partial munmap took out: file offsets [lo, hi) */
    struct {
        uint64_t lo, hi;
    } holes[SIM_MAX_HOLES];
    struct sim_own_page *own; /* of a private mapping */
};

struct sim_actor {
    bool exiting, exited; /* its exit is being done; it is gone */
    struct sim_file files[SIM_SLOTS];
    struct sim_map maps[SIM_SLOTS];
};

enum sim_state { SIM_IDLE, SIM_WORKING, SIM_ENDING };

struct sim_lane {
    uint32_t next; /* index in plan->steps of the step to do, or being done; n_steps: none left */
    enum sim_state state;
    struct event *event;         /* of the step being done */
    uint64_t off, len, done;     /* a store or write in several ticks: its range, and how much is done */
    struct simfs_inode *writing; /* the inode this lane's write has locked */
    int16_t file, map;           /* current slots */
};

/* The progress of a verb's work in this tick. */
enum sim_progress { SIM_DONE, SIM_MORE, SIM_WAIT };

struct sim_at;

struct sim_verb {
    const char *name;
    const char *flags; /* the letters it knows */
    enum sim_progress (*work)(struct sim_at *at);
};

/* A verb of the language bound to its model. */
struct sim_binding {
    const struct verb *verb;
    const struct sim_verb *model;
    uint32_t known;            /* bits of all flags the model knows */
    uint32_t bit[SIM_LETTERS]; /* in step->flags, by letter - 'A'; 0: no such flag */
    int8_t index[SIM_LETTERS]; /* in step->flag_arg */
};

struct sim_lock {
    uint8_t actor;
    const struct simfs_inode *inode;
    uint64_t off, end;
    bool shared;
};

struct sim {
    struct simfs fs;
    struct rng rng;
    const struct plan *plan;
    struct history *history;
    _Atomic uint64_t pos;
    int failed; /* -errno when the run cannot go on (the history is full) */
    struct sim_actor actors[PLAN_MAX_ACTORS];
    struct sim_lane lanes[PLAN_MAX_LANES];
    struct sim_lock locks[SIM_MAX_LOCKS];
    size_t n_locks;
    /* reused from run to run */
    struct sim_binding *bindings;
    size_t n_bindings, cap_bindings;
    uint16_t *bound; /* by step: index into bindings */
    size_t cap_bound;
    struct sim_own_page **own_pages;
    size_t n_own_pages, made_own_pages, cap_own_pages;
    uint8_t bounce[SIM_BOUNCE_BYTES];
};

/* A step at work. */
struct sim_at {
    struct sim *sim;
    struct sim_lane *lane;
    struct sim_actor *actor;
    const struct step *step;
    const struct sim_binding *binding;
    struct event *event;
};

/* The models of all verbs, by subject; each ends with a NULL name. */
extern const struct sim_verb sim_file_verbs[], sim_space_verbs[], sim_map_verbs[], sim_access_verbs[], sim_name_verbs[];

/* --- for those models (defined where their subject is) --- */
static inline bool sim_flag(const struct sim_at *at, char letter)
{
    return at->step->flags & at->binding->bit[letter - 'A'];
}

/* The value of a flag that takes one; `fallback` when it was not given. */
static inline uint64_t sim_flag_value(const struct sim_at *at, char letter, uint64_t fallback)
{
    const int8_t i = at->binding->index[letter - 'A'];

    return sim_flag(at, letter) ? at->step->flag_arg[i].num : fallback;
}

static inline enum sim_progress sim_fail(struct sim_at *at, int err)
{
    at->event->err = err;
    return SIM_DONE;
}

static inline enum sim_progress sim_ok(struct sim_at *at, int64_t ret)
{
    at->event->ret = ret;
    return SIM_DONE;
}

/* 0 or -errno as the step's outcome. */
static inline enum sim_progress sim_result(struct sim_at *at, int rc)
{
    return rc < 0 ? sim_fail(at, -rc) : sim_ok(at, rc);
}

const char *sim_path(const struct sim_at *at, unsigned arg); /* argument number arg, a path */
int sim_path_slot(const struct sim *m, uint64_t path);       /* the slot of the name a path gives */
/* The descriptor the step works on; NULL, and EBADF in the event, when there is none. */
struct sim_file *sim_the_file(struct sim_at *at);
int sim_file_slot(const struct sim_at *at); /* SIM_NO_SLOT: none */
/* True when another lane's write holds the inode: the step must wait. */
bool sim_locked(const struct sim_at *at, const struct simfs_inode *i);
/* Fills dst with bytes [off, off+len) of what this step stores through `path`: stamps, or the byte of -S. */
void sim_fill(const struct sim_at *at, uint32_t path, uint64_t off, uint8_t *dst, uint64_t len_bytes);
/* Room in the history for bytes read; NULL (and the run fails) when it is full. */
void *sim_read_room(struct sim_at *at, uint64_t len_bytes);
/* Truncates or extends, with what that does to private mappings. */
void sim_resize(struct sim *m, struct simfs_inode *i, uint64_t size_bytes);
/* Forgets the private pages of this inode from file page `first` on, in every mapping. */
void sim_drop_own_pages(struct sim *m, const struct simfs_inode *i, uint64_t first_page);
/* The step's mapping and the file range [*ret_off, *ret_end) of it; NULL, and the error in the event, when there is none. */
struct sim_map *sim_map_and_range(struct sim_at *at, uint64_t *ret_off, uint64_t *ret_end);
/* As sim_map_and_range, for calls that want the range to start with a page: EINVAL when it does not. */
struct sim_map *sim_map_and_pages(struct sim_at *at, uint64_t *ret_off, uint64_t *ret_end);
bool sim_unmapped_at(const struct sim_map *m, uint64_t off);
bool sim_holes_in(const struct sim_map *m, uint64_t off, uint64_t end); /* does a hole lie in [off, end)? */
/* A private mapping's own copy of the page: NULL when it has none; made from the file's page. */
struct sim_own_page *sim_own_page(const struct sim_map *m, uint64_t index);
struct sim_own_page *sim_own_page_made(struct sim *sim, struct sim_map *m, uint64_t index);
/* Releases the actor's locks on the inode (NULL: all). */
void sim_unlock(struct sim *m, uint8_t actor, const struct simfs_inode *i);

#endif
