/*
 * The verifier's speed on bytes. The file holds a store that was synced, and four later stores without a sync, of which random
 * pages reached the disk. So most bytes have one legal version, and a quarter has several, with versions alternating page by
 * page.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "bench/bench_impl.h"
#include "evidence/stamp.h"
#include "language/verb.h"
#include "truth/world.h"
#include "verifier/verify.h"

enum { MIB = 1 << 20, FILE_BYTES = 16 * MIB, PAGE = 4096, KEY = 12345, EVENTS = 64, SYNCED_STEP = 4 };

static const char steps[] = "open -f f\n"
                            "truncate 16m\n"
                            "fsync\n"
                            "---\n"
                            "mmap -rw 0 16m\n"
                            "mwrite 0 16m\n"
                            "msync -s 0 16m\n"
                            "mwrite 2m 1m\n"
                            "mwrite 5m 1m\n"
                            "mwrite 9m 1m\n"
                            "mwrite 14m 1m\n";

struct verifying {
    struct plan *plan;
    struct history *history;
    struct world *world;
    struct survivors survivors;
    uint8_t *a, *b; /* the floor's */
    uint64_t pos;
};

static struct event *act(struct verifying *v, uint32_t step, uint8_t lane, _Atomic uint64_t *pos)
{
    struct event *e = history_begin(v->history, step, lane, pos);

    (*pos)++;
    history_end(v->history, e, pos);
    (*pos)++;
    return e;
}

/* Makes the history of a run in which every step succeeds, one after the other. */
static void make_history(struct verifying *v)
{
    _Atomic uint64_t pos = 0;

    v->history = history_init(xmalloc(history_bytes(EVENTS, PAGE)), EVENTS, PAGE, KEY);
    for (uint32_t i = 0; i < v->plan->n_steps; i++) {
        const struct step *s = &v->plan->steps[i];

        if (!s->setup && v->plan->steps[i - 1].setup)
            act(v, HISTORY_STEP_START, HISTORY_LANE_HARNESS, &pos);
        act(v, i, s->lane, &pos)->done_bytes = s->verb->properties & VERB_STORES ? s->arg[1].num : 0;
    }
    v->pos = pos;
}

static void make_survivors(struct verifying *v)
{
    struct rng r;

    rng_seed(&r, 1);
    survivors_add(&v->survivors, "f")->size_bytes = FILE_BYTES;
    uint8_t *bytes = survivors_extent(&v->survivors, 0, FILE_BYTES);
    assert(v->plan->steps[SYNCED_STEP].verb->properties & VERB_STORES);
    stamp_fill(KEY, 0, SYNCED_STEP + 1, 0, bytes, FILE_BYTES);
    for (uint32_t i = SYNCED_STEP + 1; i < v->plan->n_steps; i++) {
        const struct step *s = &v->plan->steps[i];

        for (uint64_t off = s->arg[0].num; (s->verb->properties & VERB_STORES) && off < s->arg[0].num + s->arg[1].num;
             off += PAGE)
            if (rng_one_in(&r, 2))
                stamp_fill(KEY, 0, i + 1, off, bytes + off, PAGE);
    }
    survivors_finish(&v->survivors);
}

static int open_verify(const struct bench *b, const struct bench_options *o, void **ret, struct error *err)
{
    static struct verifying v;

    (void)b, (void)o, (void)err;
    v.plan = bench_plan(steps);
    make_history(&v);
    v.world = world_new();
    world_build(v.world, v.plan, v.history, &guarantees_default);
    make_survivors(&v);
    v.a = xmalloc(FILE_BYTES);
    v.b = xmalloc(FILE_BYTES);
    memcpy(v.a, v.survivors.v[0].extents[0].data, FILE_BYTES);
    memcpy(v.b, v.a, FILE_BYTES);
    *ret = &v;
    return 0;
}

static int bare(void *state, double seconds, double *ret, struct error *err)
{
    const struct verifying *v = state;
    const double from_s = clock_s();
    int (*volatile compare)(const void *, const void *, size_t) = memcmp; /* volatile: the compiler must not drop the calls */
    uint64_t n = 0;

    for (; clock_s() < from_s + seconds; n++)
        if (compare(v->a, v->b, FILE_BYTES) != 0)
            return error_set(err, EIO, "memcmp", NULL, "equal buffers differ");
    *ret = (double)(n * FILE_BYTES) / (clock_s() - from_s);
    return 0;
}

static int ours(void *state, double seconds, double *ret, struct error *err)
{
    const struct verifying *v = state;
    const double from_s = clock_s();
    uint64_t n = 0;

    for (; clock_s() < from_s + seconds; n++) {
        struct verify_result r = {0};

        verify_survivors(v->world, LOSS_UNSYNCED, v->pos, &v->survivors, &r);
        if (r.n_violations || !r.lossy)
            return error_set(err, EIO, "verify", NULL, "%s",
                             r.n_violations ? r.defects[0].text : "the loss in the survivors was not reported");
    }
    *ret = (double)(n * FILE_BYTES) / (clock_s() - from_s);
    return 0;
}

const struct bench_ops bench_verify = {.open = open_verify, .floor = bare, .ours = ours};
