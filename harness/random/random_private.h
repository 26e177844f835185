/* Private to this room. What the parts of the random plan generator share: random.c (plans), random_model.c (the model),
 * random_acts.c (steps). */
#ifndef TORNPAGE_RANDOM_RANDOM_PRIVATE_H
#define TORNPAGE_RANDOM_RANDOM_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/size.h"
#include "language/plan.h"

enum {
    RANDOM_MAX_SIZE = 4 * PAGE_BYTES,
    MAX_ACTORS = 2,
    MAX_OPEN = 4, /* descriptors, and mappings, of one actor at a time */
    N_NAMES = 5,
    MAX_INODES = 64,
    N_ROOT_NAMES = 3, /* the names that need no directory */
    NO_FILE = -1,
};

/* A descriptor or a mapping. */
struct thing {
    bool live;
    int16_t handle;
    int inode;
    bool writable;
    uint64_t off, end; /* mapping: its range of the file */
};

enum { FILES, MAPS, KINDS };

struct hand {
    struct thing things[KINDS][MAX_OPEN];
    int current[KINDS]; /* index, -1 none */
};

struct gen {
    struct rng *r;
    struct plan *p;
    size_t end_step; /* no step may get this index */
    bool setup, has_dir;
    int name_inode[N_NAMES]; /* NO_FILE: there is no such name */
    uint64_t size[MAX_INODES];
    int n_inodes;
    uint8_t turn; /* the actor that acts now; its lane has the same index */
    struct hand hands[MAX_ACTORS];
};

/* random_model.c: the state, and steps as they are put together. */
struct hand *random_hand(struct gen *g);
/* Appends a step of the actor whose turn it is. */
struct step *random_emit(struct gen *g, const char *verb);
/* The same on descriptor or mapping i, by name or as the current one. */
struct step *random_emit_on(struct gen *g, const char *verb, int kind, int i);
void random_set_flag(struct step *s, char letter);
void random_set_flag_value(struct step *s, char letter, uint64_t num);
void random_set_arg(struct step *s, size_t i, uint64_t num);
void random_set_range(struct step *s, uint64_t off, uint64_t len); /* arguments 0 and 1 */
void random_set_path(struct gen *g, struct step *s, size_t i, const char *path);
/* A non-empty range inside [lo, hi), in one of the shapes that matter: pages, sectors, words, any bytes. */
void random_range(struct gen *g, uint64_t lo, uint64_t hi, uint64_t *ret_off, uint64_t *ret_len);
/* A live descriptor or mapping of the actor whose turn it is, -1 when it has none (that is writable, if asked). */
int random_pick(struct gen *g, int kind, bool writable);
/* A free place for a new one; -1 when all are taken. */
int random_free(struct gen *g, int kind);
/* The name for a new one: `wanted`, unless a live one of the actor has it. */
int16_t random_handle(struct gen *g, int kind, const char *wanted);

/* random_acts.c */
/* Emits any one step that is possible now. */
void random_act(struct gen *g);
/* Emit one step of this kind; false, and nothing emitted, when it is not possible now. */
bool random_open(struct gen *g, int name); /* creates the file if there is none */
bool random_mmap(struct gen *g);
bool random_pwrite(struct gen *g);
bool random_truncate(struct gen *g);
bool random_falloc(struct gen *g);

#endif
