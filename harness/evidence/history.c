/* The history's flat block: see history.h. Everything here runs in actors that may be killed at any instruction. */
#include "evidence/history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static uint64_t events_end(uint32_t cap_events)
{
    return sizeof(struct history) + (uint64_t)cap_events * sizeof(struct event);
}

uint64_t history_bytes(uint32_t cap_events, uint64_t cap_data_bytes)
{
    return events_end(cap_events) + cap_data_bytes;
}

struct history *history_init(void *block, uint32_t cap_events, uint64_t cap_data_bytes, uint64_t key)
{
    struct history *h = block;

    *h = (struct history){.size_bytes = history_bytes(cap_events, cap_data_bytes),
                          .cap_events = cap_events,
                          .next_seq = 1,
                          .data_base = events_end(cap_events),
                          .cap_data = cap_data_bytes,
                          .key = key};
    memset(h->events, 0, cap_events * sizeof h->events[0]);
    return h;
}

struct event *history_begin(struct history *h, uint32_t step, uint8_t lane, const _Atomic uint64_t *pos)
{
    uint32_t n = atomic_load(&h->n_events);

    do {
        if (n >= h->cap_events)
            return NULL;
    } while (!atomic_compare_exchange_weak(&h->n_events, &n, n + 1));
    struct event *e = &h->events[n];

    /* begin_seq is set last: an event whose begin_seq is still 0 was claimed by a lane that was killed before its step began. */
    *e = (struct event){.step = step, .lane = lane, .end_seq = HISTORY_NEVER, .end_pos = HISTORY_NEVER};
    e->begin_pos = pos ? atomic_load(pos) : 0;
    atomic_signal_fence(memory_order_seq_cst);
    e->begin_seq = atomic_fetch_add(&h->next_seq, 1);
    return e;
}

void history_end(struct history *h, struct event *e, const _Atomic uint64_t *pos)
{
    assert(e->end_seq == HISTORY_NEVER);
    /* The position first: a reader that sees end_seq set must see the position. */
    e->end_pos = pos ? atomic_load(pos) : 0;
    atomic_thread_fence(memory_order_seq_cst);
    e->end_seq = atomic_fetch_add(&h->next_seq, 1);
}

void *history_data_new(struct history *h, struct event *e, uint64_t len_bytes)
{
    uint64_t off = atomic_fetch_add(&h->n_data, len_bytes);

    if (off > h->cap_data || len_bytes > h->cap_data - off)
        return NULL;
    e->data_off = off;
    e->data_len = len_bytes;
    return (char *)h + h->data_base + off;
}

const void *history_data(const struct history *h, const struct event *e)
{
    return (const char *)h + h->data_base + e->data_off;
}

struct history *history_copy(const struct history *h)
{
    uint32_t n_events = atomic_load(&h->n_events);
    uint64_t n_data = atomic_load(&h->n_data);

    if (n_data > h->cap_data)
        n_data = h->cap_data;
    struct history *copy = history_init(xmalloc(history_bytes(n_events, n_data)), n_events, n_data, h->key);

    memcpy(copy->events, h->events, n_events * sizeof h->events[0]);
    if (n_data)
        memcpy((char *)copy + copy->data_base, (const char *)h + h->data_base, n_data);
    copy->n_events = n_events;
    copy->next_seq = atomic_load(&h->next_seq);
    copy->n_data = n_data;
    return copy;
}
