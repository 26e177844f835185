/*
 * Options of backends: "size=64m" is parsed once, into a member of the backend's own settings struct, by the type that the option
 * declares. The text is not parsed again.
 */
#ifndef TORNPAGE_BACKEND_OPTION_H
#define TORNPAGE_BACKEND_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct faults;

enum option_type {
    OPTION_TEXT,   /* const char *: the text; NULL when not given and without a fallback */
    OPTION_WORDS,  /* struct words: the text, and split at `separator` */
    OPTION_SIZE,   /* uint64_t: bytes; 0 when not given and without a fallback */
    OPTION_CHOICE, /* int: index of the choice; OPTION_UNSET when not given and without a fallback */
    OPTION_FAULTS, /* no member: the disk's faults, which are an axis of the run and no setting (faults.h) */
};

enum { OPTION_UNSET = -1 };

/* The words of a value, in its order; empty ones are left out. */
struct words {
    const char *text; /* as given; NULL: not given */
    const char **v;   /* NULL-terminated; NULL when there are none */
    size_t n;
};
bool words_have(const struct words *w, const char *word);
/*
 * Has an option's value all items that another value has, as a mkfs or a mount reads them? "-O a,b -b 1024" has "-O b". False
 * when `text` is NULL: not given.
 */
bool words_include(const char *text, const char *wanted);

/* One of the values that an option may have. */
struct option_choice {
    const char *name;
    const char *argument; /* what stands behind a colon, "N"; NULL: nothing does */
    const char *sentence; /* what it does; NULL where the name says it */
};

struct backend_option {
    const char *key;
    const char *fallback; /* default as text; NULL: none */
    const char *help;
    size_t offset; /* of the member in the settings struct */
    /* OPTION_CHOICE, OPTION_FAULTS: the i-th value; false: there are no more. Use option_choice_at. */
    bool (*choice)(size_t i, struct option_choice *ret);
    /* OPTION_CHOICE: the values, NULL-terminated, where their names say what they do; instead of choice. */
    const char *const *names;
    /* OPTION_TEXT: 0, or -EINVAL when no machine could take this text: a typo. NULL: any text may be right. */
    int (*check)(const char *text, struct error *err);
    uint64_t least, most; /* OPTION_SIZE, bytes */
    enum option_type type;
    char separator; /* OPTION_WORDS */
    bool fault;     /* its choices are faults, listed by `tornpage list faults` */
};

/* The i-th value that an OPTION_CHOICE or OPTION_FAULTS may have; false: there are no more, or the option is neither. */
bool option_choice_at(const struct backend_option *o, size_t i, struct option_choice *ret);
/*
 * Parses `text` (NULL: not given) into *settings and, for OPTION_FAULTS, into *faults; what has to be kept points into `text`,
 * which must outlive them. -EINVAL: the value is not of the option's type; the message names what is.
 */
int option_parse(const struct backend_option *o, const char *text, void *settings, struct faults *faults, struct error *err);
/* Frees what option_parse has allocated for this option. */
void option_free(const struct backend_option *o, void *settings);

#endif
