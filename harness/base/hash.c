/* A fast hash of disk contents: see hash.h. */
#include "base/hash.h"

#include <assert.h>
#include <string.h>

#include "base/rng.h"

uint64_t hash_fold(uint64_t a, uint64_t b)
{
    const rng_u128 p = (rng_u128)a * b;

    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint64_t hash_bytes(const void *data, size_t len_bytes)
{
    uint64_t h0 = 0x243f6a8885a308d3U, h1 = 0x13198a2e03707344U, w[4];

    assert(len_bytes % sizeof w == 0);
    for (size_t i = 0; i < len_bytes; i += sizeof w) {
        memcpy(w, (const uint8_t *)data + i, sizeof w);
        h0 = hash_fold(w[0] ^ 0xa4093822299f31d1U ^ h0, w[1] ^ 0x082efa98ec4e6c89U) + i;
        h1 = hash_fold(w[2] ^ 0x452821e638d01377U ^ h1, w[3] ^ 0xbe5466cf34e90c6dU) + i;
    }
    return rng_mix(h0) ^ h1;
}
