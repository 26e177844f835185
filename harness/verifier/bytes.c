/*
 * Compares observed bytes with the versions that the oracle calls legal. Long runs of one version compare at memory speed: the
 * version that matched last is tried first, and a run ends only where the bytes, the segment or the extent do.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "verifier/judge.h"

enum { SEEN = 1, MISSED = 2, OTHER = 4 };

static const struct content zero_content = {.kind = CONTENT_ZERO};

static const struct content *content_at(const struct version *v)
{
    return v ? &v->content : &zero_content;
}

/* Had a ended before b began? NULL (the initial zeros) is older than anything; what overlaps in time is neither older nor newer.
 */
static bool older(const struct version *a, const struct version *b)
{
    return b && (!a || a->when.end_seq < b->when.begin_seq);
}

/* Is v one of the inode's own versions (and not a private mapping's)? Then its place in marks. */
static bool place_of(const struct inode *ino, const struct version *v, size_t *ret)
{
    if (!v || v < ino->versions || v >= ino->versions + ino->n_versions)
        return false;
    *ret = (size_t)(v - ino->versions);
    return true;
}

/* Notes that a run of bytes showed version `who`: a loss, a surprise, a sight. */
static void note_seen(struct judge *j, const struct inode *ino, const struct segment *seg, const struct version *who,
                      struct file_judgement *fj)
{
    const struct version *top = j->map.legal[seg->first];
    size_t place;

    if (place_of(ino, top, &place)) {
        if (who == top)
            j->marks[place] |= SEEN;
        else
            j->marks[place] |= (uint8_t)(MISSED | (content_at(who)->kind != CONTENT_ZERO ? OTHER : 0));
    }
    if (older(who, seg->live)) {
        fj->lossy = true;
        fj->sights |= 1U << SIGHT_LOST;
    }
    if (seg->practice_seq && (!who || who->when.end_seq <= seg->practice_seq))
        fj->surprising = true;
    if (may_lose_unsynced(&j->m) && who && who->content.kind != CONTENT_ZERO && older(seg->floor, who))
        fj->sights |= 1U << SIGHT_KEPT;
}

/* From x on, up to where (at most end) no legal version matches again. */
static uint64_t bad_run(const struct judge *j, const struct segment *seg, const uint8_t *data, uint64_t base, uint64_t x,
                        uint64_t end)
{
    for (uint64_t y = (x / 8 + 1) * 8; y < end; y += 8) {
        uint64_t need = end - y < 8 ? end - y : 8;

        for (size_t i = 0; i < seg->n; i++)
            if (content_match(j->w, content_at(j->map.legal[seg->first + i]), y, data ? data + (y - base) : NULL, need) >= need)
                return y;
    }
    return end;
}

static void say_legal(const struct judge *j, const struct segment *seg, struct defect_report *d)
{
    char words[224], event[160];

    defect_say(d, " Legal: ");
    for (size_t i = 0; i < seg->n && i < 4; i++)
        defect_say(d, "%s%s", i ? "; or " : "", version_words(j->w, j->map.legal[seg->first + i], words));
    if (seg->n > 4)
        defect_say(d, "; or %zu older", seg->n - 4);
    if (seg->promised_by != NO_EVENT) {
        defect_say(d, ". Promised by %s", event_words(j->w, seg->promised_by, event));
        d->step = event_step(j->w, seg->promised_by);
    } else if (seg->live) {
        d->step = event_step(j->w, seg->live->when.event);
    }
    defect_say(d, ".");
}

/* The rule that bytes break which no legal version explains. */
static enum rule broken_rule(const struct judge *j, const struct seen_bytes *seen, enum defect kind)
{
    const struct loss_model *loss = &loss_models[j->m.loss];

    if (seen->is_private)
        return RULE_I2;
    if (seen->live_read)
        return RULE_I1;
    return kind == DEFECT_NOBODY || kind == DEFECT_FOREIGN || kind == DEFECT_MISDIRECTED ? loss->rule_alien : loss->rule_missing;
}

static void report(struct judge *j, int inode, const struct segment *seg, const struct seen_bytes *seen, const uint8_t *data,
                   uint64_t base, uint64_t end, uint64_t x, uint64_t len)
{
    char what[320], event[160];
    enum defect kind = classify(j, inode, seg, x, data, base, end - base, what);

    if (seen->live_read)
        kind = DEFECT_INCOHERENT;
    struct defect_report *d = defect_new(j, kind, broken_rule(j, seen, kind), seen->path, false);

    if (!d)
        return;
    d->off = x;
    d->len = len;
    if (seen->reader != NO_EVENT)
        defect_say(d, "%s read ", event_words(j->w, seen->reader, event));
    defect_say(d, "%s%s.", seen->reader == NO_EVENT ? "Seen: " : "", what);
    say_legal(j, seg, d);
}

/* Judges [a, b), which lies in one segment and in one extent (data: byte a) or hole (data NULL). */
static void judge_piece(struct judge *j, int inode, const struct segment *seg, const struct seen_bytes *seen, const uint8_t *data,
                        uint64_t a, uint64_t b, struct file_judgement *fj)
{
    const struct inode *ino = &j->w->inodes[inode];

    for (uint64_t x = a; x < b;) {
        const uint8_t *at = data ? data + (x - a) : NULL;
        const struct version *who = NULL;
        uint64_t best = 0;

        for (size_t i = 0; i < seg->n && best < b - x; i++) {
            const struct version *v = j->map.legal[seg->first + i];
            uint64_t n = content_match(j->w, content_at(v), x, at, b - x);

            if (n > best) {
                best = n;
                who = v;
            }
        }
        if (best) {
            note_seen(j, ino, seg, who, fj);
            x += best;
            continue;
        }
        uint64_t end = bad_run(j, seg, data, a, x, b);

        if (!seg->anything) {
            fj->ok = false;
            report(j, inode, seg, seen, data, a, b, x, end - x);
        }
        x = end;
    }
}

void judge_bytes(struct judge *j, int inode, const struct seen_bytes *seen, struct file_judgement *fj)
{
    const struct inode *ino = &j->w->inodes[inode];
    size_t e = 0;

    j->marks = grow(j->marks, &j->cap_marks, ino->n_versions, 1);
    memset(j->marks, 0, ino->n_versions);
    for (size_t i = 0; i < j->map.n_segs; i++) {
        const struct segment *seg = &j->map.segs[i];
        uint64_t x = seg->off > seen->off ? seg->off : seen->off, end = seg->end < seen->end ? seg->end : seen->end;

        while (x < end) {
            while (e < seen->n_extents && seen->extents[e].off + seen->extents[e].len <= x)
                e++;
            const struct extent *ext = e < seen->n_extents ? &seen->extents[e] : NULL;
            uint64_t upto = end;
            const uint8_t *data = NULL;

            if (ext && ext->off <= x) {
                data = ext->data + (x - ext->off);
                upto = ext->off + ext->len < end ? ext->off + ext->len : end;
            } else if (ext && ext->off < end) {
                upto = ext->off;
            }
            judge_piece(j, inode, seg, seen, data, x, upto, fj);
            x = upto;
        }
    }
    for (size_t i = 0; i < ino->n_versions; i++) {
        if ((j->marks[i] & (SEEN | MISSED)) != (SEEN | MISSED))
            continue;
        fj->sights |= 1U << SIGHT_TORN;
        if (j->marks[i] & OTHER)
            fj->sights |= 1U << SIGHT_MIXED;
    }
}

void judge_file(struct judge *j, int inode, const struct survivor *s, struct file_judgement *fj)
{
    int32_t promise;
    struct moment lossless = j->m;

    *fj = (struct file_judgement){.ok = true};
    lossless.lossless = true;

    if (!oracle_size(j->w, inode, &j->m, s->size_bytes, &promise)) {
        struct defect_report *d = defect_new(j, DEFECT_SIZE, RULE_D1, s->path, false);
        char words[160];
        struct buf legal = {0};

        fj->ok = false;
        if (d) {
            oracle_sizes_print(j->w, inode, &j->m, &legal);
            d->off = s->size_bytes;
            d->step = event_step(j->w, promise);
            defect_say(d, "The size is %llu. Legal: %s", (unsigned long long)s->size_bytes, buf_text(&legal));
            if (promise != NO_EVENT)
                defect_say(d, "; promised by %s", event_words(j->w, promise, words));
            defect_say(d, ".");
            buf_free(&legal);
        }
    } else if (!oracle_size(j->w, inode, &lossless, s->size_bytes, &promise)) {
        fj->lossy = true;
        fj->sights |= 1U << SIGHT_LOST;
    }
    if (s->read_err) {
        struct defect_report *d = defect_new(j, DEFECT_UNREADABLE, RULE_B7, s->path, false);

        fj->ok = false;
        if (d) {
            d->off = s->read_err_off;
            defect_say(d, "read failed: %s.", strerror(s->read_err));
        }
        return;
    }
    if (s->size_bytes == 0)
        return;
    oracle_bytes(j->w, inode, &j->m, s->size_bytes, NULL, 0, &j->map);
    struct seen_bytes seen = {
        .path = s->path, .extents = s->extents, .n_extents = s->n_extents, .end = s->size_bytes, .reader = NO_EVENT};

    judge_bytes(j, inode, &seen, fj);
}

void judge_free(struct judge *j)
{
    legal_map_free(&j->map);
    free(j->marks);
}
