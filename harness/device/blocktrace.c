/* Tracing block requests: see blocktrace.h. */
#include "device/blocktrace.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"

#define EVENT_DIR "events/block/block_rq_issue"

enum {
    RING_BYTES = 1 << 17, /* of each device; a power of two. A recovery makes a few hundred requests of 32 bytes */
    MAX_DEVICES = 1 << 12,
    RECORD_BYTES = 1 << 12,
    DEVICE_SHIFT = 20, /* a dev_t inside the kernel: major << 20 | minor */
    OPS = 3,
};

/* Offsets of the event's fields in a record, in bytes. */
struct layout {
    uint32_t id; /* of the event */
    int16_t dev, sector, nr_sector, rwbs;
};

/* What the program puts into the ring for each request. */
struct ring_entry {
    uint64_t sector;
    uint64_t n_sectors;
    char op; /* the first letter of rwbs (blk_fill_rwbs) */
    char unused[7];
};

struct blocktracer {
    int rings; /* map: by device, its ring */
    int program, event;
};

struct blocktrace {
    struct ring_buffer *ring;
    struct block_request *requests;
    size_t n_requests, cap_requests;
    int stat_fd;           /* the device's statistics */
    uint64_t sectors[OPS]; /* by enum block_op, as they were at the last take */
};

/* A descriptor of tracefs: where it is usually mounted, or a detached mount of our own. */
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

/* The offset of the field whose declaration ends like this; -EINVAL when there is none of at least this size. */
static int field_offset(const char *format, const char *declaration, unsigned size_bytes)
{
    const char *at = strstr(format, declaration);
    unsigned offset, size;

    if (!at || sscanf(at + strlen(declaration), "\toffset:%u;\tsize:%u;", &offset, &size) != 2 || size < size_bytes ||
        offset + size > RECORD_BYTES)
        return -EINVAL;
    return (int)offset;
}

static int parse_event(const char *id, const char *format, struct layout *ret)
{
    const int dev = field_offset(format, " dev;", 4), sector = field_offset(format, " sector;", 8),
              nr_sector = field_offset(format, " nr_sector;", 4), rwbs_at = field_offset(format, " rwbs[8];", 8),
              rwbs = rwbs_at < 0 ? field_offset(format, " rwbs[10];", 8) : rwbs_at;
    char *end;
    const unsigned long n = strtoul(id, &end, 10);

    if (end == id || n == 0 || dev < 0 || sector < 0 || nr_sector < 0 || rwbs < 0)
        return -EINVAL;
    *ret = (struct layout){.id = (uint32_t)n,
                           .dev = (int16_t)dev,
                           .sector = (int16_t)sector,
                           .nr_sector = (int16_t)nr_sector,
                           .rwbs = (int16_t)rwbs};
    return 0;
}

static int learn_layout(struct layout *ret)
{
    char id[32], format[4096];
    const int dir = open_tracefs();
    int r = dir < 0 ? dir : read_text(dir, EVENT_DIR "/id", id, sizeof id);

    if (r == 0)
        r = read_text(dir, EVENT_DIR "/format", format, sizeof format);
    if (r == 0)
        r = parse_event(id, format, ret);
    if (dir >= 0)
        close(dir);
    return r;
}

/* Instructions; see Documentation/bpf/standardization/instruction-set.rst. Registers are numbers; 10 points behind the stack. */
#define INSN(op, dst, src, offset, value) ((struct bpf_insn){(op), (dst), (src), (int16_t)(offset), (value)})
#define LOAD(size, dst, src, at) INSN(BPF_LDX | BPF_MEM | (size), dst, src, at, 0)
#define STORE(size, dst, at, src) INSN(BPF_STX | BPF_MEM | (size), dst, src, at, 0)
#define MOVE(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define SET(dst, value) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define ADD(dst, value) INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value)
#define MAP(dst, fd) INSN(BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)
#define CALL(helper) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define SKIP_IF_ZERO(reg, n) INSN(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, n, 0)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* The program: if the request's device has a ring, an entry goes there. */
static int load_program(int rings, const struct layout *e)
{
    enum { KEY = -4, ENTRY = -(int)sizeof(struct ring_entry) - 8, N_OUTPUT = 15 /* instructions that make an entry */ };
    const struct bpf_insn program[] = {
        MOVE(6, 1), /* the record */
        LOAD(BPF_W, 1, 6, e->dev),
        STORE(BPF_W, 10, KEY, 1),
        MAP(1, rings),
        MOVE(2, 10),
        ADD(2, KEY),
        CALL(BPF_FUNC_map_lookup_elem),
        SKIP_IF_ZERO(0, N_OUTPUT),
        MOVE(7, 0),
        LOAD(BPF_DW, 1, 6, e->sector),
        STORE(BPF_DW, 10, ENTRY + (int)offsetof(struct ring_entry, sector), 1),
        LOAD(BPF_W, 1, 6, e->nr_sector),
        STORE(BPF_DW, 10, ENTRY + (int)offsetof(struct ring_entry, n_sectors), 1),
        SET(1, 0),
        STORE(BPF_DW, 10, ENTRY + (int)offsetof(struct ring_entry, op), 1),
        LOAD(BPF_B, 1, 6, e->rwbs),
        STORE(BPF_B, 10, ENTRY + (int)offsetof(struct ring_entry, op), 1),
        MOVE(1, 7),
        MOVE(2, 10),
        ADD(2, ENTRY),
        SET(3, sizeof(struct ring_entry)),
        SET(4, BPF_RB_NO_WAKEUP),
        CALL(BPF_FUNC_ringbuf_output), /* a full ring is noticed later, by the device's statistics */
        SET(0, 1),                     /* 1: other programs at this event run, too */
        EXIT,
    };

    const int fd =
        bpf_prog_load(BPF_PROG_TYPE_TRACEPOINT, "tornpage", "Dual MIT/GPL", program, sizeof program / sizeof *program, NULL);
    return fd < 0 ? -errno : fd;
}

static int make_ring(void)
{
    const int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "tornpage", 0, 0, RING_BYTES, NULL);

    return fd < 0 ? -errno : fd;
}

/* An empty map of rings. */
static int make_rings(void)
{
    const int like = make_ring();
    const struct bpf_map_create_opts opts = {.sz = sizeof opts, .inner_map_fd = (uint32_t)like};

    if (like < 0)
        return like;
    int fd = bpf_map_create(BPF_MAP_TYPE_HASH_OF_MAPS, "tornpage", sizeof(uint32_t), sizeof(uint32_t), MAX_DEVICES, &opts);
    if (fd < 0)
        fd = -errno;
    close(like);
    return fd;
}

/* The event is never enabled. It holds the program at the tracepoint, for all processors, so any online one will do. */
static int attach(int program, uint32_t id)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT, .size = sizeof attr, .config = id, .sample_period = 1, .disabled = 1};
    int fd;

    for (int cpu = 0; (fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)) < 0; cpu++)
        if (errno != ENODEV)
            return -errno;
    if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program)) {
        const int r = -errno;

        close(fd);
        return r;
    }
    return fd;
}

int blocktracer_new(struct blocktracer **ret, struct error *err)
{
    struct blocktracer *t = xcalloc(1, sizeof *t);
    struct layout layout = {.id = 0};
    const char *what = "tracefs";
    int r = learn_layout(&layout);

    libbpf_set_print(NULL);
    t->rings = t->program = t->event = -1;
    if (r == 0) {
        what = "bpf";
        r = t->rings = make_rings();
    }
    if (r >= 0)
        r = t->program = load_program(t->rings, &layout);
    if (r >= 0) {
        what = "perf_event_open";
        r = t->event = attach(t->program, layout.id);
    }
    if (r < 0) {
        blocktracer_free(t);
        return error_set(err, -r, what, EVENT_DIR, NULL);
    }
    *ret = t;
    return 0;
}

void blocktracer_free(struct blocktracer *t)
{
    if (!t)
        return;
    if (t->event >= 0)
        close(t->event);
    if (t->program >= 0)
        close(t->program);
    if (t->rings >= 0)
        close(t->rings);
    free(t);
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

/* A callback of libbpf's, for one entry. A flush without data has no sectors; one in front of a write (F) is that write. */
static int take_entry(void *arg, void *data, size_t size_bytes)
{
    struct blocktrace *t = arg;
    const struct ring_entry *n = data;

    if (size_bytes < sizeof *n)
        return -EINVAL;
    if (n->n_sectors == 0)
        return 0;
    t->requests = grow(t->requests, &t->cap_requests, t->n_requests, sizeof *t->requests);
    t->requests[t->n_requests++] = (struct block_request){.sector = n->sector,
                                                          .n_sectors = (uint32_t)n->n_sectors,
                                                          .op = n->op == 'R'   ? BLOCK_READ
                                                                : n->op == 'D' ? BLOCK_DISCARD
                                                                               : BLOCK_WRITE};
    return 0;
}

/* The device's ring. It stays in the map until a device of this number is traced again; until then it is read by no one. */
static int open_ring(const struct blocktracer *tracer, dev_t device, struct blocktrace *t)
{
    const uint32_t key = (uint32_t)major(device) << DEVICE_SHIFT | (uint32_t)minor(device);
    const int fd = make_ring();
    int r = fd;

    if (r >= 0 && bpf_map_update_elem(tracer->rings, &key, &fd, BPF_ANY) < 0)
        r = -errno;
    if (r >= 0 && !(t->ring = ring_buffer__new(fd, take_entry, t, NULL)))
        r = -errno;
    if (fd >= 0)
        close(fd); /* the map holds it */
    return r < 0 ? r : 0;
}

int blocktrace_open(const struct blocktracer *tracer, dev_t device, struct blocktrace **ret, struct error *err)
{
    struct blocktrace *t = xcalloc(1, sizeof *t);
    const char *what = "bpf";

    t->stat_fd = -1;
    int r = open_ring(tracer, device, t);
    if (r == 0) {
        what = "/sys/dev/block/.../stat";
        r = open_statistics(t, device);
    }
    if (r < 0) {
        blocktrace_close(t);
        return error_set(err, -r, what, EVENT_DIR, NULL);
    }
    *ret = t;
    return 0;
}

void blocktrace_close(struct blocktrace *t)
{
    if (!t)
        return;
    ring_buffer__free(t->ring);
    if (t->stat_fd >= 0)
        close(t->stat_fd);
    free(t->requests);
    free(t);
}

/* Are there as many sectors in the trace as in the device's statistics? */
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
    t->n_requests = 0;
    int r = ring_buffer__consume(t->ring);
    if (!is_complete(t) || r < 0)
        r = -EOVERFLOW;
    *ret = t->requests;
    *ret_n = t->n_requests;
    return r < 0 ? r : 0;
}
