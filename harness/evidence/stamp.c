/*
 * Stamps: writing, comparing and decoding the self-describing words (see stamp.h). Whole words are handled eight at a time, so
 * that the multiplications of neighbours overlap; only the two edges are done byte by byte. Comparing takes most of the
 * verifier's time, so it has a second form for processors with AVX2 or AVX-512: the portable one reaches 0.4 of memcmp's speed.
 */
#include "evidence/stamp.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

/* Multiplicative inverses of STAMP_M1 and STAMP_M2 modulo 2^64. */
#define STAMP_M1_INVERSE 0x4f74430c22a54005U
#define STAMP_M2_INVERSE 0x9cb4b2f8129337dbU

enum { WORD_BYTES = 8, BATCH_WORDS = 8, BATCHES_AT_ONCE = 4 };

static void check_range(uint32_t file, uint32_t store, uint64_t off, uint64_t len_bytes)
{
    assert(file < 1U << STAMP_FILE_BITS);
    assert(store > 0 && store < 1U << STAMP_STORE_BITS);
    assert(len_bytes <= (UINT64_C(1) << STAMP_WORD_BITS) * WORD_BYTES);
    assert(off <= (UINT64_C(1) << STAMP_WORD_BITS) * WORD_BYTES - len_bytes);
    (void)file, (void)store, (void)off, (void)len_bytes;
}

struct stamp stamp_decode(uint64_t key, uint64_t word)
{
    uint64_t x = word;

    x ^= x >> 32;
    x = x * STAMP_M2_INVERSE - key;
    x ^= x >> 32;
    return stamp_unpack(x * STAMP_M1_INVERSE ^ key);
}

/* The bytes of packed word x as they lie in the file. */
static inline uint64_t file_word(uint64_t key, uint64_t x)
{
    return htole64(stamp_encode_packed(key, x));
}

void stamp_fill(uint64_t key, uint32_t file, uint32_t store, uint64_t off, void *dst, uint64_t len_bytes)
{
    uint8_t *to = dst;

    check_range(file, store, off, len_bytes);
    uint64_t x = stamp_pack((struct stamp){.file = file, .store = store, .word = off / WORD_BYTES});
    const uint64_t skip = off % WORD_BYTES;

    if (skip && len_bytes) {
        const uint64_t word = file_word(key, x++), n = len_bytes < WORD_BYTES - skip ? len_bytes : WORD_BYTES - skip;
        memcpy(to, (const uint8_t *)&word + skip, n);
        to += n;
        len_bytes -= n;
    }
    for (; len_bytes >= WORD_BYTES * BATCH_WORDS; len_bytes -= WORD_BYTES * BATCH_WORDS) {
        uint64_t words[BATCH_WORDS];

#pragma GCC unroll 8
        for (uint64_t i = 0; i < BATCH_WORDS; i++)
            words[i] = file_word(key, x + i);
        memcpy(to, words, sizeof words);
        x += BATCH_WORDS;
        to += sizeof words;
    }
    for (; len_bytes; x++) {
        const uint64_t word = file_word(key, x), n = len_bytes < WORD_BYTES ? len_bytes : WORD_BYTES;
        memcpy(to, &word, n);
        to += n;
        len_bytes -= n;
    }
}

/* How many of n <= 8 bytes at src equal those of `word` from its byte `skip` on. */
static uint64_t match_bytes(uint64_t word, uint64_t skip, const uint8_t *src, uint64_t n)
{
    const uint8_t *want = (const uint8_t *)&word + skip;
    uint64_t same = 0;

    while (same < n && src[same] == want[same])
        same++;
    return same;
}

/* The same of whole words: how many of the n at src, up to a batch that differs somewhere, equal the words from x on. */
static uint64_t match_words(uint64_t key, uint64_t x, const uint8_t *src, uint64_t n)
{
    uint64_t done = 0;

    for (; n - done >= BATCH_WORDS; done += BATCH_WORDS) {
        uint64_t words[BATCH_WORDS], different = 0;

        memcpy(words, src + done * WORD_BYTES, sizeof words);
#pragma GCC unroll 8
        for (uint64_t i = 0; i < BATCH_WORDS; i++)
            different |= words[i] ^ file_word(key, x + done + i);
        if (different)
            break;
    }
    return done;
}

#ifdef __x86_64__
typedef uint64_t batch __attribute__((vector_size(64)));
typedef batch batch_anywhere __attribute__((aligned(1), may_alias));

/*
 * The same, for x at a multiple of BATCH_WORDS. Within a batch the packed words then differ in their low bits only, and so does
 * their keyed forms; hence their first products are the batch's plus one of eight numbers.
 */
static inline __attribute__((always_inline)) uint64_t match_batches(uint64_t key, uint64_t x, const uint8_t *src, uint64_t n)
{
    const uint64_t low = BATCH_WORDS - 1, step = BATCH_WORDS * BATCHES_AT_ONCE;
    batch product;
    uint64_t done = 0;

    assert(x % BATCH_WORDS == 0);
    for (uint64_t i = 0; i < BATCH_WORDS; i++)
        product[i] = (i ^ (key & low)) * STAMP_M1;
    for (; n - done >= step; done += step) {
        const batch_anywhere *words = (const void *)(src + done * WORD_BYTES);
        batch different = {0};

#pragma GCC unroll 4
        for (unsigned i = 0; i < BATCHES_AT_ONCE; i++) {
            batch y = product + ((x + done + i * BATCH_WORDS) ^ (key & ~low)) * STAMP_M1;

            y ^= y >> 32;
            y = (y + key) * STAMP_M2;
            different |= words[i] ^ y ^ (y >> 32);
        }
        uint64_t any = 0;
        for (unsigned i = 0; i < BATCH_WORDS; i++)
            any |= different[i];
        if (any)
            break;
    }
    return done;
}

__attribute__((target("avx2"))) static uint64_t match_words_avx2(uint64_t key, uint64_t x, const uint8_t *src, uint64_t n)
{
    return match_batches(key, x, src, n);
}

__attribute__((target("avx512f,avx512dq"))) static uint64_t match_words_avx512(uint64_t key, uint64_t x, const uint8_t *src,
                                                                               uint64_t n)
{
    return match_batches(key, x, src, n);
}

static uint64_t match_words_fast(uint64_t key, uint64_t x, const uint8_t *src, uint64_t n)
{
    uint64_t done = 0;

    if (x % BATCH_WORDS == 0 && __builtin_cpu_supports("avx512dq"))
        done = match_words_avx512(key, x, src, n);
    else if (x % BATCH_WORDS == 0 && __builtin_cpu_supports("avx2"))
        done = match_words_avx2(key, x, src, n);
    return done + match_words(key, x + done, src + done * WORD_BYTES, n - done);
}
#else
#define match_words_fast match_words
#endif

uint64_t stamp_match(uint64_t key, uint32_t file, uint32_t store, uint64_t off, const void *src, uint64_t len_bytes)
{
    const uint8_t *from = src;
    uint64_t done = 0;

    check_range(file, store, off, len_bytes);
    uint64_t x = stamp_pack((struct stamp){.file = file, .store = store, .word = off / WORD_BYTES});
    const uint64_t skip = off % WORD_BYTES;

    if (skip && len_bytes) {
        const uint64_t n = len_bytes < WORD_BYTES - skip ? len_bytes : WORD_BYTES - skip;
        done = match_bytes(file_word(key, x++), skip, from, n);
        if (done < n)
            return done;
    }
    const uint64_t n_words = match_words_fast(key, x, from + done, (len_bytes - done) / WORD_BYTES);
    x += n_words;
    done += n_words * WORD_BYTES;
    /* What is left: the batch that holds the first difference, or the end. */
    while (done < len_bytes) {
        const uint64_t left = len_bytes - done, n = left < WORD_BYTES ? left : WORD_BYTES,
                       same = match_bytes(file_word(key, x++), 0, from + done, n);
        done += same;
        if (same < n)
            break;
    }
    return done;
}
