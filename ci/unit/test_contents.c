/*
 * What calls make of bytes and sizes, against a naive file: an array of bytes, each of which knows what it may be after a power
 * cut. Random sequences of calls on two files; world and oracle must agree with the arrays on every byte and every size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "naive.h"

enum { ROUNDS = 400, CALLS = 14, FILE_BYTES = 48, FILES = 2, VALUES_MAX = 2 * CALLS };

/* A byte of the store `store`, counted from its begin; store 0: zero. */
struct value {
    uint32_t store;
    int64_t at;
};

struct naive_file {
    uint64_t size;
    bool size_may_be[FILE_BYTES + 1]; /* after a power cut now */
    struct {
        struct value now, may_be[VALUES_MAX];
        size_t n_may_be;
    } bytes[FILE_BYTES];
};

struct both {
    struct hand_made h;
    struct world *w;
    struct naive_file files[FILES + 1]; /* by inode */
    uint64_t seq;
    uint32_t n_stores;
};

static void set_byte(struct naive_file *f, uint64_t off, struct value v)
{
    assert_true(f->bytes[off].n_may_be < VALUES_MAX);
    f->bytes[off].now = v;
    f->bytes[off].may_be[f->bytes[off].n_may_be++] = v;
}

/* The size becomes `size`; a larger one may stop on its way. */
static void set_size(struct naive_file *f, uint64_t size)
{
    for (uint64_t s = f->size; s < size; s++)
        f->size_may_be[s] = true;
    f->size_may_be[size] = true;
    for (uint64_t off = size; off < f->size; off++)
        set_byte(f, off, (struct value){0});
    f->size = size;
}

static void sync_file(struct both *b, int inode)
{
    struct naive_file *f = &b->files[inode];

    world_sync_data(b->w, inode, span_at(b->seq));
    memset(f->size_may_be, 0, sizeof f->size_may_be);
    f->size_may_be[f->size] = true;
    for (uint64_t off = 0; off < FILE_BYTES; off++) {
        f->bytes[off].n_may_be = 0;
        set_byte(f, off, f->bytes[off].now);
    }
}

static struct content new_store(struct both *b)
{
    return (struct content){.kind = CONTENT_STAMP, .store = ++b->n_stores};
}

static void write_bytes(struct both *b, int inode, uint64_t off, uint64_t len)
{
    struct naive_file *f = &b->files[inode];
    const struct content c = new_store(b);

    world_extend(b->w, inode, span_at(b->seq), off, off + len);
    world_write(b->w, inode, span_at(b->seq), off, off + len, c);
    if (len && off + len > f->size)
        set_size(f, off + len);
    for (uint64_t o = off; o < off + len; o++)
        set_byte(f, o, (struct value){c.store, (int64_t)o});
}

static void append_bytes(struct both *b, int inode, uint64_t len)
{
    struct naive_file *f = &b->files[inode];
    const struct content c = new_store(b);
    const uint64_t off = f->size;

    assert_int_equal(world_append(b->w, inode, span_at(b->seq), len, c), off);
    set_size(f, off + len);
    for (uint64_t o = off; o < off + len; o++)
        set_byte(f, o, (struct value){c.store, (int64_t)(o - off)});
}

static void copy_bytes(struct both *b, int src, uint64_t src_off, int dst, uint64_t dst_off, uint64_t len)
{
    struct naive_file *f = &b->files[dst];
    struct value copied[FILE_BYTES];

    for (uint64_t i = 0; i < len; i++)
        copied[i] = b->files[src].bytes[src_off + i].now;
    world_copy(b->w, src, src_off, dst, dst_off, len, span_at(b->seq));
    if (dst_off + len > f->size) {
        world_shift_size(b->w, dst, span_at(b->seq), dst_off + len);
        f->size = dst_off + len;
        f->size_may_be[f->size] = true;
    }
    for (uint64_t i = 0; i < len; i++)
        set_byte(f, dst_off + i, copied[i]);
}

static void random_call(struct both *b, struct rng *r)
{
    const int inode = 1 + (int)rng_below(r, FILES), other = 1 + (int)rng_below(r, FILES);
    struct naive_file *f = &b->files[inode];
    const uint64_t off = rng_below(r, FILE_BYTES), len = rng_below(r, FILE_BYTES - off), from = rng_below(r, FILE_BYTES - len);

    switch (rng_below(r, 7)) {
    case 0:
        world_resize(b->w, inode, span_at(b->seq), off);
        set_size(f, off);
        break;
    case 1:
        append_bytes(b, inode, rng_below(r, FILE_BYTES - f->size + 1));
        break;
    case 2:
        copy_bytes(b, other, from, inode, off, len);
        break;
    case 3:
        world_tail_store(b->w, inode, span_at(b->seq), f->size, f->size + len, new_store(b));
        break;
    case 4:
        sync_file(b, inode);
        break;
    default:
        write_bytes(b, inode, off, len);
    }
    b->seq += 2;
}

static char other_name[] = "g";

static void both_new(struct both *b)
{
    const struct hand_made h = b->h;

    *b = (struct both){.h = h, .seq = 10};
    b->w = hand_made_again(&b->h, &guarantees_default);
    b->h.plan.paths[1] = other_name;
    world_set_name(b->w, span_at(1), world_name(b->w, 1), world_new_inode(b->w, INODE_FILE, span_at(1)));
    for (int i = 1; i <= FILES; i++)
        for (uint64_t off = 0; off < FILE_BYTES; off++) {
            b->files[i].size_may_be[0] = true;
            set_byte(&b->files[i], off, (struct value){0});
        }
}

/* ---- comparison ---- */

static struct value value_of(const struct version *v, uint64_t off)
{
    if (!v || v->content.kind == CONTENT_ZERO)
        return (struct value){0};
    return (struct value){v->content.store, (int64_t)off - v->content.shift};
}

static bool same(struct value a, struct value b)
{
    return a.store == b.store && (a.store == 0 || a.at == b.at);
}

static const struct segment *segment_at(const struct legal_map *map, uint64_t off)
{
    size_t i = 0;

    while (map->segs[i].end <= off)
        i++;
    return &map->segs[i];
}

/* Each legal version is one of the values, and each value is legal. */
static void compare_byte(const struct legal_map *map, uint64_t off, const struct value *values, size_t n)
{
    const struct segment *s = segment_at(map, off);

    for (size_t k = 0; k < s->n; k++) {
        bool found = false;

        for (size_t i = 0; i < n; i++)
            found |= same(value_of(map->legal[s->first + k], off), values[i]);
        assert_true(found);
    }
    for (size_t i = 0; i < n; i++) {
        bool found = false;

        for (size_t k = 0; k < s->n; k++)
            found |= same(value_of(map->legal[s->first + k], off), values[i]);
        assert_true(found);
    }
}

static void compare(const struct both *b, int inode, struct legal_map *map)
{
    const struct naive_file *f = &b->files[inode];
    const struct moment kill = {.from = HISTORY_NEVER, .to = HISTORY_NEVER}, cut = {.loss = LOSS_UNSYNCED, .pos = b->seq};
    const struct event reader = {.begin_seq = b->seq, .end_seq = b->seq + 1};
    uint64_t min, max;
    int32_t promise;

    oracle_bytes(b->w, inode, &kill, FILE_BYTES, NULL, 0, map);
    for (uint64_t off = 0; off < FILE_BYTES; off++)
        compare_byte(map, off, &f->bytes[off].now, 1);
    oracle_bytes(b->w, inode, &cut, FILE_BYTES, NULL, 0, map);
    for (uint64_t off = 0; off < f->size; off++)
        compare_byte(map, off, f->bytes[off].may_be, f->bytes[off].n_may_be);
    for (uint64_t size = 0; size <= FILE_BYTES; size++) {
        assert_int_equal(oracle_size(b->w, inode, &kill, size, &promise), size == f->size);
        assert_int_equal(oracle_size(b->w, inode, &cut, size, &promise), f->size_may_be[size]);
    }
    world_size_bounds(b->w, inode, &reader, &min, &max);
    assert_int_equal(min, f->size);
    assert_int_equal(max, f->size);
    assert_int_equal(world_size(b->w, inode), f->size);
}

static void calls_agree_with_the_naive_file(void **state)
{
    struct both *b = calloc(1, sizeof *b);
    struct legal_map map = {0};
    struct rng r;

    (void)state;
    hand_made_new(&b->h);
    rng_seed(&r, 1);
    for (int round = 0; round < ROUNDS; round++) {
        both_new(b);
        for (int call = 0; call < CALLS; call++) {
            random_call(b, &r);
            compare(b, 1, &map);
            compare(b, 2, &map);
        }
    }
    legal_map_free(&map);
    hand_made_free(&b->h);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_agree_with_the_naive_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
