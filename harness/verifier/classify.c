/* Classifies a wrong byte: an older version, the stamp of another place or file, a torn word, or never written at all. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "evidence/stamp.h"
#include "parser/parser.h"
#include "verifier/judge.h"

/* The version of this inode at x that the word shows, whether legal or not; *ret_found tells whether there is one. */
static const struct version *own_version(const struct judge *j, int inode, uint64_t x, const uint8_t *data, uint64_t n,
                                         bool *ret_found)
{
    const struct inode *ino = &j->w->inodes[inode];

    *ret_found = true;
    for (size_t i = ino->n_versions; i-- > 0;) {
        const struct version *v = &ino->versions[i];

        if (v->off <= x && x < v->end && content_match(j->w, &v->content, x, data, n) == n)
            return v;
    }
    for (uint64_t i = 0; data && i < n; i++)
        if (data[i])
            *ret_found = false;
    return NULL; /* when found: the initial zeros */
}

/* The version at x before `v`; NULL: the initial zeros. */
static const struct version *predecessor(const struct inode *ino, const struct version *v, uint64_t x)
{
    const struct version *found = NULL;

    for (size_t i = 0; i < ino->n_versions && &ino->versions[i] != v; i++)
        if (ino->versions[i].off <= x && x < ino->versions[i].end && ino->versions[i].when.certain)
            found = &ino->versions[i];
    return found;
}

/* The inode and place that a store's stamp belongs to. */
static const struct version *stamped(const struct world *w, struct stamp s, int *ret_inode)
{
    for (size_t k = 0; k < w->n_inodes; k++)
        for (size_t i = 0; i < w->inodes[k].n_versions; i++) {
            const struct version *v = &w->inodes[k].versions[i];
            int64_t at = (int64_t)(s.word * 8) + v->content.shift;

            if (v->content.kind == CONTENT_STAMP && v->content.file == s.file && v->content.store == s.store &&
                at + 8 > (int64_t)v->off && at < (int64_t)v->end) {
                *ret_inode = (int)k;
                return v;
            }
        }
    return NULL;
}

/* Does every byte of the word belong to some version of this place? Then a word is torn between them. */
static bool torn_word(const struct judge *j, int inode, uint64_t x, const uint8_t *data, uint64_t n)
{
    bool found = true;

    for (uint64_t i = 0; i < n && found; i++)
        own_version(j, inode, x + i, data ? data + i : NULL, 1, &found);
    return found;
}

enum defect classify(const struct judge *j, int inode, const struct segment *seg, uint64_t x, const uint8_t *data, uint64_t base,
                     uint64_t n, char text[static 320])
{
    /* The whole aligned word around x, as far as it was read. */
    uint64_t from = x / 8 * 8 > base ? x / 8 * 8 : base, end = x / 8 * 8 + 8 < base + n ? x / 8 * 8 + 8 : base + n;
    const uint8_t *at = data ? data + (x - base) : NULL, *word_at = data ? data + (from - base) : NULL;
    bool found;
    char words[224];
    const struct version *v = own_version(j, inode, x, at, end - x, &found);

    if (found) {
        snprintf(text, 320, "%s", version_words(j->w, v, words));
        const struct version *before = seg->floor ? predecessor(&j->w->inodes[inode], seg->floor, x) : NULL;

        if (seg->floor && (!v || v->content.kind == CONTENT_ZERO))
            return before && before->content.kind != CONTENT_ZERO ? DEFECT_ZEROED : DEFECT_LOST;
        if (seg->floor && seg->floor->content.kind == CONTENT_ZERO)
            return DEFECT_STALE; /* bytes that were truncated, punched or beyond the end are back */
        if (before && v && v->when.begin_seq < before->when.begin_seq)
            return DEFECT_STALE; /* older than the version before the promised one */
        return DEFECT_LOST;
    }
    if (end - from == 8 && word_at) {
        uint64_t word;
        int home;

        memcpy(&word, word_at, 8);
        struct stamp s = stamp_decode(j->w->history->key, word);
        const struct version *theirs = stamped(j->w, s, &home);

        if (theirs) {
            snprintf(text, 320, "%s, which belong at offset %llu of %s", version_words(j->w, theirs, words),
                     (unsigned long long)(s.word * 8), home == inode ? "this file" : j->w->plan->paths[s.file]);
            return home == inode ? DEFECT_MISDIRECTED : DEFECT_FOREIGN;
        }
        if (s.file < j->w->plan->n_paths && s.store >= 1 && s.store <= j->w->plan->n_steps) {
            struct buf step = {0};

            step_print(j->w->plan, &j->w->plan->steps[s.store - 1], &step);
            snprintf(text, 320, "what step %u `%.96s` put at offset %llu of %s, which never was in the file", s.store,
                     buf_text(&step), (unsigned long long)(s.word * 8), j->w->plan->paths[s.file]);
            buf_free(&step);
            return DEFECT_FOREIGN;
        }
    }
    if (torn_word(j, inode, from, word_at, end - from)) {
        snprintf(text, 320, "a word torn between versions of this place");
        return DEFECT_TORN;
    }
    snprintf(text, 320, "bytes nobody wrote (0x%02x ...)", data ? *at : 0);
    return DEFECT_NOBODY;
}
