// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random maps, unmaps and accesses over every policy, driver, granule, stage,
 * gather pattern, with and without RIL and with TTL taken both ways. Without a
 * split nothing may be found; with it, one bbm_violations for each block that
 * was split, and the blocks that a strict TTL leaves in the IOTLB, no more.
 */
#include "test.h"

#include "hw_rig.h"
#include "lg2.h"
#include "sizes.h"

#define NR_SLOTS    3		     /* of a block each */
#define NR_OPS	    48		     /* of a configuration */
#define NR_ACCESSES 8		     /* after each of them */
#define MAX_PAGES   48		     /* mapped at a time as pages */
#define MAX_LEAVES  (NR_SLOTS << 13) /* a page each, with a 64K granule */

enum pattern {
	STRICT, /* each unmap is synced */
	BATCH,	/* some share a gather */
	QUEUE,	/* a flush queue */
	NR_PATTERNS,
};

static const char *const pattern_names[] = { "strict", "batch", "queue" };
static const char *const policy_names[] = { "split", "nosplit", "whole" };

static const struct {
	const char *engine;
	const char *rule;
	bool is_v2;
} drivers[] = {
	{ "lpae-6.1", "6.1", false },
	{ "lpae-6.12", "6.12", false },
	{ "lpae-7.3", "7.3", false },
	{ "lpae-6.12", "smmuv2", true },
};

static const size_t granules[] = { SZ_4K, SZ_16K, SZ_64K };

/* A block that an unmap has split. */
struct split {
	u64 iova;
	u64 paddr;
};

/* A range of which nothing may be mapped before a sync. */
struct hull {
	u64 start;
	u64 end;
};

struct world {
	struct rig rig;
	struct rng rng;
	char name[128];
	enum pattern pattern;
	u64 base;
	u64 block;
	u64 next_paddr;
	struct pgtable_leaf leaves[MAX_LEAVES];
	size_t nr_leaves;
	struct gather gather;
	struct hull hulls[NR_OPS];
	size_t nr_hulls;
	struct split splits[2 * NR_OPS];
	size_t nr_splits;
	u64 nr_bbm;
	u64 nr_stale;
};

static u64 below(struct world *w, u64 n)
{
	return rng_below(&w->rng, n);
}

static u64 world_size(const struct world *w)
{
	return NR_SLOTS * w->block;
}

/* An address in a leaf, or anywhere. */
static u64 any_address(struct world *w)
{
	const struct pgtable_leaf *leaf;

	if (!w->nr_leaves || !below(w, 8))
		return w->base + below(w, world_size(w));
	leaf = &w->leaves[below(w, w->nr_leaves)];
	return leaf->iova + below(w, leaf->size);
}

static void find_leaves(struct world *w)
{
	struct pgtable *pgt = w->rig.pgt;
	struct pgtable_leaf leaf;
	u64 iova = w->base;

	w->nr_leaves = 0;
	while (!pgt->ops.leaf_walk(pgt, iova, &leaf) &&
	       leaf.iova < w->base + world_size(w)) {
		assert_true(w->nr_leaves < MAX_LEAVES);
		w->leaves[w->nr_leaves++] = leaf;
		iova = leaf.iova + leaf.size;
	}
}

/* What a device does while an operation runs: before an invalidation. */
static void access_now(struct world *w)
{
	struct hw_result res;

	for (int i = 0; i < 3; i++)
		hw_translate(&w->rig.hw, &w->rig.context, any_address(w),
			     IOMMU_READ, &res);
}

static void busy_flush_all(void *cookie)
{
	struct rig *rig = cookie;

	access_now(rig->arg);
	hw_direct_ops.flush_all(&rig->direct);
}

static void busy_flush_walk(u64 iova, size_t size, size_t granule, void *cookie)
{
	struct rig *rig = cookie;

	access_now(rig->arg);
	hw_direct_ops.flush_walk(iova, size, granule, &rig->direct);
}

static void busy_sync(struct gather *gather, void *cookie)
{
	struct rig *rig = cookie;

	access_now(rig->arg);
	hw_direct_ops.sync(gather, &rig->direct);
}

static void busy_add_page(struct gather *gather, u64 iova, size_t size,
			  void *cookie);

static const struct inval_ops busy_ops = {
	.flush_all = busy_flush_all,
	.flush_walk = busy_flush_walk,
	.add_page = busy_add_page,
	.sync = busy_sync,
};

static void busy_add_page(struct gather *gather, u64 iova, size_t size,
			  void *cookie)
{
	struct rig *rig = cookie;

	if (rig->direct.rule->immediate)
		hw_direct_ops.add_page(gather, iova, size, &rig->direct);
	else
		gather_add_page(gather, &busy_ops, rig, iova, size);
}

static void world_init(struct world *w, const struct rig_cfg *cfg,
		       enum pattern pattern, u64 seed)
{
	struct rig_cfg c = *cfg;
	u64 above;

	rng_init(&w->rng, seed);
	c.ops = &busy_ops;
	c.is_incoherent = below(w, 2);
	c.nr_sets = 1u << below(w, 6);
	c.nr_ways = 1 + (unsigned int)below(w, 8);
	c.nr_walk = 1 + (unsigned int)below(w, 16);
	c.replace = below(w, 2) ? TCACHE_RANDOM : TCACHE_LRU;
	rig_init(&w->rig, &c);
	w->rig.arg = w;
	w->pattern = pattern;
	w->block = rig_block(&w->rig);
	/* What a split of 1G comes to depends on the gather: see coherence.c */
	if (cfg->granule == SZ_4K && cfg->params.policy != PGTABLE_SPLIT &&
	    !below(w, 3))
		w->block = SZ_1G;
	/* Now and then two upper tables are needed. */
	above = w->block << (lg2_floor(cfg->granule) - 3);
	w->base = (1 + below(w, 100)) *
			  (above < 1ull << 40 ? above : w->block * 8) -
		  below(w, NR_SLOTS) * w->block;
	w->next_paddr = 16 * w->block;
	w->nr_leaves = w->nr_hulls = w->nr_splits = 0;
	w->nr_bbm = w->nr_stale = 0;
	gather_init(&w->gather);
}

static bool is_hull(const struct world *w, u64 start, u64 end)
{
	for (size_t i = 0; i < w->nr_hulls; i++)
		if (start < w->hulls[i].end && end > w->hulls[i].start)
			return true;
	return false;
}

static bool is_free(const struct world *w, u64 start, u64 end)
{
	for (size_t i = 0; i < w->nr_leaves; i++)
		if (start < w->leaves[i].iova + w->leaves[i].size &&
		    end > w->leaves[i].iova)
			return false;
	return !is_hull(w, start, end) && end <= w->base + world_size(w);
}

static void do_map(struct world *w, u64 iova, u64 paddr, u64 size)
{
	int prot = below(w, 4) ? IOMMU_READ | IOMMU_WRITE : IOMMU_READ;

	if (!is_free(w, iova, iova + size))
		return;
	expect_int(iommu_map(&w->rig.domain, iova, paddr, size, prot), 0,
		   w->name);
}

/* Output addresses are never used twice. */
static u64 new_paddr(struct world *w)
{
	w->next_paddr += 2 * w->block;
	return w->next_paddr;
}

static void do_map_block(struct world *w)
{
	u64 nr = 1 + below(w, 2);
	u64 paddr = new_paddr(w);

	new_paddr(w);
	do_map(w, w->base + below(w, NR_SLOTS) * w->block, paddr,
	       nr * w->block);
}

static void do_map_pages(struct world *w)
{
	u64 page = w->rig.cfg.granule;
	u64 size = (1 + below(w, MAX_PAGES)) * page;
	u64 slot = w->base + below(w, NR_SLOTS) * w->block;
	u64 iova = slot + below(w, w->block / page) * page;

	/* Next to a block: an unmap of both has leaves of two sizes. */
	if (!below(w, 3))
		iova = slot;
	else if (below(w, 2))
		iova = slot + w->block - size;
	do_map(w, iova, new_paddr(w) + page, size);
}

/* Note the blocks that an unmap of [start, end) will split. */
static u64 note_splits(struct world *w, u64 start, u64 end)
{
	u64 nr = 0;

	for (size_t i = 0; i < w->nr_leaves; i++) {
		const struct pgtable_leaf *leaf = &w->leaves[i];
		u64 leaf_end = leaf->iova + leaf->size;

		if (start >= leaf_end || end <= leaf->iova ||
		    (start <= leaf->iova && end >= leaf_end))
			continue;
		w->splits[w->nr_splits++] =
			(struct split){ leaf->iova, leaf->paddr };
		nr++;
	}
	return nr;
}

static void defer(struct world *w, u64 start, u64 end)
{
	struct hull *hull = &w->hulls[w->nr_hulls++];

	/* A leaf that goes whole may reach out of what was asked for. */
	hull->start = align_down(start, w->block);
	hull->end = align_up(end, w->block);
	oracle_defer(w->rig.oracle, hull->start, hull->end - hull->start);
}

static size_t unmap(struct world *w, u64 start, u64 size)
{
	struct iommu_domain *domain = &w->rig.domain;
	struct gather gather;
	size_t unmapped;

	switch (w->pattern) {
	case STRICT:
		return iommu_unmap(domain, start, size);
	case BATCH:
		unmapped = iommu_unmap_fast(domain, start, size, &w->gather);
		break;
	default:
		gather_init(&gather);
		gather.queued = true;
		unmapped = iommu_unmap_fast(domain, start, size, &gather);
		/* A split may have made it one that is not queued. */
		if (!gather.queued)
			iommu_iotlb_sync(domain, &gather);
	}
	defer(w, start, start + (unmapped > size ? unmapped : size));
	return unmapped;
}

static void do_unmap(struct world *w, u64 start, u64 size)
{
	const enum pgtable_policy policy = w->rig.cfg.params.policy;
	u64 nr_tables = arena_stats(w->rig.arena).nr_allocs;
	u64 nr_splits = 0;
	size_t unmapped;

	if (is_hull(w, start, start + size))
		return;
	if (policy == PGTABLE_SPLIT)
		nr_splits = note_splits(w, start, start + size);
	unmapped = unmap(w, start, size);
	nr_tables = arena_stats(w->rig.arena).nr_allocs - nr_tables;
	expect_u64(nr_tables, nr_splits,
		   "%s: tables for 0x%" PRIx64 "+0x%" PRIx64, w->name, start,
		   size);
	if (policy == PGTABLE_SPLIT)
		expect_u64(unmapped, size, "%s: unmap 0x%" PRIx64, w->name,
			   start);
	w->nr_bbm += nr_splits;
}

/* What is mapped without a hole from a leaf on. */
static u64 run_end(const struct world *w, size_t leaf)
{
	u64 end = w->leaves[leaf].iova;

	while (leaf < w->nr_leaves && w->leaves[leaf].iova == end)
		end += w->leaves[leaf++].size;
	return end;
}

static void do_unmap_part(struct world *w)
{
	u64 page = w->rig.cfg.granule;
	u64 start, end, longest;
	size_t leaf;

	if (!w->nr_leaves)
		return;
	leaf = below(w, w->nr_leaves);
	start = w->leaves[leaf].iova;
	start += below(w, w->leaves[leaf].size / page) * page;
	end = run_end(w, leaf);
	/* Short ones, some to the end, some over more than a leaf. */
	longest = below(w, 2) ? end - start : 16 * page;
	if (longest > end - start)
		longest = end - start;
	do_unmap(w, start, (1 + below(w, longest / page)) * page);
}

/* A slot that has anything: a block, or a table, which goes as a whole. */
static void do_unmap_slot(struct world *w)
{
	u64 slot;

	if (!w->nr_leaves)
		return;
	slot = align_down(w->leaves[below(w, w->nr_leaves)].iova, w->block);
	do_unmap(w, slot, w->block);
}

static void sync_all(struct world *w)
{
	if (w->pattern == BATCH)
		iommu_iotlb_sync(&w->rig.domain, &w->gather);
	else if (w->pattern == QUEUE)
		iommu_flush_iotlb_all(&w->rig.domain);
	w->nr_hulls = 0;
	oracle_defer_end(w->rig.oracle);
}

/* Blocks that were split and are in the IOTLB still. */
static u64 nr_left(struct world *w)
{
	const struct rig *rig = &w->rig;
	u64 nr = 0;

	for (size_t i = 0; i < w->nr_splits; i++) {
		const struct tcache_entry *entry =
			tcache_find(&rig->hw.iotlb.cache, rig->context.tag,
				    w->splits[i].iova, lg2_floor(w->block));

		nr += entry && entry->paddr == w->splits[i].paddr;
	}
	w->nr_splits = 0;
	return nr;
}

static void check(struct world *w)
{
	const struct rig_cfg *cfg = &w->rig.cfg;
	struct oracle_counts c = rig_check(&w->rig);
	bool may_be_stale = cfg->params.policy == PGTABLE_SPLIT &&
			    cfg->has_ril && cfg->is_strict;

	if (!w->nr_hulls) {
		u64 nr = nr_left(w);

		if (!may_be_stale || w->pattern == QUEUE)
			expect_u64(nr, 0, "%s: split blocks left", w->name);
		w->nr_stale += nr;
	}
	if (c.stale_tables || c.bbm_violations != w->nr_bbm ||
	    (!w->nr_hulls && c.stale_leaves != w->nr_stale))
		rig_print(&w->rig);
	expect_u64(c.stale_tables, 0, "%s: stale tables", w->name);
	expect_u64(c.bbm_violations, w->nr_bbm, "%s: bbm_violations", w->name);
	if (!w->nr_hulls)
		expect_u64(c.stale_leaves, w->nr_stale, "%s: stale leaves",
			   w->name);
	if (!may_be_stale)
		expect_u64(c.stale_accesses, 0, "%s: stale accesses", w->name);
}

static void run(struct world *w)
{
	struct hw_result res;

	for (int op = 0; op < NR_OPS; op++) {
		switch (below(w, 8)) {
		case 0:
		case 1:
			do_map_block(w);
			break;
		case 2:
		case 3:
			do_map_pages(w);
			break;
		case 4:
			do_unmap_slot(w);
			break;
		default:
			do_unmap_part(w);
		}
		if (!below(w, 4))
			sync_all(w);
		find_leaves(w);
		check(w);
		for (int i = 0; i < NR_ACCESSES; i++)
			oracle_access(w->rig.oracle, any_address(w), IOMMU_READ,
				      &res);
	}
	sync_all(w);
	check(w);
}

/* What all the configurations of a policy came to. */
struct total {
	u64 nr_configs;
	u64 bbm;
	u64 stale;
	u64 accesses;
	u64 hits;
	u64 nr_checked;
};

static void try_config(const struct rig_cfg *cfg, size_t driver,
		       enum pattern pattern, u64 seed, struct total *total)
{
	static struct world w;
	struct oracle_counts c;

	snprintf(w.name, sizeof(w.name),
		 "IOPT_SEED=%" PRIu64 " %s %s %zuK stage %u %s%s%s", seed,
		 policy_names[cfg->params.policy], drivers[driver].rule,
		 cfg->granule / 1024, cfg->stage, pattern_names[pattern],
		 cfg->has_ril ? " ril" : "",
		 cfg->is_strict ? " strict-ttl" : "");
	/* Configurations differ in what happens too. */
	world_init(&w, cfg, pattern, seed + total->nr_configs);
	run(&w);
	c = oracle_counts(w.rig.oracle);
	total->nr_configs++;
	total->bbm += c.bbm_violations;
	total->stale += c.stale_after_sync;
	total->accesses += c.stale_accesses;
	total->hits += w.rig.hw.iotlb.nr_hits;
	total->nr_checked += c.nr_checked;
	rig_fini(&w.rig);
}

static void try_driver(enum pgtable_policy policy, size_t driver, u64 seed,
		       struct total *total)
{
	const struct pgtable_engine *engine =
		pgtable_engine_find(drivers[driver].engine);

	for (unsigned int i = 0; i < 4 * 2 * NR_PATTERNS * 3; i++) {
		struct rig_cfg cfg = {
			.params = engine->params,
			.rule = drivers[driver].rule,
			.has_ril = i & 1,
			.is_strict = i >> 1 & 1,
			.stage = 1 + (i >> 2 & 1),
			.granule = granules[(i >> 3) % 3],
		};

		cfg.params.policy = policy;
		if (drivers[driver].is_v2 && (cfg.has_ril || cfg.is_strict))
			continue;
		try_config(&cfg, driver, (i >> 3) / 3, seed, total);
	}
}

static struct total try_policy(enum pgtable_policy policy)
{
	struct total total = { 0 };
	u64 seed = test_seed();

	for (size_t d = 0; d < ARRAY_SIZE(drivers); d++)
		try_driver(policy, d, seed, &total);
	print_message("%s: %" PRIu64 " configurations, %" PRIu64
		      " entries checked: stale_after_sync %" PRIu64
		      ", bbm_violations %" PRIu64 ", stale accesses %" PRIu64
		      "\n",
		      policy_names[policy], total.nr_configs, total.nr_checked,
		      total.stale, total.bbm, total.accesses);
	/* The device was there to notice. */
	assert_true(total.hits > 50 * total.nr_configs);
	return total;
}

static void test_split(void **state)
{
	struct total total = try_policy(PGTABLE_SPLIT);

	(void)state;
	assert_true(total.bbm > 0);
	assert_true(total.stale > 0);
}

static void test_nosplit(void **state)
{
	struct total total = try_policy(PGTABLE_NOSPLIT);

	(void)state;
	expect_u64(total.bbm + total.stale + total.accesses, 0, "findings");
}

static void test_whole(void **state)
{
	struct total total = try_policy(PGTABLE_WHOLE);

	(void)state;
	expect_u64(total.bbm + total.stale + total.accesses, 0, "findings");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_nosplit),
		cmocka_unit_test(test_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
