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
 * One in-flight write that reached the media, whole or in part. Parts are in sectors of the disk's atomic unit. Those are aligned
 * on the disk, so that a write's first and last may be short.
 */
struct kept_write {
    uint64_t entry;
    uint32_t first, count; /* sectors [first, first+count) of the write; count 0: all of it */
};

/* The bytes [*ret_skip, *ret_skip + *ret_len) of a write of [off, off+len) that `k` keeps, counted from the write's start. */
static inline void kept_bytes(const struct kept_write *k, uint64_t off, uint64_t len_bytes, unsigned sector, uint64_t *ret_skip,
                              uint64_t *ret_len)
{
    const uint64_t lead = off % sector, to = ((uint64_t)k->first + k->count) * sector - lead;

    *ret_skip = k->first && k->count ? (uint64_t)k->first * sector - lead : 0;
    *ret_len = (k->count && to < len_bytes ? to : len_bytes) - *ret_skip;
}

enum state_kind { STATE_PREFIX, STATE_DROPPED, STATE_ALONE, STATE_TORN, STATE_SUBSET, STATE_SAMPLE, STATE_KINDS };

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

/* Is one of the writes that it keeps there in part? */
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
    uint64_t max_more;   /* after those of each kind, so many more may follow (for whoever knows them without a mount); 0: none */
    uint32_t samples;    /* seeded random subsets for each epoch that is too large for all subsets */
    unsigned sector;     /* atomic unit */
    bool torn;           /* also visit torn writes */
};

struct state_source; /* enumerates; deterministic for one log, limits and seed */

/* States for cuts in [from, to] of the log. Nothing is in flight at `from` (the engine has synced). */
struct state_source *states_new(const struct writelog *l, uint64_t from, uint64_t to, const struct state_limits *lim,
                                uint64_t seed);
void states_free(struct state_source *s);
/*
 * The next state not visited before. Returns 1, or 0 at the end. Order: every prefix first, then each in-flight write dropped
 * alone, then kept alone, then torn, then all subsets of small epochs, then samples. *ret is owned by the source until the next
 * call.
 */
int states_next(struct state_source *s, const struct crash_state **ret);
/* How many distinct states were given out so far, and a close estimate (>= 1) of how many are still to come; for the progress
 * line. */
void states_progress(const struct state_source *s, uint64_t *ret_done, uint64_t *ret_left);
/* How many states, of max_states, the kinds up to and with this one may take. With no limit: UINT64_MAX. */
uint64_t states_share(const struct state_source *s, enum state_kind last);
/* Are all subsets of the small epochs' writes among what it gives? max_states may leave no room for them. */
bool states_gives_all_subsets(const struct state_source *s);

/* An epoch: the writes that are in flight together. */
struct epoch_writes {
    uint64_t durable, end; /* cuts in [durable, end]: everything before `durable` is on the media */
    uint64_t whole_until;  /* the image that holds all of them stays possible that long: to the end of the next epoch at least */
    uint64_t *entries;     /* ascending log positions; freed by the caller */
    uint32_t n;
    bool forced;     /* some of them are FUA, so that not all subsets exist */
    double n_states; /* how many do, torn writes apart, with the one that keeps nothing; as far as a double reaches */
};
uint32_t states_epochs(const struct state_source *s);
void states_epoch(const struct state_source *s, uint32_t epoch, struct epoch_writes *ret);
/* The state that holds all of the epoch's writes; ret->kept is freed by the caller. */
void states_whole_epoch(const struct epoch_writes *w, uint32_t epoch, struct crash_state *ret);
/* No more subsets and samples of this epoch. */
void states_skip(struct state_source *s, uint32_t epoch);

/* "cut at 17 to 20; durable up to 12; kept 12-13 15; torn 16 (sectors 0-3)" */
void crash_state_print(const struct crash_state *s, struct buf *out);

#endif
