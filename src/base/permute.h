/* SPDX-License-Identifier: GPL-2.0-only */
/* A keyed permutation of 0 .. n-1, computed and not stored. */
#ifndef IOPT_PERMUTE_H
#define IOPT_PERMUTE_H

#include "types.h"

#define PERMUTE_ROUNDS 4u

/**
 * struct permute - A permutation; the caller owns it.
 * @n: numbers that are permuted
 * @low_bits: bits of the lower half
 * @high_bits: bits of the upper half; the same or one less
 * @keys: one a round
 *
 * A Feistel network over the smallest power of two that is not below @n; what
 * falls on @n or above is sent through it again until it does not.
 *
 * Source: Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA
 * 2002 (cycle walking).
 */
struct permute {
	u64 n;
	unsigned int low_bits;
	unsigned int high_bits;
	u64 keys[PERMUTE_ROUNDS];
};

IOPT_BEGIN_DECLS

/**
 * permute_init() - Choose a permutation.
 * @p: permutation
 * @n: numbers to permute, not 0
 * @key: any value; the same key gives the same permutation everywhere
 */
void permute_init(struct permute *p, u64 n, u64 key);

/**
 * permute_at() - Where the permutation sends a number.
 * @p: permutation
 * @i: below n
 *
 * Cost: four rounds of a few multiplications, twice that in the mean at worst.
 *
 * Return: a number below n, another one for each @i.
 */
u64 permute_at(const struct permute *p, u64 i);

IOPT_END_DECLS

#endif
