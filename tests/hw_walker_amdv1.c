// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the hardware makes of AMD v1 entries, right and wrong ones; and that
 * what it watches is not forgotten when a table gets another top.
 */
#include "test.h"

#include "amdv1_fmt.h"
#include "hw_rig.h"
#include "sizes.h"

#define RW	 (AMDV1_IR | AMDV1_IW)
#define LEAF	 (AMDV1_PR | RW | AMDV1_FC)
#define LARGE	 (LEAF | 7ull << 9)
#define SZ_512G	 (1ull << 39)
#define PADDR	 0x123400000000ull
#define TABLE(n) (PADDR | (u64)(n) << 9 | AMDV1_PR | RW)
#define PROT	 (IOMMU_READ | IOMMU_WRITE)

/* Arm's levels: 3 has pages. */
static const struct {
	const char *what;
	unsigned int level;
	u64 desc;
	enum walk_kind kind;
	enum walk_fault fault;
	u64 size;
	u64 paddr;
	int prot;
} rows[] = {
	{ "nothing", 3, 0, WALK_NONE, WALK_TRANSLATION, 0, 0, 0 },
	{ "not present", 3, (PADDR | LEAF) & ~AMDV1_PR, WALK_NONE,
	  WALK_TRANSLATION, 0, 0, 0 },
	/* The level's own size. */
	{ "4K", 3, PADDR | LEAF, WALK_LEAF, WALK_OK, SZ_4K, PADDR, PROT },
	{ "2M", 2, PADDR | LEAF, WALK_LEAF, WALK_OK, SZ_2M, PADDR, PROT },
	{ "1G", 1, PADDR | LEAF, WALK_LEAF, WALK_OK, SZ_1G, PADDR, PROT },
	{ "512G", 0, SZ_512G | LEAF, WALK_NONE, WALK_TRANSLATION, 0, 0, 0 },
	/* The lowest 0 from bit 12 on: 8K has it there. */
	{ "8K", 3, PADDR | LARGE, WALK_LEAF, WALK_OK, 2 * SZ_4K, PADDR, PROT },
	{ "64K", 3, PADDR | 0x7000 | LARGE, WALK_LEAF, WALK_OK, SZ_64K, PADDR,
	  PROT },
	{ "1M", 3, PADDR | 0x7f000 | LARGE, WALK_LEAF, WALK_OK, SZ_1M, PADDR,
	  PROT },
	{ "4M", 2, PADDR | 0x1ff000 | LARGE, WALK_LEAF, WALK_OK, 2 * SZ_2M,
	  PADDR, PROT },
	{ "512M", 2, PADDR | 0xffff000 | LARGE, WALK_LEAF, WALK_OK, SZ_512M,
	  PADDR, PROT },
	{ "128T", 0, 0x3ffffffff000ull | LARGE, WALK_LEAF, WALK_OK, 1ull << 47,
	  0, PROT },
	/* A size that is not of this level. */
	{ "2M among 4K", 3, PADDR | 0xff000 | LARGE, WALK_NONE,
	  WALK_TRANSLATION, 0, 0, 0 },
	{ "1M among 2M", 2, PADDR | 0x7f000 | LARGE, WALK_NONE,
	  WALK_TRANSLATION, 0, 0, 0 },
	{ "8K among 2M", 2, PADDR | LARGE, WALK_NONE, WALK_TRANSLATION, 0, 0,
	  0 },
	/* Permissions. */
	{ "read", 3, (PADDR | LEAF) & ~AMDV1_IW, WALK_LEAF, WALK_OK, SZ_4K,
	  PADDR, IOMMU_READ },
	{ "write", 3, (PADDR | LEAF) & ~AMDV1_IR, WALK_LEAF, WALK_OK, SZ_4K,
	  PADDR, IOMMU_WRITE },
	/* Tables say how many levels are left. */
	{ "table of pages", 2, TABLE(1), WALK_TABLE, WALK_OK, SZ_2M, PADDR, 0 },
	{ "table of 2M", 1, TABLE(2), WALK_TABLE, WALK_OK, SZ_1G, PADDR, 0 },
	{ "table of 1G", 0, TABLE(3), WALK_TABLE, WALK_OK, SZ_512G, PADDR, 0 },
	{ "table below pages", 3, TABLE(1), WALK_NONE, WALK_TRANSLATION, 0, 0,
	  0 },
	{ "skipped level", 1, TABLE(1), WALK_NONE, WALK_TRANSLATION, 0, 0, 0 },
	{ "loop", 2, TABLE(2), WALK_NONE, WALK_TRANSLATION, 0, 0, 0 },
	{ "no write", 1, TABLE(2) & ~AMDV1_IW, WALK_NONE, WALK_PERMISSION, 0, 0,
	  0 },
	/* More output bits than there are. */
	{ "paddr", 3, (1ull << 48) | LEAF, WALK_NONE, WALK_ADDRESS_SIZE, 0, 0,
	  0 },
	{ "table's", 2, (1ull << 48) | TABLE(1), WALK_NONE, WALK_ADDRESS_SIZE,
	  0, 0, 0 },
};

static void entries(void **state)
{
	const struct walk_table table = { .lg2_granule = 12,
					  .ias = 48,
					  .oas = 48,
					  .stage = 1,
					  .decode = walk_decode_amdv1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct walk_desc d =
			walk_decode_amdv1(&table, rows[i].desc, rows[i].level);

		expect_u64(d.kind, rows[i].kind, "%s: kind", rows[i].what);
		expect_u64(d.fault, rows[i].fault, "%s: fault", rows[i].what);
		if (d.kind == WALK_NONE)
			continue;
		expect_u64(1ull << d.lg2_size, rows[i].size, "%s: size",
			   rows[i].what);
		expect_u64(d.paddr, rows[i].paddr, "%s: paddr", rows[i].what);
		expect_u64((u64)d.prot, (u64)rows[i].prot, "%s: prot",
			   rows[i].what);
	}
}

static void rig_of(struct rig *rig)
{
	const struct pgtable_engine *engine = pgtable_engine_find("amdv1");

	rig_init(rig, &(struct rig_cfg){ .engine = engine->name,
					 .params = engine->params,
					 .rule = engine->rule,
					 .granule = SZ_4K,
					 .stage = 1,
					 .oas = 52,
					 .has_ril = true,
					 .is_strict = true });
}

static void map_ok(struct rig *rig, u64 iova, u64 paddr, u64 size)
{
	expect_int(iommu_map(&rig->domain, iova, paddr, size, PROT), 0, "map");
}

/* What the oracle has found so far. */
static void check(struct rig *rig, u64 nr_stale, u64 nr_bbm)
{
	struct oracle_counts counts = rig_check(rig);

	expect_u64(counts.stale_after_sync, nr_stale, "stale");
	expect_u64(counts.bbm_violations, nr_bbm, "bbm");
}

/* A level more leaves what is cached as it is, and under watch. */
static void a_new_top(void **state)
{
	struct rig rig;

	(void)state;
	rig_of(&rig);
	map_ok(&rig, SZ_64K, PADDR, SZ_64K);
	rig_access(&rig, SZ_64K + SZ_4K, PADDR + SZ_4K, "below");
	/* Nobody has told the hardware: it walks three levels still. */
	map_ok(&rig, SZ_512G, 2 * PADDR, SZ_4K);
	rig_access(&rig, SZ_512G, 0, "before it is told");
	rig_grow(&rig);
	rig_access(&rig, SZ_512G, 2 * PADDR, "after");
	rig_access(&rig, SZ_64K + 3 * SZ_4K, PADDR + 3 * SZ_4K, "below");
	check(&rig, 0, 0);
	rig_fini(&rig);
}

/* Gone with no invalidation, then a new top: what was cached is known still. */
static void what_was_cached_below(void **state)
{
	struct rig rig;

	(void)state;
	rig_of(&rig);
	map_ok(&rig, SZ_64K, PADDR, SZ_64K);
	rig_access(&rig, SZ_64K + SZ_4K, PADDR + SZ_4K, "below");
	check(&rig, 0, 0);
	expect_u64(rig.pgt->ops.unmap_pages(rig.pgt, SZ_64K, SZ_4K, 1, NULL),
		   SZ_64K, "unmap");
	map_ok(&rig, SZ_512G, 2 * PADDR, SZ_4K);
	rig_grow(&rig);
	check(&rig, 1, 0);
	/* Others in its place: each of its 16 entries was seen. */
	map_ok(&rig, SZ_64K, PADDR + SZ_64K, SZ_64K);
	check(&rig, 1, 16);
	rig_fini(&rig);
}

/* An unmap from inside of a page invalidates all of it. */
static void from_inside(void **state)
{
	struct rig rig;

	(void)state;
	rig_of(&rig);
	map_ok(&rig, SZ_1M, PADDR, SZ_64K);
	rig_access(&rig, SZ_1M, PADDR, "first page");
	check(&rig, 0, 0);
	/* From the last page on, and as far behind: see docs/model.md. */
	expect_u64(iommu_unmap(&rig.domain, SZ_1M + 15 * SZ_4K, SZ_4K), SZ_64K,
		   "unmap");
	rig_access(&rig, SZ_1M, 0, "first page");
	map_ok(&rig, SZ_1M, 2 * PADDR, SZ_64K);
	check(&rig, 0, 0);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries),
		cmocka_unit_test(a_new_top),
		cmocka_unit_test(what_was_cached_below),
		cmocka_unit_test(from_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
