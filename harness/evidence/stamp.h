/*
 * Stamps: the self-describing words that stores write.
 *
 * The 64-bit word at byte offset 8*w of a file, written by store s through path f, is a keyed reversible permutation of (f, s,
 * w). So any 8 aligned bytes found later decode to the place they belong to, or to "nobody's": a triple that no store of the run
 * wrote. A store that does not begin or end on a multiple of 8 writes the matching bytes of the word its edge falls into. Ranges:
 * file < 2^8, store < 2^19, word < 2^37 (files up to 1 TiB). Words are little-endian in the file.
 */
#ifndef TORNPAGE_EVIDENCE_STAMP_H
#define TORNPAGE_EVIDENCE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

enum { STAMP_FILE_BITS = 8, STAMP_STORE_BITS = 19, STAMP_WORD_BITS = 37 };

struct stamp {
    uint32_t file;  /* index into plan->paths of the path the descriptor was opened by */
    uint32_t store; /* step index in the plan + 1; 0 is never used */
    uint64_t word;  /* byte offset / 8 */
};

#define STAMP_M1 0xff51afd7ed558ccdU
#define STAMP_M2 0xc4ceb9fe1a85ec53U

static inline uint64_t stamp_pack(struct stamp s)
{
    return ((uint64_t)s.file << (STAMP_STORE_BITS + STAMP_WORD_BITS)) | ((uint64_t)s.store << STAMP_WORD_BITS) | s.word;
}

static inline struct stamp stamp_unpack(uint64_t x)
{
    return (struct stamp){.file = (uint32_t)(x >> (STAMP_STORE_BITS + STAMP_WORD_BITS)),
                          .store = (uint32_t)(x >> STAMP_WORD_BITS) & ((1U << STAMP_STORE_BITS) - 1),
                          .word = x & ((UINT64_C(1) << STAMP_WORD_BITS) - 1)};
}

/* Two rounds of multiply and xor-shift (each invertible), keyed before and between. */
static inline uint64_t stamp_encode_packed(uint64_t key, uint64_t x)
{
    x = (x ^ key) * STAMP_M1;
    x ^= x >> 32;
    x = (x + key) * STAMP_M2;
    return x ^ (x >> 32);
}

static inline uint64_t stamp_encode(uint64_t key, struct stamp s)
{
    return stamp_encode_packed(key, stamp_pack(s));
}

/* The inverse; any word decodes to something. */
struct stamp stamp_decode(uint64_t key, uint64_t word);

/* Writes bytes [off, off+len) of store (file, store) to dst, where dst[0] is byte `off` of the file. Any alignment. */
void stamp_fill(uint64_t key, uint32_t file, uint32_t store, uint64_t off, void *dst, uint64_t len_bytes);
/* How many leading bytes of src (src[0] is byte `off` of the file) equal those of that store. */
uint64_t stamp_match(uint64_t key, uint32_t file, uint32_t store, uint64_t off, const void *src, uint64_t len_bytes);

#endif
