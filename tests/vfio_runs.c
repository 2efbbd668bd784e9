// SPDX-License-Identifier: GPL-2.0-only
/* Memory as runs: where each byte lies, and that no two runs merge. */
#include "test.h"

#include "rng.h"
#include "sizes.h"
#include "vfio.h"

/* One row an offset into memory of runs at base 4G. */
static const struct {
	const char *name;
	u64 size, run;
	u64 offset;
	u64 paddr, len;
} rows[] = {
	/* 16 runs of 4K, descending: the first lies highest. */
	{ "first", SZ_64K, SZ_4K, 0, SZ_1G * 4 + 15 * SZ_4K, SZ_4K },
	{ "last", SZ_64K, SZ_4K, 15 * SZ_4K, SZ_1G * 4, SZ_4K },
	/* Inside a run only its rest is left. */
	{ "inside", SZ_64K, SZ_16K, SZ_4K, SZ_1G * 4 + 3 * SZ_16K + SZ_4K,
	  SZ_16K - SZ_4K },
	/* 12K runs lie 16K apart. */
	{ "12K", 24 * SZ_1K, 12 * SZ_1K, 0, SZ_1G * 4 + SZ_16K, 12 * SZ_1K },
	/* 20K in runs of 8K: three, the last of 4K. */
	{ "short last", 20 * SZ_1K, 8 * SZ_1K, SZ_16K, SZ_1G * 4, SZ_4K },
	{ "one", SZ_2M, SZ_2M, SZ_4K, SZ_1G * 4 + SZ_4K, SZ_2M - SZ_4K },
	{ "longer", SZ_2M, SZ_1G, 0, SZ_1G * 4, SZ_2M },
};

static void test_rows(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct vfio_runs runs = { rows[i].size, rows[i].run,
						SZ_1G * 4 };
		u64 paddr = 0;

		expect_u64(vfio_runs_run(&runs, rows[i].offset, &paddr),
			   rows[i].len, "%s: length", rows[i].name);
		expect_u64(paddr, rows[i].paddr, "%s: address", rows[i].name);
	}
}

/* By the definition, page by page: run i at base + (n - 1 - i) * R. */
static void test_definition(void **unused)
{
	u64 seed = test_seed();
	struct rng rng;

	(void)unused;
	rng_init(&rng, seed);
	for (int round = 0; round < 300; round++) {
		const struct vfio_runs runs = {
			.size = SZ_4K * (1 + rng_below(&rng, 500)),
			.run = SZ_4K * (1 + rng_below(&rng, 40)),
			.base = SZ_4K * rng_below(&rng, 1 << 20),
		};
		u64 n = (runs.size + runs.run - 1) / runs.run;
		u64 before = ~0ull, r = SZ_4K, paddr;

		while (r < runs.run)
			r *= 2;
		for (u64 at = 0; at < runs.size; at += SZ_4K) {
			u64 i = at / runs.run;
			u64 want = runs.run >= runs.size ?
					   runs.base + at :
					   runs.base + (n - 1 - i) * r +
						   at % runs.run;

			vfio_runs_run(&runs, at, &paddr);
			expect_u64(paddr, want,
				   "at 0x%" PRIx64 " seed %" PRIu64, at, seed);
			if (at && at % runs.run == 0 && paddr == before + SZ_4K)
				fail_msg("runs merge at 0x%" PRIx64
					 ", seed %" PRIu64,
					 at, seed);
			before = paddr;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
