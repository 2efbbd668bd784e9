/* SPDX-License-Identifier: GPL-2.0-only */
/* Arithmetic on powers of two; knows nothing of page tables. */
#ifndef IOPT_LG2_H
#define IOPT_LG2_H

#include "types.h"

/**
 * is_pow2() - Is @v a power of two?
 * @v: any value; 0 is none
 */
static inline bool is_pow2(u64 v)
{
	return v && !(v & (v - 1));
}

/**
 * lg2_floor() - Index of the highest set bit.
 * @v: not 0
 */
static inline unsigned int lg2_floor(u64 v)
{
	return 63u - (unsigned int)__builtin_clzll(v);
}

/**
 * lg2_ceil() - log2 of the smallest power of two that is not below @v.
 * @v: not 0
 */
static inline unsigned int lg2_ceil(u64 v)
{
	return v == 1 ? 0 : lg2_floor(v - 1) + 1;
}

/**
 * lg2_low() - Index of the lowest set bit.
 * @v: not 0
 */
static inline unsigned int lg2_low(u64 v)
{
	return (unsigned int)__builtin_ctzll(v);
}

/**
 * lg2_mask() - A mask of the @bits lowest bits.
 * @bits: 0 to 64
 */
static inline u64 lg2_mask(unsigned int bits)
{
	return bits >= 64 ? ~0ull : (1ull << bits) - 1;
}

/**
 * align_down() - @v rounded down to a multiple of @a.
 * @v: any value
 * @a: a power of two
 */
static inline u64 align_down(u64 v, u64 a)
{
	return v & ~(a - 1);
}

/**
 * align_up() - @v rounded up to a multiple of @a.
 * @v: at most 2^64 - @a
 * @a: a power of two
 */
static inline u64 align_up(u64 v, u64 a)
{
	return (v + a - 1) & ~(a - 1);
}

/**
 * div_round_up() - @n / @d, rounded up.
 * @n: dividend, @n + @d below 2^64
 * @d: divisor, not 0
 */
static inline u64 div_round_up(u64 n, u64 d)
{
	return (n + d - 1) / d;
}

#endif
