/*
 * The oracle for names against a naive one. Random operations on a few names in two directories, random syncs, random moments:
 * the naive oracle asks of each set of operations alone whether it is legal and whether it is a surprise, as the comment of
 * names.c says it. Both must agree on every set.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "naive.h"
#include "paper.h"

enum { ROUNDS = 3000, MAX_OPS = 6, MAX_CHOICES = 1 << MAX_OPS, MANY_OPS = 200, DIR_INODE = 1, FILE_INODE = 2, INODES = 5 };

/* Names a, b in the root and c, d in the directory; the test sets their operations. */
static const char STEPS[] = "mkdir e\nopen -f e/c\nopen -f e/d\nopen -f a\nopen -f b\n";

static struct world *world_without_operations(const struct paper *p)
{
    struct world *w = paper_build(p);

    assert_int_equal(w->n_inodes, INODES + 1);
    assert_int_equal(w->inodes[DIR_INODE].kind, INODE_DIR);
    w->n_ops = 0;
    return w;
}

static int random_inode(struct rng *r)
{
    return rng_one_in(r, 3) ? NO_INODE : (int)(FILE_INODE + rng_below(r, 3));
}

static void random_operations(struct world *w, struct rng *r)
{
    w->n_ops = w->n_name_syncs = 0;
    for (uint64_t n = rng_below(r, MAX_OPS + 1); n; n--) {
        const int name = (int)rng_below(r, w->n_names), other = (int)rng_below(r, w->n_names);

        if (rng_one_in(r, 2) || name == other)
            world_set_name(w, random_span(r), name, random_inode(r));
        else
            world_set_names(w, random_span(r), name, random_inode(r), other, random_inode(r));
    }
    for (uint64_t n = rng_below(r, 3); n; n--)
        switch (rng_below(r, 4)) {
        case 0:
            world_sync_dir(w, rng_one_in(r, 2) ? DIR_INODE : ROOT_INODE, random_span(r));
            break;
        case 1:
            world_sync_all(w, random_span(r));
            break;
        default:
            world_sync_inode(w, (int)(FILE_INODE + rng_below(r, 3)), random_span(r));
        }
}

/* ---- the naive oracle ---- */

static bool touches_dir(const struct world *w, const struct name_op *op, int dir)
{
    return w->names[op->set[0].name].dir == dir || (op->n == 2 && w->names[op->set[1].name].dir == dir);
}

static bool must(const struct world *w, const struct name_op *op, const struct moment *m)
{
    if (!op->when.certain)
        return false;
    if (m->loss == LOSS_NOTHING)
        return ended_by(&op->when, m);
    for (size_t i = 0; w->guarantees->sync_durable && i < w->n_name_syncs; i++) {
        const struct name_sync *s = &w->name_syncs[i];

        if (s->file_inode == NO_INODE && ended_by(&s->when, m) && op->when.end_seq <= s->when.begin_seq &&
            (s->dir == NO_INODE || touches_dir(w, op, s->dir)))
            return true;
    }
    return false;
}

/* What the name meant before operation `op`, as far as operations set it. */
static int before(const struct world *w, size_t op, int name)
{
    int inode = NO_INODE;

    for (size_t i = 0; i < op; i++)
        for (size_t k = 0; k < w->ops[i].n; k++)
            if (w->ops[i].set[k].name == name)
                inode = w->ops[i].set[k].inode;
    return inode;
}

/* Was a file synced after this operation had given it a name or taken one from it? */
static bool file_was_synced(const struct world *w, size_t op, const struct moment *m)
{
    for (size_t i = 0; i < w->n_name_syncs; i++) {
        const struct name_sync *s = &w->name_syncs[i];

        if (s->file_inode == NO_INODE || !ended_by(&s->when, m) || w->ops[op].when.end_seq > s->when.begin_seq)
            continue;
        for (size_t k = 0; k < w->ops[op].n; k++)
            if (w->ops[op].set[k].inode == s->file_inode || before(w, op, w->ops[op].set[k].name) == s->file_inode)
                return true;
    }
    return false;
}

/* Is the absence of `op` from the set against practice? */
static bool surprising(const struct world *w, unsigned long set, size_t op, const struct moment *m)
{
    if (m->loss == LOSS_NOTHING || set >> op & 1 || !began_by(&w->ops[op].when, m))
        return false;
    if (w->guarantees->ordered_names && set >> op != 0)
        return true;
    return w->guarantees->fsync_names && w->ops[op].when.certain && file_was_synced(w, op, m);
}

static bool legal(const struct world *w, unsigned long set, const struct moment *m)
{
    for (size_t op = 0; op < w->n_ops; op++)
        if (set >> op & 1 ? !began_by(&w->ops[op].when, m) : must(w, &w->ops[op], m))
            return false;
    return true;
}

static bool complete(const struct world *w, unsigned long set, const struct moment *m)
{
    for (size_t op = 0; op < w->n_ops; op++)
        if (!(set >> op & 1) && w->ops[op].when.certain && ended_by(&w->ops[op].when, m))
            return false;
    return true;
}

static void values_of(const struct world *w, unsigned long set, int *value)
{
    for (size_t i = 0; i < w->n_names; i++)
        value[i] = NO_INODE;
    for (size_t op = 0; op < w->n_ops; op++)
        for (size_t k = 0; set >> op & 1 && k < w->ops[op].n; k++)
            value[w->ops[op].set[k].name] = w->ops[op].set[k].inode;
}

/* ---- comparison ---- */

struct seen {
    size_t n_names, accept_at; /* the call that accepts, counted from 1; 0: none does */
    size_t n;
    struct {
        int value[8];
        bool complete;
        const struct name_op *surprise;
    } choices[MAX_CHOICES];
};

static bool note(void *arg, const struct name_choice *c)
{
    struct seen *s = arg;

    assert_true(s->n < MAX_CHOICES);
    memcpy(s->choices[s->n].value, c->value, s->n_names * sizeof *c->value);
    s->choices[s->n].complete = c->complete;
    s->choices[s->n].surprise = c->surprise;
    return ++s->n == s->accept_at;
}

/* How many of the choices seen are the given one? A surprise names an operation that is missing against practice. */
static size_t times_seen(const struct world *w, const struct seen *s, unsigned long set, const struct moment *m)
{
    int value[8];
    bool surprise = false;
    size_t n = 0;

    values_of(w, set, value);
    for (size_t op = 0; op < w->n_ops; op++)
        surprise |= surprising(w, set, op, m);
    for (size_t i = 0; i < s->n; i++)
        n += memcmp(s->choices[i].value, value, s->n_names * sizeof *value) == 0 &&
             s->choices[i].complete == complete(w, set, m) && (s->choices[i].surprise != NULL) == surprise &&
             (!surprise || surprising(w, set, (size_t)(s->choices[i].surprise - w->ops), m));
    return n;
}

static void compare(const struct world *w, const struct moment *m)
{
    struct seen s = {.n_names = w->n_names};
    size_t n_legal = 0;

    assert_false(oracle_names(w, m, note, &s));
    for (unsigned long set = 0; set < 1UL << w->n_ops; set++)
        if (legal(w, set, m)) {
            assert_true(times_seen(w, &s, set, m) > 0);
            n_legal++;
        }
    assert_int_equal(s.n, n_legal);
    assert_true(s.choices[0].complete);
}

static void choices_agree_with_the_naive_oracle(void **state)
{
    struct guarantees g = guarantees_default;
    struct paper p;
    struct rng r;

    (void)state;
    paper_new(&p, STEPS);
    struct world *w = world_without_operations(&p);

    w->guarantees = &g;
    rng_seed(&r, 1);
    for (int round = 0; round < ROUNDS; round++) {
        const struct moment m = random_moment(&r);

        g.sync_durable = !rng_one_in(&r, 4);
        g.fsync_names = !rng_one_in(&r, 4);
        g.ordered_names = !rng_one_in(&r, 4);
        random_operations(w, &r);
        compare(w, &m);
    }
    paper_free(&p);
}

/* The promise is the event of the sync that made the operation durable. */
static void what_must_have_happened_names_its_promise(void **state)
{
    struct paper p;
    const struct moment cut = {.loss = LOSS_UNSYNCED, .pos = 1000}, kill = {.from = HISTORY_NEVER, .to = HISTORY_NEVER};
    int32_t promise = 7;

    (void)state;
    paper_new(&p, "open -f a\nsync\nopen -f b\n");
    const struct world *w = paper_build(&p);

    assert_int_equal(oracle_op(w, &w->ops[0], &cut, &promise), OP_MUST);
    assert_int_equal(promise, 1);
    assert_int_equal(oracle_op(w, &w->ops[1], &cut, &promise), OP_MAY);
    assert_int_equal(promise, NO_EVENT);
    promise = 7;
    assert_int_equal(oracle_op(w, &w->ops[1], &kill, &promise), OP_MUST);
    assert_int_equal(promise, NO_EVENT);
    paper_free(&p);
}

/* ---- many operations ---- */

static const struct moment cut_at_the_end = {.loss = LOSS_UNSYNCED, .pos = 1000};

/* `n` operations, each on the name a, each of its own inode: what the name means tells the last one that happened. */
static void only_name_a(struct world *w, size_t n, bool certain)
{
    w->n_ops = 0;
    for (uint64_t i = 0; i < n; i++)
        world_set_name(w,
                       (struct span){.event = NO_EVENT,
                                     .certain = certain,
                                     .begin_seq = 100 + 2 * i,
                                     .end_seq = 101 + 2 * i,
                                     .begin_pos = 100 + i,
                                     .end_pos = 100 + i},
                       0, (int)i);
}

static void choices_end_with_the_first_accepted(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, STEPS);
    struct world *w = world_without_operations(&p);

    only_name_a(w, 4, true);
    for (size_t k = 1; k <= 16; k++) {
        struct seen s = {.n_names = w->n_names, .accept_at = k};

        assert_true(oracle_names(w, &cut_at_the_end, note, &s));
        assert_int_equal(s.n, k);
    }
    paper_free(&p);
}

struct counted {
    size_t n, accept_at;
    int first;                  /* what the name meant in the first choice, */
    size_t times[MANY_OPS + 1]; /*   and in how many choices it meant what operation i - 1 made it; 0: nothing */
    size_t surprises;
};

static bool count(void *arg, const struct name_choice *c)
{
    struct counted *s = arg;

    if (s->n == 0)
        s->first = c->value[0];
    s->times[c->value[0] + 1]++;
    s->surprises += c->surprise != NULL;
    return ++s->n == s->accept_at;
}

/* Of more than fit: all prefixes, and of each prefix of k operations those k - 1 that lack one more, not the last. */
static void of_too_many_operations_prefixes_and_single_holes_are_tried(void **state)
{
    const size_t many = MAX_LOOSE_OPS + 2, all = many + 1 + many * (many - 1) / 2;
    struct counted s = {.n = 0};
    struct paper p;

    (void)state;
    paper_new(&p, STEPS);
    struct world *w = world_without_operations(&p);

    only_name_a(w, many, true);
    assert_false(oracle_names(w, &cut_at_the_end, count, &s));
    assert_int_equal(s.n, all);
    assert_int_equal(s.first, many - 1);
    for (size_t last = 0; last <= many; last++)
        assert_int_equal(s.times[last], last == 0 ? 1 : last);
    assert_int_equal(s.surprises, all - (many + 1));
    for (size_t k = 1; k <= all; k++) {
        s = (struct counted){.accept_at = k};
        assert_true(oracle_names(w, &cut_at_the_end, count, &s));
        assert_int_equal(s.n, k);
    }
    paper_free(&p);
}

/* Room for operations and names does not run out: many of one with few of the other, and many that are not certain. */
static void histories_may_be_long(void **state)
{
    struct counted s = {.n = 0};
    struct paper p;

    (void)state;
    paper_new(&p, STEPS);
    struct world *w = world_without_operations(&p);
    const struct moment kill = {.from = HISTORY_NEVER, .to = HISTORY_NEVER};

    only_name_a(w, MANY_OPS, true);
    assert_false(oracle_names(w, &kill, count, &s));
    assert_int_equal(s.n, 1);
    assert_int_equal(s.first, MANY_OPS - 1);
    s = (struct counted){.n = 0};
    only_name_a(w, MANY_OPS, false);
    assert_false(oracle_names(w, &kill, count, &s));
    assert_int_equal(s.n, MANY_OPS + 1 + MANY_OPS * (MANY_OPS - 1) / 2);
    assert_int_equal(s.times[MANY_OPS], MANY_OPS);
    paper_free(&p);
}

static bool all_nothing_but_first(void *arg, const struct name_choice *c)
{
    const struct world *w = arg;

    for (size_t i = 1; i < w->n_names; i++)
        assert_int_equal(c->value[i], NO_INODE);
    return c->value[0] == 0;
}

static void names_may_be_many(void **state)
{
    struct paper p;
    char leaves[MANY_OPS][8];

    (void)state;
    paper_new(&p, STEPS);
    struct world *w = world_without_operations(&p);
    char *const path = p.plan->paths[0];

    for (size_t i = 0; i < MANY_OPS; i++) {
        snprintf(leaves[i], sizeof leaves[i], "n%zu", i);
        p.plan->paths[0] = leaves[i];
        const int new = world_name(w, 0);

        assert_int_equal(new, w->n_names - 1);
    }
    p.plan->paths[0] = path;
    only_name_a(w, 1, true);
    assert_true(oracle_names(w, &cut_at_the_end, all_nothing_but_first, w));
    paper_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_agree_with_the_naive_oracle),
        cmocka_unit_test(what_must_have_happened_names_its_promise),
        cmocka_unit_test(choices_end_with_the_first_accepted),
        cmocka_unit_test(of_too_many_operations_prefixes_and_single_holes_are_tried),
        cmocka_unit_test(histories_may_be_long),
        cmocka_unit_test(names_may_be_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
