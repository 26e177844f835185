/* Verbs that make, change and advise about mappings: mmap, munmap, mremap, madvise, mincore, mlock, munlock. */
#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "actor/actor.h"
#include "base/size.h"
#include "truth/world_model.h"
#include "verbs/verbs.h"

static uint8_t *address(const struct actor_map *m, uint64_t off)
{
    return m->addr + (off - m->off);
}

static int protection(const struct step *s)
{
    int prot = (has_flag(s, 'r') ? PROT_READ : 0) | (has_flag(s, 'w') ? PROT_WRITE : 0) | (has_flag(s, 'x') ? PROT_EXEC : 0);

    return prot ? prot : PROT_READ | PROT_WRITE;
}

/* What is mapped when no range is given: the whole file; of what has no size (a device, a pipe) one page. */
static bool whole_file(const struct actor_file *f, struct event *e, uint64_t *ret_len)
{
    struct stat st;

    if (fstat(f->fd, &st) != 0) {
        e->err = errno;
        return false;
    }
    *ret_len = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : PAGE_BYTES;
    return true;
}

static bool descriptor_to_map(struct actor *a, const struct step *s, struct event *e, struct actor_file *ret)
{
    if (has_flag(s, 'F'))
        return actor_file_named(a, flag_value(s, 'F', 0), e, ret);
    /* '@name' names the new mapping here, not the descriptor: that is the lane's current one. */
    struct step bare = *s;

    bare.handle = -1;
    return actor_file(a, &bare, e, ret, NULL);
}

static void call_mmap(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;
    struct actor_map over = {0};
    uint64_t off = 0, len;

    if (!descriptor_to_map(a, s, e, &f))
        return;
    if (has_flag(s, 'O') && !actor_map_named(a, flag_value(s, 'O', 0), e, &over))
        return;
    if (s->arg[0].given) {
        off = s->arg[0].num;
        len = s->arg[1].num;
    } else if (!whole_file(&f, e, &len)) {
        return;
    }
    /* A replacement longer than what it replaces would overwrite whatever lies behind, and one of a mapping with holes what
     * lies in them: perhaps memory of the harness. */
    if (over.mapped && (page_up(len) > over.page_span || over.n_holes)) {
        e->err = EINVAL;
        return;
    }
    int flags = (has_flag(s, 'p')   ? MAP_PRIVATE
                 : has_flag(s, 'S') ? MAP_SHARED_VALIDATE | MAP_SYNC
                                    : MAP_SHARED) |
                (over.mapped ? MAP_FIXED : 0);
    void *addr = mmap(over.addr, len, protection(s), flags, f.fd, (off_t)off);

    if (addr == MAP_FAILED) {
        e->err = errno;
        return;
    }
    if (over.mapped) {
        over.holes[over.n_holes].lo = over.off;
        over.holes[over.n_holes++].hi = over.off + page_up(len);
        actor_set_map(a, (int)flag_value(s, 'O', 0), &over);
    }
    actor_new_map(a, s,
                  &(struct actor_map){
                      .mapped = true, .addr = addr, .off = off, .len_bytes = len, .page_span = page_up(len), .path = f.path});
}

/* The descriptor that mmap maps: the one -F names, else the lane's current one. */
static struct open_file *file_to_map(struct world *w, const struct step *s)
{
    struct step bare = *s;

    bare.handle = has_flag(s, 'F') ? (int16_t)flag_value(s, 'F', 0) : (int16_t)-1;
    return world_file(w, &bare);
}

/* Rule I3, in the order in which Linux looks. */
static int mmap_error(const struct world *w, const struct step *s, const struct open_file *f, uint64_t len)
{
    bool writes = (protection(s) & PROT_WRITE) != 0;

    if (!f)
        return EBADF;
    if (f->inode == NO_INODE || has_flag(s, 'x') || has_flag(s, 'S') || has_flag(s, 'O'))
        return EXPECT_ANY; /* a device or pipe; a mount with noexec; no DAX; a range that may not fit */
    if (len == 0 || s->arg[0].num % PAGE_BYTES)
        return EINVAL;
    if ((!has_flag(s, 'p') && writes && !f->writable) || !f->readable)
        return EACCES;
    return w->inodes[f->inode].kind == INODE_FILE ? 0 : ENODEV;
}

static void add_hole(struct mapping *m, uint64_t off, uint64_t end)
{
    assert(m->n_holes < MAX_HOLES); /* the driver refuses more than ACTOR_MAX_HOLES */
    m->holes[m->n_holes].off = off;
    m->holes[m->n_holes++].end = end;
}

static void effect_mmap(struct world *w, const struct step *s, const struct event *e)
{
    struct open_file *f = file_to_map(w, s);
    uint64_t len = s->arg[0].given ? s->arg[1].num : 0;

    if (f && !s->arg[0].given && f->inode != NO_INODE)
        len = w->inodes[f->inode].kind == INODE_FILE ? world_size(w, f->inode) : PAGE_BYTES;
    world_expect(w, e)->err = mmap_error(w, s, f, len);
    if (!f || !event_ok(e))
        return;
    if (has_flag(s, 'O')) {
        struct mapping *over = &w->maps[world_actor(w, s)][flag_value(s, 'O', 0)];

        add_hole(over, over->off, over->off + page_up(len));
    }
    struct mapping *m = world_new_map(w, s);

    m->valid = true;
    m->shared = !has_flag(s, 'p');
    m->syncs = m->shared && f->writable;
    m->writable = (protection(s) & PROT_WRITE) != 0;
    m->n_holes = 0;
    m->inode = f->inode;
    if (m->shared && f->inode != NO_INODE)
        w->inodes[f->inode].mapped = true;
    m->path = f->path;
    m->off = s->arg[0].given ? s->arg[0].num : 0;
    m->len = len;
    m->made_seq = e->begin_seq;
    m->n_own = 0;
}

/* A private mapping's own stores in [lo, hi) of the file may be gone: from now on either they or the file's bytes are seen. */
static void forget_own(struct mapping *m, uint64_t lo, uint64_t hi)
{
    for (size_t i = 0; i < m->n_own; i++)
        if (m->own[i].off < hi && m->own[i].end > lo)
            m->own[i].when.certain = false;
}

/* Unmaps file range [lo, hi) of the mapping, except what is unmapped already: another mapping may have those addresses by now. */
static int unmap_except_holes(const struct actor_map *m, uint64_t lo, uint64_t hi)
{
    while (lo < hi) {
        uint64_t end = hi, next = hi;

        for (unsigned i = 0; i < m->n_holes; i++) {
            if (m->holes[i].lo <= lo && lo < m->holes[i].hi) {
                end = lo; /* inside a hole: go on behind it */
                next = m->holes[i].hi;
                break;
            }
            if (m->holes[i].lo > lo && m->holes[i].lo < end)
                end = next = m->holes[i].lo;
        }
        if (end > lo && munmap(address(m, lo), end - lo) != 0)
            return -1;
        lo = next;
    }
    return 0;
}

static void call_munmap(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_map m;
    int slot;
    uint64_t off, len;

    if (!actor_map(a, s, e, &m, &slot) || !actor_map_range(s, 0, &m, e, &off, &len))
        return;
    uint64_t end = m.off + m.page_span, hi = off + page_up(len);
    bool whole = off == m.off && hi == end;

    if (!whole && ((off - m.off) % PAGE_BYTES != 0 || len == 0 || hi > end || m.n_holes == ACTOR_MAX_HOLES)) {
        e->err = EINVAL;
        return;
    }
    struct actor_map left = {0};

    if (!whole) {
        left = m;
        left.holes[left.n_holes].lo = off;
        left.holes[left.n_holes++].hi = hi;
    }
    actor_set_map(a, slot, &left);
    actor_result(e, unmap_except_holes(&m, off, hi));
}

static void effect_munmap(struct world *w, const struct step *s, const struct event *e)
{
    struct mapping *m = world_map(w, s);

    if (!m)
        world_expect(w, e)->err = EINVAL;
    else if (s->arg[0].given)
        world_expect(w, e)->err = EXPECT_ANY;
    if (!m || !event_ok(e))
        return;
    if (s->arg[0].given && (s->arg[0].num != m->off || page_up(s->arg[1].num) != page_up(m->len)))
        add_hole(m, s->arg[0].num, s->arg[0].num + page_up(s->arg[1].num));
    else
        world_drop_map(w, s, m);
}

static void call_mremap(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_map m;
    int slot;
    uint64_t len = s->arg[0].num;

    if (!actor_map(a, s, e, &m, &slot))
        return;
    /* Another mapping may have the addresses of a hole by now. */
    if (m.n_holes) {
        e->err = EFAULT;
        return;
    }
    void *addr = mremap(m.addr, m.len_bytes, len, has_flag(s, 'm') ? MREMAP_MAYMOVE : 0);

    if (addr == MAP_FAILED) {
        e->err = errno;
        return;
    }
    m.addr = addr;
    m.len_bytes = len;
    m.page_span = page_up(len);
    actor_set_map(a, slot, &m);
}

static void effect_mremap(struct world *w, const struct step *s, const struct event *e)
{
    struct mapping *m = world_map(w, s);

    world_expect(w, e)->err = m ? EXPECT_ANY : EINVAL; /* whether there is room behind it is up to the kernel */
    if (!m || !event_ok(e))
        return;
    m->len = s->arg[0].num;
    forget_own(m, m->off + page_up(m->len), OFF_MAX);
}

static void call_madvise(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_map m;
    uint64_t off, len;
    int advice = has_flag(s, 'd')   ? MADV_DONTNEED
                 : has_flag(s, 'r') ? MADV_RANDOM
                 : has_flag(s, 's') ? MADV_SEQUENTIAL
                 : has_flag(s, 'w') ? MADV_WILLNEED
                 : has_flag(s, 'p') ? MADV_PAGEOUT
                                    : MADV_NORMAL;

    if (actor_map(a, s, e, &m, NULL) && actor_map_range(s, 0, &m, e, &off, &len))
        actor_result(e, madvise(address(&m, off), len, advice));
}

static void effect_madvise(struct world *w, const struct step *s, const struct event *e)
{
    struct mapping *m = world_map(w, s);

    world_expect(w, e)->err = m ? EXPECT_ANY : EINVAL; /* locked pages and odd advice are refused */
    if (!m || !has_flag(s, 'd'))
        return;
    uint64_t off = s->arg[0].given ? s->arg[0].num : m->off,
             end = off + (s->arg[0].given ? page_up(s->arg[1].num) : page_up(m->len));

    forget_own(m, off, end); /* if it worked */
}

static void call_mincore(struct actor *a, const struct step *s, struct event *e)
{
    enum { CHUNK_PAGES = 4096 };
    unsigned char vec[CHUNK_PAGES];
    struct actor_map m;
    uint64_t off, len;
    int64_t resident = 0;

    if (!actor_map(a, s, e, &m, NULL) || !actor_map_range(s, 0, &m, e, &off, &len))
        return;
    for (uint64_t pages = page_up(len) / PAGE_BYTES, done = 0, n; done < pages; done += n) {
        n = pages - done < CHUNK_PAGES ? pages - done : CHUNK_PAGES;
        if (mincore(address(&m, off) + done * PAGE_BYTES, n * PAGE_BYTES, vec) != 0) {
            e->err = errno;
            return;
        }
        for (uint64_t i = 0; i < n; i++)
            resident += vec[i] & 1;
    }
    e->ret = resident;
}

static void effect_advice(struct world *w, const struct step *s, const struct event *e)
{
    world_expect(w, e)->err = world_map(w, s) ? EXPECT_ANY : EINVAL; /* holes and limits of locked memory */
}

static void call_mlock(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_map m;
    uint64_t off, len;

    if (actor_map(a, s, e, &m, NULL) && actor_map_range(s, 0, &m, e, &off, &len))
        actor_result(e, mlock(address(&m, off), len));
}

static void call_munlock(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_map m;
    uint64_t off, len;

    if (actor_map(a, s, e, &m, NULL) && actor_map_range(s, 0, &m, e, &off, &len))
        actor_result(e, munlock(address(&m, off), len));
}

const struct verb verbs_map[] = {
    {.name = "mmap",
     .syntax = "[-r] [-w] [-x] [-p] [-S] [-F FILE] [-O MAP] [OFFSET LENGTH]",
     .target = TARGET_NEW_MAP,
     .help =
         "Maps the range of the current file, or of the descriptor -F names (without a range: the whole file), and makes it the "
         "lane's current mapping; '@name' names it, otherwise it bears its descriptor's name. -r, -w, -x set the protection "
         "(default: read and write). -p maps privately: stores then never reach the file. -S asks for MAP_SYNC (DAX only). -O "
         "puts it over that other mapping, from its first page on (MAP_FIXED): the dirty bytes of the part replaced still "
         "reach the file, the new pages are not locked, and a load or store of the other mapping there is stopped with SIGSEGV. "
         "OFFSET must be a multiple of the page. A shared writable mapping "
         "needs a descriptor open for both, else EACCES; a directory gives ENODEV. As in xfs_io, except -p, -F, -O; mmap(2).",
     .effect = effect_mmap,
     .call = call_mmap},
    {.name = "munmap",
     .syntax = "[OFFSET LENGTH]",
     .target = TARGET_MAP,
     .help = "Unmaps the mapping, or the pages of that range of the file only (in whole pages), which leaves a hole. It makes "
             "nothing durable: what was stored stays dirty in the page cache (munmap(2); Linux NFS FAQ D8). As in xfs_io, which "
             "takes no range.",
     .effect = effect_munmap,
     .call = call_munmap},
    {.name = "mremap",
     .syntax = "[-m] SIZE",
     .target = TARGET_MAP,
     .help = "Changes the mapping's length to SIZE; -m lets it move. ENOMEM when it cannot grow where it is. It makes nothing "
             "durable and does not change the file's size. As in xfs_io; mremap(2).",
     .effect = effect_mremap,
     .call = call_mremap},
    {.name = "madvise",
     .syntax = "[-d] [-r] [-s] [-w] [-p] [OFFSET LENGTH]",
     .target = TARGET_MAP,
     .help = "Advises the kernel about a range of the file in the mapping (default: all of it): -d not needed (a shared mapping "
             "loses nothing by it, a private one its stores), -r random, -s sequential, -w needed soon, -p page it out now "
             "(MADV_PAGEOUT), none: normal. It makes nothing durable. As in xfs_io, except -p; madvise(2).",
     .effect = effect_madvise,
     .call = call_madvise},
    {.name = "mincore",
     .syntax = "[OFFSET LENGTH]",
     .target = TARGET_MAP,
     .help = "Counts the pages of the range of the file (default: the whole mapping) that are in memory; the step returns their "
             "number. It changes nothing. As in xfs_io; mincore(2).",
     .effect = effect_advice,
     .call = call_mincore},
    {.name = "mlock",
     .syntax = "[OFFSET LENGTH]",
     .target = TARGET_MAP,
     .help =
         "Locks the range's pages in memory (default: the whole mapping). That keeps them from being reclaimed, not from being "
         "written back: it neither makes anything durable nor holds anything back from the disk. While locked, msync -i fails "
         "with EBUSY. mlock(2), msync(2).",
     .effect = effect_advice,
     .call = call_mlock},
    {.name = "munlock",
     .syntax = "[OFFSET LENGTH]",
     .target = TARGET_MAP,
     .help = "Unlocks the range's pages (default: the whole mapping). It makes nothing durable. munlock(2).",
     .effect = effect_advice,
     .call = call_munlock},
    {0},
};
