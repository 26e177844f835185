/*
 * What a block device is asked for, as the kernel's block layer tells: a BPF program at the tracepoint block:block_rq_issue, one
 * for all devices, puts each request into the ring of the device that it is for. So looking on costs the traced I/O no process
 * switch, and no more when more devices are traced. Source: Documentation/trace/events.rst, Documentation/bpf/ringbuf.rst,
 * bpf-helpers(7); the record's layout is read from the event's own format file.
 */
#ifndef TORNPAGE_DEVICE_BLOCKTRACE_H
#define TORNPAGE_DEVICE_BLOCKTRACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/* A request as the driver got it. `sector` and `n_sectors` count 512 bytes. */
struct block_request {
    uint64_t sector;
    uint32_t n_sectors;
    enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_DISCARD } op; /* what is neither read nor discard is a write */
};

struct blocktracer; /* the program; for this process and those that it forks */
struct blocktrace;  /* of one device, in one process */

/* -errno: nothing can be traced here (no tracefs, no BPF, no privilege). */
int blocktracer_new(struct blocktracer **ret, struct error *err);
/* The program ends with the last process that holds it. */
void blocktracer_free(struct blocktracer *t);

/* Begins to trace the device; who traced it before sees nothing any more. -errno: it cannot be traced here. */
int blocktrace_open(const struct blocktracer *tracer, dev_t device, struct blocktrace **ret, struct error *err);
void blocktrace_close(struct blocktrace *t);
/*
 * The requests since the open or the last take, in their order; owned by the trace, until the next take. -EOVERFLOW: some are
 * missing, so that nothing is known about this stretch: there were too many, or the kernel passed over the program. The device's
 * own statistics tell. Call while the device rests.
 */
int blocktrace_take(struct blocktrace *t, const struct block_request **ret, size_t *ret_n);

#endif
