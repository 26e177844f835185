/* The model behind random plans: what an actor holds, and how a step is put together. See random.h and random.c. */
#include "base/size.h"
#include "random/random_private.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "language/verb.h"

enum { HEADER_LINES = 4 }; /* of the printed plan, so that steps know their lines */

static const char *const spare_names[MAX_OPEN] = {"x", "y", "z", "w"};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct hand *random_hand(struct gen *g)
{
    return &g->hands[g->turn];
}

struct step *random_emit(struct gen *g, const char *verb)
{
    struct plan *p = g->p;

    p->steps = grow(p->steps, &p->cap_steps, p->n_steps, sizeof *p->steps);
    struct step *s = &p->steps[p->n_steps];
    memset(s, 0, sizeof *s);
    s->verb = verb_find(verb, strlen(verb));
    assert(s->verb);
    s->line = (uint32_t)(HEADER_LINES + 1 + p->n_steps + !g->setup);
    s->lane = g->turn;
    s->setup = g->setup;
    s->handle = -1;
    p->n_steps++;
    return s;
}

void random_set_flag(struct step *s, char letter)
{
    const unsigned bit = verb_flag(s->verb, letter);

    assert(bit);
    s->flags |= bit;
}

void random_set_flag_value(struct step *s, char letter, uint64_t num)
{
    random_set_flag(s, letter);
    s->flag_arg[verb_flag_index(s->verb, letter)] = (struct arg){.given = true, .num = num};
}

void random_set_arg(struct step *s, size_t i, uint64_t num)
{
    s->arg[i] = (struct arg){.given = true, .num = num};
}

void random_set_path(struct gen *g, struct step *s, size_t i, const char *path)
{
    const int index = plan_path(g->p, path, strlen(path));

    assert(index >= 0);
    random_set_arg(s, i, (uint64_t)index);
}

void random_range(struct gen *g, uint64_t lo, uint64_t hi, uint64_t *ret_off, uint64_t *ret_len)
{
    static const uint64_t units[] = {PAGE_BYTES, 512, 8, 1};
    const uint64_t unit = units[rng_below(g->r, 4)], span = hi - lo, off = lo + rng_below(g->r, span) / unit * unit;
    const uint64_t most = rng_one_in(g->r, 2) ? RANDOM_MAX_SIZE : 600;

    assert(lo < hi);
    *ret_off = off;
    *ret_len = least(hi - off, (1 + rng_below(g->r, most) / unit) * unit);
}

void random_set_range(struct step *s, uint64_t off, uint64_t len)
{
    random_set_arg(s, 0, off);
    random_set_arg(s, 1, len);
}

int random_pick(struct gen *g, int kind, bool writable)
{
    struct hand *h = random_hand(g);
    const int start = (int)rng_below(g->r, MAX_OPEN);

    for (int i = 0; i < MAX_OPEN; i++) {
        const int k = (start + i) % MAX_OPEN;
        if (h->things[kind][k].live && (h->things[kind][k].writable || !writable))
            return k;
    }
    return -1;
}

struct step *random_emit_on(struct gen *g, const char *verb, int kind, int i)
{
    const struct hand *h = random_hand(g);
    struct step *s = random_emit(g, verb);

    if (h->current[kind] != i || rng_one_in(g->r, 8))
        s->handle = h->things[kind][i].handle;
    return s;
}

int random_free(struct gen *g, int kind)
{
    for (int i = 0; i < MAX_OPEN; i++) {
        if (!random_hand(g)->things[kind][i].live)
            return i;
    }
    return -1;
}

int16_t random_handle(struct gen *g, int kind, const char *wanted)
{
    const char *name = wanted;

    for (int spare = 0;; spare++) {
        bool taken = false;

        for (int i = 0; i < MAX_OPEN; i++) {
            const struct thing *t = &random_hand(g)->things[kind][i];
            taken |= t->live && !strcmp(g->p->handles[t->handle], name);
        }
        if (!taken)
            break;
        assert(spare < MAX_OPEN); /* at most MAX_OPEN - 1 live ones */
        name = spare_names[spare];
    }
    const int handle = plan_handle(g->p, name, strlen(name));
    assert(handle >= 0);
    return (int16_t)handle;
}
