// SPDX-License-Identifier: GPL-2.0-only
/* The keyed permutation: one to one, the same everywhere, and well mixed. */
#include "test.h"

#include "lg2.h"
#include "permute.h"
#include "rng.h"

/* Every number up to @n comes out once. */
static void check_bijective(u64 n, u64 key)
{
	struct permute p;
	u8 *seen = calloc(n, 1);

	assert_non_null(seen);
	permute_init(&p, n, key);
	for (u64 i = 0; i < n; i++) {
		u64 to = permute_at(&p, i);

		if (to >= n || seen[to]++)
			fail_msg("n %" PRIu64 " key %" PRIu64 ": %" PRIu64
				 " goes to %" PRIu64 ", taken or too large",
				 n, key, i, to);
	}
	free(seen);
}

static void test_bijective(void **unused)
{
	u64 seed = test_seed();
	struct rng rng;

	(void)unused;
	rng_init(&rng, seed);
	for (u64 n = 1; n <= 200; n++)
		for (int k = 0; k < 4; k++)
			check_bijective(n, rng_next(&rng));
	for (int k = 0; k < 4; k++) {
		check_bijective(1 << 16, rng_next(&rng));
		check_bijective((1 << 17) + 1, rng_next(&rng));
		check_bijective(1 + rng_below(&rng, 300000), rng_next(&rng));
	}
}

/* Where all cannot be seen: the network is undone step by step. */
static u64 undo(const struct permute *p, u64 i)
{
	u64 low_mask = lg2_mask(p->low_bits);
	u64 high_mask = lg2_mask(p->high_bits);
	u64 low = i & low_mask, high = i >> p->low_bits;

	for (unsigned int r = PERMUTE_ROUNDS; r; r -= 2) {
		struct rng rng = { low ^ p->keys[r - 1] };

		high ^= rng_next(&rng) & high_mask;
		rng.state = high ^ p->keys[r - 2];
		low ^= rng_next(&rng) & low_mask;
	}
	return high << p->low_bits | low;
}

static void test_large(void **unused)
{
	static const u64 sizes[] = { 1ull << 32, (1ull << 32) + 12345,
				     3ull << 40, 1ull << 63, ~0ull };
	u64 seed = test_seed();
	struct rng rng;

	(void)unused;
	rng_init(&rng, seed);
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		struct permute p;

		permute_init(&p, sizes[s], rng_next(&rng));
		for (int k = 0; k < 2000; k++) {
			u64 i = rng_below(&rng, sizes[s]);
			u64 to = permute_at(&p, i), back = to;

			assert_true(to < sizes[s]);
			do
				back = undo(&p, back);
			while (back >= sizes[s]);
			expect_u64(back, i, "n %" PRIu64 " seed %" PRIu64,
				   sizes[s], seed);
		}
	}
}

/* The same on every machine: names and baselines rest on it. */
static void test_golden(void **unused)
{
	static const struct {
		u64 n, key, i, to;
	} rows[] = {
		{ 1, 7, 0, 0 },
		{ 2, 7, 0, 1 },
		{ 1000, 42, 0, 962 },
		{ 1000, 42, 999, 555 },
		{ 4294967296, 1, 123456789, 3938368322 },
		{ 3298534883328, 99, 1, 1091803223421 },
	};

	(void)unused;
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		struct permute p;

		permute_init(&p, rows[r].n, rows[r].key);
		expect_u64(permute_at(&p, rows[r].i), rows[r].to, "row %zu", r);
	}
}

/*
 * Of neighbours, few stay neighbours: one of n in a random permutation. With
 * 2^16 numbers one is expected, more than 12 of them once in 10^10 keys.
 */
static void test_mixed(void **unused)
{
	u64 seed = test_seed();
	struct rng rng;

	(void)unused;
	rng_init(&rng, seed);
	for (int k = 0; k < 20; k++) {
		struct permute p;
		u64 before = 0, nr = 0;

		permute_init(&p, 1 << 16, rng_next(&rng));
		for (u64 i = 0; i < 1 << 16; i++) {
			u64 to = permute_at(&p, i);

			nr += i && to == before + 1;
			before = to;
		}
		if (nr > 12)
			fail_msg("%" PRIu64 " neighbours stay, seed %" PRIu64,
				 nr, seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bijective),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
