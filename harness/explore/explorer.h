/*
 * Explores the crash states of a log: decides which states are observed, in which order, and what their observations say about
 * other states. How a state is observed, and how an observation is judged, is the caller's business: the oracle judges a recorded
 * run (trial/power_explore.c), a command judges a log made elsewhere (external_log/external_explore.c).
 *
 * A state may have to be observed in several ways, whose results differ. Each way is a *question* with a number. Observations for
 * one question say nothing about another.
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

enum { JUDGED_LOSSY = 1, JUDGED_VIOLATED = 2 }; /* bits of a judgement */

/* An observation that the caller keeps. */
struct observation_ref {
    size_t observation;            /* the caller's number for it; equal numbers are equal observations */
    bool inconclusive;             /* it says nothing about states that agree with the observed one */
    const struct read_note *reads; /* what was read meanwhile, in order; valid until the next call of observe */
    size_t n_reads;
};

/* Where a state comes from. */
enum state_origin {
    FROM_SOURCE,    /* the source of crash states gave it */
    FIRST_OF_GROUP, /* the member of a group that is covered by itself */
    CHECKED_MEMBER  /* another member of a group */
};

/*
 * What the caller does. The current state is the one that was loaded last; `s` is that state. load, observe, report and confirm
 * return false when the exploration cannot go on; the caller has then noted why.
 */
struct explorer_ops {
    /*
     * The questions for a state that exists at the cuts [cut, until]: the *ret_n numbers from *ret_first on. They grow with the
     * cut. None: such states are left out.
     */
    void (*questions)(void *arg, uint64_t cut, uint64_t until, size_t *ret_first, size_t *ret_n);
    /* Loads a state into the image. It becomes the current state. */
    bool (*load)(void *arg, const struct crash_state *s);
    /* Mounts the current state and observes it. Afterwards the image holds it again. */
    bool (*observe)(void *arg, const struct crash_state *s, size_t question, struct observation_ref *ret);
    /* Is a prefetch worker idle? Starts the workers on first use. */
    bool (*prefetch_idle)(void *arg);
    /* Has an idle worker observe a state whose turn comes later. */
    void (*prefetch)(void *arg, const struct crash_state *s, size_t question);
    /* Judges an observation of the current state for the cuts [cut, until]: JUDGED_* bits. Called again, it returns the same. */
    uint8_t (*judge)(void *arg, const struct crash_state *s, size_t question, size_t observation, uint64_t cut, uint64_t until);
    /* Reports the observation that covers the current state; `mounted` says whether it is its own. NULL: not reported. */
    bool (*report)(void *arg, const struct crash_state *s, enum state_origin origin, size_t question, size_t observation,
                   bool mounted);
    /*
     * Called when the current state was observed to check a conclusion: `concluded` is the observation it was concluded to share,
     * `observed` its own. False if they differ; that is an error.
     */
    bool (*confirm)(void *arg, const struct crash_state *s, size_t question, size_t concluded, size_t observed);
    size_t (*memory_bytes)(void *arg); /* memory that the observations take */
    void (*forget)(void *arg);         /* frees all observations: their numbers are used no more */
    /* A state was covered; `mounted` says how. About `left` states are still to come. */
    void (*progress)(void *arg, bool mounted, uint64_t left);
    /* Is the time up, or nothing left to find out? Not asked before one state was mounted. */
    bool (*stop)(void *arg);
    void (*report_epoch)(void *arg, const struct epoch_result *e); /* at the end, for each epoch with more than one write */
};

struct explorer {
    const struct explorer_ops *ops;
    void *arg; /* of the calls */
    const struct writelog *log;
    uint64_t from, to; /* cuts to explore, positions of the log; nothing is in flight at `from` */
    uint64_t seed;
    struct state_limits limits;
    struct crash_image *image;          /* for the current state */
    struct crash_image *prefetch_image; /* for states that may be prefetched; NULL: nothing is prefetched */
    size_t n_prefetch;                  /* how many states after the current one may be prefetched, at least 1 */
    bool prune;                         /* cover states by other states' observations where possible */
    bool check_prune;                   /* observe such states nevertheless, and compare */
    enum state_kind groups_after;       /* with pruning: groups come after the source's states up to this kind */
    struct rng *rng;                    /* chooses which conclusions are checked */

    /* Results; they are sums so far while the exploration goes on. epoch_count.h says where they stop growing. */
    uint64_t covered, mounted, lossy, violated; /* states */
    uint64_t epochs_exhaustive, epochs_sampled; /* epochs of which all subsets were covered, and the others */
    double exist; /* subsets of each epoch's writes, torn writes apart; as far as a double reaches */
};

/* Fills in the results. False: the exploration could not go on; what was covered until then is counted. */
bool explorer_run(struct explorer *x);

#endif
