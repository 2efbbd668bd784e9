// SPDX-License-Identifier: GPL-2.0-only
/* Sizes as text: what is read, what is refused, and that both agree. */
#include "test.h"

#include "rng.h"
#include "sizes.h"

static const struct {
	const char *text;
	int ret;
	u64 bytes;
} rows[] = {
	{ "0", 0, 0 },
	{ "1", 0, 1 },
	{ "4096", 0, SZ_4K },
	{ "4K", 0, SZ_4K },
	{ "2M", 0, SZ_2M },
	{ "1G", 0, SZ_1G },
	{ "4T", 0, SZ_4T },
	{ "007", 0, 7 }, /* decimal: no octal */
	{ "0x200000", 0, SZ_2M },
	{ "0XfF", 0, 255 },
	{ "0xffffffffffffffff", 0, ~0ull },
	{ "18446744073709551615", 0, ~0ull },
	{ "16777215T", 0, 16777215ull << 40 },
	{ "", -EINVAL, 0 },
	{ "0x", -EINVAL, 0 },
	{ "0x0x10", -EINVAL, 0 },
	{ "K", -EINVAL, 0 },
	{ " 4K", -EINVAL, 0 },
	{ "4K ", -EINVAL, 0 },
	{ "4KB", -EINVAL, 0 },
	{ "4k", -EINVAL, 0 },
	{ "4P", -EINVAL, 0 },
	{ "4.5K", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ "0x-1", -EINVAL, 0 },
	{ "0x10K", -EINVAL, 0 },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "0x10000000000000000", -ERANGE, 0 },
	{ "16777216T", -ERANGE, 0 }, /* 2^24 * 2^40 */
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const u64 untouched = 0x5aull;
		u64 bytes = untouched;

		expect_int(size_parse(rows[i].text, &bytes), rows[i].ret,
			   rows[i].text);
		expect_u64(bytes, rows[i].ret ? untouched : rows[i].bytes,
			   "value of \"%s\"", rows[i].text);
	}
}

static const struct {
	u64 bytes;
	const char *text;
} formats[] = {
	{ 0, "0" },
	{ 1, "1" },
	{ 1023, "1023" },
	{ SZ_1K, "1K" },
	{ 1536, "1536" },
	{ SZ_4K, "4K" },
	{ SZ_2M, "2M" },
	{ SZ_32M, "32M" },
	{ SZ_512M, "512M" },
	{ 3 * SZ_1G, "3G" },
	{ SZ_4T, "4T" },
	{ SZ_4T * 512, "2048T" },
	{ SZ_2M + SZ_4K, "2052K" },
	{ ~0ull, "18446744073709551615" },
};

static void test_format(void **state)
{
	char text[SIZE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		assert_string_equal(size_format(formats[i].bytes, text),
				    formats[i].text);
}

static void test_round_trip(void **state)
{
	u64 seed = test_seed();
	char text[SIZE_TEXT_MAX];
	struct rng rng;

	(void)state;
	rng_init(&rng, seed);
	for (int i = 0; i < 10000; i++) {
		u64 want = rng_next(&rng) >> rng_below(&rng, 64)
						     << rng_below(&rng, 64);
		u64 got = ~want;

		size_format(want, text);
		expect_int(size_parse(text, &got), 0, text);
		expect_u64(got, want, "\"%s\", seed %" PRIu64, text, seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
