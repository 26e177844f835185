/* The sim backend's process kills, against a naive file: an array of bytes. */
#include "language/verb.h"
#include "sim_run.h"

#include "base/rng.h"

#define NAIVE_BYTES (4 * PAGE)

struct naive {
    uint8_t bytes[NAIVE_BYTES];
    uint64_t size;
};

static void naive_write(struct naive *n, const struct run *r, uint32_t step, uint64_t off, uint64_t len)
{
    stamp_fill(r->history->key, 0, step + 1, off, n->bytes + off, len);
}

static void naive_resize(struct naive *n, uint64_t size)
{
    const uint64_t from = size < n->size ? size : n->size;

    memset(n->bytes + from, 0, NAIVE_BYTES - from); /* what a store left behind the end goes, too */
    n->size = size;
}

/* Does the step to the naive file, the first `done` bytes of it if it writes. */
static void naive_step(struct naive *n, const struct run *r, uint32_t step, uint64_t done)
{
    const struct step *s = &r->plan->steps[step];
    const uint64_t off = s->arg[0].num, len = s->arg[1].num;

    if (strcmp(s->verb->name, "truncate") == 0) {
        naive_resize(n, off);
    } else if (strcmp(s->verb->name, "mwrite") == 0) {
        const bool down = s->flags & verb_flag(s->verb, 'r');
        naive_write(n, r, step, down ? off + len - done : off, done);
    } else if (strcmp(s->verb->name, "pwrite") == 0) {
        if (done && off + done > n->size)
            naive_resize(n, off + done);
        naive_write(n, r, step, off, done);
    } else if (strcmp(s->verb->name, "fpunch") == 0) {
        memset(n->bytes + off, 0, len);
    }
}

static bool naive_equal(const struct naive *n, const struct run *r)
{
    uint8_t got[NAIVE_BYTES];
    const struct survivor *v = survivor(r, "f");

    if (!v || v->size_bytes != n->size)
        return false;
    content(v, got, n->size);
    return memcmp(got, n->bytes, n->size) == 0;
}

/* A step that was running may have come any far: a store exactly as far as it says, a write to the end of any page. */
static bool explained(const struct naive *before, const struct run *r, const struct event *running)
{
    const struct step *s = &r->plan->steps[running->step];
    const bool write = strcmp(s->verb->name, "pwrite") == 0;
    struct naive n = *before;

    naive_step(&n, r, running->step, running->done_bytes);
    if (naive_equal(&n, r) || (strcmp(s->verb->name, "mwrite") != 0 && naive_equal(before, r)))
        return true;
    for (uint64_t done = 1; write && done <= s->arg[1].num; done++) {
        n = *before;
        naive_step(&n, r, running->step, done);
        if (((s->arg[0].num + done) % PAGE == 0 || done == s->arg[1].num) && naive_equal(&n, r))
            return true;
    }
    return false;
}

static char *random_text(struct rng *rng)
{
    struct buf b = {0};

    buf_puts(&b, "test: a file against an array\norigin: none\ncrash: kill\n\nopen -f f\npwrite 0 8k\nmmap -rw 0 16k\n---\n");
    for (int i = 0; i < 8; i++) {
        const uint64_t off = rng_below(rng, NAIVE_BYTES), len = 1 + rng_below(rng, NAIVE_BYTES - off);

        switch (rng_below(rng, 5)) {
        case 0:
            buf_printf(&b, "truncate %llu\n", (unsigned long long)off);
            break;
        case 1:
            buf_printf(&b, "pwrite %llu %llu\n", (unsigned long long)off, (unsigned long long)len);
            break;
        case 2:
            buf_printf(&b, "fpunch %llu %llu\n", (unsigned long long)off, (unsigned long long)len);
            break;
        default:
            buf_printf(&b, "mwrite %s%llu %llu\n", rng_below(rng, 2) ? "-r " : "", (unsigned long long)off,
                       (unsigned long long)len);
        }
    }
    return b.data;
}

/* How many of these runs the naive file cannot explain. */
static size_t unexplained_kills(const struct simfs_hooks *hooks, size_t *ret_partial)
{
    size_t bad = 0;

    *ret_partial = 0;
    for (uint64_t seed = 0; seed < 1500; seed++) {
        struct rng rng;
        struct run r;
        struct naive n = {.size = 0};
        const struct event *running = NULL;

        rng_seed(&rng, seed);
        char *text = random_text(&rng);
        run_start(&r, parse(text));
        free(text);
        r.hooks = hooks;
        assert_int_equal(run_once(&r, STRIKE_KILL, seed), 0);
        for (uint32_t i = 0; i < r.history->n_events; i++) {
            const struct event *e = &r.history->events[i];

            if (e->end_seq == HISTORY_NEVER)
                running = e;
            else if (e->step < r.plan->n_steps)
                naive_step(&n, &r, e->step,
                           r.plan->steps[e->step].verb->properties & VERB_NOTES_PLACE ? (uint64_t)e->ret : e->done_bytes);
        }
        if (running && running->done_bytes > 0)
            ++*ret_partial;
        bad += running ? !explained(&n, &r, running) : !naive_equal(&n, &r);
        run_stop(&r);
    }
    return bad;
}

static void a_kill_leaves_exactly_what_was_stored(void **state)
{
    (void)state;
    size_t partial;

    assert_int_equal(unexplained_kills(&simfs_no_hooks, &partial), 0);
    assert_true(partial > 50); /* kills inside stores happen */
    assert_true(unexplained_kills(canary("torn-word"), &partial) > 0);
    assert_true(unexplained_kills(canary("nonzero-tail"), &partial) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_leaves_exactly_what_was_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
