// SPDX-License-Identifier: GPL-2.0-only
/* What each strategy does, call by call, with the engines it was written for.
 */
#include "vfio_rig.h"

#define IOVA 0x40000000ull
#define PHYS 0x200000000ull

/*
 * One row a teardown of @size in runs of @run, at a multiple of both.
 *
 * A block is 2M, 512 pages; runs descend, so none continues the one before it.
 * nr_scan is what vfio_scan() says of the intact table: nr_lookups, but where
 * the teardown sees what it has split itself, or is stuck.
 */
static const struct {
	const char *strategy;
	const char *engine;
	u64 size, run;
	u64 nr_unmaps, nr_maps, nr_lookups, nr_scan, nr_syncs, nr_resched;
	const char *outcome;
} rows[] = {
	/*
	 * Page by page (3.11 to 3.19). Split: 512 calls a block, each with a
	 * sync. Whole: one a block. No split: the first block stays. It never
	 * gives the CPU away.
	 */
	{ "page", "lpae-split", 4 * SZ_2M, SZ_2M, 4 * 512, 0, 4 * 512, 4 * 512,
	  4 * 512, 0, "ok" },
	{ "page", "lpae-whole", 4 * SZ_2M, SZ_2M, 4, 0, 4, 4, 4, 0, "ok" },
	{ "page", "lpae-nosplit", 4 * SZ_2M, SZ_2M, 1, 0, 1, 4 * 512, 0, 0,
	  "stuck" },
	{ "page", "lpae-7.3", SZ_2M, SZ_4K, 512, 0, 512, 512, 512, 0, "ok" },
	/* A 1G block: 2 tables, then 262,144 pages in 512 tables. */
	{ "page", "lpae-split", SZ_1G, SZ_1G, 262144, 0, 262144, 262144, 262144,
	  0, "ok" },
	{ "page", "lpae-whole", SZ_1G, SZ_1G, 1, 0, 1, 1, 1, 0, "ok" },

	/* Chunks (4.0): a call a run; each page once, and the first behind. */
	{ "chunked", "lpae-split", 4 * SZ_2M, SZ_2M, 4, 0, 4 * 512 + 3,
	  4 * 512 + 3, 4, 4, "ok" },
	{ "chunked", "lpae-nosplit", 4 * SZ_2M, 4 * SZ_2M, 1, 0, 4 * 512,
	  4 * 512, 1, 1, "ok" },
	{ "chunked", "lpae-whole", SZ_2M, SZ_4K, 512, 0, 512 + 511, 512 + 511,
	  512, 512, "ok" },

	/*
	 * Before 7c6d90e2bb1a every address in a block is its base: a chunk is
	 * one page, found by two lookups. Whole: that page takes the block.
	 * Split: that page splits it, and the other 511, whose translation was
	 * never wrong, are one chunk: 2 + 511 + 1 lookups, the last without
	 * the one behind. No split: stuck, after two lookups.
	 */
	{ "chunked-unfixed", "lpae-whole", 4 * SZ_2M, SZ_2M, 4, 0, 8, 8, 4, 4,
	  "ok" },
	{ "chunked-unfixed", "lpae-split", 4 * SZ_2M, SZ_2M, 8, 0, 4 * 514 - 1,
	  2 * 4 * 512 - 1, 8, 8, "ok" },
	{ "chunked-unfixed", "lpae-nosplit", 4 * SZ_2M, SZ_2M, 1, 0, 2,
	  2 * 4 * 512 - 1, 0, 0, "stuck" },
	/*
	 * Blocks that continue each other: the chunk behind the first page is
	 * 511 pages and the first of the next block, which it splits. 1, three
	 * times 512, and 511 pages: 2 + 3 * 513 + 511 lookups.
	 */
	{ "chunked-unfixed", "lpae-split", 4 * SZ_2M, 4 * SZ_2M, 5, 0,
	  2 + 3 * 513 + 511, 2 * 4 * 512 - 1, 5, 5, "ok" },
	/* Pages were never wrong. */
	{ "chunked-unfixed", "lpae-split", SZ_2M, SZ_64K, 32, 0, 512 + 31,
	  512 + 31, 32, 32, "ok" },
	/* Fast and stuck: a sync of nothing, with unpin, then the plain one. */
	{ "chunked-fast-unfixed", "lpae-nosplit", 4 * SZ_2M, SZ_2M, 2, 0, 2,
	  2 * 4 * 512 - 1, 0, 1, "stuck" },
	{ "chunked-fast-unfixed", "lpae-whole", 4 * SZ_2M, SZ_2M, 4, 0, 8, 8, 1,
	  1, "ok" },

	/* Fast (4.17): the same calls, a sync each 512. */
	{ "chunked-fast", "lpae-split", 4 * SZ_2M, SZ_2M, 4, 0, 4 * 512 + 3,
	  4 * 512 + 3, 1, 1, "ok" },
	{ "chunked-fast", "lpae-nosplit", 4 * SZ_2M, SZ_4K, 2048, 0,
	  2048 + 2047, 2048 + 2047, 4, 4, "ok" },

	/* No superpages of any power of two: chunked-fast, and it says so. */
	{ "fgsp", "lpae-whole", 4 * SZ_2M, SZ_2M, 4, 0, 4 * 512 + 3,
	  4 * 512 + 3, 1, 1, "no-fgsp" },
	/* AMD v1: a lookup and a call for each power of two. */
	{ "fgsp", "amdv1", 4 * SZ_2M, SZ_64K, 128, 0, 128, 128, 1, 1, "ok" },
	{ "fgsp", "amdv1", 4 * SZ_2M, 4 * SZ_2M, 1, 0, 1, 1, 1, 1, "ok" },
	{ "fgsp", "amdv1", SZ_1G, SZ_1G, 1, 0, 1, 1, 1, 1, "ok" },
	/* 1024 of 8K: twice 512. */
	{ "fgsp", "amdv1", 4 * SZ_2M, 2 * SZ_4K, 1024, 0, 1024, 1024, 2, 2,
	  "ok" },
	/* What the detection saves there: the same calls, each page looked up.
	 */
	{ "chunked-fast", "amdv1", 4 * SZ_2M, SZ_64K, 128, 0, 2048 + 127,
	  2048 + 127, 1, 1, "ok" },
	{ "page", "amdv1", 4 * SZ_2M, SZ_64K, 128, 0, 128, 128, 128, 0, "ok" },

	/*
	 * 16384 runs: 3 batches of 5461 and one of 1; the first frame of each
	 * later batch is read twice. Full tables go as tables, and 6.12 gathers
	 * them as 2M, which sends the pages next to them: 10 tables and pages,
	 * 2 syncs; pages, tables, pages, 3, twice; 1. No point of rescheduling.
	 */
	{ "iommufd", "lpae-nosplit", 32 * SZ_2M, SZ_4K, 4, 0, 16384 + 3,
	  16384 + 3, 9, 0, "ok" },
	{ "iommufd", "lpae-split", 4 * SZ_2M, SZ_2M, 1, 0, 2048, 2048, 1, 0,
	  "ok" },

	/*
	 * What a driver does instead of a split: the block goes, 511 pages come
	 * back in one call, and then go one by one.
	 */
	{ "unmap-remap", "lpae-nosplit", 4 * SZ_2M, SZ_2M, 4 * 512, 4, 4 * 512,
	  4 * 512, 4 * 512, 4 * 512, "ok" },
	{ "unmap-remap", "lpae-whole", 4 * SZ_2M, SZ_2M, 4 * 512, 4, 4 * 512,
	  4 * 512, 4 * 512, 4 * 512, "ok" },
	{ "unmap-remap", "lpae-nosplit", SZ_2M, SZ_4K, 512, 0, 512, 512, 512,
	  512, "ok" },
	/*
	 * 1G: 511 pages and 511 blocks come back in one call; then each block
	 * in turn: 512 maps, a call a page.
	 */
	{ "unmap-remap", "lpae-nosplit", SZ_1G, SZ_1G, 262144, 512, 262144,
	  262144, 262144, 262144, "ok" },
	/*
	 * AMD v1 maps 2M less a page as 4K, 8K, 16K ... 1M: nine leaves, of
	 * which each but the smallest comes apart again: 2^k pages take
	 * M(k) = 1 + M(0) + ... + M(k-1) maps, M(0) = 0: 2^(k-1) for k > 0,
	 * 256 for 2M.
	 */
	{ "unmap-remap", "amdv1", SZ_2M, SZ_2M, 512, 256, 512, 512, 512, 512,
	  "ok" },

	/* The floor. */
	{ "whole-range", "lpae-nosplit", 4 * SZ_2M, SZ_4K, 1, 0, 0, 0, 1, 1,
	  "ok" },
	{ "whole-range", "amdv1", 4 * SZ_2M, SZ_64K, 1, 0, 0, 0, 1, 1, "ok" },

	/* A lookup a leaf, the one behind a chunk kept for the next. */
	{ "leafwalk", "lpae-nosplit", 4 * SZ_2M, SZ_2M, 4, 0, 4, 4, 1, 1,
	  "ok" },
	{ "leafwalk", "lpae-7.3", 4 * SZ_2M, 4 * SZ_2M, 1, 0, 4, 4, 1, 1,
	  "ok" },
	{ "leafwalk", "lpae-split", SZ_1G, SZ_1G, 1, 0, 1, 1, 1, 1, "ok" },
	{ "leafwalk", "lpae-nosplit", 4 * SZ_2M, SZ_4K, 2048, 0, 2048, 2048, 4,
	  4, "ok" },
	{ "leafwalk", "lpae-nosplit", SZ_2M, SZ_64K, 32, 0, 512, 512, 1, 1,
	  "ok" },
	{ "leafwalk", "amdv1", 4 * SZ_2M, SZ_64K, 128, 0, 128, 128, 1, 1,
	  "ok" },
};

static void check_row(size_t i, struct rig *rig, const char *what)
{
	const struct vfio_counts *c = &rig->vfio.counts;
	bool is_stuck = !strcmp(rows[i].outcome, "stuck");

	expect_u64(c->nr_unmaps, rows[i].nr_unmaps, "%s: unmaps", what);
	expect_u64(c->nr_maps, rows[i].nr_maps, "%s: maps", what);
	expect_u64(c->nr_lookups, rows[i].nr_lookups, "%s: lookups", what);
	expect_u64(rig->rec[0].counts.nr_syncs, rows[i].nr_syncs, "%s: syncs",
		   what);
	expect_u64(c->nr_resched, rows[i].nr_resched, "%s: resched", what);
	expect_u64(c->nr_warnings, is_stuck, "%s: warnings", what);
	expect_u64(c->unpinned_bytes, is_stuck ? 0 : rows[i].size,
		   "%s: unpinned", what);
	expect_u64(c->is_fgsp, rig->vfio.is_fgsp, "%s: is_fgsp", what);
	assert_string_equal(vfio_outcome(&rig->vfio), rows[i].outcome);
	if (!is_stuck)
		rig_expect_no_leaf(rig, what);
	expect_u64(rig->vfio.locked_pages, is_stuck ? rows[i].size / SZ_4K : 0,
		   "%s: locked", what);
}

static void test_rows(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct vfio_strategy *strategy =
			vfio_strategy_find(rows[i].strategy);
		char what[128];

		snprintf(what, sizeof(what),
			 "%s over %s, %" PRIu64 "K in %" PRIu64 "K",
			 rows[i].strategy, rows[i].engine, rows[i].size / 1024,
			 rows[i].run / 1024);
		rig_init(&rig, rows[i].engine, 1,
			 (struct vfio_cfg){ .abi = VFIO_TYPE1V2,
					    .strategy = strategy });
		expect_int(rig_map(&rig, IOVA, rows[i].size, rows[i].run, PHYS),
			   0, what);
		rig.vfio.counts = (struct vfio_counts){ 0 };
		expect_u64(vfio_scan(&rig.vfio, strategy, IOVA, rows[i].size),
			   rows[i].nr_scan, "%s: scan", what);
		expect_u64(rig.vfio.counts.nr_lookups, 0, "%s: not counted",
			   what);
		recorder_reset(&rig.rec[0]);
		/* The kernel says that a range went even when it is stuck. */
		expect_u64((u64)vfio_unmap(&rig.vfio, IOVA, rows[i].size),
			   rows[i].size, "%s: bytes", what);
		check_row(i, &rig, what);
		rig_fini(&rig);
	}
}

/*
 * One row a strategy, one column an engine: how 8M of 2M pages ends. NULL: the
 * engine has no such lookup, and does not pretend to.
 */
static const char *const engines[] = { "lpae-split", "lpae-nosplit",
				       "lpae-whole", "lpae-7.3", "amdv1" };

static const struct {
	const char *strategy;
	const char *outcome[ARRAY_SIZE(engines)];
} outcomes[] = {
	{ "page", { "ok", "stuck", "ok", "stuck", "ok" } },
	{ "chunked", { "ok", "ok", "ok", "ok", "ok" } },
	{ "chunked-unfixed", { "ok", "stuck", "ok", "stuck", NULL } },
	{ "chunked-fast", { "ok", "ok", "ok", "ok", "ok" } },
	{ "chunked-fast-unfixed", { "ok", "stuck", "ok", "stuck", NULL } },
	{ "fgsp", { "no-fgsp", "no-fgsp", "no-fgsp", "no-fgsp", "ok" } },
	{ "iommufd", { "ok", "ok", "ok", "ok", "ok" } },
	{ "unmap-remap", { "ok", "ok", "ok", "ok", "ok" } },
	{ "whole-range", { "ok", "ok", "ok", "ok", "ok" } },
	{ "leafwalk", { "ok", "ok", "ok", "ok", "ok" } },
};

static void expect_refused(const char *engine)
{
	const struct pgtable_engine *e = pgtable_engine_find(engine);
	struct arena *arena;
	struct arena_cfg acfg = { .size = SZ_2M };
	struct pgtable_cfg cfg = { .params = e->params,
				   .stage = 1,
				   .granule = SZ_4K,
				   .ias = rig_ias(engine),
				   .oas = 48,
				   .coherent_walk = true,
				   .tlb = &inval_recorder_ops };
	struct pgtable *pgt;

	assert_int_equal(arena_create(&acfg, &arena, NULL), 0);
	cfg.arena = arena;
	cfg.params.walk = PGTABLE_WALK_UNFIXED;
	assert_int_equal(pgtable_create(e, &cfg, &pgt, NULL), -EINVAL);
	arena_destroy(arena);
}

static void test_outcomes(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(engines); k++) {
			const char *want = outcomes[i].outcome[k];

			if (!want) {
				expect_refused(engines[k]);
				continue;
			}
			rig_init(&rig, engines[k], 1,
				 (struct vfio_cfg){
					 .abi = VFIO_TYPE1V2,
					 .strategy = vfio_strategy_find(
						 outcomes[i].strategy) });
			assert_int_equal(
				rig_map(&rig, IOVA, 4 * SZ_2M, SZ_2M, PHYS), 0);
			vfio_unmap_all(&rig.vfio);
			expect_text(vfio_outcome(&rig.vfio), want,
				    outcomes[i].strategy);
			expect_u64(rig.vfio.counts.unpinned_bytes,
				   strcmp(want, "stuck") ? 4 * SZ_2M : 0,
				   "%s over %s: unpinned", outcomes[i].strategy,
				   engines[k]);
			rig_fini(&rig);
		}
	}
}

/* A call for each range, whatever lies in it. */
static void test_whole_ranges(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-nosplit", 1,
		 (struct vfio_cfg){
			 .abi = VFIO_TYPE1V2,
			 .strategy = vfio_strategy_find("whole-range") });
	for (u64 i = 0; i < 12; i++)
		assert_int_equal(rig_map(&rig, IOVA + i * SZ_1G,
					 SZ_2M + i * SZ_4K, SZ_4K << i % 10,
					 PHYS * (1 + i)),
				 0);
	rig.vfio.counts = (struct vfio_counts){ 0 };
	/* 12 times 2M, and 0 + 1 + ... + 11 = 66 pages. */
	expect_u64((u64)vfio_unmap_all(&rig.vfio), 12 * SZ_2M + 66 * SZ_4K,
		   "bytes");
	expect_u64(rig.vfio.counts.nr_unmaps, 12, "one a range");
	rig_expect_no_leaf(&rig, "all");
	rig_fini(&rig);
}

/* Memory that rises, but with a gap of 2M behind each 2M. */
static u64 gap_run(const void *arg, u64 offset, u64 *paddr)
{
	(void)arg;
	*paddr = PHYS + offset + (offset & ~(SZ_2M - 1));
	return SZ_2M - (offset & (SZ_2M - 1));
}

/* One row a strategy: its calls for four such blocks, and what is unpinned. */
static const struct {
	const char *strategy;
	u64 nr_unmaps, nr_unpin_runs;
} gaps[] = {
	{ "chunked", 4, 4 },
	{ "chunked-fast", 4, 4 },
	{ "leafwalk", 4, 4 },
	{ "iommufd", 1, 4 },
};

static void test_gaps(void **unused)
{
	static const struct vfio_memory memory = { .run = gap_run };
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(gaps); i++) {
		const char *name = gaps[i].strategy;

		rig_init(&rig, "lpae-nosplit", 1,
			 (struct vfio_cfg){ .abi = VFIO_TYPE1V2,
					    .strategy =
						    vfio_strategy_find(name) });
		assert_int_equal(vfio_map(&rig.vfio, IOVA, 4 * SZ_2M, &memory),
				 0);
		vfio_unmap_all(&rig.vfio);
		expect_u64(rig.vfio.counts.nr_unmaps, gaps[i].nr_unmaps,
			   "%s: calls", name);
		expect_u64(rig.vfio.counts.nr_unpin_runs, gaps[i].nr_unpin_runs,
			   "%s: runs", name);
		rig_fini(&rig);
	}
}

/* One row a stretch of memory that is no power of two: leaves of AMD v1. */
static const struct {
	const char *name;
	u64 iova, size, run;
	u64 nr_unmaps;
} pieces[] = {
	/* 4K at 12K, then 16K at 16K, 8K at 32K: the alignment decides. */
	{ "28K at 12K", 3 * SZ_4K, 7 * SZ_4K, 7 * SZ_4K, 3 },
	/* From 4K: 4K, 8K, 16K, 32K, then 4K at 64K. */
	{ "64K at 4K", SZ_4K, SZ_64K, SZ_64K, 5 },
};

static void test_fgsp_alignment(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		rig_init(&rig, "amdv1", 1,
			 (struct vfio_cfg){
				 .abi = VFIO_TYPE1V2,
				 .strategy = vfio_strategy_find("fgsp") });
		assert_true(rig.vfio.is_fgsp);
		assert_int_equal(rig_map(&rig, IOVA + pieces[i].iova,
					 pieces[i].size, pieces[i].run,
					 PHYS + pieces[i].iova),
				 0);
		vfio_unmap_all(&rig.vfio);
		expect_u64(rig.vfio.counts.nr_unmaps, pieces[i].nr_unmaps,
			   "%s: calls", pieces[i].name);
		rig_expect_no_leaf(&rig, pieces[i].name);
		rig_fini(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_whole_ranges),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_fgsp_alignment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
