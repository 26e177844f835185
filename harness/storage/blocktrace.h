/*
 * What a block device is asked for, as the kernel's block layer tells: the tracepoint block:block_rq_issue through
 * perf_event_open(2), into rings of memory, so that looking on costs the traced I/O no process switch.
 * Source: Documentation/trace/events.rst, perf_event_open(2); the record's layout is read from the event's own format file.
 */
#ifndef TORNPAGE_STORAGE_BLOCKTRACE_H
#define TORNPAGE_STORAGE_BLOCKTRACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/* Where the event's fields are in a record. All zero: this machine has no such event. */
struct blocktrace_event {
    uint32_t id;
    uint16_t dev, sector, nr_sector, rwbs; /* offsets in bytes */
};

/* A request as the driver got it. `sector` and `n_sectors` count 512 bytes. */
struct block_request {
    uint64_t time_ns;
    uint64_t sector;
    uint32_t n_sectors;
    enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_DISCARD } op; /* what is neither read nor discard is a write */
};

struct blocktrace;

/* Learns the event's layout, once for all traces. -errno: it cannot be traced here (no tracefs, no privilege). */
int blocktrace_learn(struct blocktrace_event *ret, struct error *err);
/* Begins to trace the device. -errno: it cannot be traced here. */
int blocktrace_open(const struct blocktrace_event *e, dev_t device, struct blocktrace **ret, struct error *err);
void blocktrace_close(struct blocktrace *t);
/*
 * The requests since the open or the last take, in order of time; owned by the trace, until the next take. -EOVERFLOW: some are
 * missing, so that nothing is known about this stretch: the kernel dropped them, another tracer swallowed them, a processor came
 * or went. The device's own statistics tell. Call while the device rests.
 */
int blocktrace_take(struct blocktrace *t, const struct block_request **ret, size_t *ret_n);

#endif
