/* Private to this room. An exploration while it goes on, and the parts it is made of, one file each. */
#ifndef TORNPAGE_EXPLORE_EXPLORATION_H
#define TORNPAGE_EXPLORE_EXPLORATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore/conclusions.h"
#include "explore/epoch_count.h"
#include "explore/explorer.h"
#include "explore/window.h"

struct subsets;

/* What covers one question of the current state. */
struct cover {
    size_t observation;
    int64_t tested; /* the state it is an observation of, in the conclusions; READ_TRIE_NONE: it covers no other state */
};

/* The state that is loaded, and its questions. */
struct current_state {
    const struct crash_state *s;
    size_t first, n;      /* questions; n 0: nobody asks about this state */
    struct cover *covers; /* by question, from `first` on */
    size_t cap;
};

struct exploration {
    struct explorer *x;
    struct state_source *source;
    struct window *window;
    struct conclusions conclusions;
    uint64_t may_mount; /* the number of mounts, from the beginning, at which covering a state must do without */
    struct current_state current;
    /* The first state of the window that was not prefetched, and its first such question. */
    size_t prefetch_state, prefetch_question;
    struct epoch_count *visited, *groups; /* by epoch: states of the source, and states of groups */
    struct epoch_count others;            /* torn states, and those that keep nothing of their epoch: no subset of its own */
    bool groups_done;                     /* the groups were covered, or there are none */
    bool left_out;                        /* a state of the source was not covered, for want of mounts */
    bool all_given;                       /* the source has no more states, and none was left out */
};

/* What became of a state. */
enum coverage {
    COVERED,     /* for all its questions, or nobody asks about it */
    NOT_COVERED, /* it would have taken a mount too many */
    FAILED       /* the exploration cannot go on */
};

/* cover_state.c: one state. */

/* Loads `s`, which becomes the current state, and covers it. */
enum coverage cover_state(struct exploration *e, const struct crash_state *s, enum state_origin origin);
/* The judgement (JUDGED_*) of the current state's observations, for a state that exists at the cuts [cut, until]. */
uint8_t judge_current_state(const struct exploration *e, uint64_t cut, uint64_t until);

/* cover_groups.c: all subsets of an epoch's writes. */

/* Tries to cover all subsets of each epoch, with the mounts that are left. False: the exploration cannot go on. */
bool cover_groups(struct exploration *e);

/* prefetch_ahead.c: which states idle workers observe ahead of their turn. */

/* States of the window, from this question of the current state on. */
void prefetch_window(struct exploration *e, size_t question);
/* The first state of the current group, `first`, and those of the groups after it. */
void prefetch_groups(struct exploration *e, struct subsets *u, const struct crash_state *first);

/* epoch_sums.c: the sums of struct explorer. */

void sums_add(struct epoch_count *c, uint64_t n_states, uint8_t judgement);
/* Replaces `before` by `after` in the sums. */
void sums_replace(struct explorer *x, const struct epoch_count *before, const struct epoch_count *after);
/* Does anybody ask about states of this epoch? */
bool sums_is_asked(const struct exploration *e, const struct epoch_writes *w);
bool sums_is_exhaustive(const struct exploration *e, uint32_t epoch, const struct epoch_writes *w);
/* At the end: makes the sums anew from the counts of all epochs, and reports each epoch. */
void sums_finish(struct exploration *e);

/* Is the caller to stop? Not before one state was mounted. */
static inline bool exploration_stops(const struct exploration *e)
{
    return e->x->mounted > 0 && e->x->ops->stop(e->x->arg);
}

#endif
