/*
 * Covers one crash state: concludes what can be concluded, and has the rest observed.
 *
 * A state may be asked several questions (explorer.h), and each is covered on its own. So a state is mounted once for each
 * question for which no observed state agrees with it.
 */
#include "base/buf.h"
#include "explore/exploration.h"

enum { MEMORY_BYTES = 1 << 26 /* for observations and reads; when it is used up, conclusions start again */ };

/* Forgets observations if they take too much memory. Only between two states: the covers of the current one refer to them. */
static void make_room(struct exploration *e)
{
    const struct explorer *x = e->x;

    if (e->conclusions.trie && x->ops->memory_bytes(x->arg) + conclusions_bytes(&e->conclusions) <= MEMORY_BYTES)
        return;
    x->ops->forget(x->arg);
    conclusions_restart(&e->conclusions, x->prune);
}

/* Has the current state observed. */
static bool observe(struct exploration *e, size_t question, struct cover *ret)
{
    struct explorer *x = e->x;
    struct observation_ref o = {.n_reads = 0};

    if (!x->ops->observe(x->arg, e->current.s, question, &o))
        return false;
    *ret = (struct cover){.observation = o.observation, .tested = READ_TRIE_NONE};
    if (x->prune && !o.inconclusive)
        ret->tested = conclusions_add(&e->conclusions, x->image, question, &o);
    return true;
}

/* Has the current state observed although `concluded` covers it, and compares. */
static bool confirm(struct exploration *e, size_t question, size_t concluded)
{
    const struct explorer *x = e->x;
    struct observation_ref o = {.n_reads = 0};

    return x->ops->observe(x->arg, e->current.s, question, &o) &&
           (o.observation == concluded || x->ops->confirm(x->arg, e->current.s, question, concluded, o.observation));
}

static bool cover_question(struct exploration *e, enum state_origin origin, size_t question, bool *ret_mounted)
{
    struct explorer *x = e->x;
    struct cover *c = &e->current.covers[question - e->current.first];

    if (origin == FROM_SOURCE)
        prefetch_window(e, question - e->current.first);
    c->tested = conclusions_find(&e->conclusions, x->image, question);
    const bool concluded = c->tested != READ_TRIE_NONE;
    if (concluded)
        c->observation = e->conclusions.observation_of[c->tested];
    if (concluded ? x->check_prune && !confirm(e, question, c->observation) : !observe(e, question, c))
        return false;
    *ret_mounted |= !concluded;
    return !x->ops->report || x->ops->report(x->arg, e->current.s, origin, question, c->observation, !concluded);
}

/* Must the current state be mounted, for one question at least? */
static bool needs_mount(const struct exploration *e)
{
    const struct current_state *c = &e->current;

    for (size_t i = 0; i < c->n; i++)
        if (conclusions_find(&e->conclusions, e->x->image, c->first + i) == READ_TRIE_NONE)
            return true;
    return false;
}

static void report_progress(const struct exploration *e, bool mounted)
{
    const struct explorer *x = e->x;
    const uint64_t may_mount = x->limits.max_states > x->mounted ? x->limits.max_states - x->mounted : 0;
    uint64_t given, left;

    states_progress(e->source, &given, &left);
    x->ops->progress(x->arg, mounted, left < may_mount ? left : may_mount);
}

enum coverage cover_state(struct exploration *e, const struct crash_state *s, enum state_origin origin)
{
    struct explorer *x = e->x;
    struct current_state *c = &e->current;
    bool mounted = false, ok = true;

    c->s = s;
    x->ops->questions(x->arg, s->cut, s->until, &c->first, &c->n);
    if (c->n == 0)
        return COVERED;
    c->covers = grow(c->covers, &c->cap, c->n - 1, sizeof *c->covers);
    if (origin != CHECKED_MEMBER)
        make_room(e);
    if (!x->ops->load(x->arg, s))
        return FAILED;
    if (x->mounted >= e->may_mount && needs_mount(e))
        return NOT_COVERED;
    for (size_t i = 0; i < c->n && ok; i++)
        ok = cover_question(e, origin, c->first + i, &mounted);
    x->mounted += mounted;
    report_progress(e, mounted);
    return ok ? COVERED : FAILED;
}

uint8_t judge_current_state(const struct exploration *e, uint64_t cut, uint64_t until)
{
    const struct explorer *x = e->x;
    const struct current_state *c = &e->current;
    uint8_t judgement = 0;
    size_t first, n;

    x->ops->questions(x->arg, cut, until, &first, &n);
    for (size_t q = first; q < first + n; q++)
        judgement |= x->ops->judge(x->arg, c->s, q, c->covers[q - c->first].observation, cut, until);
    return judgement;
}
