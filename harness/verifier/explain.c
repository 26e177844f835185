/*
 * What is legal after each step, in words: the history is cut after each event in turn, and the oracle says what a kill or a
 * power cut at that instant may leave. Only what changed since the step before is printed.
 */
#include <stdlib.h>
#include <string.h>

#include "verifier/explain.h"

#include "base/buf.h"
#include "base/size.h"
#include "language/verb.h"
#include "verifier/judge.h"

struct explainer {
    struct world *w;
    const struct plan *plan;
    const struct guarantees *g;
    struct legal_map map;
    char *last[STRIKES]; /* the last text printed, so that only changes are printed */
    struct buf *out;
};

static bool same_legal(const struct legal_map *m, const struct segment *a, const struct segment *b)
{
    return a->n == b->n && a->anything == b->anything &&
           memcmp(m->legal + a->first, m->legal + b->first, a->n * sizeof *m->legal) == 0;
}

static void print_bytes(struct explainer *x, int inode, const struct moment *m, struct buf *text)
{
    const struct inode *ino = &x->w->inodes[inode];
    uint64_t end = 0;
    char lo[24], hi[24], words[224];

    for (size_t i = 0; i < ino->n_sizes; i++)
        if (began_by(&ino->sizes[i].when, m) && ino->sizes[i].hi > end)
            end = ino->sizes[i].hi;
    oracle_bytes(x->w, inode, m, end, NULL, 0, &x->map);
    for (size_t i = 0; i < x->map.n_segs; i++) {
        const struct segment *seg = &x->map.segs[i];
        uint64_t upto = seg->end;

        while (i + 1 < x->map.n_segs && same_legal(&x->map, seg, &x->map.segs[i + 1]))
            upto = x->map.segs[++i].end;
        buf_printf(text, "        %s to %s: ", size_print(seg->off, lo), size_print(upto, hi));
        for (size_t k = 0; k < seg->n; k++)
            buf_printf(text, "%s%s", k ? "; or " : "", version_words(x->w, x->map.legal[seg->first + k], words));
        buf_puts(text, seg->anything ? "; or stale bytes\n" : "\n");
    }
}

/* Which values each name may have: bit v+1 of seen[name] for inode v, bit 0 for none. */
struct values {
    uint64_t *seen;
    size_t n;
};

static bool collect(void *arg, const struct name_choice *c)
{
    struct values *names = arg;

    for (size_t i = 0; i < names->n; i++)
        names->seen[i] |= UINT64_C(1) << ((c->value[i] + 1) & 63);
    return false;
}

/* One name and what it may stand for: bit v+1 of `present` for inode v. */
static void print_name(struct explainer *x, const struct name *n, uint64_t present, bool absent, const struct moment *m,
                       struct buf *text)
{
    char words[160];
    bool several = present & (present - 1);

    buf_printf(text, "      %.*s:%s%s", (int)n->len, n->leaf, absent ? " may be absent;" : "", several ? "\n" : "");
    for (size_t v = 0; v < x->w->n_inodes && v < 63; v++) {
        if (!(present >> (v + 1) & 1))
            continue;
        if (several)
            buf_printf(text, "       the file of %s:", event_words(x->w, x->w->inodes[v].born.event, words));
        if (x->w->inodes[v].kind != INODE_FILE) {
            buf_puts(text, x->w->inodes[v].kind == INODE_DIR ? " directory\n" : " special file\n");
            continue;
        }
        buf_puts(text, " size ");
        oracle_sizes_print(x->w, (int)v, m, text);
        buf_puts(text, "\n");
        print_bytes(x, (int)v, m, text);
    }
}

static void print_names(struct explainer *x, const struct moment *m, struct buf *text)
{
    struct values names = {xcalloc(x->w->n_names, sizeof(uint64_t)), x->w->n_names};

    oracle_names(x->w, m, collect, &names);
    for (size_t i = 0; i < names.n; i++) {
        const struct name *n = &x->w->names[i];
        uint64_t present = names.seen[i] & ~UINT64_C(1);

        if (present)
            print_name(x, n, present, names.seen[i] & 1, m, text);
    }
    free(names.seen);
}

static void print_moment(struct explainer *x, enum strike strike, uint64_t pos)
{
    const struct moment m = {
        .loss = strike_table[strike].loss[VIEW_LOCAL], .pos = pos, .from = HISTORY_NEVER, .to = HISTORY_NEVER};
    struct buf text = {0};

    print_names(x, &m, &text);
    if (!x->last[strike] || strcmp(x->last[strike], buf_text(&text)) != 0)
        buf_printf(x->out, "    after %s:\n%s", strike_table[strike].noun, text.len_bytes ? buf_text(&text) : "      nothing\n");
    else
        buf_printf(x->out, "    after %s: as before\n", strike_table[strike].noun);
    free(x->last[strike]);
    x->last[strike] = xstrdup(buf_text(&text));
    buf_free(&text);
}

/* The history as it stood when `e` had just ended. */
static struct history *cut_after(const struct history *h, const struct event *e)
{
    struct history *copy = history_copy(h);
    uint32_t n = 0;

    for (uint32_t i = 0; i < copy->n_events; i++) {
        struct event *o = &copy->events[i];

        if (o->begin_seq > e->end_seq)
            continue;
        if (o->end_seq > e->end_seq)
            o->end_seq = o->end_pos = HISTORY_NEVER;
        copy->events[n++] = *o;
    }
    copy->n_events = n;
    return copy;
}

static void explain_event(struct explainer *x, const struct history *h, const struct event *e)
{
    struct history *cut = cut_after(h, e);
    char words[160];

    world_build(x->w, x->plan, cut, x->g);
    uint32_t last = cut->n_events - 1;

    while (last > 0 && cut->events[last].begin_seq != e->begin_seq)
        last--;
    buf_printf(x->out, "after %s\n", event_words(x->w, (int32_t)last, words));
    for (unsigned k = STRIKE_NONE + 1; k < STRIKES; k++)
        if (x->plan->strikes & 1U << k)
            print_moment(x, (enum strike)k, e->end_pos);
    free(cut);
}

void world_explain(struct world *w, const struct plan *p, const struct history *h, const struct guarantees *g, struct buf *out)
{
    struct explainer x = {.w = w, .plan = p, .g = g, .out = out};
    bool started = false;

    for (uint32_t i = 0; i < h->n_events; i++) {
        const struct event *e = &h->events[i];

        started |= e->lane == HISTORY_LANE_HARNESS && e->step == HISTORY_STEP_START;
        if (started && e->begin_seq && e->end_seq != HISTORY_NEVER)
            explain_event(&x, h, e);
    }
    for (size_t i = 0; i < STRIKES; i++)
        free(x.last[i]);
    legal_map_free(&x.map);
}
