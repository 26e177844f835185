/* Verbs that load, store and sync through a mapping: mread, mwrite, msync. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "actor/actor.h"
#include "base/buf.h"
#include "base/size.h"
#include "truth/world_model.h"
#include "verbs/verbs.h"

/*
 * The addresses of an unmapped part may belong to another mapping by now, so an access stops there as if nothing were there.
 * Returns the hole's place that stops it, or UINT64_MAX; shortens the range to what comes before.
 */
static uint64_t stop_at_hole(const struct actor_map *m, bool backwards, uint64_t *off, uint64_t *len)
{
    uint64_t end = *off + *len, stop = UINT64_MAX;

    for (unsigned i = 0; i < m->n_holes; i++) {
        uint64_t lo = m->holes[i].lo, hi = m->holes[i].hi;

        if (lo >= end || hi <= *off)
            continue;
        if (backwards) {
            *off = hi < end ? hi : end;
            stop = *off - 1;
        } else {
            stop = end = lo > *off ? lo : *off;
        }
    }
    *len = end - *off;
    return stop;
}

static void note_hole(struct event *e, uint64_t stop)
{
    if (stop == UINT64_MAX || e->signo)
        return;
    e->signo = SIGSEGV;
    e->si_code = SEGV_MAPERR;
    e->fault_off = stop;
}

static void call_mread(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_map m;
    uint64_t off, len;

    if (!actor_map(a, s, e, &m, NULL) || !actor_map_range(s, 0, &m, e, &off, &len))
        return;
    uint64_t stop = stop_at_hole(&m, false, &off, &len);
    uint8_t *dst = history_data_new(a->history, e, len);

    if (!dst)
        a->broken(a->run, ENOBUFS, "mread: the history has no room for what it reads");
    actor_load(e, &m, off, len, dst);
    note_hole(e, stop);
    e->data_len = e->done_bytes; /* a fault may have cut it short */
}

static void range_of(const struct step *s, const struct mapping *m, uint64_t *ret_off, uint64_t *ret_end)
{
    *ret_off = s->arg[0].given ? s->arg[0].num : m->off;
    *ret_end = *ret_off + (s->arg[0].given ? s->arg[1].num : m->len);
}

/* The expected outcome of an access outside of the mapping, into a hole in it, or against its protection; false: none in a file.
 */
static bool inside(struct world *w, const struct step *s, const struct event *e, const struct mapping *m)
{
    struct expectation *x = world_expect(w, e);
    uint64_t off, end;

    if (!m) {
        x->err = EINVAL;
        return false;
    }
    range_of(s, m, &off, &end);
    if (off < m->off || end > m->off + page_up(m->len)) {
        x->err = EFAULT; /* the driver refuses to touch what is not the mapping's */
        return false;
    }
    for (unsigned i = 0; i < m->n_holes; i++)
        if (m->holes[i].off < end && m->holes[i].end > off)
            x->signo = EXPECT_ANY; /* SIGSEGV, or SIGBUS if it meets end of file first */
    return m->inode != NO_INODE;
}

static void effect_mread(struct world *w, const struct step *s, const struct event *e)
{
    struct mapping *m = world_map(w, s);
    uint64_t off, end;

    if (!inside(w, s, e, m))
        return;
    range_of(s, m, &off, &end);
    world_access(w, e, m->inode, off, end - off, false, m);
}

static void call_mwrite(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_map m;
    uint64_t off, len;

    if (!actor_map(a, s, e, &m, NULL) || !actor_map_range(s, 0, &m, e, &off, &len))
        return;
    struct actor_filling f = actor_filling_of(a, s, m.path);

    uint64_t stop = stop_at_hole(&m, has_flag(s, 'r'), &off, &len);

    actor_store(a, s, e, &m, off, len, &f, has_flag(s, 'r'));
    note_hole(e, stop);
}

/* The bytes of [off, end) that were stored when the step stopped after e->done_bytes of them. */
static void stored_part(const struct step *s, const struct event *e, uint64_t *off, uint64_t *end)
{
    const uint64_t done = e->done_bytes < *end - *off ? e->done_bytes : *end - *off; /* a finding's history may claim more */

    if (event_running(e))
        return; /* any of them */
    if (has_flag(s, 'r'))
        *off = *end - done;
    else
        *end = *off + done;
}

static void store_private(struct mapping *m, struct span when, uint64_t off, uint64_t end, struct content c)
{
    m->own = grow(m->own, &m->cap_own, m->n_own, sizeof *m->own);
    m->own[m->n_own++] = (struct version){.when = when, .content = c, .off = off, .end = end};
}

static void effect_mwrite(struct world *w, const struct step *s, const struct event *e)
{
    struct mapping *m = world_map(w, s);
    uint64_t off, end;

    if (!inside(w, s, e, m))
        return;
    range_of(s, m, &off, &end);
    if (!m->writable) {
        world_expect(w, e)->signo = SIGSEGV;
        return;
    }
    world_access(w, e, m->inode, off, end - off, true, m);
    stored_part(s, e, &off, &end);
    bool contended = world_contended(w, e, m->inode);
    struct span when = span_of(w, e, true);
    struct content c = content_of(w, s, m->path);

    if (!m->shared) {
        when.certain &= !contended; /* its page may have been dropped meanwhile */
        store_private(m, when, off, end, c);
        return;
    }
    /* What another lane's change of the size made of it cannot be told: a part of the file, or its tail. */
    uint64_t min, max;
    struct span maybe = when;

    maybe.certain = false;
    world_size_bounds(w, m->inode, e, &min, &max);
    if (contended) {
        min = 0;
        max = OFF_MAX;
    }
    world_write(w, m->inode, when, off, end < min ? end : min, c);
    world_write(w, m->inode, maybe, off > min ? off : min, end < max ? end : max, c);
    world_tail_store(w, m->inode, min < max ? maybe : when, off > min ? off : min, end, c);
}

static void call_msync(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_map m;
    uint64_t off, len;
    int flags = (has_flag(s, 's') ? MS_SYNC : has_flag(s, 'a') ? MS_ASYNC : 0) | (has_flag(s, 'i') ? MS_INVALIDATE : 0);

    if (actor_map(a, s, e, &m, NULL) && actor_map_range(s, 0, &m, e, &off, &len))
        actor_result(e, msync(m.addr + (off - m.off), len, flags));
}

/* Syncs [off, end) but for the holes in the mapping. */
static void sync_mapped(struct world *w, const struct mapping *m, struct span when, uint64_t off, uint64_t end)
{
    while (off < end) {
        uint64_t upto = end, next = end;

        for (unsigned i = 0; i < m->n_holes; i++) {
            if (m->holes[i].off <= off && off < m->holes[i].end) {
                upto = off;
                next = m->holes[i].end;
                break;
            }
            if (m->holes[i].off > off && m->holes[i].off < upto)
                upto = next = m->holes[i].off;
        }
        if (upto > off)
            world_sync_range(w, m->inode, when, off, upto);
        off = next;
    }
}

static void effect_msync(struct world *w, const struct step *s, const struct event *e)
{
    struct mapping *m = world_map(w, s);
    uint64_t off, end;

    if (!m) {
        world_expect(w, e)->err = EINVAL;
        return;
    }
    world_expect(w, e)->synced = m->inode;
    range_of(s, m, &off, &end);
    if (m->n_holes || off % PAGE_BYTES || off < m->off || end > m->off + m->len || has_flag(s, 'i') ||
        (has_flag(s, 'a') && has_flag(s, 's')))
        world_expect(w, e)->err = EXPECT_ANY; /* ENOMEM, EINVAL, EFAULT, or EBUSY where pages are locked */
    /* Over a hole it still syncs what is mapped, then says ENOMEM (rule C4). */
    bool done = event_ok(e) || (event_ended(e) && e->err == ENOMEM && m->n_holes);

    if (done && has_flag(s, 's') && m->syncs && m->inode != NO_INODE)
        sync_mapped(w, m, span_of(w, e, true), off, page_up(end));
}

const struct verb verbs_access[] = {
    {.name = "mread",
     .syntax = "[OFFSET LENGTH]",
     .target = TARGET_MAP,
     .help =
         "Loads the range of the file through the mapping (default: all of it), 64 bits at a time, and records the bytes, which "
         "are judged like a crash's survivors: a shared mapping shows the last completed write of each byte. Pages wholly beyond "
         "end of file raise SIGBUS, which ends the step, not the actor. As in xfs_io; mmap(2).",
     .effect = effect_mread,
     .call = call_mread},
    {.name = "mwrite",
     .syntax = "[-r] [-S BYTE] [OFFSET LENGTH]",
     .target = TARGET_MAP,
     .properties = VERB_WRITES | VERB_STORES,
     .help =
         "Stores to the range of the file through the mapping (default: all of it): stamps, words that say which step wrote them "
         "where, or with -S that byte over and over; -r from the end backwards. Other processes and read see it at once, and it "
         "outlives the process, but it is durable only after msync -s, fsync, fdatasync, syncfs or sync (mmap(2), msync(2)); "
         "before that any part of it may reach the disk at any time. A store to a page wholly beyond end of file raises SIGBUS. "
         "As in xfs_io, whose default is the byte X.",
     .effect = effect_mwrite,
     .call = call_mwrite},
    {.name = "msync",
     .syntax = "[-i] [-a] [-s] [OFFSET LENGTH]",
     .target = TARGET_MAP,
     .help =
         "-s writes the range of the file (default: the whole mapping) to the disk and waits: when it returns 0 those bytes, and "
         "the size and block mapping needed to read them, are durable; bytes outside the range are not. -a makes nothing durable "
         "(a no-op since Linux 2.6.19), nor does -i alone, which asks other mappings of the file to be brought up to date "
         "(EBUSY on locked pages), nor no flag at all, which Linux treats as -a. On a private mapping, or one made from a "
         "read-only descriptor, Linux succeeds and does nothing; over a hole it syncs what is mapped and returns ENOMEM. As in "
         "xfs_io; msync(2), POSIX.",
     .effect = effect_msync,
     .call = call_msync},
    {0},
};
