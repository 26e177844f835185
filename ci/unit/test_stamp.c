/* Stamps: what is written decodes to where it belongs, and matching stops at exactly the first byte that differs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "evidence/stamp.h"

enum { ROUNDS = 10000, MAX_BYTES = 1500, GUARD_BYTES = 16 };

static struct stamp random_stamp(struct rng *r)
{
    return (struct stamp){.file = (uint32_t)rng_below(r, 1U << STAMP_FILE_BITS),
                          .store = (uint32_t)rng_below(r, 1U << STAMP_STORE_BITS),
                          .word = rng_below(r, UINT64_C(1) << STAMP_WORD_BITS)};
}

static void decode_undoes_encode(void **state)
{
    struct rng r;

    (void)state;
    rng_seed(&r, 1);
    for (int i = 0; i < ROUNDS; i++) {
        const uint64_t key = rng_next(&r);
        const struct stamp s = random_stamp(&r), back = stamp_decode(key, stamp_encode(key, s));

        assert_int_equal(back.file, s.file);
        assert_int_equal(back.store, s.store);
        assert_int_equal(back.word, s.word);
    }
}

static void encode_undoes_decode(void **state)
{
    struct rng r;

    (void)state;
    rng_seed(&r, 2);
    for (int i = 0; i < ROUNDS; i++) {
        const uint64_t key = rng_next(&r), word = rng_next(&r);
        assert_int_equal(stamp_encode(key, stamp_decode(key, word)), word);
    }
}

static void extreme_fields_stay_apart(void **state)
{
    const struct stamp top = {
        .file = (1U << STAMP_FILE_BITS) - 1, .store = (1U << STAMP_STORE_BITS) - 1, .word = (UINT64_C(1) << STAMP_WORD_BITS) - 1};

    (void)state;
    assert_int_equal(stamp_pack(top), UINT64_MAX);
    for (uint64_t key = 0; key < 3; key++) {
        const struct stamp back = stamp_decode(key, stamp_encode(key, top));
        assert_int_equal(stamp_pack(back), UINT64_MAX);
    }
}

/* One byte of a store, the slow way. */
static uint8_t byte_at(uint64_t key, uint32_t file, uint32_t store, uint64_t off)
{
    const uint64_t word = stamp_encode(key, (struct stamp){.file = file, .store = store, .word = off / 8});
    return (uint8_t)(word >> (off % 8 * 8)); /* little-endian in the file */
}

/* A random place: file, store, offset (often near 1 TiB) and length, all in range. */
struct place {
    uint64_t key, off, len;
    uint32_t file, store;
    size_t shift; /* of the memory's alignment */
};

static struct place random_place(struct rng *r)
{
    struct place p = {.key = rng_next(r),
                      .file = (uint32_t)rng_below(r, 1U << STAMP_FILE_BITS),
                      .store = 1 + (uint32_t)rng_below(r, (1U << STAMP_STORE_BITS) - 1),
                      .len = rng_below(r, MAX_BYTES + 1),
                      .shift = rng_below(r, 8)};

    p.off = rng_one_in(r, 2) ? rng_below(r, 9000) : (UINT64_C(1) << 40) - p.len - rng_below(r, 64);
    return p;
}

static void fill_writes_each_byte_and_no_other(void **state)
{
    struct rng r;
    uint8_t mem[GUARD_BYTES + MAX_BYTES + GUARD_BYTES];

    (void)state;
    rng_seed(&r, 3);
    for (int i = 0; i < ROUNDS; i++) {
        const struct place p = random_place(&r);
        uint8_t *dst = mem + 8 + p.shift;

        memset(mem, 0x5a, sizeof mem);
        stamp_fill(p.key, p.file, p.store, p.off, dst, p.len);
        for (uint8_t *m = mem; m < mem + sizeof mem; m++) {
            const uint64_t at = (uint64_t)(m - dst);
            const bool inside = m >= dst && at < p.len;
            assert_int_equal(*m, inside ? byte_at(p.key, p.file, p.store, p.off + at) : 0x5a);
        }
    }
}

static void match_is_the_whole_length_when_equal(void **state)
{
    struct rng r;
    uint8_t mem[2 * MAX_BYTES + 8];

    (void)state;
    rng_seed(&r, 4);
    for (int i = 0; i < ROUNDS; i++) {
        const struct place p = random_place(&r);
        const uint64_t room = (UINT64_C(1) << 40) - p.off, more = rng_below(&r, 300); /* equal, too, and not to be looked at */

        stamp_fill(p.key, p.file, p.store, p.off, mem + p.shift, p.len + more < room ? p.len + more : room);
        assert_int_equal(stamp_match(p.key, p.file, p.store, p.off, mem + p.shift, p.len), p.len);
    }
}

static void match_stops_at_the_first_different_byte(void **state)
{
    struct rng r;
    uint8_t mem[MAX_BYTES + 8];

    (void)state;
    rng_seed(&r, 5);
    for (int i = 0; i < ROUNDS; i++) {
        const struct place p = random_place(&r);
        if (!p.len)
            continue;
        const uint64_t first = rng_below(&r, p.len), later = first + rng_below(&r, p.len - first);

        stamp_fill(p.key, p.file, p.store, p.off, mem + p.shift, p.len);
        mem[p.shift + first] ^= (uint8_t)(1 << rng_below(&r, 8));
        if (later != first)
            mem[p.shift + later] ^= 1;
        assert_int_equal(stamp_match(p.key, p.file, p.store, p.off, mem + p.shift, p.len), first);
    }
}

/* Bytes moved to another offset, file, store or key are not taken for the ones that belong there. */
static void match_tells_stores_apart(void **state)
{
    uint8_t mem[64];

    (void)state;
    stamp_fill(7, 1, 2, 4096, mem, sizeof mem);
    assert_true(stamp_match(7, 1, 2, 4104, mem, sizeof mem) < 8);
    assert_true(stamp_match(7, 1, 3, 4096, mem, sizeof mem) < 8);
    assert_true(stamp_match(7, 2, 2, 4096, mem, sizeof mem) < 8);
    assert_true(stamp_match(8, 1, 2, 4096, mem, sizeof mem) < 8);
}

/* A store done in two pieces is the same as in one: what a kill inside a store relies on. */
static void pieces_join(void **state)
{
    struct rng r;
    uint8_t whole[MAX_BYTES], parts[MAX_BYTES];

    (void)state;
    rng_seed(&r, 6);
    for (int i = 0; i < ROUNDS; i++) {
        const struct place p = random_place(&r);
        const uint64_t cut = rng_below(&r, p.len + 1);

        stamp_fill(p.key, p.file, p.store, p.off, whole, p.len);
        stamp_fill(p.key, p.file, p.store, p.off, parts, cut);
        stamp_fill(p.key, p.file, p.store, p.off + cut, parts + cut, p.len - cut);
        assert_memory_equal(whole, parts, p.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_undoes_encode),
        cmocka_unit_test(encode_undoes_decode),
        cmocka_unit_test(extreme_fields_stay_apart),
        cmocka_unit_test(fill_writes_each_byte_and_no_other),
        cmocka_unit_test(match_is_the_whole_length_when_equal),
        cmocka_unit_test(match_stops_at_the_first_different_byte),
        cmocka_unit_test(match_tells_stores_apart),
        cmocka_unit_test(pieces_join),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
