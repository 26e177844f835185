/* A fast hash of disk contents: good enough to tell contents apart by it alone, not made to resist an attacker. */
#ifndef TORNPAGE_BASE_HASH_H
#define TORNPAGE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Folds the 128-bit product of two words: a cheap mix. */
uint64_t hash_fold(uint64_t a, uint64_t b);
/* `len_bytes` is a multiple of 32. */
uint64_t hash_bytes(const void *data, size_t len_bytes);

#endif
