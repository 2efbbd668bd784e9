// SPDX-License-Identifier: GPL-2.0-only
/*
 * Containers and strategies that find no memory: malloc(), calloc() and
 * realloc() of the library are linked to these, which fail when asked to.
 */
#include "vfio_rig.h"

#define IOVA 0x40000000ull
#define PHYS 0x200000000ull

/* Calls to come that work before they fail, and how many then fail. */
static u64 nr_good, nr_bad;

/* Blocks from calloc() that are in use, and the most at a time. */
static u64 nr_live, max_live;

/* The names are the linker's, for --wrap. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __real_free(void *p);
void __wrap_free(void *p);

static bool is_bad(void)
{
	if (nr_good) {
		nr_good--;
		return false;
	}
	if (!nr_bad)
		return false;
	nr_bad--;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return is_bad() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	if (is_bad())
		return NULL;
	nr_live++;
	if (nr_live > max_live)
		max_live = nr_live;
	return __real_calloc(nr, size);
}

void __wrap_free(void *p)
{
	if (p)
		nr_live--;
	__real_free(p);
}

void *__wrap_realloc(void *p, size_t size)
{
	return is_bad() ? NULL : __real_realloc(p, size);
}

/*
 * One row a teardown of 64K in runs of a page, 16 chunks, by chunked-fast, in
 * which some of the list's nodes find no memory. Such a chunk syncs what waits
 * and goes by a plain unmap, with a sync and a point of its own.
 */
static const struct {
	const char *name;
	u64 good, bad;
	u64 nr_syncs, nr_resched;
} nodes[] = {
	{ "none", 0, 0, 1, 1 },
	/* Nothing waits: a point without a sync; the plain one; the rest. */
	{ "the first", 0, 1, 2, 3 },
	/* Five wait: their sync, the plain one, the other ten. */
	{ "the sixth", 5, 1, 3, 3 },
	/* Fifteen wait; the plain one. */
	{ "the last", 15, 1, 2, 2 },
	/* Each goes by a plain unmap behind a point that syncs nothing. */
	{ "all", 0, 16, 16, 32 },
};

static void test_nodes(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		const char *name = nodes[i].name;

		rig_init(&rig, "lpae-7.3", 1,
			 (struct vfio_cfg){ .abi = VFIO_TYPE1V2 });
		/* Once before, so that the recorder has its memory. */
		assert_int_equal(rig_map(&rig, IOVA, SZ_64K, SZ_4K, PHYS), 0);
		vfio_unmap_all(&rig.vfio);
		assert_int_equal(rig_map(&rig, IOVA, SZ_64K, SZ_4K, PHYS), 0);
		rig.vfio.counts = (struct vfio_counts){ 0 };
		recorder_reset(&rig.rec[0]);
		nr_good = nodes[i].good;
		nr_bad = nodes[i].bad;
		expect_u64((u64)vfio_unmap(&rig.vfio, IOVA, SZ_64K), SZ_64K,
			   "%s: bytes", name);
		nr_good = 0;
		expect_u64(nr_bad, 0, "%s: failures", name);
		expect_u64(rig.vfio.counts.nr_unmaps, 16, "%s: calls", name);
		expect_u64(rig.rec[0].counts.nr_syncs, nodes[i].nr_syncs,
			   "%s: syncs", name);
		expect_u64(rig.vfio.counts.nr_resched, nodes[i].nr_resched,
			   "%s: points", name);
		expect_u64(rig.vfio.counts.unpinned_bytes, SZ_64K,
			   "%s: unpinned", name);
		expect_u64(rig.vfio.counts.nr_warnings, 0, "%s: warnings",
			   name);
		expect_u64(rig.vfio.locked_pages, 0, "%s: locked", name);
		rig_expect_no_leaf(&rig, name);
		rig_fini(&rig);
	}
}

/* 2048 chunks: never more than 512 nodes, and none is left. */
static void test_live(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-7.3", 1, (struct vfio_cfg){ .abi = VFIO_TYPE1V2 });
	assert_int_equal(rig_map(&rig, IOVA, 4 * SZ_2M, SZ_4K, PHYS), 0);
	nr_live = max_live = 0;
	vfio_unmap(&rig.vfio, IOVA, 4 * SZ_2M);
	expect_u64(max_live, 512, "at a time");
	expect_u64(nr_live, 0, "left");
	rig_fini(&rig);

	/* Nor when the unmap that it is for does nothing: a page of a block. */
	rig_init(&rig, "lpae-nosplit", 1,
		 (struct vfio_cfg){ .abi = VFIO_TYPE1V2,
				    .strategy = vfio_strategy_find(
					    "chunked-fast-unfixed") });
	assert_int_equal(rig_map(&rig, IOVA, SZ_2M, SZ_2M, PHYS), 0);
	nr_live = 0;
	vfio_unmap(&rig.vfio, IOVA, SZ_2M);
	expect_u64(nr_live, 0, "left when stuck");
	rig_fini(&rig);
}

/*
 * One row a teardown of 8M of 4K, 2048 runs, by iommufd, whose batch finds
 * less memory: 64K wanted, then a page of 4K, then 256 bytes of its stack. An
 * entry takes 12 bytes: 341 and 21 runs. Each batch but the last reads a frame
 * that belongs to the next.
 */
static const struct {
	const char *name;
	u64 bad;
	u64 nr_unmaps;
} batches[] = {
	{ "64K", 0, 1 },
	/* 6 * 341 = 2046, and 2. */
	{ "a page", 1, 7 },
	/* 97 * 21 = 2037, and 11. */
	{ "the stack", 2, 98 },
};

static void test_batches(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(batches); i++) {
		const char *name = batches[i].name;

		rig_init(&rig, "lpae-7.3", 1,
			 (struct vfio_cfg){ .abi = VFIO_IOMMUFD });
		assert_int_equal(rig_map(&rig, IOVA, 4 * SZ_2M, SZ_4K, PHYS),
				 0);
		rig.vfio.counts = (struct vfio_counts){ 0 };
		nr_bad = batches[i].bad;
		expect_u64((u64)vfio_unmap(&rig.vfio, IOVA, 4 * SZ_2M),
			   4 * SZ_2M, "%s: bytes", name);
		expect_u64(nr_bad, 0, "%s: failures", name);
		expect_u64(rig.vfio.counts.nr_unmaps, batches[i].nr_unmaps,
			   "%s: calls", name);
		expect_u64(rig.vfio.counts.nr_lookups,
			   2048 + batches[i].nr_unmaps - 1, "%s: lookups",
			   name);
		expect_u64(rig.vfio.counts.unpinned_bytes, 4 * SZ_2M,
			   "%s: unpinned", name);
		rig_expect_no_leaf(&rig, name);
		rig_fini(&rig);
	}
}

/* No memory to note a map: it is not made. */
static void test_map(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "lpae-7.3", 1, (struct vfio_cfg){ .abi = VFIO_TYPE1V2 });
	nr_bad = 1;
	expect_int(rig_map(&rig, IOVA, SZ_64K, SZ_4K, PHYS), -ENOMEM, "note");
	expect_u64(rig.vfio.counts.nr_maps, 0, "calls");
	expect_u64(rig.vfio.locked_pages, 0, "locked");
	expect_int(rig_map(&rig, IOVA, SZ_64K, SZ_4K, PHYS), 0, "again");
	rig_fini(&rig);
}

/*
 * One row a table that cannot be had while a 2M block is torn down. A split
 * that finds none is an unmap that returns 0: stuck. What should have been
 * mapped again is lost, with its 2M unpinned, and the walk goes on.
 */
static const struct {
	const char *strategy;
	const char *engine;
	const char *outcome;
	u64 unpinned;
} tables[] = {
	{ "page", "lpae-split", "stuck", 0 },
	{ "unmap-remap", "lpae-nosplit", "ok", 2 * SZ_2M },
	{ "chunked-fast", "lpae-split", "ok", 2 * SZ_2M },
};

static void test_tables(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		const char *name = tables[i].strategy;

		rig_init(&rig, tables[i].engine, 1,
			 (struct vfio_cfg){ .abi = VFIO_TYPE1V2,
					    .strategy =
						    vfio_strategy_find(name) });
		assert_int_equal(rig_map(&rig, IOVA, 2 * SZ_2M, SZ_2M, PHYS),
				 0);
		arena_fail_at(rig.arena[0], 1);
		vfio_unmap(&rig.vfio, IOVA, 2 * SZ_2M);
		arena_fail_at(rig.arena[0], 0);
		assert_string_equal(vfio_outcome(&rig.vfio), tables[i].outcome);
		expect_u64(rig.vfio.counts.unpinned_bytes, tables[i].unpinned,
			   "%s: unpinned", name);
		expect_u64(rig.vfio.counts.nr_warnings,
			   strcmp(name, "chunked-fast") != 0, "%s: warnings",
			   name);
		if (strcmp(tables[i].outcome, "stuck") != 0)
			rig_expect_no_leaf(&rig, name);
		rig_fini(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),	cmocka_unit_test(test_live),
		cmocka_unit_test(test_batches), cmocka_unit_test(test_map),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
