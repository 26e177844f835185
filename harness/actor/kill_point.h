/*
 * Where a process kill strikes. This is the only list of kinds and of their words in reports. A finding's file holds a kind as
 * its number here, so the order stays; a new kind comes last.
 */
#ifndef TORNPAGE_ACTOR_KILL_POINT_H
#define TORNPAGE_ACTOR_KILL_POINT_H

#include <stdint.h>

struct buf;
struct plan;

enum kill_kind {
    KILL_NEVER,  /* run to the end; actors then exit without unmapping or closing anything */
    KILL_BEFORE, /* all actors die when `step` is about to begin (it is not recorded) */
    KILL_AFTER,  /* ... when `step` has ended */
    KILL_INSIDE, /* ... inside the store `step`, after `bytes` bytes of it (rounded down to what one instruction stores) */
    KILL_ASYNC,  /* ... `spins` turns of a busy loop after `step` was recorded as begun: inside its system call, or after it */
    KILL_KINDS
};

struct kill_point {
    enum kill_kind kind;
    uint32_t step; /* index into plan->steps */
    uint64_t bytes;
    uint64_t spins;
};

/* Adds "killed inside line 7 after 16 bytes"; nothing for KILL_NEVER. */
void kill_point_print(const struct plan *p, const struct kill_point *k, struct buf *out);

#endif
