/*
 * The write log: the ordered entries a recorded disk saw. It lives in shared memory (no pointers inside): the disk's process
 * appends, everyone else reads. A position p means "the first p entries". Entries are in order of completion: an entry is
 * appended, with its data, before its request is answered, and `n_entries` is published after that. So whoever saw a sync return
 * sees all its entries, and an entry before a flush had completed before that flush was handled.
 */
#ifndef TORNPAGE_DISK_WRITELOG_H
#define TORNPAGE_DISK_WRITELOG_H

#include <stdatomic.h>
#include <stdint.h>

enum log_op { LOG_WRITE, LOG_FLUSH, LOG_DISCARD, LOG_MARK };

/* Flags of an entry. */
enum {
    LOG_FUA = 1,         /* the write itself is durable when it completes */
    LOG_FLUSH_FIRST = 2, /* a flush precedes the write (REQ_PREFLUSH with data) */
    LOG_IGNORED = 4,     /* the disk lied: a flush or FUA that was answered and not done */
    LOG_LOST = 8,        /* the disk lied: answered, and never reaches the media (drop) */
    LOG_MOVED = 16,      /* the disk lied: `off` is where it went, not where it was sent (misdirect) */
    LOG_ALTERED = 32,    /* the disk lied: data is what reached the media (tear, corrupt), not what was sent */
};

struct log_entry {
    uint64_t off;      /* bytes; a multiple of 512 */
    uint64_t len;      /* bytes; a multiple of 512; 0 for flush; length of the text for a mark */
    uint64_t data_off; /* into the log's data area; writes and marks */
    uint16_t op;
    uint16_t flags;
    uint32_t reserved;
};

struct writelog;

/* A log in anonymous shared memory with room for so much (reserved, not committed). NULL when memory is out. */
struct writelog *writelog_new(uint64_t cap_entries, uint64_t cap_data_bytes);
/*
 * The same log in a process that did not inherit it: `fd` is a copy of writelog_fd of the log's owner, and belongs to the new
 * handle. NULL when that fails (fd is then still the caller's).
 */
struct writelog *writelog_attach(int fd);
int writelog_fd(const struct writelog *l);
/* A number no other log, nor this one before its last clear, has had in this process. */
uint64_t writelog_identity(const struct writelog *l);
void writelog_free(struct writelog *l);
void writelog_clear(struct writelog *l);
/* The published length; what history records as `pos`. */
_Atomic uint64_t *writelog_position(struct writelog *l);
uint64_t writelog_length(const struct writelog *l);
const struct log_entry *writelog_entry(const struct writelog *l, uint64_t i);
const uint8_t *writelog_data(const struct writelog *l, const struct log_entry *e);
/* Appends; data may be NULL for flush and discard. -ENOSPC when full (and the log remembers that it overflowed). */
int writelog_append(struct writelog *l, enum log_op op, unsigned flags, uint64_t off, const void *data, uint64_t len_bytes);
/* Makes memory for the next entries' data present in this process, so that appending need not wait for it. When there is time. */
void writelog_ready(struct writelog *l);
int writelog_overflowed(const struct writelog *l);

#endif
