/*
 * What a verb is. A verb lives in one place: an entry of a `const struct verb` array in harness/verbs/, holding its syntax (which
 * the parser reads), its paragraph (which `tornpage list verbs` prints and scenarios/README.md repeats), what it means to the
 * oracle (effect) and how a process really does it (call).
 *
 * Syntax strings: "[-r] [-S BYTE] OFFSET LENGTH". "[-x]" is a flag, "[-x TYPE]" a flag with a value, "[-x] [-y]" may also be
 * given joined ("-xy") as in xfs_io; "UPPER" a required argument of that type; "[A B]" optional arguments that come together.
 * Types: OFFSET LENGTH SIZE  bytes, with k m g t       COUNT  a plain number      BYTE  0 to 255, decimal, 0x or 'c'    MODE
 * octal PATH NEWPATH        a path                    MAP FILE  the name of a mapping or descriptor, without '@'
 */
#ifndef TORNPAGE_LANGUAGE_VERB_H
#define TORNPAGE_LANGUAGE_VERB_H

#include <stdbool.h>
#include <stddef.h>

struct step;
struct event;
struct world;
struct actor;

enum verb_target {
    TARGET_NONE,     /* takes no '@name' */
    TARGET_FILE,     /* works on an open descriptor: '@name' or the lane's current one */
    TARGET_NEW_FILE, /* makes one: '@name' names it (default: the path), and it becomes current */
    TARGET_MAP,      /* works on a mapping */
    TARGET_NEW_MAP,  /* makes one from a descriptor: '@name' names it (default: the descriptor's name), and it becomes current */
};

/* What the rest of the harness needs to know of a verb. It never asks for a verb by its name. */
enum verb_property {
    VERB_WRITES = 1 << 0,      /* may change bytes of a file: steps of other lanes race with it for those bytes */
    VERB_RESIZES = 1 << 1,     /* may change a file's size: steps of other lanes race with it for the end of the file */
    VERB_STORES = 1 << 2,      /* writes through a mapping, at [OFFSET LENGTH]: a kill may strike inside; e->done_bytes counts */
    VERB_NOTES_PLACE = 1 << 3, /* writes [OFFSET LENGTH] by a call that returns the bytes; notes in e->place where, beforehand */
    VERB_CLOSES = 1 << 4,      /* ends a descriptor: its name may mean another file, or none, while the step runs */
    VERB_SHUTS_DOWN = 1 << 5,  /* cuts the volume off its disk, which must be the run's own: unsynced data may be lost */
    VERB_MARKS_DIR = 1 << 6,   /* may change the mode of the run's directory: no later run may use that directory */
    VERB_MEETS = 1 << 7,       /* takes lanes, which wait for each other; stands without a lane before it, and has no call */
};

struct verb {
    const char *name;
    const char *syntax; /* arguments only */
    const char *help;   /* a paragraph, plain text, no newlines */
    enum verb_target target;
    unsigned properties; /* VERB_WRITES and so on */
    /* Tells the oracle's world what the recorded event did. NULL: nothing. */
    void (*effect)(struct world *w, const struct step *s, const struct event *e);
    /* Does it in the actor's process and records result, errno and data read in *e. NULL: the driver does it (`meets`). */
    void (*call)(struct actor *a, const struct step *s, struct event *e);
};

/*
 * The verb of this name; NULL when there is none. This and verb_next are defined in harness/verbs/table.c, above this room, on
 * purpose: the language and its parser know what a verb is, but none in particular. Whoever links the parser brings the verbs.
 */
const struct verb *verb_find(const char *name, size_t len_bytes);
/* Walks all verbs in a stable order: pass NULL to start, returns NULL at the end. */
const struct verb *verb_next(const struct verb *v);
/* The bit in step->flags for flag letter c of v; 0 when v has no such flag. Index for step->flag_arg: verb_flag_index. */
unsigned verb_flag(const struct verb *v, char c);
int verb_flag_index(const struct verb *v, char c);

#endif
