/* The marks of a dm-log-writes log: crash points that its maker has named. */
#ifndef TORNPAGE_DM_LOG_LOGMARKS_H
#define TORNPAGE_DM_LOG_LOGMARKS_H

#include <stddef.h>
#include <stdint.h>

#include "dm_log/logwrites.h"

struct logmark {
    uint64_t index; /* of its entry */
    char *text;
    uint64_t flushed; /* entries before this one were durable when the mark was logged */
};

struct logmarks {
    struct logmark *v;
    size_t n, cap;
    uint64_t n_entries;
};

/* Reads and checks the whole log, and lists its marks. Leaves the reader at the first entry. 0, or as logwrites_next. */
int logmarks_read(struct logwrites *l, struct logmarks *ret, struct error *err);
void logmarks_free(struct logmarks *m);
/* How many marks are among the first `pos` entries. */
size_t logmarks_passed(const struct logmarks *m, uint64_t pos);
/* The first mark with this text from entry `from` on; NULL when there is none, and *err then lists the marks. */
const struct logmark *logmarks_find(const struct logmarks *m, const char *text, uint64_t from, struct error *err);

#endif
