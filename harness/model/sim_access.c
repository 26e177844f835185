/* The `sim` backend: verbs that load, store and sync through a mapping. See sim.h. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/size.h"
#include "model/machine.h"

enum { WORD_BYTES = 8 };

/* --- msync --- */

/* msync(2) of whole pages, as POSIX has it: mapped parts in order; a hole is passed over and reported at the end; a locked part
 * ends it when invalidating. */
static enum sim_progress work_msync(struct sim_at *at)
{
    uint64_t off, end;
    const struct sim_map *m = sim_map_and_pages(at, &off, &end);

    if (!m)
        return SIM_DONE;
    if (off == end)
        return SIM_DONE;
    const uint64_t behind = page_up(end);

    for (uint64_t from = off, next; from < behind; from = next) {
        uint64_t to = behind;

        next = behind;
        for (unsigned i = 0; i < m->n_holes; i++) { /* where this mapped part ends, and what lies behind it */
            if (m->holes[i].hi <= from || m->holes[i].lo >= to)
                continue;
            to = m->holes[i].lo > from ? m->holes[i].lo : from;
            next = m->holes[i].hi;
        }
        if (to > from && sim_flag(at, 'i') && m->locked)
            return sim_fail(at, EBUSY);
        if (to > from && sim_flag(at, 's') && m->shared)
            simfs_sync(&at->sim->fs, (struct simfs_sync){.kind = SIMFS_MSYNC,
                                                         .inode = m->inode,
                                                         .first_page = from / PAGE_BYTES,
                                                         .end_page = to / PAGE_BYTES,
                                                         .end_bytes = to,
                                                         .size = SIMFS_SIZE_IF_NEEDED});
    }
    return sim_holes_in(m, off, behind) ? sim_fail(at, ENOMEM) : SIM_DONE;
}

/* --- loads and stores --- */

/* Can the byte be accessed? If not, the signal is noted; `at_off` is where the instruction that touches it begins. */
static bool accessible(struct sim_at *at, const struct sim_map *m, uint64_t off, bool store, uint64_t at_off)
{
    struct event *e = at->event;

    if (sim_unmapped_at(m, off)) {
        e->signo = SIGSEGV;
        e->si_code = SEGV_MAPERR;
    } else if (store && !m->writable) {
        e->signo = SIGSEGV;
        e->si_code = SEGV_ACCERR;
    } else if (off >= page_up(m->inode->size_bytes) && !sim_own_page(m, off / PAGE_BYTES) && !at->sim->fs.hooks->no_sigbus) {
        e->signo = SIGBUS;
        e->si_code = BUS_ADRERR;
    } else {
        return true;
    }
    e->fault_off = at_off;
    return false;
}

/* Stores [off, end), which lies in one page, as the step fills it. */
static void store_in_page(struct sim_at *at, struct sim_map *m, uint64_t off, uint64_t end)
{
    struct sim *sim = at->sim;

    if (m->shared) {
        sim_fill(at, m->path, off, sim->bounce, end - off);
        simfs_store(&sim->fs, m->inode, off, sim->bounce, end - off);
        return;
    }
    uint8_t *dst = sim_own_page_made(sim, m, off / PAGE_BYTES)->data + off % PAGE_BYTES;

    sim_fill(at, m->path, off, dst, end - off);
    SIMFS_HOOK(&sim->fs, private_stored, m->inode, off, dst, end - off);
}

/* Whole words of the range [off, end) are stored by one instruction each: where a cut at `at` really falls, rounded down or up.
 */
static uint64_t instruction_cut(uint64_t off, uint64_t end, uint64_t cut, bool up)
{
    const uint64_t lo = (off + WORD_BYTES - 1) / WORD_BYTES * WORD_BYTES, hi = end / WORD_BYTES * WORD_BYTES;

    if (cut <= lo || cut >= hi)
        return cut;
    return (up ? cut + WORD_BYTES - 1 : cut) / WORD_BYTES * WORD_BYTES;
}

/* How many of `left` bytes to store before others may come in between: all, or by the seed fewer. */
static uint64_t stretch(struct sim *sim, uint64_t left)
{
    return rng_next(&sim->rng) & 1 ? left : 1 + rng_below(&sim->rng, left);
}

/* One stretch upwards; the lane's `done` counts from the front. */
static enum sim_progress store_up(struct sim_at *at, struct sim_map *m)
{
    struct sim_lane *l = at->lane;
    const uint64_t end = l->off + l->len, from = l->off + l->done;
    uint64_t cut = instruction_cut(l->off, end, from + stretch(at->sim, end - from), false);

    cut = cut > from ? cut : end;
    for (uint64_t off = from; off < cut;) {
        const uint64_t page_end = (off / PAGE_BYTES + 1) * PAGE_BYTES, to = page_end < cut ? page_end : cut;

        if (!accessible(at, m, off, true, off))
            return SIM_DONE;
        store_in_page(at, m, off, to);
        l->done += to - off;
        off = to;
    }
    return cut < end ? SIM_MORE : SIM_DONE;
}

/* One stretch downwards; `done` counts from the end. */
static enum sim_progress store_down(struct sim_at *at, struct sim_map *m)
{
    struct sim_lane *l = at->lane;
    const uint64_t end = l->off + l->len, from = end - l->done;
    uint64_t cut = instruction_cut(l->off, end, from - stretch(at->sim, from - l->off), true);

    cut = cut < from ? cut : l->off;
    for (uint64_t off = from; off > cut;) {
        const uint64_t page = (off - 1) / PAGE_BYTES * PAGE_BYTES, to = page > cut ? page : cut;
        /* The first instruction in this page: a whole word where one ends here, else a byte. */
        const uint64_t first = off % WORD_BYTES == 0 && off - l->off >= WORD_BYTES ? off - WORD_BYTES : off - 1;

        if (!accessible(at, m, off - 1, true, first))
            return SIM_DONE;
        store_in_page(at, m, to, off);
        l->done += off - to;
        off = to;
    }
    return cut > l->off ? SIM_MORE : SIM_DONE;
}

static enum sim_progress work_mwrite(struct sim_at *at)
{
    struct sim_lane *l = at->lane;
    uint64_t off, end;
    /* Looked up at every tick: another thread may have unmapped it, and stores then fault. */
    struct sim_map *m = sim_map_and_range(at, &off, &end);

    if (!m) {
        if (l->done == 0)
            return SIM_DONE;
        at->event->err = 0;
        at->event->signo = SIGSEGV;
        at->event->si_code = SEGV_MAPERR;
        at->event->fault_off = l->off + l->done;
        return SIM_DONE;
    }
    if (l->done == 0) {
        l->off = off;
        l->len = end - off;
    }
    if (l->len == 0)
        return SIM_DONE;
    const enum sim_progress p = sim_flag(at, 'r') ? store_down(at, m) : store_up(at, m);

    at->event->done_bytes = l->done;
    return p;
}

static enum sim_progress work_mread(struct sim_at *at)
{
    uint64_t off, end, done = 0;
    const struct sim_map *m = sim_map_and_range(at, &off, &end);

    if (!m)
        return SIM_DONE;
    uint8_t *dst = sim_read_room(at, end - off);

    while (dst && off + done < end && accessible(at, m, off + done, false, off + done)) {
        const uint64_t from = off + done, page_end = (from / PAGE_BYTES + 1) * PAGE_BYTES;
        const uint64_t n = (page_end < end ? page_end : end) - from;
        const struct sim_own_page *o = sim_own_page(m, from / PAGE_BYTES);

        if (o)
            memcpy(dst + done, o->data + from % PAGE_BYTES, n);
        else
            simfs_read(&at->sim->fs, m->inode, from, dst + done, n);
        done += n;
    }
    at->event->data_len = at->event->done_bytes = done;
    return SIM_DONE;
}

const struct sim_verb sim_access_verbs[] = {
    {"msync", "ias", work_msync},
    {"mread", "", work_mread},
    {"mwrite", "rS", work_mwrite},
    {0},
};
