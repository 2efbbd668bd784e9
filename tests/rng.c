// SPDX-License-Identifier: GPL-2.0-only
/* The generator gives splitmix64's published numbers, and stays in range. */
#include "test.h"

#include "rng.h"

/* First outputs of the reference splitmix64.c of Vigna, by seed. */
static const struct {
	u64 seed;
	u64 outputs[5];
} vectors[] = {
	{ 0,
	  { 0xe220a8397b1dcdafull, 0x6e789e6aa1b965f4ull, 0x06c45d188009454full,
	    0xf88bb8a8724c81ecull, 0x1b39896a51a8749bull } },
	{ 1234567,
	  { 6457827717110365317ull, 3203168211198807973ull,
	    9817491932198370423ull, 4593380528125082431ull,
	    16408922859458223821ull } },
};

static void test_vectors(void **state)
{
	struct rng rng;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		rng_init(&rng, vectors[i].seed);
		for (size_t k = 0; k < ARRAY_SIZE(vectors[i].outputs); k++)
			expect_u64(rng_next(&rng), vectors[i].outputs[k],
				   "seed %" PRIu64 ", output %zu",
				   vectors[i].seed, k);
	}
}

static const u64 limits[] = { 1, 2, 3, 7, 512, 1ull << 33, ~0ull };

static void test_below(void **state)
{
	u64 seed = test_seed();
	struct rng rng;

	(void)state;
	rng_init(&rng, seed);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		for (int k = 0; k < 1000; k++)
			if (rng_below(&rng, limits[i]) >= limits[i])
				fail_msg("limit %" PRIu64 ", seed %" PRIu64,
					 limits[i], seed);
}

/* Of 8000 draws from 8 each is seen about 1000 times; 800 is 7 sigma off. */
static void test_below_is_even(void **state)
{
	unsigned int seen[8] = { 0 };
	struct rng rng;

	(void)state;
	rng_init(&rng, 1);
	for (int k = 0; k < 8000; k++)
		seen[rng_below(&rng, 8)]++;
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		assert_in_range(seen[i], 800, 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_below_is_even),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
