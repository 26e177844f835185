/* For tests of the verifier: survivors made by hand, and what it says of them as text. */
#ifndef TORNPAGE_CI_UNIT_FOUND_H
#define TORNPAGE_CI_UNIT_FOUND_H

#include "evidence/stamp.h"
#include "language/defect.h"
#include "paper.h"
#include "verifier/verify.h"

/* Bytes [off, end) are those that this step (from 1) put into this path `moved` bytes before; step 0: this byte over and over. */
struct shown {
    uint64_t off, end;
    uint32_t path, step;
    uint8_t byte;
    uint64_t moved;
};

/* Adds a file; `shown` ends with an empty run. Runs without a gap between them are one extent. */
static inline struct survivor *found_file(struct survivors *s, const char *path, uint64_t size, const struct shown *shown)
{
    struct survivor *v = survivors_add(s, path);

    v->size_bytes = size;
    while (shown && shown->end > shown->off) {
        const struct shown *last = shown;

        while (last[1].end > last[1].off && last[1].off == last->end)
            last++;
        uint8_t *data = survivors_extent(s, shown->off, last->end - shown->off);

        for (const uint64_t off = shown->off; shown <= last; shown++)
            if (shown->step)
                stamp_fill(PAPER_KEY, shown->path, shown->step, shown->off - shown->moved, data + (shown->off - off),
                           shown->end - shown->off);
            else
                memset(data + (shown->off - off), shown->byte, shown->end - shown->off);
    }
    return v;
}

#define SHOWN(...) ((const struct shown[]){__VA_ARGS__, {0}})

/* "lost f 64+8 C1 step 3: text" in a line each, then what was seen that is legal. */
static inline void result_text(const struct verify_result *r, struct buf *out)
{
    uint64_t kinds = 0, seen = 0;

    for (size_t i = 0; i < r->n_defects; i++) {
        const struct defect_report *d = &r->defects[i];

        kinds |= d->surprise ? 0 : UINT64_C(1) << d->kind;
        buf_printf(out, "%s%s %s %llu+%llu %s step %d: %s\n", d->surprise ? "surprise: " : "", defect_names[d->kind],
                   d->path[0] ? d->path : "-", (unsigned long long)d->off, (unsigned long long)d->len, rule_table[d->rule].id,
                   d->step + 1, d->text);
    }
    for (size_t i = 0; i < r->n_forms; i++)
        seen |= UINT64_C(1) << r->forms[i].kind;
    assert_int_equal(seen, kinds);
    for (size_t i = 0; i < SIGHT_KINDS; i++)
        if (r->sights >> i & 1)
            buf_printf(out, "%s\n", sight_names[i]);
    if (r->lossy)
        buf_puts(out, "lossy\n");
}

/* The forms of the violations are those of the defects, each once. For results whose defects were all kept. */
static inline void forms_are_of_the_defects(const struct plan *p, const struct verify_result *r)
{
    size_t n = 0;

    if (r->n_violations + r->n_surprises > r->n_defects)
        return;
    for (size_t i = 0; i < r->n_defects; i++) {
        const struct defect_report *d = &r->defects[i];
        const struct verb *verb = d->step >= 0 ? p->steps[d->step].verb : NULL;
        size_t k = 0;

        if (d->surprise)
            continue;
        while (k < n && (r->forms[k].rule != d->rule || r->forms[k].kind != d->kind || r->forms[k].verb != verb))
            k++;
        if (k == n) { /* the next new one */
            assert_true(n < r->n_forms && r->forms[n].rule == d->rule && r->forms[n].kind == d->kind && r->forms[n].verb == verb);
            n++;
        }
    }
    assert_int_equal(r->n_forms, n);
}

/* Judges what `find` finds after a strike at the end of the steps, with these guarantees. */
static inline void finds_under(const struct guarantees *g, const char *steps, enum loss loss, void (*find)(struct survivors *),
                               const char *expected)
{
    struct paper p;
    struct survivors s = {.v = NULL};
    struct verify_result r = {0};
    struct buf text = {0};

    paper_new(&p, steps);
    find(&s);
    survivors_finish(&s);
    world_build(p.world, p.plan, p.history, g);
    verify_survivors(p.world, loss, 1000, &s, &r);
    result_text(&r, &text);
    assert_string_equal(buf_text(&text), expected);
    forms_are_of_the_defects(p.plan, &r);
    buf_free(&text);
    survivors_free(&s);
    paper_free(&p);
}

static inline void finds(const char *steps, enum loss loss, void (*find)(struct survivors *), const char *expected)
{
    finds_under(&guarantees_default, steps, loss, find, expected);
}

#endif
