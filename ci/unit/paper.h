/*
 * Plans run on paper, for unit tests: the test says when each step began and ended and what it returned, and the world is built
 * from that. Steps succeed unless the test changes the event.
 */
#ifndef TORNPAGE_CI_UNIT_PAPER_H
#define TORNPAGE_CI_UNIT_PAPER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "language/verb.h"
#include "parser/parser.h"
#include "truth/oracle.h"

enum { PAPER_KEY = 12345, PAPER_EVENTS = 64 };

struct paper {
    struct plan *plan;
    struct history *history;
    struct world *world;
};

/* The step's event as a call that succeeded leaves it: all bytes done. */
static inline void paper_succeed(const struct step *s, struct event *e)
{
    if (s->verb->properties & VERB_NOTES_PLACE)
        e->ret = (int64_t)s->arg[1].num;
    if (s->verb->properties & VERB_STORES)
        e->done_bytes = s->arg[1].num;
}

/* Parses steps, with the headers that a scenario needs; a test that cannot parse them fails. */
static inline struct plan *paper_plan(const char *steps)
{
    struct plan *p = NULL;
    struct buf text = {0};
    struct error err;

    buf_printf(&text, "test: t.\norigin: test\ncrash: none kill power\n%s", steps);
    if (plan_parse("paper.scn", "paper", buf_text(&text), text.len_bytes, &p, &err) != 0)
        fail_msg("%s", err.msg);
    buf_free(&text);
    return p;
}

/* One event for each step, one after the other: step i begins at 2i + 1 and ends at 2i + 2, on both clocks. */
static inline void paper_new(struct paper *p, const char *steps)
{
    p->plan = paper_plan(steps);
    p->history = history_init(xcalloc(1, history_bytes(PAPER_EVENTS, 8192)), PAPER_EVENTS, 8192, PAPER_KEY);
    for (uint32_t i = 0; i < p->plan->n_steps; i++) {
        const struct step *s = &p->plan->steps[i];
        struct event *e = history_begin(p->history, i, s->lane, NULL);

        history_end(p->history, e, NULL);
        e->begin_pos = e->begin_seq;
        e->end_pos = e->end_seq;
        paper_succeed(s, e);
    }
    p->world = world_new();
}

/* The event of step `step`, counted from 1. */
static inline struct event *paper_event(const struct paper *p, uint32_t step)
{
    return &p->history->events[step - 1];
}

/* An act of the harness itself, before step `step` (counted from 1; beyond the last: at the end). */
static inline struct event *paper_harness(const struct paper *p, uint32_t step, uint32_t act)
{
    struct history *h = p->history;

    history_end(h, history_begin(h, act, HISTORY_LANE_HARNESS, NULL), NULL);
    const struct event last = h->events[h->n_events - 1];
    struct event *e = &h->events[step - 1];

    memmove(e + 1, e, (h->n_events - step) * sizeof *e);
    *e = last;
    for (uint32_t i = step - 1; i < h->n_events; i++) {
        h->events[i].begin_seq = h->events[i].begin_pos = 2 * i + 1;
        h->events[i].end_seq = h->events[i].end_pos = 2 * i + 2;
    }
    return e;
}

/* Step `step` ends when step `other` has begun, so that they overlap on both clocks. */
static inline void paper_overlap(const struct paper *p, uint32_t step, uint32_t other)
{
    struct event *e = paper_event(p, step), *o = paper_event(p, other);

    e->end_seq = o->begin_seq + 1;
    o->end_seq = o->begin_seq + 2;
    e->end_pos = o->begin_pos + 1;
    o->end_pos = o->begin_pos + 2;
}

static inline struct world *paper_build(const struct paper *p)
{
    world_build(p->world, p->plan, p->history, &guarantees_default);
    return p->world;
}

static inline void paper_free(struct paper *p)
{
    world_free(p->world);
    plan_free(p->plan);
    free(p->history);
}

#endif
