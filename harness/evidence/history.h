/*
 * The history: what each step did, when it began, when it ended, what it returned.
 *
 * It lives in one flat block of memory (no pointers inside), which the driver places in memory shared between the harness and the
 * actors, and so survives the SIGKILL of any actor. Order is recorded twice:
 *   seq  a counter shared by all actors: x ended before y began exactly when x.end_seq < y.begin_seq;
 *   pos  the write log's length at that moment: a power cut at position p has seen x begin when x.begin_pos <= p, and end when it
 *        ended and x.end_pos <= p. Backends without a write log leave pos 0.
 * An event with begin_seq 0 was claimed by a lane that died before its step began: it never happened.
 * A step that never ended has end_seq == HISTORY_NEVER (and end_pos likewise): it was running when the strike came.
 */
#ifndef TORNPAGE_EVIDENCE_HISTORY_H
#define TORNPAGE_EVIDENCE_HISTORY_H

#include <stdatomic.h>
#include <stdint.h>

#define HISTORY_NEVER UINT64_MAX

enum { HISTORY_MOST_DATA_BYTES = 1 << 26 }; /* what the steps of one run may read (reserved, not committed) */

struct event {
    uint32_t step; /* index in plan->steps; HISTORY_STEP_* for the harness's own acts */
    uint8_t lane;
    uint64_t begin_seq, end_seq;
    uint64_t begin_pos, end_pos;
    int64_t ret;   /* what the system call returned (>= 0); 0 for loads, stores and copies, which count done_bytes */
    int32_t err;   /* errno, 0 when it succeeded */
    int32_t signo; /* a signal that ended the step (SIGBUS, ...), 0 if none */
    int32_t si_code;
    uint64_t fault_off;  /* with signo: file offset of the faulting access */
    int32_t no_space;    /* with SIGBUS: 1 when the volume was nearly full right afterwards, else 0 */
    uint64_t ino;        /* open, mkdir: the inode number; 0 unknown */
    uint64_t size_bytes; /* open: size of the file just opened */
    uint64_t done_bytes; /* loads, stores, copies: bytes done so far; also of a step that failed or never ended */
    uint64_t place;      /* VERB_NOTES_PLACE: the file offset that it writes to, noted before it does; else 0 */
    uint64_t data_off;   /* bytes read by this step: history_data(h) + data_off, */
    uint64_t data_len;   /*   this many */
};

/* Acts of the harness itself that the oracle must know; recorded in lane HISTORY_LANE_HARNESS. */
enum {
    HISTORY_STEP_START = 0x7ffffff0,   /* set-up is over and synced whole (as sync(2)); crashes strike from here on */
    HISTORY_STEP_UNMOUNT = 0x7ffffff1, /* an orderly unmount (implies a sync of everything) */
    HISTORY_LANE_HARNESS = 0xff,
};

struct history {
    uint64_t size_bytes; /* of the whole block */
    uint32_t cap_events;
    _Atomic uint32_t n_events; /* begun so far; events[i] with i < n_events may still be running */
    _Atomic uint64_t next_seq;
    uint64_t data_base; /* offset of the data area in the block */
    uint64_t cap_data;
    _Atomic uint64_t n_data;
    uint64_t key; /* the run's stamp key */
    struct event events[];
};

/* Bytes a block for this many events and data needs. */
uint64_t history_bytes(uint32_t cap_events, uint64_t cap_data_bytes);
/* Lays out an empty history in `block` (size from history_bytes; zeroed or not). */
struct history *history_init(void *block, uint32_t cap_events, uint64_t cap_data_bytes, uint64_t key);

/*
 * Begins and ends an event. `pos` points to the write log's published length, or NULL. history_begin returns NULL when the
 * history is full (the caller reports "broken"). Safe between processes; async-signal-safe.
 */
struct event *history_begin(struct history *h, uint32_t step, uint8_t lane, const _Atomic uint64_t *pos);
void history_end(struct history *h, struct event *e, const _Atomic uint64_t *pos);
/* Room for len_bytes of data read, noted in *e; NULL when the data area is full. */
void *history_data_new(struct history *h, struct event *e, uint64_t len_bytes);
const void *history_data(const struct history *h, const struct event *e);

/* A private compact copy (malloc) of what was recorded; for keeping a finding's history. */
struct history *history_copy(const struct history *h);

#endif
