/*
 * Explores the crash states of a log: which ones are looked at, in which order, and what follows for the others. What a look is,
 * what is asked of a state and what the answer comes to is the caller's: the oracle's judgement of a recorded run
 * (power_states.c), or a command's of somebody else's log (external_explore_states.c). explorer.c opens with the plan.
 */
#ifndef TORNPAGE_EXPLORE_EXPLORER_H
#define TORNPAGE_EXPLORE_EXPLORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore/epoch_result.h"
#include "states/crash_image.h"
#include "states/crash_states.h"
#include "states/read_notes.h"

struct rng;

enum { JUDGED_LOSSY = 1, JUDGED_VIOLATED = 2 }; /* bits */

/* What a look showed. */
struct observation_ref {
    size_t observation;            /* the caller's number for it; equal numbers are the same */
    bool inconclusive;             /* it says nothing about states that agree with this one */
    const struct read_note *reads; /* in order; valid until the next look */
    size_t n_reads;
};

/* Whose state it is: the source's; the first one of a group; one that stands for others of its group. */
enum state_origin { FROM_SOURCE, FIRST_OF_GROUP, CHECKED_MEMBER };

/* load, look, found and agree return false when the exploration cannot go on; the caller then knows why. */
struct explorer_ops {
    /*
     * Which questions are asked of a state that exists at the cuts [cut, until]: n numbers from *ret_first on, which grow with
     * the cut. None: such states are nobody's concern.
     */
    void (*questions)(void *arg, uint64_t cut, uint64_t until, size_t *ret_first, size_t *ret_n);
    bool (*load)(void *arg, const struct crash_state *s); /* into the image, as the state at hand */
    /* Looks at the state at hand. It is loaded again afterwards. */
    bool (*observe)(void *arg, const struct crash_state *s, size_t question, struct observation_ref *ret);
    /* Is somebody free to look at what comes up later? Then he may begin (if he has not yet). */
    bool (*prefetch_idle)(void *arg);
    void (*prefetch)(void *arg, const struct crash_state *s, size_t question);
    /* What an outcome comes to (COMES_TO_...), for the state at hand, if it exists at [cut, until]. Pure, but for telling it. */
    uint8_t (*judge)(void *arg, const struct crash_state *s, size_t question, size_t outcome, uint64_t cut, uint64_t until);
    /* The state at hand was found to come to this, with a look or without; NULL: no need to know. */
    bool (*report)(void *arg, const struct crash_state *s, enum state_origin origin, size_t question, size_t outcome,
                   bool looked);
    /* A look at a state of which `concluded` was concluded showed something else, `seen`: an error, if these differ. */
    bool (*confirm)(void *arg, const struct crash_state *s, size_t question, size_t concluded, size_t seen);
    size_t (*memory_bytes)(void *arg); /* memory that outcomes take */
    void (*forget)(void *arg);         /* all outcomes: nobody refers to them any more */
    /* A state is done; `looked`: it was mounted. About so many are left. */
    void (*progress)(void *arg, bool looked, uint64_t left);
    bool (*stop)(void *arg); /* is the time up, or is there no point in going on? One state is looked at in any case */
    void (*report_epoch)(void *arg, const struct epoch_result *e); /* at the end, of each epoch with more than one write */
};

struct explorer {
    const struct explorer_ops *ops;
    void *arg;
    const struct writelog *log;
    uint64_t from, to; /* positions of the log; nothing is in flight at `from` */
    uint64_t seed;
    struct state_limits limits;
    struct crash_image *image;          /* for the state at hand */
    struct crash_image *prefetch_image; /* for those whose turn has not come; NULL: nobody looks ahead */
    size_t n_prefetch;                  /* how many may be looked at ahead, at least 1 */
    bool prune;                         /* conclude what can be concluded */
    bool check_prune;                   /* look nevertheless, and compare */
    enum state_kind groups_after;       /* with pruning: groups come after the source's states up to this kind */
    struct rng *rng;                    /* for the checks of conclusions */

    /* What came of it; sums while it goes on, too. */
    uint64_t covered, mounted, lossy, violated; /* states; how far such sums go: epoch_count.h */
    uint64_t epochs_exhaustive, epochs_sampled; /* all subsets of the epoch's writes were covered, or only some */
    double exist; /* subsets of each epoch's writes, none of them torn; as far as a double reaches */
};

/* False: it could not go on; what was covered until then is counted. */
bool explorer_run(struct explorer *x);

#endif
