/*
 * The oracle for names. The rules, in plain English; the letters are those of RULES.md.
 *
 * 1. An operation on names (create, link, unlink, rename, mkdir, rmdir) sets one or two names at once, whole or not at all: a
 *    rename is atomic, and its target is never missing (H2).
 * 2. Without a power cut every operation that ended has happened. One that was running may have.
 * 3. After a power cut an operation that had begun may have happened. It must have happened if a sync of a directory that it
 *    changed, or of everything, began after it ended and ended before the cut (H1, H3).
 * 4. Documents promise no order between operations. So any choice of those that may have happened is legal, applied in their
 * order.
 * 5. Practice promises more, and seeing less is a surprise: the fsync of a file persists its names, and operations survive as a
 *    prefix of their order (H6).
 *
 * A worked timeline. Three operations and two syncs of their directory, and a power cut:
 *
 *    create t | Y1 begins, ends | rename t over f | unlink g | Y2 begins | cut
 *
 * Y1 had ended, so t must have been created. Y2 had not, so the rename and the unlink may each have happened: t and the old f
 * with g or without it, or only the new f with g or without it. f is there in all four. The old f without g is a surprise: a
 * later operation survived and an earlier one did not.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "truth/oracle.h"

enum op_state oracle_op(const struct world *w, const struct name_op *op, const struct moment *m, int32_t *ret_promise)
{
    *ret_promise = NO_EVENT;
    if (!began_by(&op->when, m))
        return OP_NOT_BEGUN;
    if (!op->when.certain)
        return OP_MAY;
    if (!may_lose_unsynced(m))
        return ended_by(&op->when, m) ? OP_MUST : OP_MAY;
    for (size_t i = 0; i < w->n_name_syncs && w->guarantees->sync_durable; i++) {
        const struct name_sync *s = &w->name_syncs[i];

        if (s->file_inode != NO_INODE || !ended_by(&s->when, m) || op->when.end_seq > s->when.begin_seq)
            continue;
        for (size_t k = 0; k < op->n; k++)
            if (s->dir == NO_INODE || s->dir == w->names[op->set[k].name].dir) {
                *ret_promise = s->when.event;
                return OP_MUST;
            }
    }
    return OP_MAY;
}

/* What the name meant before operation `op`; NO_INODE: nothing. */
static int meant_before(const struct world *w, size_t op, int name)
{
    for (size_t i = op; i-- > 0;)
        for (size_t j = 0; j < w->ops[i].n; j++)
            if (w->ops[i].set[j].name == name)
                return w->ops[i].set[j].inode;
    return NO_INODE;
}

/* Did the operation give the inode a name, or take one from it? A rename does so to the file that it replaces, too. */
static bool op_concerns(const struct world *w, size_t op, int inode)
{
    for (size_t k = 0; k < w->ops[op].n; k++)
        if (w->ops[op].set[k].inode == inode || meant_before(w, op, w->ops[op].set[k].name) == inode)
            return true;
    return false;
}

/* Does practice (the fsync of a file) demand this operation? */
static bool practice_demands(const struct world *w, size_t op, const struct moment *m)
{
    for (size_t i = 0; i < w->n_name_syncs; i++) {
        const struct name_sync *s = &w->name_syncs[i];

        if (s->file_inode != NO_INODE && ended_by(&s->when, m) && w->ops[op].when.end_seq <= s->when.begin_seq &&
            op_concerns(w, op, s->file_inode))
            return true;
    }
    return false;
}

struct chooser {
    const struct world *w;
    const struct moment *m;
    bool (*try)(void *arg, const struct name_choice *c);
    void *arg;
    enum op_state *state; /* by operation */
    size_t n_loose;       /* operations that may or may not have happened */
    bool *in;             /* by loose operation: chosen */
    int *value;
};

/* The operation whose absence is against practice: a later one has happened, or its file was synced. NULL: none. */
static const struct name_op *surprising(const struct chooser *c)
{
    const struct guarantees *g = c->w->guarantees;
    const struct name_op *absent = NULL;

    if (!may_lose_unsynced(c->m))
        return NULL;
    for (size_t op = 0, l = 0; op < c->w->n_ops; op++) {
        bool happened = c->state[op] == OP_MUST;

        if (c->state[op] == OP_MAY)
            happened = c->in[l++];
        if (happened && absent && g->ordered_names)
            return absent;
        if (c->state[op] != OP_MAY || happened)
            continue;
        if (!absent)
            absent = &c->w->ops[op];
        if (g->fsync_names && c->w->ops[op].when.certain && practice_demands(c->w, op, c->m))
            return &c->w->ops[op];
    }
    return NULL;
}

static bool try_choice(struct chooser *c)
{
    struct name_choice choice = {.value = c->value, .complete = true};

    for (size_t i = 0; i < c->w->n_names; i++)
        c->value[i] = NO_INODE;
    for (size_t op = 0, l = 0; op < c->w->n_ops; op++) {
        bool happened = c->state[op] == OP_MUST;

        if (c->state[op] == OP_MAY) {
            happened = c->in[l++];
            if (!happened && c->w->ops[op].when.certain && ended_by(&c->w->ops[op].when, c->m))
                choice.complete = false;
        }
        for (size_t k = 0; happened && k < c->w->ops[op].n; k++)
            c->value[c->w->ops[op].set[k].name] = c->w->ops[op].set[k].inode;
    }
    choice.surprise = surprising(c);
    return c->try(c->arg, &choice);
}

/* Prefixes first, which are no surprise, then the others, each from most to least complete. */
static bool try_all(struct chooser *c)
{
    for (size_t kept = c->n_loose + 1; kept-- > 0;) {
        for (size_t i = 0; i < c->n_loose; i++)
            c->in[i] = i < kept;
        if (try_choice(c))
            return true;
    }
    if (c->n_loose > MAX_LOOSE_OPS) {
        for (size_t kept = c->n_loose + 1; kept-- > 2;)
            for (size_t hole = 0; hole + 1 < kept; hole++) {
                for (size_t i = 0; i < c->n_loose; i++)
                    c->in[i] = i < kept && i != hole;
                if (try_choice(c))
                    return true;
            }
        return false;
    }
    for (unsigned long mask = 1UL << c->n_loose; mask-- > 0;) {
        if ((mask & (mask + 1)) == 0)
            continue; /* a prefix: tried */
        for (size_t i = 0; i < c->n_loose; i++)
            c->in[i] = mask >> i & 1;
        if (try_choice(c))
            return true;
    }
    return false;
}

bool oracle_names(const struct world *w, const struct moment *m, bool (*try)(void *arg, const struct name_choice *c), void *arg)
{
    enum op_state few_states[64];
    bool few_in[64];
    int few_values[64];
    bool few = w->n_ops <= 64 && w->n_names <= 64;
    struct chooser c = {.w = w,
                        .m = m,
                        .try = try,
                        .arg = arg,
                        .state = few ? few_states : xcalloc(w->n_ops, sizeof *c.state),
                        .in = few ? few_in : xcalloc(w->n_ops, sizeof *c.in),
                        .value = few ? few_values : xcalloc(w->n_names, sizeof *c.value)};
    int32_t promise;

    for (size_t i = 0; i < w->n_ops; i++) {
        c.state[i] = oracle_op(w, &w->ops[i], m, &promise);
        c.n_loose += c.state[i] == OP_MAY;
    }
    bool accepted = try_all(&c);

    if (!few) {
        free(c.state);
        free(c.in);
        free(c.value);
    }
    return accepted;
}
