// SPDX-License-Identifier: GPL-2.0-only
/* Arithmetic on powers of two, at its edges and against counting by hand. */
#include "test.h"

#include "lg2.h"

/* One row a value: what each function says of it. */
static const struct {
	u64 v;
	bool is_pow2;
	unsigned int floor, ceil, low;
} values[] = {
	{ 1, true, 0, 0, 0 },
	{ 2, true, 1, 1, 1 },
	{ 3, false, 1, 2, 0 },
	{ 4, true, 2, 2, 2 },
	{ 5, false, 2, 3, 0 },
	{ 4095, false, 11, 12, 0 },
	{ 4096, true, 12, 12, 12 },
	{ 4097, false, 12, 13, 0 },
	{ 0x6000, false, 14, 15, 13 },
	{ 1ull << 32, true, 32, 32, 32 },
	{ (1ull << 63) - 1, false, 62, 63, 0 },
	{ 1ull << 63, true, 63, 63, 63 },
	{ (1ull << 63) + 1, false, 63, 64, 0 },
	{ ~0ull, false, 63, 64, 0 },
};

static void test_logarithms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		u64 v = values[i].v;

		expect_u64(is_pow2(v), values[i].is_pow2, "is_pow2 %" PRIx64,
			   v);
		expect_u64(lg2_floor(v), values[i].floor, "floor %" PRIx64, v);
		expect_u64(lg2_ceil(v), values[i].ceil, "ceil %" PRIx64, v);
		expect_u64(lg2_low(v), values[i].low, "low %" PRIx64, v);
	}
	assert_false(is_pow2(0));
}

static const struct {
	unsigned int bits;
	u64 mask;
} masks[] = {
	{ 0, 0 },	    { 1, 1 },		{ 12, 0xfff },
	{ 32, 0xffffffff }, { 63, ~0ull >> 1 }, { 64, ~0ull },
};

static void test_masks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++)
		expect_u64(lg2_mask(masks[i].bits), masks[i].mask, "mask %u",
			   masks[i].bits);
}

static const struct {
	u64 v, a, down, up;
} alignments[] = {
	{ 0, 4096, 0, 0 },
	{ 1, 4096, 0, 4096 },
	{ 4095, 4096, 0, 4096 },
	{ 4096, 4096, 4096, 4096 },
	{ 4097, 4096, 4096, 8192 },
	{ 7, 1, 7, 7 },
	{ ~0ull - 4095, 4096, ~0ull - 4095, ~0ull - 4095 },
};

static void test_alignment(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(alignments); i++) {
		u64 v = alignments[i].v, a = alignments[i].a;

		expect_u64(align_down(v, a), alignments[i].down,
			   "down %" PRIx64 " %" PRIx64, v, a);
		expect_u64(align_up(v, a), alignments[i].up,
			   "up %" PRIx64 " %" PRIx64, v, a);
	}
}

static const struct {
	u64 n, d, quotient;
} divisions[] = {
	{ 0, 9, 0 },  { 1, 9, 1 },  { 9, 9, 1 },
	{ 10, 9, 2 }, { 36, 9, 4 }, { 37, 9, 5 }, /* 48-12 bits: 4 levels */
};

static void test_division(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(divisions); i++)
		expect_u64(div_round_up(divisions[i].n, divisions[i].d),
			   divisions[i].quotient, "%" PRIu64 " / %" PRIu64,
			   divisions[i].n, divisions[i].d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logarithms),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_division),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
