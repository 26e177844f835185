/*
 * Crash states: which disk images may exist after a power cut. The file crash_states.c opens with the model in plain English.
 */
#ifndef TORNPAGE_STATES_CRASH_STATES_H
#define TORNPAGE_STATES_CRASH_STATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/writelog.h"

struct rng;
struct buf;

/*
 * A write in flight that reached the media, whole or in part. Parts are in sectors of the disk's atomic unit, which are aligned
 * on the disk, so the first and last sector of a write may be short.
 */
struct kept_write {
    uint64_t entry;
    uint32_t first, count; /* sectors [first, first+count) of the write; count 0: all of it */
};

/* The bytes [*ret_skip, *ret_skip + *ret_len), from its start, that `k` keeps of a write of len_bytes at `off`. */
static inline void kept_bytes(const struct kept_write *k, uint64_t off, uint64_t len_bytes, unsigned sector, uint64_t *ret_skip,
                              uint64_t *ret_len)
{
    const uint64_t lead = off % sector, to = ((uint64_t)k->first + k->count) * sector - lead;

    *ret_skip = k->first && k->count ? (uint64_t)k->first * sector - lead : 0;
    *ret_len = (k->count && to < len_bytes ? to : len_bytes) - *ret_skip;
}

/* Kinds of states, in the order in which they are visited. */
enum state_kind {
    STATE_PREFIX,  /* the first writes of the log */
    STATE_DROPPED, /* a whole epoch but for one write */
    STATE_ALONE,   /* one write of an epoch alone */
    STATE_TORN,    /* one write torn */
    STATE_SUBSET,  /* a subset of a small epoch */
    STATE_SAMPLE,  /* a random subset of a large epoch */
    STATE_KINDS
};

/*
 * The media after a cut at `cut`: every write before `durable` (a log position), and of the writes in [durable, cut) exactly
 * those in `kept`, in log order. The same image may exist at every cut in [cut, until]: its contents must be legal at each of
 * them.
 */
struct crash_state {
    enum state_kind kind;
    uint32_t epoch; /* in which the kept writes are in flight */
    uint64_t durable, cut, until;
    struct kept_write *kept;
    size_t n_kept, cap_kept;
    uint64_t image[2]; /* identity: states with equal identity hold equal bytes */
};

/* Is one of its writes kept in part only? */
static inline bool crash_state_is_torn(const struct crash_state *s)
{
    for (size_t i = 0; i < s->n_kept; i++)
        if (s->kept[i].count)
            return true;
    return false;
}

enum { STATES_SMALL_EPOCH = 6 }; /* in-flight writes up to which all subsets are visited */

struct state_limits {
    uint64_t max_states; /* 0: no limit */
    uint64_t max_more;   /* so many more may follow, for a caller that covers many states without a mount; 0: none */
    uint32_t samples;    /* seeded random subsets of each epoch that is too large for all subsets */
    unsigned sector;     /* atomic unit */
    bool torn;           /* visit torn writes, too */
};

struct state_source; /* enumerates; deterministic for one log, limits and seed */

/* The states for cuts in [from, to] of the log. Nothing is in flight at `from`: the caller has synced. */
struct state_source *states_new(const struct writelog *l, uint64_t from, uint64_t to, const struct state_limits *lim,
                                uint64_t seed);
void states_free(struct state_source *s);
/*
 * The next state, in the order of enum state_kind, that was not given out before. Returns 1, or 0 at the end. *ret belongs to the
 * source and is valid until the next call.
 */
int states_next(struct state_source *s, const struct crash_state **ret);
/* How many states were given out, and an estimate (>= 1) of how many are still to come. */
void states_progress(const struct state_source *s, uint64_t *ret_done, uint64_t *ret_left);
/* How many of max_states the kinds up to this one may take. Without a limit: UINT64_MAX. */
uint64_t states_share(const struct state_source *s, enum state_kind last);
/* Does the source give all subsets of small epochs' writes? max_states may leave no room for them. */
bool states_gives_all_subsets(const struct state_source *s);

/* An epoch: the writes that are in flight together. */
struct epoch_writes {
    uint64_t durable, end; /* at cuts in [durable, end] everything before `durable` is on the media */
    uint64_t whole_until;  /* the last cut at which the image with all of them exists: the end of the next epoch or later */
    uint64_t *entries;     /* ascending log positions */
    uint32_t n;
    bool forced;     /* some of them are FUA, so that not all subsets exist */
    double n_states; /* subsets that exist, with the one that keeps nothing; as far as a double reaches */
};
uint32_t states_epochs(const struct state_source *s); /* their number */
/* The writes of an epoch; ret->entries is the caller's to free. */
void states_epoch(const struct state_source *s, uint32_t epoch, struct epoch_writes *ret);
/* The state that holds all of the epoch's writes; ret->kept is the caller's to free. */
void states_whole_epoch(const struct epoch_writes *w, uint32_t epoch, struct crash_state *ret);
/* Gives out no more subsets and samples of this epoch. */
void states_skip(struct state_source *s, uint32_t epoch);

/* A copy with other numbers for positions of the log: number(arg, position), ascending. ret->kept is the caller's to free. */
void crash_state_renumber(const struct crash_state *s, uint64_t (*number)(const void *arg, uint64_t pos), const void *arg,
                          struct crash_state *ret);
/* "cut at 17 to 20; durable up to 12; kept 12-13 15; torn 16 (sectors 0-3)" */
void crash_state_print(const struct crash_state *s, struct buf *out);

#endif
