/* The `sim` backend: verbs that make, change and advise about mappings. See sim.h. */
#include <errno.h>

#include "base/buf.h"
#include "base/size.h"
#include "model/machine.h"

#define ADDRESS_SPACE ((uint64_t)1 << 47) /* bytes, x86-64 */

static int map_slot(const struct sim_at *at)
{
    return at->step->handle >= 0 ? at->step->handle : at->lane->map;
}

static struct sim_map *the_map(struct sim_at *at)
{
    const int slot = map_slot(at);

    if (slot != SIM_NO_SLOT && at->actor->maps[slot].mapped)
        return &at->actor->maps[slot];
    at->event->err = EINVAL;
    return NULL;
}

struct sim_map *sim_map_and_range(struct sim_at *at, uint64_t *ret_off, uint64_t *ret_end)
{
    struct sim_map *m = the_map(at);
    const struct arg *arg = at->step->arg;

    if (!m)
        return NULL;
    const uint64_t off = arg[0].given ? arg[0].num : m->off, len = arg[0].given ? arg[1].num : m->len_bytes;

    if (off < m->off || off - m->off > m->page_span || len > m->page_span - (off - m->off)) {
        at->event->err = EFAULT;
        return NULL;
    }
    *ret_off = off;
    *ret_end = off + len;
    return m;
}

struct sim_map *sim_map_and_pages(struct sim_at *at, uint64_t *ret_off, uint64_t *ret_end)
{
    struct sim_map *m = sim_map_and_range(at, ret_off, ret_end);

    if (!m || (*ret_off - m->off) % PAGE_BYTES == 0)
        return m;
    at->event->err = EINVAL;
    return NULL;
}

bool sim_unmapped_at(const struct sim_map *m, uint64_t off)
{
    for (unsigned i = 0; i < m->n_holes; i++)
        if (off >= m->holes[i].lo && off < m->holes[i].hi)
            return true;
    return false;
}

/* True when a hole lies in [off, end). */
bool sim_holes_in(const struct sim_map *m, uint64_t off, uint64_t end)
{
    for (unsigned i = 0; i < m->n_holes; i++)
        if (m->holes[i].lo < end && off < m->holes[i].hi)
            return true;
    return false;
}

/* --- private pages --- */

struct sim_own_page *sim_own_page(const struct sim_map *m, uint64_t index)
{
    struct sim_own_page *o = m->own;

    while (o && o->index != index)
        o = o->next;
    return o;
}

/* The mapping's own copy of the page, made from the file's page at the first store. */
struct sim_own_page *sim_own_page_made(struct sim *sim, struct sim_map *m, uint64_t index)
{
    struct sim_own_page *o = sim_own_page(m, index);

    if (o)
        return o;
    if (sim->n_own_pages == sim->made_own_pages) {
        sim->own_pages = grow(sim->own_pages, &sim->cap_own_pages, sim->n_own_pages, sizeof(struct sim_own_page *));
        sim->own_pages[sim->made_own_pages++] = xmalloc(sizeof *o);
    }
    o = sim->own_pages[sim->n_own_pages++];
    o->index = index;
    o->next = m->own;
    m->own = o;
    simfs_read(&sim->fs, m->inode, index * PAGE_BYTES, o->data, PAGE_BYTES);
    return o;
}

static void drop_own(struct sim_map *m, uint64_t first_page, uint64_t end_page)
{
    for (struct sim_own_page **o = &m->own; *o;) {
        if ((*o)->index >= first_page && (*o)->index < end_page)
            *o = (*o)->next;
        else
            o = &(*o)->next;
    }
}

void sim_drop_own_pages(struct sim *m, const struct simfs_inode *i, uint64_t first_page)
{
    /* Only when there are any: most runs have none, and there are many slots. */
    for (size_t a = 0; m->n_own_pages && a < m->plan->n_actors; a++)
        for (size_t s = 0; s < SIM_SLOTS; s++)
            if (m->actors[a].maps[s].mapped && m->actors[a].maps[s].inode == i)
                drop_own(&m->actors[a].maps[s], first_page, UINT64_MAX);
}

/* --- mmap, munmap, mremap --- */

/* What mmap(2) refuses, in the kernel's order; 0: nothing. */
static int may_map(const struct sim_at *at, const struct sim_file *f, uint64_t off, uint64_t len, bool writable, bool shared)
{
    if (off % PAGE_BYTES || len == 0)
        return EINVAL;
    if (len > UINT64_MAX - PAGE_BYTES)
        return ENOMEM;
    if (off > UINT64_MAX - page_up(len))
        return EOVERFLOW;
    if (page_up(len) > ADDRESS_SPACE - PAGE_BYTES)
        return ENOMEM;
    if (f->inode->kind == SIMFS_FILE && (off > INT64_MAX || page_up(len) > (uint64_t)INT64_MAX - off))
        return EOVERFLOW;
    if (sim_flag(at, 'S') && !sim_flag(at, 'p'))
        return f->inode->kind == SIMFS_FILE ? EOPNOTSUPP : ENODEV;
    if ((shared && writable && !f->writable) || !f->readable)
        return EACCES;
    return f->inode->kind == SIMFS_FILE ? 0 : ENODEV;
}

static struct sim_file *file_to_map(struct sim_at *at, int *ret_slot)
{
    const int slot = sim_flag(at, 'F') ? (int)sim_flag_value(at, 'F', 0) : at->lane->file;

    if (slot == SIM_NO_SLOT || !at->actor->files[slot].open) {
        at->event->err = EBADF;
        return NULL;
    }
    *ret_slot = slot;
    return &at->actor->files[slot];
}

static void note_unmapped(struct sim_at *at, const struct sim_map *m, uint64_t off, uint64_t end)
{
    if (m->shared)
        SIMFS_HOOK(&at->sim->fs, unmapped, m->inode, off, end - off);
}

static enum sim_progress work_mmap(struct sim_at *at)
{
    int slot;
    const struct sim_file *f = file_to_map(at, &slot);
    struct sim_map *over = NULL;

    if (!f)
        return SIM_DONE;
    if (sim_flag(at, 'O')) {
        over = &at->actor->maps[sim_flag_value(at, 'O', 0)];
        if (!over->mapped)
            return sim_fail(at, EINVAL);
    }
    const uint64_t whole = f->inode->kind == SIMFS_FILE ? f->inode->size_bytes : PAGE_BYTES;
    const uint64_t off = at->step->arg[0].given ? at->step->arg[0].num : 0,
                   len = at->step->arg[0].given ? at->step->arg[1].num : whole;
    const bool any = sim_flag(at, 'r') || sim_flag(at, 'w') || sim_flag(at, 'x');
    const bool writable = !any || sim_flag(at, 'w'), shared = !sim_flag(at, 'p');

    if (over && page_up(len) > over->page_span)
        return sim_fail(at, EINVAL);
    const int err = may_map(at, f, off, len, writable, shared);

    if (err)
        return sim_fail(at, err);
    if (over)
        note_unmapped(at, over, over->off, over->off + page_up(len));
    if (at->step->handle >= 0)
        slot = at->step->handle;
    /* On x86 what may be written or executed may be read. */
    at->actor->maps[slot] = (struct sim_map){.mapped = true,
                                             .inode = f->inode,
                                             .path = f->path,
                                             .off = off,
                                             .len_bytes = len,
                                             .page_span = page_up(len),
                                             .shared = shared,
                                             .readable = true,
                                             .writable = writable};
    at->lane->map = (int16_t)slot;
    return SIM_DONE;
}

static enum sim_progress work_munmap(struct sim_at *at)
{
    const int slot = map_slot(at);
    uint64_t off, end;
    struct sim_map *m = sim_map_and_range(at, &off, &end);

    if (!m)
        return SIM_DONE;
    const uint64_t hi = off + page_up(end - off), last = m->off + m->page_span;

    if (off == m->off && hi == last) {
        m->mapped = false;
        for (size_t l = 0; l < at->sim->plan->n_lanes; l++)
            if (at->sim->plan->lanes[l].actor == at->actor - at->sim->actors && at->sim->lanes[l].map == slot)
                at->sim->lanes[l].map = SIM_NO_SLOT;
    } else {
        if ((off - m->off) % PAGE_BYTES || off == end || hi > last || m->n_holes == SIM_MAX_HOLES)
            return sim_fail(at, EINVAL);
        m->holes[m->n_holes].lo = off;
        m->holes[m->n_holes++].hi = hi;
    }
    note_unmapped(at, m, off, hi);
    return SIM_DONE;
}

static enum sim_progress work_mremap(struct sim_at *at)
{
    struct sim_map *m = the_map(at);
    const uint64_t len = at->step->arg[0].num;

    if (!m)
        return SIM_DONE;
    if (len == 0)
        return sim_fail(at, EINVAL);
    if (len > ADDRESS_SPACE - PAGE_BYTES)
        return sim_fail(at, ENOMEM);
    const uint64_t span = page_up(len);

    if (sim_unmapped_at(m, m->off) || (span > m->page_span && m->n_holes))
        return sim_fail(at, EFAULT);
    if (span < m->page_span) {
        note_unmapped(at, m, m->off + span, m->off + m->page_span);
        drop_own(m, (m->off + span) / PAGE_BYTES, UINT64_MAX);
    }
    m->len_bytes = len;
    m->page_span = span;
    return SIM_DONE;
}

/* --- advice and locks --- */

static enum sim_progress work_madvise(struct sim_at *at)
{
    uint64_t off, end;
    struct sim_map *m = sim_map_and_pages(at, &off, &end);

    if (!m)
        return SIM_DONE;
    if (off == end)
        return SIM_DONE;
    if (m->locked && (sim_flag(at, 'd') || (sim_flag(at, 'p') && !sim_flag(at, 'r') && !sim_flag(at, 's') && !sim_flag(at, 'w'))))
        return sim_fail(at, EINVAL);
    const uint64_t first = off / PAGE_BYTES, behind = page_up(end) / PAGE_BYTES;

    if (sim_flag(at, 'd') && !m->shared)
        drop_own(m, first, behind);
    else if (sim_flag(at, 'p') && m->shared)
        simfs_start_writeback(&at->sim->fs, m->inode, first, behind);
    return sim_holes_in(m, off, page_up(end)) ? sim_fail(at, ENOMEM) : SIM_DONE;
}

static enum sim_progress work_mincore(struct sim_at *at)
{
    uint64_t off, end;
    const struct sim_map *m = sim_map_and_pages(at, &off, &end);
    int64_t resident = 0;

    if (!m)
        return SIM_DONE;
    if (sim_holes_in(m, off, page_up(end)))
        return sim_fail(at, ENOMEM);
    for (const struct simfs_page *p = m->inode->first; p; p = p->next)
        resident += p->index >= off / PAGE_BYTES && p->index < page_up(end) / PAGE_BYTES;
    return sim_ok(at, resident);
}

static enum sim_progress work_mlock(struct sim_at *at)
{
    uint64_t off, end;
    struct sim_map *m = sim_map_and_range(at, &off, &end);

    if (!m || off == end)
        return SIM_DONE;
    m->locked = true;
    /* Locking faults the pages in: what lies wholly beyond end of file cannot be had (mlock(2), ENOMEM). */
    const bool beyond = page_up(end) > page_up(m->inode->size_bytes);

    return sim_holes_in(m, off, page_up(end)) || beyond ? sim_fail(at, ENOMEM) : SIM_DONE;
}

static enum sim_progress work_munlock(struct sim_at *at)
{
    uint64_t off, end;
    struct sim_map *m = sim_map_and_range(at, &off, &end);

    if (!m || off == end)
        return SIM_DONE;
    m->locked = false;
    return sim_holes_in(m, off, page_up(end)) ? sim_fail(at, ENOMEM) : SIM_DONE;
}

const struct sim_verb sim_map_verbs[] = {
    {"mmap", "rwxpSFO", work_mmap}, {"munmap", "", work_munmap},
    {"mremap", "m", work_mremap},   {"madvise", "drswp", work_madvise},
    {"mincore", "", work_mincore},  {"mlock", "", work_mlock},
    {"munlock", "", work_munlock},  {0},
};
