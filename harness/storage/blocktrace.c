/* Tracing a block device: see blocktrace.h. One event and one ring for each CPU, because a ring belongs to one. */
#include "storage/blocktrace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"

#define EVENT_DIR "events/block/block_rq_issue"

enum {
    RING_BYTES = 1 << 16, /* of each CPU; a power of two. A recovery makes a few hundred requests of some 100 bytes */
    RECORD_BYTES = 1 << 12,
    DEVICE_SHIFT = 20, /* a dev_t inside the kernel: major << 20 | minor */
    OPS = 3,
};

struct ring {
    int fd;
    struct perf_event_mmap_page *page; /* followed by the data */
};

struct blocktrace {
    struct blocktrace_event event;
    struct ring *rings;
    size_t n_rings, cap_rings;
    struct block_request *requests;
    size_t n_requests, cap_requests;
    int stat_fd;           /* the device's statistics */
    uint64_t sectors[OPS]; /* by enum block_op, as they were at the last take */
};

/* A directory with the events below: where tracefs is mounted as a rule, or a mount of its own that nobody sees. */
static int open_tracefs(void)
{
    int dir = open("/sys/kernel/tracing", O_PATH | O_DIRECTORY | O_CLOEXEC), fs;

    if (dir >= 0 && faccessat(dir, EVENT_DIR, F_OK, 0) == 0)
        return dir;
    if (dir >= 0)
        close(dir);
    fs = fsopen("tracefs", FSOPEN_CLOEXEC);
    if (fs < 0)
        return -errno;
    dir = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ? -errno : fsmount(fs, FSMOUNT_CLOEXEC, 0);
    if (dir == -1)
        dir = -errno;
    close(fs);
    return dir;
}

static int read_text(int dir, const char *name, char *text, size_t size_bytes)
{
    const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, size_bytes - 1);
    const int r = n < 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = '\0';
    return r;
}

/* The offset of the field whose declaration ends like this; -EINVAL when there is none of this size. */
static int field_offset(const char *format, const char *declaration, unsigned size_bytes)
{
    const char *at = strstr(format, declaration);
    unsigned offset, size;

    if (!at || sscanf(at + strlen(declaration), "\toffset:%u;\tsize:%u;", &offset, &size) != 2 || size < size_bytes ||
        offset + size > RECORD_BYTES)
        return -EINVAL;
    return (int)offset;
}

static int parse_event(const char *id, const char *format, struct blocktrace_event *ret)
{
    const int dev = field_offset(format, " dev;", 4), sector = field_offset(format, " sector;", 8),
              nr_sector = field_offset(format, " nr_sector;", 4), rwbs_at = field_offset(format, " rwbs[8];", 8),
              rwbs = rwbs_at < 0 ? field_offset(format, " rwbs[10];", 8) : rwbs_at;
    char *end;
    const unsigned long n = strtoul(id, &end, 10);

    if (end == id || n == 0 || dev < 0 || sector < 0 || nr_sector < 0 || rwbs < 0)
        return -EINVAL;
    *ret = (struct blocktrace_event){.id = (uint32_t)n,
                                     .dev = (uint16_t)dev,
                                     .sector = (uint16_t)sector,
                                     .nr_sector = (uint16_t)nr_sector,
                                     .rwbs = (uint16_t)rwbs};
    return 0;
}

int blocktrace_learn(struct blocktrace_event *ret, struct error *err)
{
    char id[32], format[4096];
    const int dir = open_tracefs();
    int r = dir < 0 ? dir : read_text(dir, EVENT_DIR "/id", id, sizeof id);

    *ret = (struct blocktrace_event){.id = 0};
    if (r == 0)
        r = read_text(dir, EVENT_DIR "/format", format, sizeof format);
    if (r == 0)
        r = parse_event(id, format, ret);
    if (dir >= 0)
        close(dir);
    return r < 0 ? error_set(err, -r, "tracefs", EVENT_DIR, NULL) : 0;
}

static int open_ring(const struct blocktrace_event *e, int cpu, const char *filter, struct ring *ret)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof attr,
        .config = e->id,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
        .use_clockid = 1, /* one clock for all CPUs */
        .clockid = CLOCK_MONOTONIC,
        .watermark = 1, /* nobody waits for records, so nobody is to be woken */
        .wakeup_watermark = UINT32_MAX,
        .disabled = 1,
    };
    const long fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

    if (fd < 0)
        return -errno;
    ret->fd = (int)fd;
    ret->page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE) + RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ret->fd, 0);
    if (ret->page == MAP_FAILED || ioctl(ret->fd, PERF_EVENT_IOC_SET_FILTER, filter) || ioctl(ret->fd, PERF_EVENT_IOC_ENABLE, 0))
        return -errno;
    return 0;
}

/* Sectors read, written and discarded since the device was made (Documentation/block/stat.rst). */
static int read_statistics(int fd, uint64_t ret[OPS])
{
    char text[512];
    const ssize_t n = pread(fd, text, sizeof text - 1, 0);

    if (n < 0)
        return -errno;
    text[n] = '\0';
    return sscanf(text, "%*u %*u %" SCNu64 " %*u %*u %*u %" SCNu64 " %*u %*u %*u %*u %*u %*u %" SCNu64, &ret[BLOCK_READ],
                  &ret[BLOCK_WRITE], &ret[BLOCK_DISCARD]) == OPS
               ? 0
               : -EINVAL;
}

static int open_statistics(struct blocktrace *t, dev_t device)
{
    char path[64];

    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/stat", major(device), minor(device));
    t->stat_fd = open(path, O_RDONLY | O_CLOEXEC);
    return t->stat_fd < 0 ? -errno : read_statistics(t->stat_fd, t->sectors);
}

int blocktrace_open(const struct blocktrace_event *e, dev_t device, struct blocktrace **ret, struct error *err)
{
    struct blocktrace *t = xcalloc(1, sizeof *t);
    char filter[64];
    int r = e->id ? 0 : -EOPNOTSUPP;

    t->event = *e;
    t->stat_fd = -1;
    snprintf(filter, sizeof filter, "dev == %u", (unsigned)major(device) << DEVICE_SHIFT | (unsigned)minor(device));
    for (int cpu = 0; r == 0; cpu++) {
        struct ring *ring;

        t->rings = grow(t->rings, &t->cap_rings, t->n_rings, sizeof *t->rings);
        ring = &t->rings[t->n_rings];
        *ring = (struct ring){.fd = -1, .page = MAP_FAILED};
        r = open_ring(e, cpu, filter, ring);
        if (ring->fd >= 0)
            t->n_rings++;
        else if (r == -ENODEV) /* that CPU is switched off */
            r = 0;
        else if (r == -EINVAL && cpu > 0) /* there are no more */
            break;
    }
    if (r == -EINVAL && t->n_rings)
        r = open_statistics(t, device);
    if (r < 0) {
        blocktrace_close(t);
        return error_set(err, -r, "perf_event_open", EVENT_DIR, NULL);
    }
    *ret = t;
    return 0;
}

void blocktrace_close(struct blocktrace *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_rings; i++) {
        if (t->rings[i].page != MAP_FAILED)
            munmap(t->rings[i].page, (size_t)sysconf(_SC_PAGESIZE) + RING_BYTES);
        close(t->rings[i].fd);
    }
    if (t->stat_fd >= 0)
        close(t->stat_fd);
    free(t->rings);
    free(t->requests);
    free(t);
}

/* Copies out of the ring, which wraps. */
static void copy_out(const struct ring *r, uint64_t at, void *dst, size_t len_bytes)
{
    const uint8_t *data = (const uint8_t *)r->page + r->page->data_offset;
    const size_t from = at % RING_BYTES, first = len_bytes < RING_BYTES - from ? len_bytes : RING_BYTES - from;

    memcpy(dst, data + from, first);
    memcpy((uint8_t *)dst + first, data, len_bytes - first);
}

/* A sample: header, time, size of what follows, the event's record. */
struct sample {
    struct perf_event_header header;
    uint64_t time_ns;
    uint32_t raw_bytes;
    uint8_t raw[RECORD_BYTES];
} __attribute__((packed));

static void take_sample(struct blocktrace *t, const struct sample *s)
{
    const struct blocktrace_event *e = &t->event;
    struct block_request q = {.time_ns = s->time_ns};
    const char *rwbs = (const char *)s->raw + e->rwbs;

    memcpy(&q.sector, s->raw + e->sector, sizeof q.sector);
    memcpy(&q.n_sectors, s->raw + e->nr_sector, sizeof q.n_sectors);
    /* The operation's letter, after an F when a flush goes first (blk_fill_rwbs). A flush alone concerns no sector. */
    const char op = rwbs[rwbs[0] == 'F'];
    q.op = op == 'R' ? BLOCK_READ : op == 'D' ? BLOCK_DISCARD : BLOCK_WRITE;
    if (q.n_sectors == 0)
        return;
    t->requests = grow(t->requests, &t->cap_requests, t->n_requests, sizeof *t->requests);
    t->requests[t->n_requests++] = q;
}

/* Empties a ring. */
static int take_ring(struct blocktrace *t, struct ring *r)
{
    const uint64_t head = atomic_load_explicit((_Atomic __u64 *)&r->page->data_head, memory_order_acquire);
    uint64_t tail = r->page->data_tail;
    /* Full, or nearly: the kernel tells what it dropped with the record after it, and there is none yet. */
    int rc = RING_BYTES - (head - tail) < RECORD_BYTES ? -EOVERFLOW : 0;

    while (tail < head) {
        struct sample s;

        copy_out(r, tail, &s.header, sizeof s.header);
        if (s.header.type == PERF_RECORD_SAMPLE && s.header.size <= sizeof s) {
            copy_out(r, tail, &s, s.header.size);
            take_sample(t, &s);
        } else {
            rc = -EOVERFLOW; /* PERF_RECORD_LOST, or throttled */
        }
        tail += s.header.size;
    }
    atomic_store_explicit((_Atomic __u64 *)&r->page->data_tail, tail, memory_order_release);
    return rc;
}

static int by_time(const void *a, const void *b)
{
    const struct block_request *x = a, *y = b;

    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return (x->op != BLOCK_READ) - (y->op != BLOCK_READ); /* at one time: as if the read had been first */
}

/* Does the trace hold as many sectors as the device says it was asked for? */
static bool is_complete(struct blocktrace *t)
{
    uint64_t now[OPS] = {0}, traced[OPS] = {0};
    bool same = true;

    if (read_statistics(t->stat_fd, now) < 0)
        return false;
    for (size_t i = 0; i < t->n_requests; i++)
        traced[t->requests[i].op] += t->requests[i].n_sectors;
    for (int i = 0; i < OPS; i++) {
        same &= now[i] - t->sectors[i] == traced[i];
        t->sectors[i] = now[i];
    }
    return same;
}

int blocktrace_take(struct blocktrace *t, const struct block_request **ret, size_t *ret_n)
{
    int rc = 0;

    t->n_requests = 0;
    for (size_t i = 0; i < t->n_rings; i++) {
        const int r = take_ring(t, &t->rings[i]);

        rc = r < 0 ? r : rc;
    }
    if (!is_complete(t))
        rc = -EOVERFLOW;
    if (t->n_requests)
        qsort(t->requests, t->n_requests, sizeof *t->requests, by_time);
    *ret = t->requests;
    *ret_n = t->n_requests;
    return rc;
}
