// SPDX-License-Identifier: GPL-2.0-only
/*
 * The domain: which leaves a map makes, its unwinding, unmap with strict and
 * queued gathers, and each driver's rule for a gather that stays empty.
 */
#include "support.h"

#include "iommu.h"
#include "recorder.h"
#include "sizes.h"

#define PROT (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

/* A domain with all below it. */
struct fixture {
	struct iommu_domain domain;
	struct recorder rec;
	struct arena *arena;
	struct pgtable *pgt;
};

static void fixture_init(struct fixture *f, const char *engine_name,
			 size_t granule, bool coherent_walk)
{
	const struct pgtable_engine *engine = pgtable_engine_find(engine_name);
	struct pgtable_cfg cfg = {
		.params = engine->params,
		.stage = 1,
		.granule = granule,
		.ias = 48,
		.oas = 48,
		.coherent_walk = coherent_walk,
		.tlb = &inval_recorder_ops,
		.cookie = &f->rec,
	};
	const struct gather_rule *rule = gather_rule_find(engine->rule);
	struct iopt_err err = { "" };

	f->arena = cfg.arena = test_arena(16 * SZ_1M);
	recorder_init(&f->rec, rule, true);
	if (pgtable_create(engine, &cfg, &f->pgt, &err))
		fail_msg("%s", err.msg);
	iommu_domain_init(&f->domain, f->pgt, rule);
}

static void fixture_fini(struct fixture *f)
{
	f->pgt->ops.free(f->pgt);
	recorder_fini(&f->rec);
	assert_int_equal(arena_destroy(f->arena), 0);
}

static void check_event(const struct recorder *rec, size_t i,
			enum inval_kind kind, u64 iova, u64 size, u64 granule)
{
	const struct inval_event *got = &rec->events[i];

	assert_true(i < rec->nr_events);
	if (got->kind != kind || got->iova != iova || got->size != size ||
	    got->granule != granule)
		fail_msg("invalidation %zu: expected %s 0x%" PRIx64
			 "+0x%" PRIx64 " by 0x%" PRIx64 ", got %s 0x%" PRIx64
			 "+0x%" PRIx64 " by 0x%" PRIx64,
			 i, inval_kind_name(kind), iova, size, granule,
			 inval_kind_name(got->kind), got->iova, got->size,
			 got->granule);
}

/* Leaf sizes from @iova on, as "2x4K 1x2M ..." would read: size, count. */
struct run {
	u64 size;
	u64 count;
};

struct map_row {
	size_t granule;
	u64 iova;
	u64 paddr;
	u64 size;
	struct run runs[6];
};

static const struct map_row map_rows[] = {
	{ SZ_4K, 0, 0, SZ_4K, { { SZ_4K, 1 } } },
	{ SZ_4K, 0, 0, SZ_2M, { { SZ_2M, 1 } } },
	{ SZ_4K, 0, 0, SZ_1G, { { SZ_1G, 1 } } },
	/* One page before the grid, one behind. */
	{ SZ_4K,
	  SZ_2M - SZ_4K,
	  SZ_1G - SZ_4K,
	  2 * SZ_2M + 2 * SZ_4K,
	  { { SZ_4K, 1 }, { SZ_2M, 2 }, { SZ_4K, 1 } } },
	/* Up through all sizes, and down again. */
	{ SZ_4K,
	  SZ_1G - SZ_2M - SZ_4K,
	  SZ_1G - SZ_2M - SZ_4K,
	  SZ_1G + 2 * SZ_2M + 2 * SZ_4K,
	  { { SZ_4K, 1 },
	    { SZ_2M, 1 },
	    { SZ_1G, 1 },
	    { SZ_2M, 1 },
	    { SZ_4K, 1 } } },
	/* Memory off the grid by a page: pages only; three tables of them. */
	{ SZ_4K, SZ_2M - SZ_4K, 0, SZ_2M + 2 * SZ_4K, { { SZ_4K, 514 } } },
	/* Alike within 2M but not within 1G. */
	{ SZ_4K, 0, SZ_2M, SZ_1G, { { SZ_2M, 512 } } },
	{ SZ_16K,
	  SZ_32M - SZ_16K,
	  SZ_32M - SZ_16K,
	  SZ_32M + SZ_16K,
	  { { SZ_16K, 1 }, { SZ_32M, 1 } } },
	{ SZ_64K, 0, 0, SZ_512M + SZ_64K, { { SZ_512M, 1 }, { SZ_64K, 1 } } },
};

static void check_map(const struct map_row *row)
{
	u64 iova = row->iova, paddr = row->paddr;
	struct pgtable_leaf leaf;
	struct fixture f;

	fixture_init(&f, "lpae-6.12", row->granule, true);
	assert_int_equal(
		iommu_map(&f.domain, row->iova, row->paddr, row->size, PROT),
		0);
	for (const struct run *run = row->runs; run->count; run++)
		for (u64 i = 0; i < run->count; i++) {
			assert_int_equal(
				f.pgt->ops.leaf_walk(f.pgt, iova, &leaf), 0);
			assert_int_equal(leaf.iova, iova);
			assert_int_equal(leaf.paddr, paddr);
			assert_int_equal(leaf.size, run->size);
			iova += run->size;
			paddr += run->size;
		}
	assert_int_equal(iova, row->iova + row->size);
	assert_int_equal(f.pgt->ops.leaf_walk(f.pgt, iova, &leaf), -ENOENT);
	assert_int_equal(f.rec.nr_events, 0);
	assert_int_equal(iommu_iova_to_phys(&f.domain, iova - 1), paddr - 1);
	assert_int_equal(iommu_unmap(&f.domain, row->iova, row->size),
			 row->size);
	assert_int_equal(f.pgt->ops.leaf_walk(f.pgt, 0, &leaf), -ENOENT);
	fixture_fini(&f);
}

static void leaves_of_a_map(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(map_rows); i++)
		check_map(&map_rows[i]);
}

struct error_row {
	u64 iova;
	u64 paddr;
	u64 size;
	int prot;
	int ret;
};

static const struct error_row error_rows[] = {
	{ 0, 0, 0, PROT, 0 }, /* nothing to do */
	{ 0x800, 0, SZ_4K, PROT, -EINVAL },
	{ 0, 0x800, SZ_4K, PROT, -EINVAL },
	{ 0, 0, 0x1800, PROT, -EINVAL },
	{ 0, 0, SZ_4K, IOMMU_CACHE, -EINVAL },
	{ 1ull << 48, 0, SZ_4K, PROT, -ERANGE },
	{ 0, 1ull << 48, SZ_4K, PROT, -ERANGE },
	/* The second half is out of range: the first goes again. */
	{ (1ull << 48) - SZ_2M, 0, 2 * SZ_2M, PROT, -ERANGE },
	{ 0, (1ull << 48) - SZ_2M, 2 * SZ_1G, PROT, -ERANGE },
};

static void errors_of_a_map(void **state)
{
	struct pgtable_leaf leaf;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(error_rows); i++) {
		const struct error_row *row = &error_rows[i];
		struct fixture f;
		int ret;

		fixture_init(&f, "lpae-7.3", SZ_4K, true);
		ret = iommu_map(&f.domain, row->iova, row->paddr, row->size,
				row->prot);
		if (ret != row->ret)
			fail_msg("row %zu: expected %d, got %d", i, row->ret,
				 ret);
		assert_int_equal(f.pgt->ops.leaf_walk(f.pgt, 0, &leaf),
				 -ENOENT);
		fixture_fini(&f);
	}
}

/* 4K, 511 times 4K, 2M; then a leaf that is there already. */
static void leaf_in_the_way(void **state)
{
	const u64 start = SZ_2M - SZ_4K, there = 2 * SZ_2M + SZ_4K;
	struct pgtable_leaf leaf;
	struct fixture f;

	(void)state;
	fixture_init(&f, "lpae-6.12", SZ_4K, true);
	assert_int_equal(iommu_map(&f.domain, there, 0, SZ_4K, PROT), 0);
	assert_int_equal(iommu_map(&f.domain, start, start, 2 * SZ_2M, PROT),
			 -EEXIST);
	assert_int_equal(f.pgt->nr_warnings, 1);
	assert_int_equal(f.pgt->ops.leaf_walk(f.pgt, 0, &leaf), 0);
	assert_int_equal(leaf.iova, there);
	/* The unwinding is a strict unmap: 4K, then 2M, a sync each. */
	check_event(&f.rec, 0, INVAL_PAGE, start, SZ_4K, SZ_4K);
	check_event(&f.rec, 1, INVAL_PAGE, SZ_2M, SZ_2M, SZ_2M);
	check_event(&f.rec, 2, INVAL_SYNC, start, SZ_4K, SZ_4K);
	check_event(&f.rec, 3, INVAL_SYNC, SZ_2M, SZ_2M, SZ_2M);
	assert_int_equal(f.rec.nr_events, 4);
	fixture_fini(&f);
}

/*
 * 2M and a page on both sides of an entry of the top table, memory off the
 * grid: 4K leaves in 4 last tables. Those above the first two are there; the
 * new top entry needs 2 more. So 6 can fail.
 */
static bool fail_map_at(const char *engine, bool coherent_walk, u64 n)
{
	const u64 start = (1ull << 39) - SZ_2M - SZ_4K, paddr = SZ_4K * 3;
	const u64 size = 2 * SZ_2M + 2 * SZ_4K, other = start - SZ_2M;
	struct pgtable_leaf leaf;
	struct fixture f;
	int ret;

	fixture_init(&f, engine, SZ_4K, coherent_walk);
	assert_int_equal(iommu_map(&f.domain, other, 0, SZ_4K, PROT), 0);
	arena_fail_at(f.arena, n);
	ret = iommu_map(&f.domain, start, paddr, size, PROT);
	arena_fail_at(f.arena, 0);
	if (ret) {
		assert_int_equal(ret, -ENOMEM);
		assert_int_equal(f.pgt->ops.leaf_walk(f.pgt, 0, &leaf), 0);
		assert_int_equal(leaf.iova, other);
		assert_int_equal(
			f.pgt->ops.leaf_walk(f.pgt, other + SZ_4K, &leaf),
			-ENOENT);
		/* With memory it works, over the tables that are left. */
		assert_int_equal(iommu_map(&f.domain, start, paddr, size, PROT),
				 0);
	}
	assert_int_equal(iommu_iova_to_phys(&f.domain, start), paddr);
	assert_int_equal(iommu_iova_to_phys(&f.domain, start + size - 1),
			 paddr + size - 1);
	assert_int_equal(iommu_unmap(&f.domain, start, size), size);
	assert_int_equal(iommu_iova_to_phys(&f.domain, other), 0);
	assert_int_equal(f.pgt->nr_warnings, 0);
	fixture_fini(&f);
	return ret;
}

static void unwinding_at_each_table(void **state)
{
	const struct pgtable_engine *engine;

	(void)state;
	for (size_t i = 0; (engine = pgtable_engine_at(i)); i++) {
		/* The fourth level of amdv1 comes when it is needed. */
		u64 nr_tables = engine->is_fixed ? 7 : 6;
		u64 n = 1;

		while (fail_map_at(engine->name, true, n))
			n++;
		assert_int_equal(n, nr_tables + 1);
		if (engine->is_fixed)
			continue;
		for (n = 1; fail_map_at(engine->name, false, n); n++)
			;
		assert_int_equal(n, 6 + 1);
	}
}

struct unmap_row {
	const char *engine;
	u64 iova;
	u64 size;
	size_t ret;
	u64 nr_warnings;
};

/* Mapped: 2M at 0; 16K at 2M; nothing from 2M + 16K to 4M; 2M at 4M. */
static const struct unmap_row unmap_rows[] = {
	{ "lpae-6.12", 0, 0, 0, 0 },
	{ "lpae-6.12", 0x800, SZ_4K, 0, 0 },
	{ "lpae-6.12", 0, 0x800, 0, 0 },
	{ "lpae-6.12", 0, SZ_2M, SZ_2M, 0 },
	{ "lpae-6.12", 2 * SZ_2M, SZ_2M, SZ_2M, 0 },
	/* Stops at the first hole, and never gets to what is behind it. */
	{ "lpae-6.12", SZ_2M, 8 * SZ_4K, SZ_16K, 2 },
	{ "lpae-6.12", SZ_2M + SZ_16K, SZ_4K, 0, 1 },
	/* A table as a whole counts in full, however much it maps. */
	{ "lpae-6.12", 0, 3 * SZ_2M, 3 * SZ_2M, 0 },
	/* A part of a block: pages to the 2M grid, then 16K of the next. */
	{ "lpae-6.12", SZ_2M - SZ_4K, SZ_4K + SZ_16K, SZ_4K + SZ_16K, 0 },
	{ "lpae-nosplit", SZ_2M - SZ_4K, SZ_4K + SZ_16K, 0, 1 },
	{ "lpae-7.3", SZ_2M - SZ_4K, SZ_4K + SZ_16K, 0, 1 },
	/* More than asked. */
	{ "lpae-whole", SZ_4K, SZ_4K, SZ_2M, 0 },
	{ "lpae-whole", SZ_2M - SZ_4K, SZ_4K + SZ_16K, SZ_2M, 0 },
};

static void returns_of_an_unmap(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unmap_rows); i++) {
		const struct unmap_row *row = &unmap_rows[i];
		struct fixture f;
		size_t ret;

		fixture_init(&f, row->engine, SZ_4K, true);
		assert_int_equal(iommu_map(&f.domain, 0, 0, SZ_2M, PROT), 0);
		assert_int_equal(iommu_map(&f.domain, SZ_2M, 0, SZ_16K, PROT),
				 0);
		assert_int_equal(
			iommu_map(&f.domain, 2 * SZ_2M, SZ_2M, SZ_2M, PROT), 0);
		ret = iommu_unmap(&f.domain, row->iova, row->size);
		if (ret != row->ret || f.pgt->nr_warnings != row->nr_warnings)
			fail_msg("row %zu, %s: expected %zu bytes and %" PRIu64
				 " warnings, got %zu and %" PRIu64,
				 i, row->engine, row->ret, row->nr_warnings,
				 ret, f.pgt->nr_warnings);
		fixture_fini(&f);
	}
}

/* Pages that touch gather; another size or a gap syncs what is there. */
static void fast_unmaps_gather(void **state)
{
	struct gather gather;
	struct fixture f;

	(void)state;
	fixture_init(&f, "lpae-6.12", SZ_4K, true);
	assert_int_equal(iommu_map(&f.domain, 0, 0, SZ_16K, PROT), 0);
	assert_int_equal(iommu_map(&f.domain, SZ_2M, SZ_2M, SZ_2M, PROT), 0);
	gather_init(&gather);
	assert_int_equal(iommu_unmap_fast(&f.domain, 0, SZ_4K, &gather), SZ_4K);
	assert_int_equal(iommu_unmap_fast(&f.domain, SZ_4K, SZ_4K, &gather),
			 SZ_4K);
	assert_int_equal(f.rec.counts.nr_syncs, 0);
	/* Skips one: a gap. */
	assert_int_equal(iommu_unmap_fast(&f.domain, 3 * SZ_4K, SZ_4K, &gather),
			 SZ_4K);
	check_event(&f.rec, 3, INVAL_SYNC, 0, 2 * SZ_4K, SZ_4K);
	/* A block. */
	assert_int_equal(iommu_unmap_fast(&f.domain, SZ_2M, SZ_2M, &gather),
			 SZ_2M);
	check_event(&f.rec, 5, INVAL_SYNC, 3 * SZ_4K, SZ_4K, SZ_4K);
	assert_int_equal(gather.start, SZ_2M);
	assert_int_equal(gather.last, 2 * SZ_2M - 1);
	assert_int_equal(gather.pgsize, SZ_2M);
	iommu_iotlb_sync(&f.domain, &gather);
	check_event(&f.rec, 6, INVAL_SYNC, SZ_2M, SZ_2M, SZ_2M);
	assert_int_equal(gather.pgsize, 0);
	/* Empty now: says nothing. */
	iommu_iotlb_sync(&f.domain, &gather);
	assert_int_equal(f.rec.nr_events, 7);
	fixture_fini(&f);
}

static void flush_of_a_queue(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, "lpae-6.12", SZ_4K, true);
	iommu_flush_iotlb_all(&f.domain);
	check_event(&f.rec, 0, INVAL_ALL, 0, 0, 0);
	assert_int_equal(f.rec.nr_events, 1);
	fixture_fini(&f);
}

struct queued_row {
	const char *engine;
	u64 iova;
	size_t size;
	size_t ret;
	/* expected in the gather */
	u64 start;
	u64 last;
};

/* Mapped: 16K at 0, 4K of the table at 2M. */
static const struct queued_row queued_rows[] = {
	/* Nothing is added, and before 7.3 the gather stays empty. */
	{ "lpae-6.1", 0, SZ_16K, SZ_16K, ~0ull, 0 },
	{ "lpae-6.12", 0, SZ_16K, SZ_16K, ~0ull, 0 },
	/* 7.3 puts in what was asked, so that a sync is not left out. */
	{ "lpae-7.3", 0, SZ_16K, SZ_16K, 0, SZ_16K - 1 },
	{ "lpae-7.3", SZ_2M, SZ_2M, SZ_2M, SZ_2M, 2 * SZ_2M - 1 },
	/* Nothing was unmapped: nothing is put in. */
	{ "lpae-7.3", 2 * SZ_2M, SZ_4K, 0, ~0ull, 0 },
	/* What was asked, not what was unmapped. */
	{ "lpae-7.3", 0, 2 * SZ_16K, SZ_16K, 0, 2 * SZ_16K - 1 },
};

static void queued_gathers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(queued_rows); i++) {
		const struct queued_row *row = &queued_rows[i];
		struct gather gather;
		struct fixture f;
		size_t ret;

		fixture_init(&f, row->engine, SZ_4K, true);
		assert_int_equal(iommu_map(&f.domain, 0, 0, SZ_16K, PROT), 0);
		assert_int_equal(iommu_map(&f.domain, SZ_2M, 0, SZ_4K, PROT),
				 0);
		gather_init(&gather);
		gather.queued = true;
		ret = iommu_unmap_fast(&f.domain, row->iova, row->size,
				       &gather);
		if (ret != row->ret || gather.start != row->start ||
		    gather.last != row->last || gather.pgsize)
			fail_msg("row %zu, %s: expected %zu bytes, 0x%" PRIx64
				 "-0x%" PRIx64 ", got %zu, 0x%" PRIx64
				 "-0x%" PRIx64 " by 0x%zx",
				 i, row->engine, row->ret, row->start,
				 row->last, ret, gather.start, gather.last,
				 gather.pgsize);
		assert_int_equal(f.rec.counts.nr_pages, 0);
		/* No page size in it: SMMUv3 sends nothing. */
		iommu_iotlb_sync(&f.domain, &gather);
		assert_int_equal(f.rec.counts.nr_syncs, 0);
		fixture_fini(&f);
	}
}

/* A range that was put in does not keep pages from gathering. */
static void pages_after_a_filled_gather(void **state)
{
	struct gather gather;
	struct fixture f;

	(void)state;
	fixture_init(&f, "lpae-7.3", SZ_4K, true);
	assert_int_equal(iommu_map(&f.domain, 0, 0, SZ_16K, PROT), 0);
	gather_init(&gather);
	gather.queued = true;
	assert_int_equal(iommu_unmap_fast(&f.domain, 0, SZ_4K, &gather), SZ_4K);
	gather.queued = false;
	assert_int_equal(iommu_unmap_fast(&f.domain, SZ_4K, SZ_4K, &gather),
			 SZ_4K);
	assert_int_equal(f.rec.counts.nr_syncs, 0);
	assert_int_equal(gather.start, 0);
	assert_int_equal(gather.last, 2 * SZ_4K - 1);
	assert_int_equal(gather.pgsize, SZ_4K);
	fixture_fini(&f);
}

static void count_sync(struct gather *gather, void *cookie)
{
	u64 *nr_syncs = cookie;

	(void)gather;
	(*nr_syncs)++;
}

struct sync_row {
	const char *rule;
	u64 size; /* of what is unmapped at 0, where 2M of pages are */
	u64 nr_syncs;
};

static const struct sync_row sync_rows[] = {
	/* Nothing unmapped: an older core calls the driver even so. */
	{ "6.1", 0, 1 },
	{ "6.12", 0, 1 },
	{ "smmuv2", 0, 1 },
	{ "7.3", 0, 0 },
	/* A table alone, reported by a walk flush, not as a page. */
	{ "6.1", SZ_2M, 1 },
	{ "smmuv2", SZ_2M, 1 },
	{ "7.3", SZ_2M, 1 }, /* filled with the range */
};

/* How often a driver is asked to sync; lpae-6.1 adds no page for a table. */
static void syncs_of_an_empty_gather(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sync_rows); i++) {
		const struct sync_row *row = &sync_rows[i];
		struct inval_ops ops = inval_recorder_ops;
		struct iommu_domain domain;
		u64 nr_syncs = 0;
		struct fixture f;

		fixture_init(&f, "lpae-6.1", SZ_4K, true);
		assert_int_equal(iommu_map(&f.domain, 0, SZ_4K, SZ_2M, PROT),
				 0);
		ops.sync = count_sync;
		domain = f.domain;
		domain.rule = gather_rule_find(row->rule);
		domain.tlb = &ops;
		domain.cookie = &nr_syncs;
		assert_int_equal(iommu_unmap(&domain, 0, row->size), row->size);
		assert_int_equal(f.rec.counts.nr_pages, 0);
		if (nr_syncs != row->nr_syncs)
			fail_msg("row %zu, rule %s: expected %" PRIu64
				 " syncs, got %" PRIu64,
				 i, row->rule, row->nr_syncs, nr_syncs);
		fixture_fini(&f);
	}
}

/* A driver without a table, as before its domain is attached. */
static void domain_without_a_table(void **state)
{
	struct pgtable_leaf leaf;
	struct iommu_domain domain;
	struct fixture f;

	(void)state;
	fixture_init(&f, "lpae-7.3", SZ_4K, true);
	assert_int_equal(iommu_map(&f.domain, 0, SZ_4K, SZ_4K, PROT), 0);
	assert_int_equal(iommu_leaf_walk(&f.domain, 0, &leaf), 0);
	assert_int_equal(leaf.paddr, SZ_4K);
	assert_int_equal(iommu_leaf_walk(&f.domain, SZ_4K, &leaf), -ENOENT);
	domain = f.domain;
	domain.pgt = NULL;
	assert_int_equal(iommu_map(&domain, 0, SZ_4K, SZ_4K, PROT), -ENODEV);
	assert_int_equal(iommu_unmap(&domain, 0, SZ_4K), 0);
	assert_int_equal(iommu_iova_to_phys(&domain, 0), 0);
	assert_int_equal(iommu_leaf_walk(&domain, 0, &leaf), -ENODEV);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_of_a_map),
		cmocka_unit_test(errors_of_a_map),
		cmocka_unit_test(leaf_in_the_way),
		cmocka_unit_test(unwinding_at_each_table),
		cmocka_unit_test(returns_of_an_unmap),
		cmocka_unit_test(fast_unmaps_gather),
		cmocka_unit_test(flush_of_a_queue),
		cmocka_unit_test(queued_gathers),
		cmocka_unit_test(pages_after_a_filled_gather),
		cmocka_unit_test(syncs_of_an_empty_gather),
		cmocka_unit_test(domain_without_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
