// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation of a map and of a split fails once: what is returned, that
 * nothing is half mapped, that the next try works, and that nothing leaks.
 */
#include "support.h"

#include "sink.h"
#include "sizes.h"

#define PROT (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

/* A leaf, and how many tables lie between it and the top table. */
struct row {
	size_t granule;
	unsigned int bits;
	u64 pgsize;
	unsigned int nr_tables;
};

static const struct row map_rows[] = {
	/* The leaf's level minus the top's: 3 - 0, 2 - 0, ... */
	{ SZ_4K, 48, SZ_4K, 3 },    { SZ_4K, 48, SZ_2M, 2 },
	{ SZ_4K, 48, SZ_1G, 1 },    { SZ_4K, 32, SZ_4K, 2 },
	{ SZ_4K, 32, SZ_2M, 1 },    { SZ_4K, 32, SZ_1G, 0 },
	{ SZ_16K, 48, SZ_16K, 3 },  { SZ_16K, 48, SZ_32M, 2 },
	{ SZ_16K, 40, SZ_16K, 2 },  { SZ_16K, 36, SZ_32M, 0 },
	{ SZ_64K, 48, SZ_64K, 2 },  { SZ_64K, 48, SZ_512M, 1 },
	{ SZ_64K, 52, SZ_64K, 2 },  { SZ_64K, 52, SZ_4T, 0 },
	{ SZ_64K, 42, SZ_512M, 0 },
};

/* A block, and how many tables it takes to unmap one page of it. */
static const struct row split_rows[] = {
	{ SZ_4K, 48, SZ_2M, 1 },    { SZ_4K, 48, SZ_1G, 2 },
	{ SZ_4K, 32, SZ_1G, 2 },    { SZ_16K, 48, SZ_32M, 1 },
	{ SZ_64K, 48, SZ_512M, 1 }, { SZ_64K, 52, SZ_4T, 2 },
};

static struct pgtable *create(const struct row *row, bool coherent_walk,
			      enum pgtable_policy policy)
{
	const struct pgtable_cfg cfg = {
		.params = { .policy = policy, .clear = PGTABLE_CLEAR_RUN },
		.stage = 1,
		.granule = row->granule,
		.ias = row->bits,
		.oas = row->bits,
		.coherent_walk = coherent_walk,
		.arena = test_arena(16 * SZ_1M),
		.tlb = &inval_sink_ops,
	};
	struct iopt_err err = { "" };
	struct pgtable *pgt = NULL;

	if (pgtable_create(pgtable_engine_at(0), &cfg, &pgt, &err))
		fail_msg("%s", err.msg);
	return pgt;
}

static void destroy(struct pgtable *pgt)
{
	struct arena *arena = pgt->cfg.arena;

	pgt->ops.free(pgt);
	assert_int_equal(arena_destroy(arena), 0);
}

/* Tables below the top one. */
static u64 nr_tables(const struct pgtable *pgt)
{
	struct arena_stats stats = arena_stats(pgt->cfg.arena);

	return stats.nr_allocs - stats.nr_frees - 1;
}

/* The leaves cover [@start, @end) with no gap and map it to itself. */
static void check_covers(struct pgtable *pgt, u64 start, u64 end)
{
	struct pgtable_leaf leaf;

	while (start < end) {
		assert_int_equal(pgt->ops.leaf_walk(pgt, start, &leaf), 0);
		assert_int_equal(leaf.iova, start);
		assert_int_equal(leaf.paddr, start);
		assert_int_equal(pgt->ops.iova_to_phys(pgt, start), start);
		start += leaf.size;
	}
	assert_int_equal(start, end);
}

static void fail_map(const struct row *row, bool coherent_walk, unsigned int n)
{
	struct pgtable *pgt = create(row, coherent_walk, PGTABLE_NOSPLIT);
	const u64 iova = row->pgsize, paddr = 2 * row->pgsize;
	struct pgtable_leaf leaf;
	size_t mapped = 5;
	int ret;

	arena_fail_at(pgt->cfg.arena, n);
	ret = pgt->ops.map_pages(pgt, iova, paddr, row->pgsize, 1, PROT,
				 &mapped);
	if (n <= row->nr_tables) {
		assert_int_equal(ret, -ENOMEM);
		assert_int_equal(mapped, 5); /* is added to, by nothing */
		assert_int_equal(nr_tables(pgt), n - 1);
		assert_int_equal(pgt->ops.iova_to_phys(pgt, iova), 0);
		assert_int_equal(pgt->ops.leaf_walk(pgt, 0, &leaf), -ENOENT);
		ret = pgt->ops.map_pages(pgt, iova, paddr, row->pgsize, 1, PROT,
					 &mapped);
	}
	assert_int_equal(ret, 0);
	assert_int_equal(mapped, 5 + row->pgsize);
	assert_int_equal(nr_tables(pgt), row->nr_tables);
	assert_int_equal(pgt->ops.iova_to_phys(pgt, iova), paddr);
	assert_int_equal(pgt->nr_warnings, 0);
	destroy(pgt);
}

static void each_table_of_a_map(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(map_rows); i++)
		for (unsigned int n = 1; n <= map_rows[i].nr_tables + 1; n++) {
			fail_map(&map_rows[i], true, n);
			fail_map(&map_rows[i], false, n);
		}
}

static void fail_split(const struct row *row, bool coherent_walk,
		       unsigned int n)
{
	struct pgtable *pgt = create(row, coherent_walk, PGTABLE_SPLIT);
	const u64 start = row->pgsize, hole = start + 3 * row->granule;
	size_t mapped = 0, unmapped;
	struct gather gather;
	u64 before;

	gather_init(&gather);
	assert_int_equal(pgt->ops.map_pages(pgt, start, start, row->pgsize, 1,
					    PROT, &mapped),
			 0);
	before = nr_tables(pgt);
	arena_fail_at(pgt->cfg.arena, n);
	unmapped = pgt->ops.unmap_pages(pgt, hole, row->granule, 1, &gather);
	if (n <= row->nr_tables) {
		assert_int_equal(unmapped, 0);
		assert_int_equal(gather.pgsize, 0);
		assert_int_equal(nr_tables(pgt), before + n - 1);
		check_covers(pgt, start, start + row->pgsize);
		unmapped = pgt->ops.unmap_pages(pgt, hole, row->granule, 1,
						&gather);
	}
	assert_int_equal(unmapped, row->granule);
	assert_int_equal(nr_tables(pgt), before + row->nr_tables);
	assert_int_equal(gather.start, hole);
	assert_int_equal(gather.last, hole + row->granule - 1);
	check_covers(pgt, start, hole);
	assert_int_equal(pgt->ops.iova_to_phys(pgt, hole), 0);
	check_covers(pgt, hole + row->granule, start + row->pgsize);
	/* No memory is no reason to warn. */
	assert_int_equal(pgt->nr_warnings, 0);
	destroy(pgt);
}

static void each_table_of_a_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(split_rows); i++)
		for (unsigned int n = 1; n <= split_rows[i].nr_tables + 1;
		     n++) {
			fail_split(&split_rows[i], true, n);
			fail_split(&split_rows[i], false, n);
		}
}

/* What replaces tables takes no memory, so that it cannot fail for want. */
static void no_table_for_a_block_over_tables(void **state)
{
	static const struct row row = { SZ_4K, 48, SZ_2M, 0 };
	struct pgtable *pgt = create(&row, true, PGTABLE_NOSPLIT);
	size_t mapped = 0;

	(void)state;
	assert_int_equal(pgt->ops.map_pages(pgt, 0, 0, SZ_4K, 1, PROT, &mapped),
			 0);
	assert_int_equal(pgt->ops.unmap_pages(pgt, 0, SZ_4K, 1, NULL), SZ_4K);
	assert_int_equal(nr_tables(pgt), 3);
	arena_fail_at(pgt->cfg.arena, 1);
	assert_int_equal(pgt->ops.map_pages(pgt, 0, 0, SZ_2M, 1, PROT, &mapped),
			 0);
	assert_int_equal(nr_tables(pgt), 2);
	arena_fail_at(pgt->cfg.arena, 0);
	destroy(pgt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_table_of_a_map),
		cmocka_unit_test(each_table_of_a_split),
		cmocka_unit_test(no_table_for_a_block_over_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
