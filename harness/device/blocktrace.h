/*
 * Block requests as traced by the kernel. A BPF program at the tracepoint block:block_rq_issue, one for all devices, puts each
 * request into the ring of its device. So tracing costs the I/O no process switch, and no more when more devices are traced.
 *
 * Sources: Documentation/trace/events.rst, Documentation/bpf/ringbuf.rst, bpf-helpers(7). The record's layout is read from the
 * event's own format file.
 */
#ifndef TORNPAGE_DEVICE_BLOCKTRACE_H
#define TORNPAGE_DEVICE_BLOCKTRACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/* A request as the driver got it, in sectors of SECTOR_BYTES. */
struct block_request {
    uint64_t sector;
    uint32_t n_sectors;
    enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_DISCARD } op; /* all others are writes */
};

struct blocktracer; /* the program, for this process and the ones that it forks */
struct blocktrace;  /* the trace of one device, in one process */

/* Loads the program. 0, or -errno when nothing can be traced here: no tracefs, no BPF, or no privilege. */
int blocktracer_new(struct blocktracer **ret, struct error *err);
/* The program is unloaded when the last process that has it frees it or ends. */
void blocktracer_free(struct blocktracer *t);

/* Begins to trace a device. An earlier trace of it gets no more requests. 0, or -errno when it cannot be traced. */
int blocktrace_open(const struct blocktracer *tracer, dev_t device, struct blocktrace **ret, struct error *err);
void blocktrace_close(struct blocktrace *t);
/*
 * The requests since the open or the last take, in order. They belong to the trace and are valid until the next take. Call while
 * the device is idle. -EOVERFLOW: by the device's own statistics requests are missing, because there were too many or the kernel
 * skipped the program. Then nothing is known about this stretch.
 */
int blocktrace_take(struct blocktrace *t, const struct block_request **ret, size_t *ret_n);

#endif
