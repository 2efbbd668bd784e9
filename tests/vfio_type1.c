// SPDX-License-Identifier: GPL-2.0-only
/* The type1 container: rules of v1 and v2, the chunked walk, its syncs. */
#include "vfio_rig.h"

#define IOVA 0x40000000ull
#define PHYS 0x100000000ull

/*
 * One row a teardown: what the walk did. Lookups: one for the start of each
 * run, then one a page, the last of which fails unless the map ends there: n
 * pages in r runs take n + r - 1. A sync each 512 runs and one for the rest.
 */
static const struct {
	const char *name;
	u64 size, run;
	u64 nr_unmaps, nr_lookups, nr_syncs, nr_resched;
} walks[] = {
	{ "a page", SZ_4K, SZ_4K, 1, 1, 1, 1 },
	{ "one run", SZ_2M, SZ_2M, 1, 512, 1, 1 },
	{ "16 runs of 16K", 256 * SZ_1K, SZ_16K, 16, 64 + 16 - 1, 1, 1 },
	{ "512 runs", SZ_2M, SZ_4K, 512, 512 + 512 - 1, 1, 1 },
	{ "513 runs", SZ_2M + SZ_4K, SZ_4K, 513, 513 + 513 - 1, 2, 2 },
	/* 2048 runs, all in fours of 512. */
	{ "8M of 4K", 4 * SZ_2M, SZ_4K, 2048, 2048 + 2048 - 1, 4, 4 },
};

static void test_walks(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
		struct vfio_counts *c = &rig.vfio.counts;

		rig_init(&rig, "lpae-6.12", 1,
			 (struct vfio_cfg){ .abi = VFIO_TYPE1V2 });
		expect_int(
			rig_map(&rig, IOVA, walks[i].size, walks[i].run, PHYS),
			0, walks[i].name);
		*c = (struct vfio_counts){ 0 };
		recorder_reset(&rig.rec[0]);
		expect_u64((u64)vfio_unmap(&rig.vfio, IOVA, walks[i].size),
			   walks[i].size, "%s: bytes", walks[i].name);
		expect_u64(c->nr_unmaps, walks[i].nr_unmaps, "%s: unmaps",
			   walks[i].name);
		expect_u64(c->nr_lookups, walks[i].nr_lookups, "%s: lookups",
			   walks[i].name);
		expect_u64(c->nr_resched, walks[i].nr_resched, "%s: resched",
			   walks[i].name);
		expect_u64(rig.rec[0].counts.nr_syncs, walks[i].nr_syncs,
			   "%s: syncs", walks[i].name);
		expect_u64(c->unpinned_bytes, walks[i].size, "%s: unpinned",
			   walks[i].name);
		expect_u64(c->nr_unpin_runs, walks[i].nr_unmaps, "%s: runs",
			   walks[i].name);
		expect_u64(c->nr_warnings, 0, "%s: warnings", walks[i].name);
		rig_expect_empty(&rig, IOVA, walks[i].size, walks[i].name);
		rig_fini(&rig);
	}
}

/* 513 runs of a page: never more than 1023 lookups without rescheduling. */
static void test_stretch(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-6.12", 1,
		 (struct vfio_cfg){ .abi = VFIO_TYPE1V2 });
	assert_int_equal(rig_map(&rig, IOVA, SZ_2M + SZ_4K, SZ_4K, PHYS), 0);
	vfio_unmap(&rig.vfio, IOVA, SZ_2M + SZ_4K);
	expect_u64(rig.vfio.counts.max_lookups, 1024, "between two points");
	rig_fini(&rig);
}

/* What is done to maps of 1M at 0, 1M and 4M, and what it returns. */
static const struct {
	enum vfio_abi abi;
	u64 iova, size;
	s64 ret;
	u64 nr_left;
} rules[] = {
	{ VFIO_TYPE1V2, 0, SZ_1M, SZ_1M, 2 },
	{ VFIO_TYPE1V2, 0, 2 * SZ_1M, 2 * SZ_1M, 1 },
	{ VFIO_TYPE1V2, 0, 16 * SZ_1M, 3 * SZ_1M, 0 },
	{ VFIO_TYPE1V2, 2 * SZ_1M, SZ_1M, 0, 3 },
	{ VFIO_TYPE1V2, 0, SZ_4K, -EINVAL, 3 },
	{ VFIO_TYPE1V2, SZ_4K, SZ_1M - SZ_4K, -EINVAL, 3 },
	{ VFIO_TYPE1V2, 0, SZ_1M + SZ_4K, -EINVAL, 3 },
	/* The first is whole, the last is cut: neither goes. */
	{ VFIO_TYPE1V2, 0, 5 * SZ_1M - SZ_4K, -EINVAL, 3 },
	{ VFIO_TYPE1V2, SZ_1K, SZ_1M, -EINVAL, 3 },
	{ VFIO_TYPE1V2, 0, SZ_1M + SZ_1K, -EINVAL, 3 },
	{ VFIO_TYPE1V2, 0, 0, -EINVAL, 3 },
	{ VFIO_TYPE1V2, SZ_4K, ~0ull - SZ_4K + 1, -EINVAL, 3 },
	/* v1: the first address of a map is in it, so the whole goes. */
	{ VFIO_TYPE1, 0, SZ_4K, SZ_1M, 2 },
	{ VFIO_TYPE1, SZ_1M, SZ_4K, SZ_1M, 2 },
	{ VFIO_TYPE1, 0, SZ_1M + SZ_4K, 2 * SZ_1M, 1 },
	/* v1: it starts below: nothing, and success; so do those behind. */
	{ VFIO_TYPE1, SZ_4K, SZ_4K, 0, 3 },
	{ VFIO_TYPE1, SZ_4K, 16 * SZ_1M, 0, 3 },
	{ VFIO_TYPE1, 2 * SZ_1M, 16 * SZ_1M, SZ_1M, 2 },
	{ VFIO_TYPE1, 2 * SZ_1M, SZ_1M, 0, 3 },
};

static void test_rules(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		rig_init(&rig, "lpae-7.3", 1,
			 (struct vfio_cfg){ .abi = rules[i].abi });
		assert_int_equal(rig_map(&rig, 0, SZ_1M, SZ_4K, PHYS), 0);
		assert_int_equal(rig_map(&rig, SZ_1M, SZ_1M, SZ_1M, 2 * PHYS),
				 0);
		assert_int_equal(
			rig_map(&rig, 4 * SZ_1M, SZ_1M, SZ_4K, 3 * PHYS), 0);
		recorder_reset(&rig.rec[0]);
		expect_u64((u64)vfio_unmap(&rig.vfio, rules[i].iova,
					   rules[i].size),
			   (u64)rules[i].ret, "row %zu", i);
		expect_u64(rig.vfio.nr_ranges, rules[i].nr_left,
			   "row %zu: maps left", i);
		if (rules[i].ret <= 0)
			expect_u64(rig.rec[0].nr_events, 0, "row %zu: told", i);
		rig_fini(&rig);
	}
}

/* One row a map that is refused, with a map of 1M at 1M there already. */
static const struct {
	const char *name;
	u64 iova, size;
	int ret;
} refused[] = {
	{ "nothing", 0, 0, -EINVAL },
	{ "half a page", 0, SZ_1K, -EINVAL },
	{ "between pages", SZ_1K, SZ_4K, -EINVAL },
	{ "the same", SZ_1M, SZ_1M, -EEXIST },
	{ "its end", 2 * SZ_1M - SZ_4K, SZ_1M, -EEXIST },
	{ "over it", 0, SZ_1G, -EEXIST },
	{ "out of the aperture", (1ull << 40) - SZ_4K, 2 * SZ_4K, -EINVAL },
	{ "beyond it", 1ull << 40, SZ_4K, -EINVAL },
	{ "beyond 2^64", ~0ull - SZ_4K + 1, 2 * SZ_4K, -EOVERFLOW },
};

static void test_refused(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-6.12", 1,
		 (struct vfio_cfg){ .abi = VFIO_TYPE1V2,
				    .max_ranges = 2,
				    .wrap_errno = EOVERFLOW });
	assert_int_equal(rig_map(&rig, SZ_1M, SZ_1M, SZ_4K, PHYS), 0);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		expect_int(rig_map(&rig, refused[i].iova, refused[i].size,
				   SZ_4K, PHYS),
			   refused[i].ret, refused[i].name);
		expect_u64(rig.vfio.nr_ranges, 1, "%s: maps", refused[i].name);
	}
	assert_int_equal(rig_map(&rig, 0, SZ_1M, SZ_4K, PHYS), 0);
	expect_int(rig_map(&rig, SZ_1G, SZ_1M, SZ_4K, PHYS), -ENOSPC,
		   "a third of two");
	/* Physical addresses above 48 bits: the engine's own error. */
	rig.vfio.cfg.max_ranges = 3;
	expect_int(rig_map(&rig, SZ_1G, SZ_1M, SZ_4K, 1ull << 48), -ERANGE,
		   "above the output size");
	expect_u64(rig.vfio.nr_ranges, 2, "it is not kept");
	rig_fini(&rig);
}

/* A failure in the midst leaves nothing, in no domain. */
static void test_unwind(void **unused)
{
	struct rig rig;

	(void)unused;
	for (u64 n = 1; n < 12; n++) {
		char what[32];
		int ret;

		snprintf(what, sizeof(what), "table %" PRIu64, n);
		rig_init(&rig, "lpae-6.12", 2,
			 (struct vfio_cfg){ .abi = VFIO_TYPE1V2 });
		arena_fail_at(rig.arena[1], n);
		ret = rig_map(&rig, IOVA, 8 * SZ_2M, SZ_64K, PHYS);
		/* 40 bits, 4 levels: two tables below the top, one a 2M. */
		expect_int(ret, n <= 1 + 1 + 8 ? -ENOMEM : 0, what);
		arena_fail_at(rig.arena[1], 0);
		if (ret) {
			rig_expect_empty(&rig, IOVA, 8 * SZ_2M, what);
			expect_u64(rig.vfio.nr_ranges, 0, "%s", what);
		}
		rig_fini(&rig);
	}
}

/* Further domains go first, whole; then the first is walked. */
static void test_domains(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-6.12", 2,
		 (struct vfio_cfg){ .abi = VFIO_TYPE1V2 });
	assert_int_equal(rig_map(&rig, IOVA, SZ_2M, SZ_4K, PHYS), 0);
	expect_u64(rig.vfio.counts.nr_maps, 2 * 512, "a run into each");
	recorder_reset(&rig.rec[0]);
	recorder_reset(&rig.rec[1]);
	rig.vfio.counts = (struct vfio_counts){ 0 };
	expect_u64((u64)vfio_unmap(&rig.vfio, IOVA, SZ_2M), SZ_2M, "bytes");
	/* The second sees its 2M as a table and, since 6.12, as a leaf. */
	expect_u64(rig.rec[1].counts.nr_walks, 1, "second: a table");
	expect_u64(rig.rec[1].counts.nr_syncs, 1, "second: syncs");
	expect_u64(rig.rec[0].counts.nr_walks, 0, "first: by pages");
	expect_u64(rig.rec[0].counts.nr_pages, 512, "first: pages");
	expect_u64(rig.vfio.counts.nr_unmaps, 1 + 512, "calls");
	expect_u64(rig.vfio.counts.nr_resched, 1 + 1, "points");
	rig_expect_empty(&rig, IOVA, SZ_2M, "both");
	rig_fini(&rig);
}

/*
 * A block that somebody put under a map of one page. nosplit: the fast unmap
 * returns 0, which ends in a sync, the plain one too, the kernel warns and
 * stops; type1 says all the same that the map went. split: the page goes.
 * whole: the block goes, and its 2M are unpinned: 512 pages, of which one was
 * accounted for, so that the accounting warns.
 */
static const struct {
	const char *engine;
	u64 nr_warnings, nr_unmaps, nr_resched, unpinned, left;
} stuck[] = {
	{ "lpae-nosplit", 1, 2, 1, 0, PHYS },
	{ "lpae-split", 0, 1, 1, SZ_4K, 0 },
	{ "lpae-whole", 1, 1, 1, SZ_2M, 0 },
};

static void test_stuck(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(stuck); i++) {
		const char *name = stuck[i].engine;

		rig_init(&rig, name, 1,
			 (struct vfio_cfg){ .abi = VFIO_TYPE1V2 });
		assert_int_equal(rig_map(&rig, IOVA, SZ_4K, SZ_4K, PHYS), 0);
		iommu_unmap(&rig.domain[0], IOVA, SZ_4K);
		assert_int_equal(iommu_map(&rig.domain[0], IOVA, PHYS, SZ_2M,
					   IOMMU_READ),
				 0);
		rig.vfio.counts = (struct vfio_counts){ 0 };
		expect_u64((u64)vfio_unmap(&rig.vfio, IOVA, SZ_4K), SZ_4K,
			   "%s: bytes", name);
		expect_u64(rig.vfio.counts.nr_warnings, stuck[i].nr_warnings,
			   "%s: warnings", name);
		expect_u64(rig.vfio.counts.nr_unmaps, stuck[i].nr_unmaps,
			   "%s: calls", name);
		expect_u64(rig.vfio.counts.nr_resched, stuck[i].nr_resched,
			   "%s: syncs with unpin", name);
		expect_u64(rig.vfio.counts.unpinned_bytes, stuck[i].unpinned,
			   "%s: unpinned", name);
		expect_u64(iommu_iova_to_phys(&rig.domain[0], IOVA),
			   stuck[i].left, "%s: left", name);
		rig_fini(&rig);
	}
}

/* Memory told page by page, with a gap after each of @arg bytes. */
static u64 page_run(const void *arg, u64 offset, u64 *paddr)
{
	const u64 *run = arg;

	*paddr = PHYS + offset + offset / *run * SZ_1G;
	return SZ_4K;
}

/* Pages that touch are mapped as one run, up to where they do not. */
static void test_merged(void **unused)
{
	static const u64 run = 12 * SZ_4K;
	const struct vfio_memory memory = { .run = page_run, .arg = &run };
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-6.12", 1,
		 (struct vfio_cfg){ .abi = VFIO_TYPE1V2 });
	assert_int_equal(vfio_map(&rig.vfio, IOVA, 40 * SZ_4K, &memory), 0);
	/* 12 + 12 + 12 + 4 */
	expect_u64(rig.vfio.counts.nr_maps, 4, "calls");
	for (u64 at = 0; at < 40 * SZ_4K; at += SZ_4K)
		expect_u64(iommu_iova_to_phys(&rig.domain[0], IOVA + at),
			   PHYS + at + at / run * SZ_1G, "at 0x%" PRIx64, at);
	rig_fini(&rig);
}

/* A hole in what was mapped: warned of, a page skipped, the rest goes. */
static void test_hole(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-7.3", 1, (struct vfio_cfg){ .abi = VFIO_TYPE1V2 });
	assert_int_equal(rig_map(&rig, IOVA, SZ_64K, SZ_64K, PHYS), 0);
	iommu_unmap(&rig.domain[0], IOVA + 5 * SZ_4K, 2 * SZ_4K);
	rig.vfio.counts = (struct vfio_counts){ 0 };
	expect_u64((u64)vfio_unmap(&rig.vfio, IOVA, SZ_64K), SZ_64K, "bytes");
	expect_u64(rig.vfio.counts.nr_warnings, 2, "one a page");
	expect_u64(rig.vfio.counts.unpinned_bytes, 14 * SZ_4K, "unpinned");
	rig_expect_empty(&rig, IOVA, SZ_64K, "all");
	rig_fini(&rig);
}

/* A 64K host over a 4K table scans in steps of 64K; fgsp does not scan. */
static void test_steps(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-6.12", 1,
		 (struct vfio_cfg){ .abi = VFIO_TYPE1V2, .host_page = SZ_64K });
	expect_int(rig_map(&rig, IOVA, SZ_4K, SZ_4K, PHYS), -EINVAL,
		   "below the host's page");
	assert_int_equal(rig_map(&rig, IOVA, SZ_2M, SZ_64K, PHYS), 0);
	vfio_unmap(&rig.vfio, IOVA, SZ_2M);
	expect_u64(rig.vfio.counts.nr_lookups, 32 + 32 - 1, "64K steps");
	rig_fini(&rig);

	/* No LPAE engine unmaps two pages for one: the scan stays. */
	rig_init(&rig, "lpae-whole", 1,
		 (struct vfio_cfg){ .abi = VFIO_TYPE1V2, .test_fgsp = true });
	assert_false(rig.vfio.is_fgsp);
	expect_u64(iommu_iova_to_phys(&rig.domain[0], 0), 0, "first page");
	expect_u64(iommu_iova_to_phys(&rig.domain[0], SZ_4K), 0, "second");
	rig.vfio.is_fgsp = true;
	assert_int_equal(rig_map(&rig, IOVA, SZ_64K, SZ_64K, PHYS), 0);
	vfio_unmap(&rig.vfio, IOVA, SZ_64K);
	expect_u64(rig.vfio.counts.nr_lookups, 16, "one a page");
	expect_u64(rig.vfio.counts.nr_unmaps, 16, "one a page");
	rig_fini(&rig);
}

static void test_init(void **unused)
{
	struct vfio_cfg cfg = { .abi = VFIO_TYPE1V2 };
	struct iopt_err err;
	struct vfio vfio;

	(void)unused;
	expect_int(vfio_init(&vfio, &cfg, &err), -EINVAL, "no strategy");
	cfg.strategy = vfio_strategy_find("chunked-fast");
	cfg.host_page = 3 * SZ_4K;
	expect_int(vfio_init(&vfio, &cfg, &err), -EINVAL, "12K host page");
	expect_text(err.msg, "power of two", "12K host page");
}

static const char *const names[] = {
	"page",		"chunked",     "chunked-unfixed",
	"chunked-fast", "fgsp",	       "chunked-fast-unfixed",
	"iommufd",	"unmap-remap", "whole-range",
	"leafwalk",
};

static void test_names(void **unused)
{
	size_t nr = 0;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct vfio_strategy *s = vfio_strategy_find(names[i]);

		assert_non_null(s);
		assert_string_equal(s->name, names[i]);
		assert_int_equal(s->wants_unfixed,
				 strstr(names[i], "unfixed") != NULL);
	}
	while (vfio_strategy_at(nr))
		nr++;
	expect_u64(nr, ARRAY_SIZE(names), "strategies");
	assert_null(vfio_strategy_find("fast"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks),  cmocka_unit_test(test_stretch),
		cmocka_unit_test(test_rules),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unwind), cmocka_unit_test(test_domains),
		cmocka_unit_test(test_stuck),  cmocka_unit_test(test_merged),
		cmocka_unit_test(test_hole),   cmocka_unit_test(test_steps),
		cmocka_unit_test(test_init),   cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
