/*
 * The one random-number generator: xoshiro256** (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2018),
 * seeded through splitmix64. It is seeded explicitly and passed down; nothing reads a clock.
 */
#ifndef TORNPAGE_BASE_RNG_H
#define TORNPAGE_BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

/* The splitmix64 finaliser: mixes x into 64 well-spread bits; also used to derive one seed from another. */
static inline uint64_t rng_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

static inline void rng_seed(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15U;
        r->s[i] = rng_mix(seed);
    }
}

static inline uint64_t rng_next(struct rng *r)
{
    const uint64_t s1x5 = r->s[1] * 5, result = ((s1x5 << 7) | (s1x5 >> 57)) * 9, t = r->s[1] << 17;

    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = (r->s[3] << 45) | (r->s[3] >> 19);
    return result;
}

__extension__ typedef unsigned __int128 rng_u128;

/* Uniform in [0, n); n > 0. The bias of the multiply-shift method is below n / 2^64. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
    return (uint64_t)(((rng_u128)rng_next(r) * n) >> 64);
}

/* True once in n times on average; n > 0. */
static inline int rng_one_in(struct rng *r, uint64_t n)
{
    return rng_below(r, n) == 0;
}

#endif
