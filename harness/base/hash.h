/* A fast hash of disk contents. Contents are told apart by it alone; it does not resist attackers. */
#ifndef TORNPAGE_BASE_HASH_H
#define TORNPAGE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Mixes two words: the halves of their 128-bit product, xored. */
uint64_t hash_fold(uint64_t a, uint64_t b);
/* `len_bytes` is a multiple of 32. */
uint64_t hash_bytes(const void *data, size_t len_bytes);

#endif
