/*
 * Guarded loads and stores: see actor.h. They run in an actor that may be killed between any two instructions, so they note
 * their progress in the shared event as they go. A store writes its data first and its count second: on a kill the count is exact
 * or one instruction short, never too high.
 */
#include "actor/access.h"

#include <assert.h>
#include <endian.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/statvfs.h>

#include "actor/actor.h"
#include "evidence/stamp.h"
#include "language/verb.h"

static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "stamps are little-endian in the file; stores put words as they are");

enum { WORD_BYTES = 8 };

/* An access that is allowed to fault. A signal handler takes no argument, so it finds its thread's guard here. */
struct guard {
    sigjmp_buf back;
    int signo, si_code;
    uintptr_t addr;
};
static _Thread_local struct guard *volatile guard_now;

static void on_fault(int signo, siginfo_t *info, void *context)
{
    struct guard *g = guard_now;

    (void)context;
    if (!g) {
        signal(signo, SIG_DFL); /* a bug of ours: the instruction runs again and the process dies of it */
        return;
    }
    guard_now = NULL;
    g->signo = signo;
    g->si_code = info->si_code;
    g->addr = (uintptr_t)info->si_addr;
    siglongjmp(g->back, 1);
}

void access_catch_signals(void)
{
    /* SA_NODEFER: leaving by siglongjmp then needs no system call to restore the mask. */
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

    sigemptyset(&sa.sa_mask);
    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

struct actor_filling actor_filling_of(const struct actor *a, const struct step *s, int path)
{
    int i = verb_flag_index(s->verb, 'S');

    if (i >= 0 && s->flag_arg[i].given)
        return (struct actor_filling){.byte = (uint8_t)s->flag_arg[i].num};
    /* A descriptor without a path (a pipe) is no file of the run; nothing verifies it. */
    return (struct actor_filling){.stamp = true,
                                  .file = path == ACTOR_NO_PATH ? 0 : (uint32_t)path,
                                  .store = (uint32_t)(s - a->plan->steps) + 1,
                                  .key = a->history->key};
}

static inline uint64_t word_at(const struct actor_filling *f, uint64_t off)
{
    return f->stamp ? stamp_encode(f->key, (struct stamp){.file = f->file, .store = f->store, .word = off / WORD_BYTES})
                    : f->byte * UINT64_C(0x0101010101010101);
}

static inline uint8_t byte_at(const struct actor_filling *f, uint64_t off)
{
    return (uint8_t)(word_at(f, off) >> (8 * (off % WORD_BYTES)));
}

void actor_fill(const struct actor_filling *f, uint64_t off, uint8_t *dst, uint64_t len_bytes)
{
    uint64_t i = 0;

    for (; i < len_bytes && (off + i) % WORD_BYTES != 0; i++)
        dst[i] = byte_at(f, off + i);
    for (; len_bytes - i >= WORD_BYTES; i += WORD_BYTES) {
        uint64_t word = word_at(f, off + i);

        memcpy(dst + i, &word, sizeof word);
    }
    for (; i < len_bytes; i++)
        dst[i] = byte_at(f, off + i);
}

/* One access, as the guarded functions below see it. The words [word_lo, word_hi) are whole; what lies outside goes bytewise. */
struct access {
    uint8_t *base; /* base[off] is byte `off` of the file; may point outside of everything, so only formed through uintptr_t */
    uint64_t off, end;
    uint64_t word_lo, word_hi;
    const struct actor_filling *filling;
    uint8_t *dst;
    volatile uint64_t *done;
};

static inline volatile uint8_t *byte_of(const struct access *x, uint64_t off)
{
    return (volatile uint8_t *)((uintptr_t)x->base + off);
}

static inline volatile uint64_t *word_of(const struct access *x, uint64_t off)
{
    return (volatile uint64_t *)((uintptr_t)x->base + off);
}

static void store_up(const struct access *x)
{
    uint64_t off = x->off;
    uint64_t n = 0;

    for (; off < x->end && off < x->word_lo; off++, *x->done = ++n)
        *byte_of(x, off) = byte_at(x->filling, off);
    for (; off < x->end && off < x->word_hi; off += WORD_BYTES, *x->done = n += WORD_BYTES)
        *word_of(x, off) = word_at(x->filling, off);
    for (; off < x->end; off++, *x->done = ++n)
        *byte_of(x, off) = byte_at(x->filling, off);
}

static void store_down(const struct access *x)
{
    uint64_t off = x->end;
    uint64_t n = 0;

    for (; off > x->off && off > x->word_hi; *x->done = ++n) {
        off--;
        *byte_of(x, off) = byte_at(x->filling, off);
    }
    for (; off > x->off && off > x->word_lo; *x->done = n += WORD_BYTES) {
        off -= WORD_BYTES;
        *word_of(x, off) = word_at(x->filling, off);
    }
    for (; off > x->off; *x->done = ++n) {
        off--;
        *byte_of(x, off) = byte_at(x->filling, off);
    }
}

static void load_up(const struct access *x)
{
    uint64_t off = x->off;
    uint64_t n = 0;

    for (; off < x->end && off < x->word_lo; off++, *x->done = ++n)
        x->dst[n] = *byte_of(x, off);
    for (; off < x->word_hi; off += WORD_BYTES, *x->done = n += WORD_BYTES) {
        uint64_t word = *word_of(x, off);

        memcpy(x->dst + n, &word, sizeof word);
    }
    for (; off < x->end; off++, *x->done = ++n)
        x->dst[n] = *byte_of(x, off);
}

static struct access access_of(struct event *e, const struct actor_map *m, uint64_t off, uint64_t len_bytes)
{
    assert(off >= m->off && off - m->off <= m->page_span && len_bytes <= m->page_span - (off - m->off));
    uint64_t end = off + len_bytes, lo = (off + WORD_BYTES - 1) / WORD_BYTES * WORD_BYTES, hi = end / WORD_BYTES * WORD_BYTES;

    /* A range inside one word has no whole word in it: everything goes bytewise. */
    if (lo >= hi)
        lo = hi = end;
    return (struct access){.base = (uint8_t *)((uintptr_t)m->addr - m->off),
                           .off = off,
                           .end = end,
                           .word_lo = lo,
                           .word_hi = hi,
                           .done = &e->done_bytes};
}

static void guarded(void (*fn)(const struct access *x), const struct access *x, struct event *e)
{
    struct guard g;

    if (sigsetjmp(g.back, 0) == 0) {
        guard_now = &g;
        fn(x);
        guard_now = NULL;
        return;
    }
    e->signo = g.signo;
    e->si_code = g.si_code;
    e->fault_off = (uint64_t)(g.addr - (uintptr_t)x->base);
}

/*
 * Was a SIGBUS raised for want of space? The kernel does not say, so this asks how full the volume is: nearly full when less than
 * a sixteenth of its blocks is free. File systems keep some blocks back, and count those that are promised but not yet allocated
 * each in its own way.
 */
static bool nearly_full(const struct actor *a)
{
    struct statvfs st;

    return fstatvfs(a->root_fd, &st) == 0 && st.f_bavail < st.f_blocks / 16;
}

void actor_store(struct actor *a, const struct step *s, struct event *e, const struct actor_map *m, uint64_t off,
                 uint64_t len_bytes, const struct actor_filling *f, bool backwards)
{
    struct access x = access_of(e, m, off, len_bytes);
    bool killed_inside = a->inside_step == s - a->plan->steps;

    x.filling = f;
    if (killed_inside) {
        uint64_t bytes = a->inside_bytes < len_bytes ? a->inside_bytes : len_bytes;
        uint64_t stop = backwards ? x.end - bytes : x.off + bytes;

        /* No instruction is cut in two: inside a whole word, stop before it. */
        if (stop > x.word_lo && stop < x.word_hi)
            stop = backwards ? (stop + WORD_BYTES - 1) / WORD_BYTES * WORD_BYTES : stop / WORD_BYTES * WORD_BYTES;
        *(backwards ? &x.off : &x.end) = stop;
    }
    guarded(backwards ? store_down : store_up, &x, e);
    if (e->signo == SIGBUS)
        e->no_space = nearly_full(a);
    if (killed_inside && e->signo == 0)
        a->strike(a->run);
}

void actor_load(struct event *e, const struct actor_map *m, uint64_t off, uint64_t len_bytes, uint8_t *dst)
{
    struct access x = access_of(e, m, off, len_bytes);

    x.dst = dst;
    guarded(load_up, &x, e);
}
