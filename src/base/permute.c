// SPDX-License-Identifier: GPL-2.0-only
/* A keyed permutation of 0 .. n-1, computed and not stored. */
#include "permute.h"

#include "lg2.h"
#include "rng.h"

void permute_init(struct permute *p, u64 n, u64 key)
{
	unsigned int bits = lg2_ceil(n);
	struct rng rng;

	rng_init(&rng, key);
	p->n = n;
	p->high_bits = bits / 2;
	p->low_bits = bits - p->high_bits;
	for (unsigned int i = 0; i < PERMUTE_ROUNDS; i++)
		p->keys[i] = rng_next(&rng);
}

static u64 mix(u64 v, u64 key)
{
	struct rng rng = { v ^ key };

	return rng_next(&rng);
}

static u64 network(const struct permute *p, u64 i)
{
	u64 low_mask = lg2_mask(p->low_bits);
	u64 high_mask = lg2_mask(p->high_bits);
	u64 low = i & low_mask, high = i >> p->low_bits;

	for (unsigned int r = 0; r < PERMUTE_ROUNDS; r += 2) {
		low ^= mix(high, p->keys[r]) & low_mask;
		high ^= mix(low, p->keys[r + 1]) & high_mask;
	}
	return high << p->low_bits | low;
}

u64 permute_at(const struct permute *p, u64 i)
{
	do
		i = network(p, i);
	while (i >= p->n);
	return i;
}
