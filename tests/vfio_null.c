// SPDX-License-Identifier: GPL-2.0-only
/*
 * The null check: VFIO finds out what is contiguous before it unmaps, so it
 * never asks for a part of a block, and whether an engine splits or not makes
 * no difference to it: the same commands, the same entries.
 */
#include "vfio_null.h"
#include "vfio_pieces.h"

#define PHYS 0x200000000ull

/* Strategies that look before they unmap, or unmap whole ranges. */
static const char *const strategies[] = {
	"chunked-fast", "chunked",     "iommufd",
	"leafwalk",	"whole-range", "unmap-remap",
};

static const struct {
	u64 granule;
	u64 block;
} granules[] = {
	{ SZ_4K, SZ_2M },
	{ SZ_16K, SZ_32M },
	{ SZ_64K, SZ_512M },
};

static const char *const rules[] = { "6.1", "6.12", "7.3" };

/* Runs in pages of the granule; what is mapped is 4 blocks and a bit. */
static const u64 run_pages[] = { 1, 2, 3, 16, 511, 512, 513, 1000000 };

/* Where the map starts, and where its last run lies, in pages off a block. */
static const struct {
	u64 iova, phys;
} offsets[] = {
	{ 0, 0 }, { 1, 0 }, { 0, 1 }, { 5, 5 }, { 500, 12 },
};

static void runs_of(const char *strategy, u64 granule, u64 block)
{
	/* A 64K block has 8192 pages: one of them is enough. */
	u64 size = granule == SZ_4K ? 4 * block : block;

	for (size_t r = 0; r < ARRAY_SIZE(run_pages); r++) {
		for (size_t o = 0; o < ARRAY_SIZE(offsets); o++) {
			const struct vfio_runs runs = {
				.size = size + 7 * granule,
				.run = run_pages[r] * granule,
				.base = PHYS + offsets[o].phys * granule,
			};
			char name[96];
			const struct null_map map = {
				.iova = SZ_1G + offsets[o].iova * granule,
				.size = runs.size,
				.memory = { .run = vfio_runs_run,
					    .arg = &runs,
					    .is_bar = (r + o) % 7 == 6 },
			};
			const struct setup s = {
				.strategy = strategy,
				.rule = rules[(r + o) % ARRAY_SIZE(rules)],
				.granule = granule,
				.maps = &map,
				.nr_maps = 1,
				.name = name,
			};

			if ((r + o) % test_nth(3))
				continue;
			snprintf(name, sizeof(name),
				 "runs of %" PRIu64 " pages, off by %" PRIu64
				 " and %" PRIu64,
				 run_pages[r], offsets[o].iova,
				 offsets[o].phys);
			null_compare(&s);
		}
	}
}

static void test_runs(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(strategies); i++)
		for (size_t g = 0; g < ARRAY_SIZE(granules); g++)
			if (!g || !i)
				runs_of(strategies[i], granules[g].granule,
					granules[g].block);
}

/* Pages, blocks and all between, in any order. */
static void test_random(void **unused)
{
	static struct pieces pieces;
	u64 seed = test_seed();
	struct rng rng;

	(void)unused;
	rng_init(&rng, seed);
	for (unsigned int i = 0; i < 120 / test_nth(3); i++) {
		u64 granule = granules[i % 2].granule;
		u64 block = granules[i % 2].block;
		u64 size = block * (1 + rng_below(&rng, 3)) +
			   granule * rng_below(&rng, 600);
		char name[96];
		struct null_map map = {
			.iova = SZ_1G + granule * rng_below(&rng, 1024),
			.size = size,
			.memory = { .run = pieces_run, .arg = &pieces },
		};
		const struct setup s = {
			.strategy = strategies[i % ARRAY_SIZE(strategies)],
			.rule = rules[i % ARRAY_SIZE(rules)],
			.granule = granule,
			.maps = &map,
			.nr_maps = 1,
			.name = name,
		};

		if (rng_below(&rng, 2))
			map.iova &= ~(block - 1);
		pieces_random(&pieces, &rng, size, granule, block, i / 6 % 3);
		snprintf(name, sizeof(name), "round %u, IOPT_SEED=%" PRIu64, i,
			 seed);
		null_compare(&s);
	}
}

/* All three leaf sizes of a 4K granule in one map. */
static void test_three_sizes(void **unused)
{
	static struct pieces pieces;
	struct null_map map = {
		.iova = SZ_1G,
		.memory = { .run = pieces_run, .arg = &pieces },
	};
	struct setup s = {
		.granule = SZ_4K,
		.maps = &map,
		.nr_maps = 1,
		.name = "1G, 2M and 4K",
	};

	(void)unused;
	pieces_add(&pieces, SZ_1G, 8 * SZ_1G);
	pieces_add(&pieces, 3 * SZ_2M, 2 * SZ_1G);
	pieces_add(&pieces, 7 * SZ_4K, SZ_1G);
	/* Touches, but at another offset in its block: pages again. */
	pieces_add(&pieces, SZ_2M, SZ_1G + 7 * SZ_4K);
	map.size = pieces.size;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		s.rule = rules[i];
		s.strategy = "chunked-fast";
		null_compare(&s);
		s.strategy = "leafwalk";
		null_compare(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_three_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
