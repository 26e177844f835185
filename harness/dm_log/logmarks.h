/* The marks of a dm-log-writes log: the named crash points of whoever made it. */
#ifndef TORNPAGE_DM_LOG_LOGMARKS_H
#define TORNPAGE_DM_LOG_LOGMARKS_H

#include <stddef.h>
#include <stdint.h>

#include "dm_log/logwrites.h"

struct logmark {
    uint64_t index; /* of its entry */
    char *text;
    uint64_t flushed; /* the entries before this were durable when the mark was logged */
};

struct logmarks {
    struct logmark *v;
    size_t n, cap;
    uint64_t n_entries;
};

/* Reads the whole log once, checks it, and lists its marks. Leaves the reader at its first entry. */
int logmarks_read(struct logwrites *l, struct logmarks *ret, struct error *err);
void logmarks_free(struct logmarks *m);
/* How many marks the first `pos` entries hold. */
size_t logmarks_passed(const struct logmarks *m, uint64_t pos);
/*
 * The first mark of this text at or behind entry `from`, or NULL. *err then lists the marks there are.
 */
const struct logmark *logmarks_find(const struct logmarks *m, const char *text, uint64_t from, struct error *err);

#endif
