// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the coherence oracle finds in a split, exactly; that it finds nothing
 * where nothing is wrong; and that no broken invalidation escapes it.
 */
#include "test.h"

#include "hw_rig.h"
#include "lg2.h"
#include "sizes.h"

#define BASE  (1ull << 35) /* aligned to a block of any granule but 4T */
#define PADDR (1ull << 36)
#define PROT  (IOMMU_READ | IOMMU_WRITE)

static const size_t granules[] = { SZ_4K, SZ_16K, SZ_64K };

static struct rig_cfg make_cfg(enum pgtable_policy policy, const char *rule,
			       size_t granule)
{
	return (struct rig_cfg){
		.params = { .policy = policy,
			    .clear = strcmp(rule, "6.1") ? PGTABLE_CLEAR_RUN :
							   PGTABLE_CLEAR_EACH },
		.rule = rule,
		.granule = granule,
		.stage = 1,
	};
}

static void expect_counts(struct rig *rig, u64 leaves, u64 tables, u64 bbm,
			  u64 accesses, const char *what)
{
	struct oracle_counts c = rig_check(rig);

	if (c.stale_leaves != leaves || c.stale_tables != tables ||
	    c.bbm_violations != bbm || c.stale_accesses != accesses)
		rig_print(rig);
	expect_u64(c.stale_leaves, leaves, "%s: stale leaves", what);
	expect_u64(c.stale_tables, tables, "%s: stale tables", what);
	expect_u64(c.stale_after_sync, leaves + tables, "%s: stale", what);
	expect_u64(c.bbm_violations, bbm, "%s: bbm_violations", what);
	expect_u64(c.stale_accesses, accesses, "%s: stale accesses", what);
}

/*
 * A part of a cached block is unmapped and synced; then the device accesses
 * what is gone. Sizes: P page, B block, of the granule; 1G for itself.
 */
static const struct {
	const char *what;
	enum pgtable_policy policy;
	const char *rule;
	bool has_ril;
	bool is_strict;
	bool is_cached; /* the device had accessed the block */
	u64 stale;
	u64 bbm;
	u64 accesses;
} parts[] = {
	/* A page's TTL 3 does not reach the block of level 2. */
	{ "split, TTL strict", PGTABLE_SPLIT, "6.12", true, true, true, 1, 1,
	  1 },
	{ "split as in 6.1, TTL strict", PGTABLE_SPLIT, "6.1", true, true, true,
	  1, 1, 1 },
	{ "split, TTL lenient", PGTABLE_SPLIT, "6.12", true, false, true, 0, 1,
	  0 },
	/* Without RIL no TTL is sent. */
	{ "split, no RIL", PGTABLE_SPLIT, "6.12", false, true, true, 0, 1, 0 },
	{ "split, not cached", PGTABLE_SPLIT, "6.12", true, true, false, 0, 1,
	  0 },
	{ "split, SMMUv2", PGTABLE_SPLIT, "smmuv2", false, true, true, 0, 1,
	  0 },
	{ "nosplit", PGTABLE_NOSPLIT, "7.3", true, true, true, 0, 0, 0 },
	{ "nosplit, no RIL", PGTABLE_NOSPLIT, "7.3", false, true, true, 0, 0,
	  0 },
	{ "whole", PGTABLE_WHOLE, "6.12", true, true, true, 0, 0, 0 },
	{ "whole, no RIL", PGTABLE_WHOLE, "6.12", false, true, true, 0, 0, 0 },
};

static void try_part(size_t row, size_t granule, u64 block, u64 offset,
		     u64 size)
{
	struct rig_cfg cfg =
		make_cfg(parts[row].policy, parts[row].rule, granule);
	size_t unmapped = 0, want = size;
	struct hw_result res;
	struct rig rig;
	char what[96];

	snprintf(what, sizeof(what),
		 "%s, %zuK granule, 0x%" PRIx64 "+0x%" PRIx64 " of 0x%" PRIx64,
		 parts[row].what, granule / 1024, offset, size, block);
	cfg.has_ril = parts[row].has_ril;
	cfg.is_strict = parts[row].is_strict;
	rig_init(&rig, &cfg);
	expect_int(iommu_map(&rig.domain, BASE, PADDR, block, PROT), 0, what);
	if (parts[row].is_cached)
		rig_access(&rig, BASE + block / 2, PADDR + block / 2, what);
	rig_check(&rig);

	unmapped = iommu_unmap(&rig.domain, BASE + offset, size);
	if (parts[row].policy == PGTABLE_NOSPLIT)
		want = 0;
	if (parts[row].policy == PGTABLE_WHOLE)
		want = block;
	expect_u64(unmapped, want, "%s: unmapped", what);
	if (want)
		oracle_access(rig.oracle, BASE + offset, IOMMU_READ, &res);
	expect_counts(&rig, parts[row].stale, 0, parts[row].bbm,
		      parts[row].accesses, what);
	/* Looking again finds nothing new. */
	expect_counts(&rig, parts[row].stale, 0, parts[row].bbm,
		      parts[row].accesses, what);
	rig_fini(&rig);
}

static void test_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		for (size_t g = 0; g < ARRAY_SIZE(granules); g++) {
			u64 page = granules[g];
			u64 block = page << (lg2_floor(page) - 3);

			try_part(i, page, block, 0, page);
			try_part(i, page, block, block / 2, page);
			try_part(i, page, block, block - page, page);
			try_part(i, page, block, page, 16 * page);
			try_part(i, page, block, block / 2, block / 2);
		}
		/* Two tables of one call: hardware sees one change. */
		try_part(i, SZ_4K, SZ_1G, SZ_2M + SZ_4K, SZ_4K);
		/* TTL 2 does not reach a block of level 1 either. */
		try_part(i, SZ_4K, SZ_1G, SZ_2M, SZ_2M);
	}
}

/* The split's findings as docs/coherence.md shows them. */
static void test_show(void **state)
{
	struct rig_cfg cfg = make_cfg(PGTABLE_SPLIT, "6.12", SZ_4K);
	char text[ORACLE_TEXT_MAX];
	struct hw_result res;
	struct rig rig;

	(void)state;
	cfg.has_ril = true;
	cfg.is_strict = true;
	rig_init(&rig, &cfg);
	iommu_map(&rig.domain, BASE, PADDR, SZ_2M, PROT);
	rig_access(&rig, BASE, PADDR, "the block");
	rig_check(&rig);
	iommu_unmap(&rig.domain, BASE, SZ_4K);
	rig_check(&rig);
	oracle_access(rig.oracle, BASE, IOMMU_READ, &res);
	print_message("4K out of a cached 2M block, RIL, TTL strict:\n");
	rig_print(&rig);
	expect_text(oracle_finding_text(oracle_finding(rig.oracle, 0), text),
		    "level 2, 2M at 0x800000000: a leaf to 0x1000000000 "
		    "became a table at 0x",
		    "first finding");
	expect_text(oracle_finding_text(oracle_finding(rig.oracle, 1), text),
		    "level 2, 2M at 0x800000000: a leaf to 0x1000000000 is "
		    "still cached, the table has a table at 0x",
		    "second finding");
	expect_text(oracle_finding_text(oracle_finding(rig.oracle, 2), text),
		    "level 2, 2M, access to 0x800000000: found a leaf to "
		    "0x1000000000 where the table has nothing",
		    "third finding");
	assert_null(oracle_finding(rig.oracle, 3));
	rig_fini(&rig);
}

/*
 * Unmapping whole blocks and mapping the survivors again, as panthor does, is
 * what the split should have been.
 */
static void test_unmap_remap(void **state)
{
	struct rig_cfg cfg = make_cfg(PGTABLE_NOSPLIT, "7.3", SZ_4K);
	struct rig rig;

	(void)state;
	cfg.has_ril = true;
	cfg.is_strict = true;
	rig_init(&rig, &cfg);
	iommu_map(&rig.domain, BASE, PADDR, SZ_2M, PROT);
	rig_access(&rig, BASE, PADDR, "the block");
	expect_u64(iommu_unmap(&rig.domain, BASE, SZ_2M), SZ_2M, "unmap");
	iommu_map(&rig.domain, BASE + SZ_4K, PADDR + SZ_4K, SZ_2M - SZ_4K,
		  PROT);
	rig_access(&rig, BASE, 0, "what went");
	rig_access(&rig, BASE + SZ_4K, PADDR + SZ_4K, "a survivor");
	expect_counts(&rig, 0, 0, 0, 0, "unmap-remap");
	rig_fini(&rig);
}

/*
 * A lazy unmap that splits at both ends: the pages of the two ends do not
 * touch, so adding the second syncs the gather, after which it is queued no
 * more. What lay between, and was left to the flush queue, is not flushed by
 * the caller, who sees a gather that is not queued and syncs just that.
 */
static void test_lazy_split(void **state)
{
	struct rig_cfg cfg = make_cfg(PGTABLE_SPLIT, "6.12", SZ_4K);
	struct gather gather;
	struct rig rig;

	(void)state;
	rig_init(&rig, &cfg);
	iommu_map(&rig.domain, BASE, PADDR, 3 * SZ_2M, PROT);
	for (u64 i = 0; i < 3; i++)
		rig_access(&rig, BASE + i * SZ_2M, PADDR + i * SZ_2M, "block");
	oracle_look(rig.oracle);
	gather_init(&gather);
	gather.queued = true;
	expect_u64(iommu_unmap_fast(&rig.domain, BASE + SZ_2M - SZ_4K,
				    SZ_2M + 2 * SZ_4K, &gather),
		   SZ_2M + 2 * SZ_4K, "lazy unmap");
	assert_false(gather.queued);
	iommu_iotlb_sync(&rig.domain, &gather);
	/* Block 1 is still there, whatever TTL means; two blocks were split. */
	rig_check(&rig);
	print_message("lazy unmap of 2M and a page on either side:\n");
	rig_print(&rig);
	expect_counts(&rig, 1, 0, 2, 0, "lazy unmap over two splits");
	assert_non_null(
		iotlb_peek(&rig.hw.iotlb, rig.context.tag, BASE + SZ_2M));
	rig_fini(&rig);
}

/* Walk caches: what a leaf-only invalidation may leave, a table flush takes. */
static void test_walk_cache(void **state)
{
	struct rig_cfg cfg = make_cfg(PGTABLE_NOSPLIT, "6.12", SZ_4K);
	struct tcache *level_2;
	struct rig rig;
	struct hw_result res;

	(void)state;
	cfg.has_ril = true;
	rig_init(&rig, &cfg);
	level_2 = &rig.hw.walker.caches[2];
	iommu_map(&rig.domain, BASE, PADDR, SZ_1M, PROT);
	res = rig_access(&rig, BASE, PADDR, "first");
	expect_u64(res.nr_reads, 4, "cold walk");
	iommu_unmap(&rig.domain, BASE, SZ_4K);
	assert_non_null(tcache_find(level_2, rig.context.tag, BASE, 21));
	res = rig_access(&rig, BASE + SZ_4K, PADDR + SZ_4K, "second");
	expect_u64(res.nr_reads, 1, "walk below a table that stayed");
	expect_counts(&rig, 0, 0, 0, 0, "pages unmapped");

	iommu_unmap(&rig.domain, BASE + SZ_4K, SZ_1M - SZ_4K);
	assert_non_null(tcache_find(level_2, rig.context.tag, BASE, 21));
	iommu_map(&rig.domain, BASE, 2 * PADDR, SZ_2M, PROT);
	assert_null(tcache_find(level_2, rig.context.tag, BASE, 21));
	rig_access(&rig, BASE + SZ_4K, 2 * PADDR + SZ_4K, "block");
	expect_counts(&rig, 0, 0, 0, 0, "table replaced");
	rig_fini(&rig);
}

/* Ways to get an invalidation wrong. */
enum mutation {
	MUT_NONE,
	MUT_NO_SYNC,   /* a gather is not invalidated */
	MUT_NO_WALK,   /* a table flush is not sent */
	MUT_NO_ALL,    /* a context flush is not sent */
	MUT_TTL,       /* leaves of a block's level are said to be pages */
	MUT_SHORT,     /* the last page of a range is forgotten */
	MUT_ONE,       /* only the first page of a range is invalidated */
	MUT_WALK_LEAF, /* a table flush is sent as leaf-only */
	MUT_NO_ADD,    /* pages are not added to the gather */
	MUT_CONTEXT,   /* another ASID is invalidated */
};

static enum mutation mutation_of(const void *cookie)
{
	return *(const enum mutation *)((const struct rig *)cookie)->arg;
}

static void mut_flush_all(void *cookie)
{
	struct rig *rig = cookie;

	if (mutation_of(rig) != MUT_NO_ALL)
		hw_direct_ops.flush_all(&rig->direct);
}

static void mut_flush_walk(u64 iova, size_t size, size_t granule, void *cookie)
{
	struct rig *rig = cookie;

	switch (mutation_of(rig)) {
	case MUT_NO_WALK:
		return;
	case MUT_WALK_LEAF:
		direct_range(&rig->direct, iova, size, granule, true);
		return;
	default:
		hw_direct_ops.flush_walk(iova, size, granule, &rig->direct);
	}
}

static void mut_sync(struct gather *gather, void *cookie)
{
	struct rig *rig = cookie;
	struct direct direct = rig->direct;
	struct gather g = *gather;

	if (!g.pgsize)
		return;
	switch (mutation_of(rig)) {
	case MUT_NO_SYNC:
		return;
	case MUT_TTL:
		g.pgsize = direct.granule;
		break;
	case MUT_SHORT:
		g.last -= g.pgsize;
		if (g.last < g.start)
			return;
		break;
	case MUT_ONE:
		g.last = g.start + g.pgsize - 1;
		break;
	case MUT_CONTEXT:
		direct.tag.asid++;
		break;
	default:
		break;
	}
	hw_direct_ops.sync(&g, &direct);
}

static void mut_add_page(struct gather *gather, u64 iova, size_t size,
			 void *cookie);

static const struct inval_ops mut_ops = {
	.flush_all = mut_flush_all,
	.flush_walk = mut_flush_walk,
	.add_page = mut_add_page,
	.sync = mut_sync,
};

static void mut_add_page(struct gather *gather, u64 iova, size_t size,
			 void *cookie)
{
	if (mutation_of(cookie) != MUT_NO_ADD)
		gather_add_page(gather, &mut_ops, cookie, iova, size);
}

/* Access each page; its output address is PADDR and its distance to BASE. */
static void touch(struct rig *rig, u64 size, u64 step)
{
	struct hw_result res;

	for (u64 i = 0; i < size; i += step)
		oracle_access(rig->oracle, BASE + i, IOMMU_READ, &res);
}

static void do_pages(struct rig *rig)
{
	iommu_map(&rig->domain, BASE, PADDR, SZ_64K, PROT);
	touch(rig, SZ_64K, SZ_4K);
	iommu_unmap(&rig->domain, BASE, SZ_64K);
}

static void do_block(struct rig *rig)
{
	iommu_map(&rig->domain, BASE, PADDR, SZ_2M, PROT);
	touch(rig, SZ_2M, SZ_2M);
	iommu_unmap(&rig->domain, BASE, SZ_2M);
}

/* 2M of pages, unmapped as one: a table goes. */
static void do_table(struct rig *rig)
{
	iommu_map(&rig->domain, BASE, PADDR + SZ_4K, SZ_2M, PROT);
	touch(rig, SZ_16K, SZ_4K);
	iommu_unmap(&rig->domain, BASE, SZ_2M);
}

/* A block over a table that page unmaps have left. */
static void do_left_over(struct rig *rig)
{
	do_pages(rig);
	iommu_map(&rig->domain, BASE, PADDR, SZ_2M, PROT);
}

static void do_lazy(struct rig *rig)
{
	struct gather gather;

	iommu_map(&rig->domain, BASE, PADDR, SZ_64K, PROT);
	touch(rig, SZ_64K, SZ_4K);
	gather_init(&gather);
	gather.queued = true;
	iommu_unmap_fast(&rig->domain, BASE, SZ_64K, &gather);
	iommu_flush_iotlb_all(&rig->domain);
}

/* A flush queue that gives the IOVA away too early. */
static void do_reuse(struct rig *rig)
{
	struct gather gather;

	iommu_map(&rig->domain, BASE, PADDR, SZ_64K, PROT);
	touch(rig, SZ_64K, SZ_4K);
	oracle_look(rig->oracle);
	gather_init(&gather);
	gather.queued = true;
	iommu_unmap_fast(&rig->domain, BASE, SZ_64K, &gather);
	oracle_look(rig->oracle);
	iommu_map(&rig->domain, BASE, 2 * PADDR, SZ_64K, PROT);
	oracle_look(rig->oracle);
	iommu_flush_iotlb_all(&rig->domain);
}

/* The range is invalidated first, used again, and cleared after that. */
static void do_too_early(struct rig *rig)
{
	struct gather gather;

	iommu_map(&rig->domain, BASE, PADDR, SZ_64K, PROT);
	touch(rig, SZ_64K, SZ_4K);
	direct_range(&rig->direct, BASE, SZ_64K, SZ_4K, true);
	touch(rig, SZ_16K, SZ_4K);
	gather_init(&gather);
	iommu_unmap_fast(&rig->domain, BASE, SZ_64K, &gather);
}

/* A page's output address is changed in place, then invalidated. */
static void do_in_place(struct rig *rig)
{
	const struct walk_table *table = &rig->context.table;
	struct walk_desc d;
	u64 *slot;

	iommu_map(&rig->domain, BASE, PADDR, SZ_4K, PROT);
	touch(rig, SZ_4K, SZ_4K);
	oracle_look(rig->oracle);
	d = walk_find(table, BASE, 2);
	slot = (u64 *)(uintptr_t)(d.paddr - arena_pa_offset(rig->arena));
	*slot += SZ_4K;
	direct_range(&rig->direct, BASE, SZ_4K, SZ_4K, true);
}

static const struct {
	const char *what;
	enum mutation mutation;
	void (*act)(struct rig *rig);
	u64 leaves, tables, bbm;
} mutants[] = {
	{ "pages", MUT_NONE, do_pages, 0, 0, 0 },
	{ "block", MUT_NONE, do_block, 0, 0, 0 },
	{ "table", MUT_NONE, do_table, 0, 0, 0 },
	{ "left-over table", MUT_NONE, do_left_over, 0, 0, 0 },
	{ "lazy", MUT_NONE, do_lazy, 0, 0, 0 },
	{ "a lost sync, pages", MUT_NO_SYNC, do_pages, 16, 0, 0 },
	{ "a lost sync, block", MUT_NO_SYNC, do_block, 1, 0, 0 },
	{ "pages not gathered", MUT_NO_ADD, do_pages, 16, 0, 0 },
	{ "the last page forgotten", MUT_SHORT, do_pages, 1, 0, 0 },
	{ "the first page alone", MUT_ONE, do_pages, 15, 0, 0 },
	{ "TTL 3 for a block", MUT_TTL, do_block, 1, 0, 0 },
	{ "another ASID", MUT_CONTEXT, do_pages, 16, 0, 0 },
	/* Its pages went unsaid, and the walk cache leads into freed memory. */
	{ "a lost table flush", MUT_NO_WALK, do_table, 4, 1, 0 },
	{ "a table flushed as a leaf", MUT_WALK_LEAF, do_table, 0, 1, 0 },
	{ "a lost table flush, left-over", MUT_NO_WALK, do_left_over, 0, 1, 1 },
	{ "a left-over flushed as a leaf", MUT_WALK_LEAF, do_left_over, 0, 1,
	  1 },
	{ "a lost context flush", MUT_NO_ALL, do_lazy, 16, 0, 0 },
	{ "reuse before the flush", MUT_NONE, do_reuse, 0, 0, 16 },
	{ "invalidated before the clear", MUT_NONE, do_too_early, 4, 0, 0 },
	{ "changed in place", MUT_NONE, do_in_place, 0, 0, 1 },
};

static void test_mutants(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mutants); i++) {
		struct rig_cfg cfg = make_cfg(PGTABLE_NOSPLIT, "6.12", SZ_4K);
		enum mutation mutation = mutants[i].mutation;
		struct rig rig;

		cfg.has_ril = true;
		cfg.is_strict = true;
		cfg.ops = &mut_ops;
		rig_init(&rig, &cfg);
		rig.arg = &mutation;
		mutants[i].act(&rig);
		expect_counts(&rig, mutants[i].leaves, mutants[i].tables,
			      mutants[i].bbm, 0, mutants[i].what);
		rig_fini(&rig);
	}
}

/* After a lost table flush a device reaches what the table no longer maps. */
static void test_mutant_access(void **state)
{
	struct rig_cfg cfg = make_cfg(PGTABLE_NOSPLIT, "6.12", SZ_4K);
	enum mutation mutation = MUT_WALK_LEAF;
	struct rig rig;

	(void)state;
	cfg.has_ril = true;
	cfg.ops = &mut_ops;
	rig_init(&rig, &cfg);
	rig.arg = &mutation;
	do_table(&rig);
	/* The freed table is read: it still holds the pages. */
	touch(&rig, SZ_16K, SZ_4K);
	expect_u64(rig_check(&rig).stale_accesses, 4, "accesses");
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_unmap_remap),
		cmocka_unit_test(test_lazy_split),
		cmocka_unit_test(test_walk_cache),
		cmocka_unit_test(test_mutants),
		cmocka_unit_test(test_mutant_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
