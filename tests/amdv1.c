// SPDX-License-Identifier: GPL-2.0-only
/*
 * The AMD v1 engine by itself: pages of every power of two, what an unmap of a
 * part gives back, levels that come as they are needed, what a map replaces,
 * and exact stores.
 */
#include "support.h"

#include "amdv1_fmt.h"
#include "iommu.h"
#include "pte_count.h"
#include "recorder.h"
#include "sizes.h"

#define PROT   (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)
#define SZ_8K  (2 * SZ_4K)
#define SZ_4M  (2 * SZ_2M)
#define SZ_512 (1ull << 39) /* 512G: what three levels reach */

/**
 * struct rig - A table with a recorder behind it.
 * @domain: over it
 * @rec: what it says
 * @pgt: the table
 * @is_counted: stores are counted
 */
struct rig {
	struct iommu_domain domain;
	struct recorder rec;
	struct pgtable *pgt;
	bool is_counted;
};

static void rig_init(struct rig *rig, unsigned int ias)
{
	const struct pgtable_engine *engine = pgtable_engine_find("amdv1");
	const struct gather_rule *rule = gather_rule_find(engine->rule);
	const struct pgtable_cfg cfg = {
		.params = engine->params,
		.stage = 1,
		.granule = SZ_4K,
		.ias = ias,
		.oas = 52,
		.coherent_walk = true,
		.arena = test_arena(16 * SZ_1M),
		.tlb = &inval_recorder_ops,
		.cookie = &rig->rec,
	};
	struct iopt_err err = { "" };
	int ret;

	recorder_init(&rig->rec, rule, true);
	rig->is_counted = engine->create_counted;
	ret = rig->is_counted ?
		      pgtable_create_counted(engine, &cfg, &rig->pgt, &err) :
		      pgtable_create(engine, &cfg, &rig->pgt, &err);
	if (ret)
		fail_msg("%s", err.msg);
	iommu_domain_init(&rig->domain, rig->pgt, rule);
}

static void rig_fini(struct rig *rig)
{
	struct arena *arena = rig->pgt->cfg.arena;

	rig->pgt->ops.free(rig->pgt);
	recorder_fini(&rig->rec);
	assert_int_equal(arena_destroy(arena), 0);
}

static u64 nr_tables(const struct rig *rig)
{
	struct arena_stats stats = arena_stats(rig->pgt->cfg.arena);

	return stats.nr_allocs - stats.nr_frees;
}

static int map(struct rig *rig, u64 iova, u64 paddr, u64 size, u64 count,
	       u64 *nr_writes)
{
	struct pte_count writes;
	size_t mapped = 7; /* is added to */
	int ret;

	pte_count_start(&writes, rig->pgt->cfg.arena);
	ret = rig->pgt->ops.map_pages(rig->pgt, iova, paddr, size, count, PROT,
				      &mapped);
	pte_count_stop();
	if (!ret)
		expect_u64(mapped, 7 + size * count, "mapped at 0x%" PRIx64,
			   iova);
	*nr_writes = writes.writes;
	return ret;
}

static void map_ok(struct rig *rig, u64 iova, u64 paddr, u64 size, u64 count)
{
	u64 nr_writes;

	expect_int(map(rig, iova, paddr, size, count, &nr_writes), 0, "map");
}

static u64 unmap(struct rig *rig, u64 iova, u64 size, u64 count)
{
	return rig->pgt->ops.unmap_pages(rig->pgt, iova, size, count, NULL);
}

static u64 phys(struct rig *rig, u64 iova)
{
	return rig->pgt->ops.iova_to_phys(rig->pgt, iova);
}

/* The leaf that holds an address, found from there. */
static void check_leaf(struct rig *rig, u64 at, u64 iova, u64 paddr, u64 size)
{
	struct pgtable_leaf leaf;

	expect_int(rig->pgt->ops.leaf_walk(rig->pgt, at, &leaf), 0, "walk");
	expect_u64(leaf.iova, iova, "leaf at 0x%" PRIx64, at);
	expect_u64(leaf.paddr, paddr, "leaf at 0x%" PRIx64, at);
	expect_u64(leaf.size, size, "leaf at 0x%" PRIx64, at);
	expect_u64(leaf.level, 3 - amdv1_size_level(size),
		   "level at 0x%" PRIx64, at);
	expect_u64(phys(rig, at), paddr + (at - iova), "phys of 0x%" PRIx64,
		   at);
}

/* Every power of two that the input size holds, but 512G. */
static void shape(void **state)
{
	static const struct {
		unsigned int ias;
		u64 pgsizes;
	} shapes[] = {
		{ 39, 0x0000007ffffff000 },
		{ 48, 0x0000ff7ffffff000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		const struct pgtable_geometry *geo;
		struct rig rig;

		rig_init(&rig, shapes[i].ias);
		geo = &rig.pgt->geo;
		expect_u64(geo->pgsizes, shapes[i].pgsizes, "sizes of %u bits",
			   shapes[i].ias);
		assert_int_equal(geo->format, PGTABLE_AMDV1);
		assert_int_equal(geo->bits_per_level, 9);
		assert_int_equal(geo->top_bits, 9);
		/* Three levels, whatever the input size. */
		assert_int_equal(geo->start_level, 1);
		rig_fini(&rig);
	}
}

/* What a page of each size costs, one entry above its neighbour. */
static void check_size(unsigned int lg2)
{
	const u64 size = 1ull << lg2, paddr = 3 * size;
	const unsigned int level = (lg2 - 12) / 9;
	const u64 count = 1ull << (lg2 - 12) % 9;
	/* From [size, 2 * size) on there is a fourth level. */
	const bool is_grown = 2 * size > SZ_512;
	const u64 nr_below = (is_grown ? 3 : 2) - level;
	const u64 part = size + size / 2;
	struct gather gather;
	struct pte_count writes;
	struct rig rig;
	u64 nr_writes;

	rig_init(&rig, 48);
	gather_init(&gather);
	expect_int(map(&rig, size, paddr, size, 1, &nr_writes), 0, "map");
	/* Each entry is emptied by an exchange, then written. */
	if (rig.is_counted)
		expect_u64(nr_writes, is_grown + nr_below + 2 * count,
			   "stores to map 2^%u", lg2);
	expect_u64(nr_tables(&rig), 1 + is_grown + nr_below, "tables for 2^%u",
		   lg2);
	check_leaf(&rig, size, size, paddr, size);
	check_leaf(&rig, part & ~(SZ_4K - 1), size, paddr, size);
	check_leaf(&rig, 2 * size - 1, size, paddr, size);
	expect_u64(phys(&rig, size - 1), 0, "below 2^%u", lg2);
	expect_u64(phys(&rig, 2 * size), 0, "above 2^%u", lg2);

	pte_count_start(&writes, rig.pgt->cfg.arena);
	expect_u64(rig.pgt->ops.unmap_pages(rig.pgt, 2 * size - SZ_4K, SZ_4K, 1,
					    &gather),
		   size, "unmap 4K of 2^%u", lg2);
	pte_count_stop();
	if (rig.is_counted)
		expect_u64(writes.writes, count, "stores to unmap 2^%u", lg2);
	/* From what was asked for on, as long as what went. */
	expect_u64(gather.start, 2 * size - SZ_4K, "gather of 2^%u", lg2);
	expect_u64(gather.last, 3 * size - SZ_4K - 1, "gather of 2^%u", lg2);
	for (u64 at = 0; at < 16; at++)
		expect_u64(phys(&rig, size + at * (size / 16)), 0,
			   "2^%u unmapped", lg2);
	assert_int_equal(rig.pgt->nr_warnings, 0);
	rig_fini(&rig);
}

static void each_size(void **state)
{
	(void)state;
	/* The last one that has room above itself in 48 bits is 2^46. */
	for (unsigned int lg2 = 12; lg2 < 47; lg2++)
		if (lg2 != 39)
			check_size(lg2);
}

/* Two pages mapped as one, one unmapped: two come back. */
static void fine_grained_superpages(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, 48);
	expect_int(iommu_map(&rig.domain, 0, SZ_1G, SZ_8K, PROT), 0, "map");
	expect_u64(iommu_unmap(&rig.domain, 0, SZ_4K), SZ_8K, "first page");
	expect_int(iommu_map(&rig.domain, 0, SZ_1G, SZ_8K, PROT), 0, "map");
	expect_u64(iommu_unmap(&rig.domain, SZ_4K, SZ_4K), SZ_8K, "second");
	/* Not aligned alike: two pages of their own. */
	expect_int(iommu_map(&rig.domain, 0, SZ_1G + SZ_4K, SZ_8K, PROT), 0,
		   "map");
	expect_u64(iommu_unmap(&rig.domain, 0, SZ_4K), SZ_4K, "apart");
	rig_fini(&rig);
}

/*
 * 1M less 4K from 4K on: pages of 4K 8K ... 512K, a call each, nothing else;
 * a page-wise unmap takes as many calls.
 */
static void a_run_is_as_few_pages_as_can_be(void **state)
{
	struct rig rig;
	u64 at = SZ_4K, nr = 0;

	(void)state;
	rig_init(&rig, 48);
	expect_int(iommu_map(&rig.domain, at, SZ_1G + at, SZ_1M - at, PROT), 0,
		   "map");
	for (u64 size = SZ_4K; size < SZ_1M; size *= 2)
		check_leaf(&rig, size, size, SZ_1G + size, size);
	for (; at < SZ_1M; nr++)
		at += iommu_unmap(&rig.domain, at, SZ_4K);
	expect_u64(nr, 8, "calls");
	expect_u64(at, SZ_1M, "end");
	rig_fini(&rig);
}

/* An unmap of a count goes over tables' ends, and over what is larger. */
static void counts_cross_tables(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, 48);
	map_ok(&rig, SZ_1G - SZ_2M, SZ_1G, SZ_4K, 2 * 512);
	check_leaf(&rig, SZ_1G, SZ_1G, SZ_1G + SZ_2M, SZ_4K);
	/* Root; two of level 1; two of level 0. */
	expect_u64(nr_tables(&rig), 5, "tables");
	map_ok(&rig, SZ_1G + SZ_2M, 0, SZ_2M, 1);
	expect_u64(unmap(&rig, SZ_1G - SZ_2M, SZ_4K, 2 * 512 + 1), 3 * SZ_2M,
		   "unmap");
	expect_u64(unmap(&rig, SZ_1G - SZ_2M, SZ_4K, 0), 0, "nothing asked");
	rig_fini(&rig);
}

struct hole_row {
	u64 iova;
	u64 size;
	u64 count;
	u64 ret;
};

/* Mapped: 4K at 0 and at 8K; 2M at 2M. */
static const struct hole_row hole_rows[] = {
	{ 0, SZ_4K, 1, SZ_4K },
	/* A hole between pages counts: its table is there. */
	{ SZ_4K, SZ_4K, 1, SZ_4K },
	{ SZ_4K, SZ_4K, 100, 100 * SZ_4K },
	/* All of the table, then the leaf behind it, then nothing. */
	{ 0, SZ_4K, 1024, SZ_4M },
	{ 0, SZ_4K, 2048, SZ_4M },
	{ SZ_2M + SZ_4K, SZ_4K, 1, SZ_2M },
	/* Where there is no table. */
	{ SZ_4M, SZ_4K, 1, 0 },
	{ SZ_1G, SZ_2M, 3, 0 },
	/* Above what three levels reach, and above all. */
	{ SZ_512, SZ_4K, 1, 0 },
	{ 1ull << 60, SZ_4K, 1, 0 },
};

static void holes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hole_rows); i++) {
		const struct hole_row *row = &hole_rows[i];
		struct rig rig;

		rig_init(&rig, 48);
		map_ok(&rig, 0, SZ_1G, SZ_4K, 1);
		map_ok(&rig, SZ_8K, SZ_1G, SZ_4K, 1);
		map_ok(&rig, SZ_2M, SZ_1G, SZ_2M, 1);
		expect_u64(unmap(&rig, row->iova, row->size, row->count),
			   row->ret, "row %zu", i);
		/* One word to the gather, or none. */
		expect_u64(rig.rec.nr_events, row->ret != 0, "row %zu", i);
		assert_int_equal(rig.pgt->nr_warnings, 0);
		rig_fini(&rig);
	}
}

static void levels_as_needed(void **state)
{
	struct pgtable_leaf leaf;
	struct rig rig;
	u64 nr_writes;

	(void)state;
	rig_init(&rig, 48);
	map_ok(&rig, SZ_2M, SZ_1G, SZ_2M, 1);
	assert_int_equal(rig.pgt->geo.start_level, 1);
	expect_u64(nr_tables(&rig), 2, "tables");
	/* No memory for the new top; then none for the table below it. */
	arena_fail_at(rig.pgt->cfg.arena, 1);
	expect_int(map(&rig, SZ_512, 0, SZ_1G, 1, &nr_writes), -ENOMEM, "top");
	assert_int_equal(rig.pgt->geo.start_level, 1);
	arena_fail_at(rig.pgt->cfg.arena, 2);
	expect_int(map(&rig, SZ_512, 0, SZ_1G, 1, &nr_writes), -ENOMEM,
		   "table");
	assert_int_equal(rig.pgt->geo.start_level, 0);
	expect_int(rig.pgt->ops.leaf_walk(rig.pgt, SZ_4M, &leaf), -ENOENT,
		   "nothing more");
	map_ok(&rig, SZ_512, SZ_1G, SZ_1G, 1);
	expect_u64(nr_tables(&rig), 4, "tables");
	check_leaf(&rig, SZ_2M, SZ_2M, SZ_1G, SZ_2M);
	check_leaf(&rig, SZ_512, SZ_512, SZ_1G, SZ_1G);
	/* A page of 1T wants the fourth level wherever it lies. */
	assert_int_equal(rig.pgt->nr_warnings, 0);
	rig_fini(&rig);

	rig_init(&rig, 48);
	map_ok(&rig, 0, 0, 2 * SZ_512, 1);
	assert_int_equal(rig.pgt->geo.start_level, 0);
	/* Past what the input size has; up to its end. */
	expect_int(map(&rig, 1ull << 48, 0, SZ_4K, 1, &nr_writes), -ERANGE,
		   "48 bits");
	map_ok(&rig, (1ull << 48) - SZ_4K, SZ_4K, SZ_4K, 1);
	assert_int_equal(rig.pgt->nr_warnings, 1);
	rig_fini(&rig);

	rig_init(&rig, 39);
	expect_int(map(&rig, SZ_512, 0, SZ_4K, 1, &nr_writes), -ERANGE,
		   "39 bits");
	/* The second page is too much. */
	expect_int(map(&rig, SZ_512 - SZ_4K, SZ_2M, SZ_4K, 2, &nr_writes),
		   -ERANGE, "across");
	check_leaf(&rig, SZ_512 - SZ_4K, SZ_512 - SZ_4K, SZ_2M, SZ_4K);
	assert_int_equal(rig.pgt->nr_warnings, 2);
	rig_fini(&rig);
}

/* What lies in the way of a map, and what becomes of it. */
struct replace_row {
	const char *what;
	u64 old_iova;
	u64 old_size;
	u64 old_count;
	bool is_unmapped;
	u64 iova;
	u64 size;
	u64 count;
	u64 nr_freed;
	u64 nr_walks;
	u64 gone; /* an address of the old that must be gone; 0 for none */
};

static const struct replace_row replace_rows[] = {
	{ "an empty table", SZ_2M, SZ_4K, 512, true, SZ_2M, SZ_2M, 1, 1, 1, 0 },
	{ "a full table", SZ_2M, SZ_4K, 512, false, SZ_2M, SZ_2M, 1, 1, 1, 0 },
	{ "two tables under one page", SZ_4M, SZ_4K, 1024, true, SZ_4M, SZ_4M,
	  1, 2, 1, 0 },
	/* 512 of level 0 and the one of level 1. */
	{ "a tree", SZ_1G, SZ_4K, 512 * 512, true, SZ_1G, SZ_1G, 1, 513, 1, 0 },
	/* One flush a call, however many pages it replaces. */
	{ "a table for each of two pages", SZ_4M, SZ_4K, 1024, true, SZ_4M,
	  SZ_2M, 2, 2, 1, 0 },
	/* Leaves of the same level: nothing is said. */
	{ "the same leaf", SZ_4M, SZ_4M, 1, false, SZ_4M, SZ_4M, 1, 0, 0, 0 },
	{ "smaller leaves", SZ_64K, SZ_4K, 16, false, SZ_64K, SZ_64K, 1, 0, 0,
	  0 },
	/* Larger leaves of a level above go whole. */
	{ "a leaf", SZ_2M, SZ_2M, 1, false, SZ_2M, SZ_4K, 1, 0, 1,
	  SZ_2M + SZ_4K },
	{ "a replicated leaf", SZ_4M, SZ_4M, 1, false, SZ_4M + SZ_4K, SZ_4K, 1,
	  0, 1, SZ_4M + SZ_2M },
	{ "the second half of one", SZ_4M, SZ_4M, 1, false, SZ_4M + SZ_2M,
	  SZ_4K, 1, 0, 1, SZ_4M },
};

static void a_map_replaces(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(replace_rows); i++) {
		const struct replace_row *row = &replace_rows[i];
		struct arena_stats before;
		struct rig rig;

		rig_init(&rig, 48);
		map_ok(&rig, row->old_iova, SZ_512, row->old_size,
		       row->old_count);
		if (row->is_unmapped)
			expect_u64(unmap(&rig, row->old_iova, row->old_size,
					 row->old_count),
				   row->old_size * row->old_count, "%s",
				   row->what);
		recorder_reset(&rig.rec);
		before = arena_stats(rig.pgt->cfg.arena);
		map_ok(&rig, row->iova, 2 * SZ_512, row->size, row->count);
		check_leaf(&rig, row->iova, row->iova, 2 * SZ_512, row->size);
		expect_u64(arena_stats(rig.pgt->cfg.arena).nr_frees -
				   before.nr_frees,
			   row->nr_freed, "%s: tables freed", row->what);
		expect_u64(rig.rec.counts.nr_walks, row->nr_walks,
			   "%s: flushes", row->what);
		if (row->nr_walks) {
			expect_u64(rig.rec.events[0].iova, row->iova, "%s",
				   row->what);
			expect_u64(rig.rec.events[0].size,
				   row->size * row->count, "%s", row->what);
		}
		if (row->gone)
			expect_u64(phys(&rig, row->gone), 0, "%s", row->what);
		assert_int_equal(rig.pgt->nr_warnings, 0);
		rig_fini(&rig);
	}
}

/* Sizes differ, ranges do not touch: the gather grows, nothing is sent. */
static void gathers_widen(void **state)
{
	struct gather gather;
	struct rig rig;

	(void)state;
	rig_init(&rig, 48);
	gather_init(&gather);
	map_ok(&rig, SZ_2M, 0, SZ_2M, 1);
	map_ok(&rig, SZ_1G, SZ_4M, SZ_64K, 2);
	rig.pgt->ops.unmap_pages(rig.pgt, SZ_1G, SZ_64K, 2, &gather);
	rig.pgt->ops.unmap_pages(rig.pgt, SZ_2M, SZ_2M, 1, &gather);
	expect_u64(rig.rec.counts.nr_pages, 2, "one word a call");
	expect_u64(rig.rec.counts.nr_syncs, 0, "no sync");
	expect_u64(gather.start, SZ_2M, "start");
	expect_u64(gather.last, SZ_1G + 2 * SZ_64K - 1, "last");
	expect_u64(gather.pgsize, SZ_4K, "page size");
	/* A queued gather is widened all the same. */
	gather_init(&gather);
	gather.queued = true;
	map_ok(&rig, SZ_2M, 0, SZ_2M, 1);
	rig.pgt->ops.unmap_pages(rig.pgt, SZ_2M, SZ_2M, 1, &gather);
	expect_u64(gather.last, SZ_4M - 1, "queued");
	rig_fini(&rig);
}

struct refused_row {
	const char *what;
	u64 iova;
	u64 paddr;
	u64 size;
	int prot;
	u64 nr_warnings;
};

static const struct refused_row refused_rows[] = {
	{ "no size", 0, 0, 0, PROT, 1 },
	{ "three pages", 0, 0, 3 * SZ_4K, PROT, 1 },
	{ "a byte", 0, 0, 1, PROT, 1 },
	{ "512G", 0, 0, SZ_512, PROT, 1 },
	{ "more than all", 0, 0, 1ull << 48, PROT, 1 },
	{ "iova", SZ_4K, 0, SZ_8K, PROT, 1 },
	{ "paddr", 0, SZ_4K, SZ_8K, PROT, 1 },
	{ "prot", 0, 0, SZ_4K, IOMMU_CACHE, 0 },
};

static void refused_maps(void **state)
{
	struct rig rig;
	u64 nr = 0;

	(void)state;
	rig_init(&rig, 48);
	for (size_t i = 0; i < ARRAY_SIZE(refused_rows); i++) {
		const struct refused_row *row = &refused_rows[i];
		size_t mapped = 5;

		expect_int(rig.pgt->ops.map_pages(rig.pgt, row->iova,
						  row->paddr, row->size, 1,
						  row->prot, &mapped),
			   -EINVAL, row->what);
		expect_u64(mapped, 5, "%s", row->what);
		nr += row->nr_warnings;
		expect_u64(rig.pgt->nr_warnings, nr, "%s", row->what);
	}
	expect_u64(unmap(&rig, 0, 0, 1), 0, "no size");
	expect_u64(unmap(&rig, 0, 3 * SZ_4K, 1), 0, "three pages");
	expect_u64(rig.pgt->nr_warnings, nr + 2, "unmaps");
	expect_u64(nr_tables(&rig), 1, "tables");
	rig_fini(&rig);
}

struct cfg_row {
	size_t granule;
	unsigned int stage;
	unsigned int ias;
	unsigned int oas;
	bool is_noncoherent;
	enum pgtable_walk walk;
	const char *text;
};

static const struct cfg_row cfg_rows[] = {
	{ SZ_64K, 1, 48, 48, false, PGTABLE_WALK_LOOP,
	  "granule 64K: amdv1 has 4K pages alone" },
	{ SZ_4K, 2, 48, 48, false, PGTABLE_WALK_LOOP,
	  "stage 2: amdv1 has one stage, 1" },
	{ SZ_4K, 1, 40, 48, false, PGTABLE_WALK_LOOP,
	  "ias 40: of amdv1 it is 39 or 48" },
	{ SZ_4K, 1, 48, 40, false, PGTABLE_WALK_LOOP,
	  "oas 40: of amdv1 it is 48 to 52" },
	{ SZ_4K, 1, 39, 53, false, PGTABLE_WALK_LOOP,
	  "oas 53: of amdv1 it is 39 to 52" },
	{ SZ_4K, 1, 48, 48, true, PGTABLE_WALK_LOOP,
	  "a walker that does not snoop: amdv1's always does" },
	{ SZ_4K, 1, 48, 48, false, PGTABLE_WALK_UNFIXED,
	  "walk unfixed: amdv1's iova_to_phys never had that fault" },
};

static void refused_tables(void **state)
{
	const struct pgtable_engine *engine = pgtable_engine_find("amdv1");
	struct arena *arena = test_arena(SZ_2M);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cfg_rows); i++) {
		const struct cfg_row *row = &cfg_rows[i];
		const struct pgtable_cfg cfg = {
			.params = { .walk = row->walk },
			.stage = row->stage,
			.granule = row->granule,
			.ias = row->ias,
			.oas = row->oas,
			.coherent_walk = !row->is_noncoherent,
			.arena = arena,
			.tlb = &inval_recorder_ops,
		};
		struct pgtable *pgt = NULL;
		struct iopt_err err = { "" };

		expect_int(pgtable_create(engine, &cfg, &pgt, &err), -EINVAL,
			   row->text);
		assert_string_equal(err.msg, row->text);
		assert_null(pgt);
	}
	assert_int_equal(arena_destroy(arena), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shape),
		cmocka_unit_test(each_size),
		cmocka_unit_test(fine_grained_superpages),
		cmocka_unit_test(a_run_is_as_few_pages_as_can_be),
		cmocka_unit_test(counts_cross_tables),
		cmocka_unit_test(holes),
		cmocka_unit_test(levels_as_needed),
		cmocka_unit_test(a_map_replaces),
		cmocka_unit_test(gathers_widen),
		cmocka_unit_test(refused_maps),
		cmocka_unit_test(refused_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
