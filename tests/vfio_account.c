// SPDX-License-Identifier: GPL-2.0-only
/* Locked pages, BARs, unmapping all, and when the CPU may be given away. */
#include "vfio_rig.h"

#define IOVA 0x40000000ull
#define PHYS 0x200000000ull

static int map_bar(struct rig *rig, u64 iova, u64 size)
{
	const struct vfio_runs runs = { size, size, 0x8000000000ull };
	const struct vfio_memory memory = { .run = vfio_runs_run,
					    .arg = &runs,
					    .is_bar = true };

	return vfio_map(&rig->vfio, iova, size, &memory);
}

/* One row an interface; 2 domains and a limit of 512 pages, 2M. */
static const enum vfio_abi abis[] = { VFIO_TYPE1, VFIO_TYPE1V2, VFIO_IOMMUFD };

static void test_limit(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++) {
		rig_init(
			&rig, "lpae-7.3", 2,
			(struct vfio_cfg){ .abi = abis[i], .lock_limit = 512 });
		expect_int(rig_map(&rig, 0, SZ_1M, SZ_4K, PHYS), 0, "half");
		/* Each page once, though it is in two domains. */
		expect_u64(rig.vfio.locked_pages, 256, "half");
		expect_int(rig_map(&rig, SZ_1M, SZ_1M, SZ_1M, PHYS), 0, "all");
		expect_u64(rig.vfio.locked_pages, 512, "all");
		expect_int(rig_map(&rig, SZ_2M, SZ_4K, SZ_4K, PHYS), -ENOMEM,
			   "one more");
		expect_u64(rig.vfio.locked_pages, 512, "one more");
		expect_u64(rig.vfio.nr_ranges, 2, "one more");
		/* A BAR is no memory. */
		expect_int(map_bar(&rig, SZ_1G, SZ_2M), 0, "BAR");
		expect_u64(rig.vfio.locked_pages, 512, "BAR");
		vfio_unmap(&rig.vfio, 0, SZ_1M);
		expect_u64(rig.vfio.locked_pages, 256, "half again");
		expect_int(rig_map(&rig, SZ_2M, SZ_4K, SZ_4K, PHYS), 0,
			   "one more");
		expect_u64((u64)vfio_unmap_all(&rig.vfio),
			   SZ_1M + SZ_4K + SZ_2M, "bytes of all");
		expect_u64(rig.vfio.locked_pages, 0, "none");
		rig_expect_no_leaf(&rig, "none");
		rig_fini(&rig);
	}
}

/*
 * One row an interface: a map of 16 runs of 16 pages under a limit of 100.
 * type1 asks as it pins: six runs are in when the seventh is cut off behind 4
 * pages; a call a run takes them out again. iommufd asks when all 16 are in: a
 * call for the batch, all 256 pages were pinned.
 */
static const struct {
	enum vfio_abi abi;
	u64 nr_maps, nr_unmaps, nr_unpinned;
} cut[] = {
	{ VFIO_TYPE1V2, 6, 6, 100 },
	{ VFIO_IOMMUFD, 16, 1, 256 },
};

static void test_cut(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cut); i++) {
		rig_init(&rig, "lpae-6.12", 1,
			 (struct vfio_cfg){ .abi = cut[i].abi,
					    .lock_limit = 100 });
		expect_int(rig_map(&rig, IOVA, SZ_1M, SZ_64K, PHYS), -ENOMEM,
			   "above the limit");
		expect_u64(rig.vfio.counts.nr_maps, cut[i].nr_maps,
			   "row %zu: maps", i);
		expect_u64(rig.vfio.counts.nr_unmaps, cut[i].nr_unmaps,
			   "row %zu: unmaps", i);
		expect_u64(rig.vfio.counts.unpinned_bytes,
			   cut[i].nr_unpinned * SZ_4K, "row %zu: unpinned", i);
		expect_u64(rig.vfio.locked_pages, 0, "row %zu: locked", i);
		expect_u64(rig.vfio.counts.nr_warnings, 0, "row %zu: warnings",
			   i);
		expect_u64(rig.vfio.nr_ranges, 0, "row %zu: maps", i);
		rig_expect_no_leaf(&rig, "above the limit");
		rig_fini(&rig);
	}
}

/* One row a strategy that meets a BAR of 2M: what is read, what is called. */
static const struct {
	const char *strategy;
	enum vfio_abi abi;
	u64 nr_lookups, nr_unmaps;
} bars[] = {
	{ "chunked-fast", VFIO_TYPE1V2, 512, 1 },
	{ "leafwalk", VFIO_TYPE1V2, 1, 1 },
	/* A dmabuf of 7.3: where it is, is known. */
	{ "iommufd", VFIO_IOMMUFD, 0, 1 },
};

static void test_bar(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(bars); i++) {
		const struct vfio_strategy *strategy =
			vfio_strategy_find(bars[i].strategy);

		rig_init(&rig, "lpae-7.3", 1,
			 (struct vfio_cfg){ .abi = bars[i].abi,
					    .strategy = strategy });
		expect_int(map_bar(&rig, IOVA, SZ_2M), 0, bars[i].strategy);
		expect_u64(vfio_scan(&rig.vfio, strategy, IOVA, SZ_2M),
			   bars[i].nr_lookups, "%s: scan", bars[i].strategy);
		expect_u64((u64)vfio_unmap(&rig.vfio, IOVA, SZ_2M), SZ_2M,
			   "%s: bytes", bars[i].strategy);
		expect_u64(rig.vfio.counts.nr_lookups, bars[i].nr_lookups,
			   "%s: lookups", bars[i].strategy);
		expect_u64(rig.vfio.counts.nr_unmaps, bars[i].nr_unmaps,
			   "%s: calls", bars[i].strategy);
		expect_u64(rig.vfio.counts.unpinned_bytes, 0, "%s: unpinned",
			   bars[i].strategy);
		rig_expect_no_leaf(&rig, bars[i].strategy);
		rig_fini(&rig);
	}
}

/* An empty container has nothing to unmap, and that is no error. */
static void test_all(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++) {
		bool is_iommufd = abis[i] == VFIO_IOMMUFD;

		rig_init(&rig, "lpae-7.3", 1,
			 (struct vfio_cfg){ .abi = abis[i] });
		expect_u64((u64)vfio_unmap_all(&rig.vfio), 0, "empty");
		/* iommufd knows the whole range as all; type1 has a flag. */
		expect_u64((u64)vfio_unmap(&rig.vfio, 0, ~0ull),
			   is_iommufd ? 0 : (u64)-EINVAL, "empty, by range");
		assert_int_equal(rig_map(&rig, SZ_4K, SZ_1M, SZ_4K, PHYS), 0);
		assert_int_equal(rig_map(&rig, SZ_1G, SZ_2M, SZ_2M, PHYS), 0);
		expect_u64(is_iommufd ? (u64)vfio_unmap(&rig.vfio, 0, ~0ull) :
					(u64)vfio_unmap_all(&rig.vfio),
			   SZ_1M + SZ_2M, "both");
		expect_u64(rig.vfio.nr_ranges, 0, "maps");
		rig_expect_no_leaf(&rig, "both");
		rig_fini(&rig);
	}
}

/**
 * struct watch - What was seen at the points of rescheduling.
 * @rig: whose
 * @nr: points
 * @nr_lookups: lookups at the last one
 * @max_lookups: most between two
 * @unmaps: calls at each of the first ones
 */
struct watch {
	const struct rig *rig;
	u64 nr;
	u64 nr_lookups;
	u64 max_lookups;
	u64 unmaps[8];
};

static void see(void *arg)
{
	struct watch *watch = arg;
	const struct vfio_counts *c = &watch->rig->vfio.counts;
	u64 lookups = c->nr_lookups - watch->nr_lookups;

	if (lookups > watch->max_lookups)
		watch->max_lookups = lookups;
	watch->nr_lookups = c->nr_lookups;
	if (watch->nr < ARRAY_SIZE(watch->unmaps))
		watch->unmaps[watch->nr] = c->nr_unmaps;
	watch->nr++;
	/* It was counted already, as was what was unpinned. */
	expect_u64(c->nr_resched, watch->nr, "counted");
}

/*
 * One row a strategy: 4M and a page of single pages in three domains. Two
 * further domains go first, a call each; then 1025 pages. Lookups are counted
 * with the call that they were for; the last page needs none behind it.
 */
static const struct {
	const char *strategy;
	u64 nr;
	u64 max_lookups;
	u64 unmaps[5];
} points[] = {
	{ "page", 0, 0, { 0 } },
	{ "chunked", 2 + 1025, 2, { 1, 2, 3, 4, 5 } },
	/* After 512, after 1024, and after the one that is left. */
	{ "chunked-fast", 2 + 3, 1024, { 1, 2, 2 + 512, 2 + 1024, 2 + 1025 } },
	{ "leafwalk", 2 + 3, 513, { 1, 2, 2 + 512, 2 + 1024, 2 + 1025 } },
	/* A plain unmap a domain. */
	{ "whole-range", 3, 0, { 1, 2, 3 } },
	{ "unmap-remap", 2 + 1025, 1, { 1, 2, 3, 4, 5 } },
	{ "iommufd", 0, 0, { 0 } },
};

static void test_points(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		const char *name = points[i].strategy;
		struct watch watch = { .rig = &rig };

		rig_init(&rig, "lpae-nosplit", 3,
			 (struct vfio_cfg){ .abi = VFIO_TYPE1V2,
					    .strategy =
						    vfio_strategy_find(name) });
		assert_int_equal(rig_map(&rig, IOVA, 1025 * SZ_4K, SZ_4K, PHYS),
				 0);
		rig.vfio.counts = (struct vfio_counts){ 0 };
		rig.vfio.stretch = 0;
		rig.vfio.cfg.resched = see;
		rig.vfio.cfg.resched_arg = &watch;
		vfio_unmap(&rig.vfio, IOVA, 1025 * SZ_4K);
		expect_u64(watch.nr, points[i].nr, "%s: points", name);
		expect_u64(watch.max_lookups, points[i].max_lookups,
			   "%s: lookups between two", name);
		expect_u64(rig.vfio.counts.max_lookups, watch.max_lookups,
			   "%s: as counted", name);
		for (size_t k = 0; k < ARRAY_SIZE(points[i].unmaps); k++)
			expect_u64(watch.unmaps[k], points[i].unmaps[k],
				   "%s: calls at point %zu", name, k);
		rig_fini(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),  cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bar),    cmocka_unit_test(test_all),
		cmocka_unit_test(test_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
