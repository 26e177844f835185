/*
 * Strikes: what dies in a trial, and what each view of the volume may have lost afterwards. The table here is the only list. A
 * strike's entry in it and its executor, harness/trial/strike_NAME.c, are all that there is to a strike.
 *
 * The words of reports, of `--crash` and of scenario headers are the names in this table.
 */
#ifndef TORNPAGE_LANGUAGE_STRIKE_H
#define TORNPAGE_LANGUAGE_STRIKE_H

#include <stddef.h>

/* How much of what the steps did may be gone: the names of the loss models. truth/loss.h says what each means. */
enum loss {
    LOSS_NOTHING,  /* everything that ended is there */
    LOSS_UNSYNCED, /* only what a finished sync covers must be there */
    LOSS_MODELS
};

/* Who looks at the volume afterwards. */
enum view {
    VIEW_LOCAL, /* the machine that ran the scenario, mounted again where the strike took the mount away */
    VIEWS
};

/*
 * X(ENUM, name, what to call it in a sentence, what dies, LOSS of each view). The order is that of the matrix's columns and of
 * results.
 */
#define STRIKE_TABLE(X)                                                                                                          \
    X(NONE, none, "the end", "nothing breaks; every call and read is judged, then the volume is mounted again", LOSS_NOTHING)    \
    X(KILL, kill, "a kill", "the processes die, at every step boundary, inside stores and inside system calls", LOSS_NOTHING)    \
    X(POWER, power, "a power cut", "the power is cut at any point of the write log; writes in flight are lost, kept or torn",    \
      LOSS_UNSYNCED)

#define STRIKE_ENUM(id, ...) STRIKE_##id,
enum strike { STRIKE_TABLE(STRIKE_ENUM) STRIKES };
#undef STRIKE_ENUM

struct strike_info {
    const char *name; /* "power" */
    const char *noun; /* "a power cut" */
    const char *dies; /* what dies, one sentence without its full stop */
    enum loss loss[VIEWS];
};
extern const struct strike_info strike_table[STRIKES];

/* The strike of this name; STRIKES when there is none. */
enum strike strike_parse(const char *name, size_t len_bytes);

#endif
