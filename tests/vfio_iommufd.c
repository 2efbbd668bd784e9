// SPDX-License-Identifier: GPL-2.0-only
/* iommufd: areas, batches of runs, and what a failure leaves. */
#include "vfio_rig.h"

#define IOVA  0x40000000ull
#define PHYS  0x100000000ull
#define BATCH 5461 /* 65536 / 12 */

/*
 * One row a teardown: one iommu_unmap() a batch of at most 5461 runs. Each
 * page is read once, and once more where it did not fit a full batch.
 */
static const struct {
	const char *name;
	u64 size, run;
	u64 nr_unmaps, nr_lookups, nr_unpin_runs;
} walks[] = {
	{ "a page", SZ_4K, SZ_4K, 1, 1, 1 },
	{ "one run of 64M", 64 * SZ_1M, 64 * SZ_1M, 1, 16384, 1 },
	{ "a full batch", BATCH *SZ_4K, SZ_4K, 1, BATCH, BATCH },
	{ "one run more", (BATCH + 1) * SZ_4K, SZ_4K, 2, BATCH + 2, BATCH + 1 },
	/* 16384 runs: 3 batches of 5461 and one of 1. */
	{ "64M of 4K", 64 * SZ_1M, SZ_4K, 4, 16384 + 3, 16384 },
	/* The last run of a batch is not cut: 5461 runs of 8K, then one. */
	{ "runs of 8K", (BATCH + 1) * 2 * SZ_4K, 2 * SZ_4K, 2,
	  2 * BATCH + 2 + 1, BATCH + 1 },
};

static void test_walks(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
		struct vfio_counts *c = &rig.vfio.counts;

		rig_init(&rig, "lpae-7.3", 1,
			 (struct vfio_cfg){ .abi = VFIO_IOMMUFD });
		expect_int(
			rig_map(&rig, IOVA, walks[i].size, walks[i].run, PHYS),
			0, walks[i].name);
		*c = (struct vfio_counts){ 0 };
		expect_u64((u64)vfio_unmap(&rig.vfio, IOVA, walks[i].size),
			   walks[i].size, "%s: bytes", walks[i].name);
		expect_u64(c->nr_unmaps, walks[i].nr_unmaps, "%s: unmaps",
			   walks[i].name);
		expect_u64(c->nr_lookups, walks[i].nr_lookups, "%s: lookups",
			   walks[i].name);
		expect_u64(c->unpinned_bytes, walks[i].size, "%s: unpinned",
			   walks[i].name);
		expect_u64(c->nr_unpin_runs, walks[i].nr_unpin_runs, "%s: runs",
			   walks[i].name);
		expect_u64(c->nr_warnings, 0, "%s: warnings", walks[i].name);
		rig_expect_empty(&rig, IOVA, walks[i].size, walks[i].name);
		rig_fini(&rig);
	}
}

/* What is done to areas of 1M at 0, 1M and 4M, and what it returns. */
static const struct {
	u64 iova, size;
	s64 ret;
	u64 nr_left;
} rules[] = {
	{ 0, SZ_1M, SZ_1M, 2 },
	{ 0, 16 * SZ_1M, 3 * SZ_1M, 0 },
	{ 2 * SZ_1M, SZ_1M, -ENOENT, 3 },
	{ 0, 0, -EINVAL, 3 },
	{ SZ_4K, ~0ull - SZ_4K + 1, -ENOENT, 3 },
	{ 8 * SZ_4K, ~0ull, -EOVERFLOW, 3 },
	{ 0, SZ_4K, -ENOENT, 3 },
	{ SZ_4K, SZ_1M, -ENOENT, 3 },
	/* The areas in front of the one that is cut are gone. */
	{ 0, SZ_1M + SZ_4K, -ENOENT, 2 },
	{ 0, 5 * SZ_1M - SZ_4K, -ENOENT, 1 },
	{ SZ_1K, SZ_1M, -ENOENT, 3 },
};

static void test_rules(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		rig_init(&rig, "lpae-6.12", 1,
			 (struct vfio_cfg){ .abi = VFIO_IOMMUFD });
		assert_int_equal(rig_map(&rig, 0, SZ_1M, SZ_4K, PHYS), 0);
		assert_int_equal(rig_map(&rig, SZ_1M, SZ_1M, SZ_1M, 2 * PHYS),
				 0);
		assert_int_equal(
			rig_map(&rig, 4 * SZ_1M, SZ_1M, SZ_4K, 3 * PHYS), 0);
		expect_u64((u64)vfio_unmap(&rig.vfio, rules[i].iova,
					   rules[i].size),
			   (u64)rules[i].ret, "row %zu", i);
		expect_u64(rig.vfio.nr_ranges, rules[i].nr_left,
			   "row %zu: areas left", i);
		rig_fini(&rig);
	}
}

static const struct {
	const char *name;
	u64 iova, size;
	int ret;
} refused[] = {
	{ "nothing", 0, 0, -EINVAL },
	{ "half a page", 0, SZ_1K, -EINVAL },
	{ "between pages", SZ_1K, SZ_4K, -EINVAL },
	{ "the same", SZ_1M, SZ_1M, -EEXIST },
	{ "over it", 0, SZ_1G, -EEXIST },
	/* Out of the aperture comes before what is in the way. */
	{ "over it and out", 0, (1ull << 40) + SZ_4K, -EINVAL },
	{ "beyond 2^64", ~0ull - SZ_4K + 1, 2 * SZ_4K, -EOVERFLOW },
	{ "above the output size", SZ_1G, SZ_1M, -ERANGE },
};

static void test_refused(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-6.12", 1,
		 (struct vfio_cfg){ .abi = VFIO_IOMMUFD });
	assert_int_equal(rig_map(&rig, SZ_1M, SZ_1M, SZ_4K, PHYS), 0);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		expect_int(rig_map(&rig, refused[i].iova, refused[i].size,
				   SZ_4K, 1ull << 48),
			   refused[i].ret, refused[i].name);
		expect_u64(rig.vfio.nr_ranges, 1, "%s: areas", refused[i].name);
	}
	rig_fini(&rig);
}

/*
 * Memory runs out in one of two domains, at each table: nothing stays. The
 * second batch starts at page 5461, in the table of the eleventh 2M.
 */
static void test_unwind(void **unused)
{
	struct rig rig;

	(void)unused;
	for (u64 n = 1; n < 24; n++) {
		u64 size = 16 * SZ_2M;
		char what[48];
		int ret;

		snprintf(what, sizeof(what), "table %" PRIu64 " of domain %d",
			 n, (int)(n % 2));
		rig_init(&rig, "lpae-6.12", 2,
			 (struct vfio_cfg){ .abi = VFIO_IOMMUFD });
		arena_fail_at(rig.arena[n % 2], n);
		ret = rig_map(&rig, IOVA, size, SZ_4K, PHYS);
		/* Two upper tables besides the top, one for each 2M. */
		expect_int(ret, n <= 1 + 1 + 16 ? -ENOMEM : 0, what);
		arena_fail_at(rig.arena[n % 2], 0);
		if (ret) {
			rig_expect_empty(&rig, IOVA, size, what);
			expect_u64(rig.vfio.nr_ranges, 0, "%s", what);
			expect_u64(rig.vfio.counts.nr_warnings, 0, "%s", what);
		}
		rig_fini(&rig);
	}
}

/*
 * One row a failure: in which of two domains, at which of its tables, and the
 * calls that undo it. 64M of 4K: batches of 5461 runs, a table each 512 pages
 * behind two upper ones.
 */
static const struct {
	const char *name;
	size_t domain;
	u64 table;
	u64 nr_unmaps, nr_lookups;
} unwinds[] = {
	/* Nothing was mapped yet. */
	{ "first of the first", 0, 1, 0, 0 },
	/* The first domain has the batch, which goes in one call unread. */
	{ "first of the last", 1, 1, 1, 0 },
	/* 512 pages of the batch were in: they go at once. */
	{ "a second table", 0, 4, 1, 0 },
	/*
	 * Page 5632 is the first of table 12, in the second batch: 171 pages
	 * of it go in the first domain, then the first batch there, unread,
	 * and in the last domain, read.
	 */
	{ "a second batch", 0, 2 + 12, 3, BATCH },
	/* The same in the last: the first domain has both batches. */
	{ "a second batch, last", 1, 2 + 12, 3, BATCH },
};

static void test_unwind_calls(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(unwinds); i++) {
		const char *name = unwinds[i].name;

		rig_init(&rig, "lpae-6.12", 2,
			 (struct vfio_cfg){ .abi = VFIO_IOMMUFD });
		arena_fail_at(rig.arena[unwinds[i].domain], unwinds[i].table);
		expect_int(rig_map(&rig, IOVA, 64 * SZ_1M, SZ_4K, PHYS),
			   -ENOMEM, name);
		expect_u64(rig.vfio.counts.nr_unmaps, unwinds[i].nr_unmaps,
			   "%s: calls", name);
		expect_u64(rig.vfio.counts.nr_lookups, unwinds[i].nr_lookups,
			   "%s: lookups", name);
		rig_expect_empty(&rig, IOVA, 64 * SZ_1M, name);
		rig_fini(&rig);
	}
}

/* Two domains: the other goes in one call, the first batch by batch. */
static void test_domains(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-6.12", 2,
		 (struct vfio_cfg){ .abi = VFIO_IOMMUFD });
	assert_int_equal(rig_map(&rig, IOVA, 64 * SZ_1M, SZ_4K, PHYS), 0);
	expect_u64(rig.vfio.counts.nr_maps, 2 * 16384, "a run into each");
	rig.vfio.counts = (struct vfio_counts){ 0 };
	vfio_unmap(&rig.vfio, IOVA, 64 * SZ_1M);
	expect_u64(rig.vfio.counts.nr_unmaps, 1 + 4, "calls");
	rig_expect_empty(&rig, IOVA, 64 * SZ_1M, "both");
	rig_fini(&rig);
}

/* A page gone behind its back: it is told another size, and warns. */
static void test_warning(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-6.12", 1,
		 (struct vfio_cfg){ .abi = VFIO_IOMMUFD });
	assert_int_equal(rig_map(&rig, IOVA, SZ_64K, SZ_64K, PHYS), 0);
	iommu_unmap(&rig.domain[0], IOVA, SZ_4K);
	expect_u64((u64)vfio_unmap(&rig.vfio, IOVA, SZ_64K), SZ_64K, "bytes");
	expect_u64(rig.vfio.counts.nr_warnings, 1, "warnings");
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_unwind_calls),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unwind),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
