/*
 * The oracle for bytes and sizes. The rules, in plain English; the letters are those of RULES.md.
 *
 * Parts: a version is one content that a byte had (by a store, a write, zeros of a truncation or a hole, a clone). Before all
 * versions stand the initial zeros of new space. A version begins and, unless it is interrupted, ends. A sync begins and ends,
 * and covers some bytes. A moment is where contents are judged: while a step reads, after a kill, or at a power cut.
 *
 * 1. Without a power cut (A1, I1) a reader sees the last version that had ended before the read began, or any that was running
 *    meanwhile. A version is hidden once a later version, begun after it ended, has itself ended before the read began. After a
 *    kill the reader comes after everything. A store that the kill interrupted never ended, so each of its bytes may be old or
 * new.
 * 2. After a power cut (B1) a version may be there if it had begun. It is ruled out if a newer version, begun after it ended, had
 *    ended before a sync of these bytes began, and that sync had ended before the cut (C1, C2). The newest version that such a
 *    sync covers is the floor. The floor and everything after it are legal. So are the initial zeros, while there is no floor.
 * 3. Nothing else orders bytes, pages or files (B2, B3). Each byte is judged alone (B4).
 * 4. Sizes follow the same rules (D1). A ranged sync promises only the size that is needed to read what was written to its range
 *    (C1). A change that extends a file may leave any size on the way to its own, unless it was made durable.
 * 5. Where lanes raced, the history does not tell the order. Then a size is a range (loose), and bytes that may be anything are a
 *    version of that kind.
 * 6. Bytes stored beyond end of file in the last page are never part of the file (D3). A reader through a mapping may see them,
 * or zeros.
 *
 * A worked timeline. Three stores S1, S2, S3 to one byte, two syncs Y1, Y2 of it, and a power cut at one of two positions:
 *
 *    S1 begins, ends | Y1 begins, ends | S2 begins, ends | Y2 begins | S3 begins | cut a | Y2 ends | cut b
 *
 * At cut a, Y1 had ended and Y2 had not. The floor is S1: S1, S2 and S3 are legal; the initial zeros are ruled out. S3 is legal
 * although it never ended, since it had begun. At cut b, Y2 had ended, and S2 had ended before Y2 began: the floor is S2, and S1
 * is ruled out. S3 did not end before Y2 began, so Y2 promises nothing about it: S2 and S3 are legal.
 */
#include "truth/oracle.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void add_cut(struct legal_map *out, uint64_t off, uint64_t end)
{
    if (off == 0 || off >= end)
        return;
    out->cuts = grow(out->cuts, &out->cap_cuts, out->n_cuts, sizeof *out->cuts);
    out->cuts[out->n_cuts++] = off;
}

static int by_offset(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Where the set of versions or syncs covering a byte may change: sorted, without duplicates, first 0, last `end`. */
static void find_cuts(const struct inode *ino, uint64_t end, const struct version *own, size_t n_own, struct legal_map *out)
{
    out->n_cuts = 0;
    for (size_t i = 0; i < ino->n_versions; i++) {
        add_cut(out, ino->versions[i].off, end);
        add_cut(out, ino->versions[i].end, end);
    }
    for (size_t i = 0; i < ino->n_syncs; i++) {
        add_cut(out, ino->syncs[i].off, end);
        add_cut(out, ino->syncs[i].end, end);
    }
    for (size_t i = 0; i < n_own; i++) {
        add_cut(out, own[i].off, end);
        add_cut(out, own[i].end, end);
    }
    if (out->n_cuts > 1)
        qsort(out->cuts, out->n_cuts, sizeof *out->cuts, by_offset);
    size_t n = 0;

    for (size_t i = 0; i < out->n_cuts; i++)
        if (n == 0 || out->cuts[i] != out->cuts[n - 1])
            out->cuts[n++] = out->cuts[i];
    out->n_cuts = n;
}

static void add_legal(struct legal_map *out, struct segment *seg, const struct version *v)
{
    out->legal = grow(out->legal, &out->cap_legal, out->n_legal, sizeof *out->legal);
    out->legal[out->n_legal++] = v;
    seg->n++;
}

static bool covers(const struct version *v, uint64_t off)
{
    return v->off <= off && off < v->end;
}

/*
 * The latest begin_seq of a sync of byte `off` that had ended: versions that ended before it are durable. 0: none. A file that
 * had lost its last name when it was synced may have that name again after a power cut; whether it then holds what was synced no
 * document says, but ext4 and XFS see to it (practice), and btrfs does not.
 */
static uint64_t last_sync(const struct inode *ino, const struct moment *m, uint64_t off, bool practice, int32_t *ret_event)
{
    uint64_t seq = 0;

    for (size_t i = 0; i < ino->n_syncs; i++) {
        const struct sync_record *s = &ino->syncs[i];

        if (s->nameless && !practice)
            continue;
        if (s->off <= off && off < s->end && ended_by(&s->when, m) && s->when.begin_seq > seq) {
            seq = s->when.begin_seq;
            *ret_event = s->when.event;
        }
    }
    return seq;
}

/* Must this version, or a later one, be there? */
static bool settled(const struct version *v, const struct moment *m, uint64_t sync_seq)
{
    if (!v->when.certain || v->tail || !ended_by(&v->when, m))
        return false;
    return !may_lose_unsynced(m) || v->when.end_seq <= sync_seq;
}

static bool tail_counts(const struct world *w, const struct moment *m)
{
    return !w->guarantees->zero_tail || m->live;
}

static void judge(const struct world *w, const struct inode *ino, const struct moment *m, struct segment *seg,
                  struct legal_map *out)
{
    uint64_t floor_seq = 0, sync_seq = 0, practice_sync_seq = 0;
    int32_t promised_by = NO_EVENT, unused;

    seg->first = out->n_legal;
    if (may_lose_unsynced(m))
        sync_seq = last_sync(ino, m, seg->off, false, &promised_by);
    if (may_lose_unsynced(m))
        practice_sync_seq = last_sync(ino, m, seg->off, true, &unused);
    for (size_t i = 0; i < ino->n_versions; i++) {
        const struct version *v = &ino->versions[i];

        if (!covers(v, seg->off))
            continue;
        if (v->when.certain && !v->tail && ended_by(&v->when, m) && (!seg->live || v->when.begin_seq > seg->live->when.begin_seq))
            seg->live = v;
        if (settled(v, m, sync_seq) && v->when.begin_seq > floor_seq) {
            floor_seq = v->when.begin_seq;
            seg->floor = v;
        }
        if (practice_sync_seq > sync_seq && settled(v, m, practice_sync_seq) && v->when.begin_seq > seg->practice_seq)
            seg->practice_seq = v->when.begin_seq;
    }
    seg->promised_by = seg->floor ? promised_by : NO_EVENT;
    for (size_t i = ino->n_versions; i-- > 0;) {
        const struct version *v = &ino->versions[i];

        if (!covers(v, seg->off) || !began_by(&v->when, m))
            continue;
        if (v->tail ? tail_counts(w, m) && (!w->guarantees->zero_tail || v->when.end_seq > floor_seq)
                    : v->when.end_seq > floor_seq)
            add_legal(out, seg, v);
    }
    if (floor_seq == 0)
        add_legal(out, seg, NULL);
    seg->anything = may_lose_unsynced(m) && floor_seq == 0 && !w->guarantees->no_stale_blocks;
}

/* A private mapping's own stores hide the file from the newest complete one on (I2). */
static void judge_own(const struct version *own, size_t n_own, struct segment *seg, struct legal_map *out)
{
    size_t newest = n_own;

    for (size_t i = 0; i < n_own; i++)
        if (covers(&own[i], seg->off) && own[i].when.certain)
            newest = i;
    if (newest < n_own) {
        out->n_legal = seg->first;
        seg->n = 0;
        seg->anything = false;
    }
    for (size_t i = newest < n_own ? newest : 0; i < n_own; i++)
        if (covers(&own[i], seg->off))
            add_legal(out, seg, &own[i]);
}

void oracle_bytes(const struct world *w, int inode, const struct moment *m, uint64_t end, const struct version *own, size_t n_own,
                  struct legal_map *out)
{
    const struct inode *ino = &w->inodes[inode];
    uint64_t off = 0;

    find_cuts(ino, end, own, n_own, out);
    out->n_segs = out->n_legal = 0;
    for (size_t i = 0; i <= out->n_cuts; i++) {
        uint64_t upto = i < out->n_cuts ? out->cuts[i] : end;

        if (upto == off)
            continue;
        out->segs = grow(out->segs, &out->cap_segs, out->n_segs, sizeof *out->segs);
        struct segment *seg = &out->segs[out->n_segs++];

        *seg = (struct segment){.off = off, .end = upto};
        judge(w, ino, m, seg, out);
        if (n_own)
            judge_own(own, n_own, seg, out);
        off = upto;
    }
}

void legal_map_free(struct legal_map *m)
{
    free(m->segs);
    free(m->legal);
    free(m->cuts);
    *m = (struct legal_map){0};
}

/* ---- sizes ---- */

/* Is everything that ended there for certain? */
static bool keeps_all(const struct moment *m)
{
    return !may_lose_unsynced(m) || m->lossless;
}

/* The newest size that must at least have been reached; NULL: only the initial 0. */
static const struct size_version *size_floor(const struct inode *ino, const struct moment *m, int32_t *ret_promise)
{
    const struct size_version *floor = NULL;
    uint64_t sync_seq = 0;

    for (size_t i = 0; !keeps_all(m) && i < ino->n_syncs; i++) {
        const struct sync_record *s = &ino->syncs[i];

        if (s->full && !s->nameless && ended_by(&s->when, m) && s->when.begin_seq > sync_seq) {
            sync_seq = s->when.begin_seq;
            *ret_promise = s->when.event;
        }
    }
    for (size_t i = 0; i < ino->n_sizes; i++) {
        const struct size_version *v = &ino->sizes[i];

        if (v->when.certain && ended_by(&v->when, m) && (keeps_all(m) || v->when.end_seq <= sync_seq))
            if (!floor || v->when.begin_seq > floor->when.begin_seq)
                floor = v;
    }
    return floor;
}

/*
 * The size that a ranged sync promises: what it takes to read those bytes of its range that something had been written to. Zeros
 * that only a larger size made do not count: ext4 writes back the page and not the size, and the reader misses nothing but zeros.
 */
static uint64_t needed_size(const struct inode *ino, const struct sync_record *s, uint64_t size)
{
    uint64_t need = 0;

    for (size_t i = 0; i < ino->n_versions; i++) {
        const struct version *v = &ino->versions[i];
        uint64_t end = v->end < s->end ? v->end : s->end;

        if (v->content.kind != CONTENT_ZERO && !v->tail && v->when.certain && v->when.end_seq <= s->when.begin_seq &&
            end > s->off && v->off < end && end > need)
            need = end;
    }
    return need < size ? need : size;
}

/* The least size that ranged syncs leave legal where version v (NULL: the initial 0) explains it. */
static uint64_t promised_size(const struct inode *ino, const struct moment *m, const struct size_version *v, int32_t *ret_promise)
{
    uint64_t least = 0;

    for (size_t i = 0; !keeps_all(m) && i < ino->n_syncs; i++) {
        const struct sync_record *s = &ino->syncs[i];
        const struct size_version *at = NULL;

        if (s->full || s->nameless || !ended_by(&s->when, m))
            continue;
        for (size_t k = 0; k < ino->n_sizes; k++)
            if (ino->sizes[k].when.certain && ino->sizes[k].when.end_seq <= s->when.begin_seq)
                at = &ino->sizes[k];
        uint64_t need =
            at && (!v || v->when.begin_seq <= at->when.begin_seq) ? needed_size(ino, s, at->loose ? at->lo : at->hi) : 0;

        if (need > least) {
            least = need;
            *ret_promise = s->when.event;
        }
    }
    return least;
}

/* The least size that version v may have left: hi when it must be whole, else lo, or what a ranged sync promised. */
static uint64_t lowest(const struct inode *ino, const struct size_version *v, const struct size_version *floor,
                       const struct moment *m, int32_t *ret_promise)
{
    bool whole = v == floor || (keeps_all(m) && v->when.certain && ended_by(&v->when, m));
    uint64_t lo = whole && !v->loose ? v->hi : v->lo, promised = promised_size(ino, m, v, ret_promise);

    return lo > promised ? lo : promised;
}

bool oracle_size(const struct world *w, int inode, const struct moment *m, uint64_t size, int32_t *ret_promise)
{
    const struct inode *ino = &w->inodes[inode];

    *ret_promise = NO_EVENT;
    const struct size_version *floor = size_floor(ino, m, ret_promise);

    if (!floor && size == 0 && promised_size(ino, m, NULL, ret_promise) == 0)
        return true;
    for (size_t i = 0; i < ino->n_sizes; i++) {
        const struct size_version *v = &ino->sizes[i];

        if (!began_by(&v->when, m) || (floor && v->when.end_seq <= floor->when.begin_seq))
            continue;
        if (lowest(ino, v, floor, m, ret_promise) <= size && size <= v->hi)
            return true;
    }
    return false;
}

static void print_range(uint64_t lo, uint64_t hi, const char **sep, struct buf *out)
{
    buf_printf(out, lo < hi ? "%s%llu to %llu" : "%s%llu", *sep, (unsigned long long)lo, (unsigned long long)hi);
    *sep = ", ";
}

void oracle_sizes_print(const struct world *w, int inode, const struct moment *m, struct buf *out)
{
    const struct inode *ino = &w->inodes[inode];
    int32_t promise = NO_EVENT;
    const struct size_version *floor = size_floor(ino, m, &promise);
    bool open = !floor && promised_size(ino, m, NULL, &promise) == 0; /* a range [lo, hi] is open, not yet printed */
    uint64_t lo = 0, hi = 0;
    const char *sep = "";

    for (size_t i = 0; i < ino->n_sizes; i++) {
        const struct size_version *v = &ino->sizes[i];
        uint64_t least = lowest(ino, v, floor, m, &promise);

        if (!began_by(&v->when, m) || (floor && v->when.end_seq <= floor->when.begin_seq) || least > v->hi)
            continue;
        if (open && least <= hi && v->hi >= lo) {
            lo = least < lo ? least : lo;
            hi = v->hi > hi ? v->hi : hi;
            continue;
        }
        if (open)
            print_range(lo, hi, &sep, out);
        open = true;
        lo = least;
        hi = v->hi;
    }
    if (open)
        print_range(lo, hi, &sep, out);
}
