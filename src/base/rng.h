/* SPDX-License-Identifier: GPL-2.0-only */
/* A seeded generator: the same numbers from a seed on every machine. */
#ifndef IOPT_RNG_H
#define IOPT_RNG_H

#include "types.h"

/**
 * struct rng - State of a generator; the caller owns it.
 * @state: any value is a valid state
 *
 * Source: Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014 (splitmix64).
 */
struct rng {
	u64 state;
};

/**
 * rng_init() - Start a generator.
 * @rng: generator
 * @seed: any value
 */
static inline void rng_init(struct rng *rng, u64 seed)
{
	rng->state = seed;
}

/**
 * rng_next() - The next 64 bits.
 * @rng: generator
 */
static inline u64 rng_next(struct rng *rng)
{
	u64 z = (rng->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/**
 * rng_below() - A number from 0 to @n - 1.
 * @rng: generator
 * @n: not 0; the bias is below @n / 2^64
 */
static inline u64 rng_below(struct rng *rng, u64 n)
{
	__extension__ typedef unsigned __int128 u128;

	return (u64)(((u128)rng_next(rng) * n) >> 64);
}

#endif
