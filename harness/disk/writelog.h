/*
 * The write log: what a recorded disk did, as entries in order of completion. A position p means "the first p entries".
 *
 * It is in shared memory, without pointers inside: the serving process appends, all others read. An entry is appended, with its
 * data, before its request is answered, and the new length is published after the entry. So a process that saw a sync return sees
 * all entries of that sync, and an entry before a flush had completed before that flush was served.
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
    /* Faults of the disk: */
    LOG_IGNORED = 4,  /* a flush or FUA that was answered and not done */
    LOG_LOST = 8,     /* a write or discard that was answered and never reaches the media (drop, ignore-discard) */
    LOG_MOVED = 16,   /* `off` is where the write went, not where it was sent (misdirect) */
    LOG_ALTERED = 32, /* the data is what reached the media (tear, corrupt), not what was sent */
};

struct log_entry {
    uint64_t off;      /* bytes of the disk; whole sectors */
    uint64_t len;      /* bytes; whole sectors; 0 for a flush; the length of the text for a mark */
    uint64_t data_off; /* of a write or mark, in the log's data area */
    uint16_t op;
    uint16_t flags;
    uint32_t reserved;
};

struct writelog;

/* A log in shared memory with room for so many entries and bytes of data; reserved, not committed. NULL when memory is out. */
struct writelog *writelog_new(uint64_t cap_entries, uint64_t cap_data_bytes);
/*
 * A handle for a log of another process: `fd` is a copy of that process's writelog_fd. The new handle owns it; on failure, NULL,
 * it stays the caller's.
 */
struct writelog *writelog_attach(int fd);
int writelog_fd(const struct writelog *l);
/* A number that no other log has in this process, nor this one before its last clear. */
uint64_t writelog_identity(const struct writelog *l);
void writelog_free(struct writelog *l);
void writelog_clear(struct writelog *l);
/* The published length, which a history records as `pos`. */
_Atomic uint64_t *writelog_position(struct writelog *l);
uint64_t writelog_length(const struct writelog *l);
const struct log_entry *writelog_entry(const struct writelog *l, uint64_t i);
const uint8_t *writelog_data(const struct writelog *l, const struct log_entry *e);
/* Appends an entry; flushes and discards have no data (NULL). 0; -ENOSPC when the log is full, which it then remembers. */
int writelog_append(struct writelog *l, enum log_op op, unsigned flags, uint64_t off, const void *data, uint64_t len_bytes);
/* Faults in memory for the next entries' data, so that appending does not wait for it. Call when there is time. */
void writelog_ready(struct writelog *l);
/* Was an entry lost because the log was full? Then all later ones are, too. */
int writelog_overflowed(const struct writelog *l);

#endif
