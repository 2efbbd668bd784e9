// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on AMD v1 tables, against an oracle of lists and with
 * hardware behind them.
 *
 * After each operation: what it returned, what it said of invalidation, tables
 * and stores; translations by the engine, by its leaf_walk and by a walker over
 * the raw entries, at the edges of what the operation touched. Devices access
 * the table all the while, and after a sync nothing stale may be left.
 */
#include "test.h"

#include "hw_rig.h"
#include "lg2.h"
#include "pte_count.h"
#include "ref_amdv1.h"
#include "rng.h"
#include "sizes.h"

#define NR_OPS	     40
#define NR_SEQUENCES 600

/**
 * struct tally - What the sequences came to: a test of nothing shows here.
 * @nr_maps: maps that went well
 * @nr_replaced: maps that flushed what they replaced
 * @nr_no_memory: maps that found no memory
 * @nr_unmaps: unmaps that did something
 * @nr_larger: unmaps that took more than they were asked for
 * @nr_grown: tables that got a level
 * @nr_hits: accesses that the IOTLB knew
 */
struct tally {
	u64 nr_maps;
	u64 nr_replaced;
	u64 nr_no_memory;
	u64 nr_unmaps;
	u64 nr_larger;
	u64 nr_grown;
	u64 nr_hits;
};

/**
 * struct world - A sequence of operations.
 * @rig: table, hardware, coherence oracle
 * @ref: oracle of lists
 * @rng: decides
 * @gather: of unmaps that are not synced at once
 * @is_deferred: it holds something
 * @is_bbm_due: a map replaced what may be cached, which Arm forbids
 * @has_walk: the last operation flushed, by @walk
 * @walk: what it flushed
 * @has_page: the last operation told a gather, by @page
 * @page: of what
 * @nr_events: how often it said anything
 * @nr_writes: entries stored since the start
 * @tally: of the test
 * @name: of the sequence and operation
 */
struct world {
	struct rig rig;
	struct ref_amdv1 ref;
	struct rng rng;
	struct gather gather;
	bool is_deferred;
	bool is_bbm_due;
	bool has_walk;
	struct hw_inval walk;
	bool has_page;
	struct hw_inval page;
	unsigned int nr_events;
	u64 nr_writes;
	struct tally *tally;
	char name[96];
};

static u64 below(struct world *w, u64 n)
{
	return rng_below(&w->rng, n);
}

static struct world *world_of(struct rig *rig)
{
	return rig->arg;
}

static void on_flush_all(void *cookie)
{
	(void)cookie;
	fail_msg("amdv1 flushes no whole context");
}

static void on_flush_walk(u64 iova, size_t size, size_t granule, void *cookie)
{
	struct rig *rig = cookie;
	struct world *w = world_of(rig);

	w->nr_events++;
	w->has_walk = true;
	w->walk = (struct hw_inval){ .iova = iova, .size = size };
	expect_u64(granule, SZ_4K, "%s: granule", w->name);
	hw_direct_ops.flush_walk(iova, size, granule, &rig->direct);
}

static void on_add_page(struct gather *gather, u64 iova, size_t size,
			void *cookie)
{
	struct rig *rig = cookie;
	struct world *w = world_of(rig);

	w->nr_events++;
	w->has_page = true;
	w->page = (struct hw_inval){ .iova = iova, .size = size };
	hw_direct_ops.add_page(gather, iova, size, &rig->direct);
}

static void on_sync(struct gather *gather, void *cookie)
{
	struct rig *rig = cookie;

	hw_direct_ops.sync(gather, &rig->direct);
}

static const struct inval_ops ops = {
	.flush_all = on_flush_all,
	.flush_walk = on_flush_walk,
	.add_page = on_add_page,
	.sync = on_sync,
};

static void world_init(struct world *w, u64 seed, bool is_counted)
{
	const struct pgtable_engine *engine = pgtable_engine_find("amdv1");
	struct rig_cfg cfg = {
		.engine = engine->name,
		.params = engine->params,
		.rule = engine->rule,
		.granule = SZ_4K,
		.stage = 1,
		.oas = 52,
		.is_counted = is_counted,
		.ops = &ops,
	};

	memset(w, 0, sizeof(*w));
	rng_init(&w->rng, seed);
	cfg.ias = below(w, 8) ? 48 : 39;
	cfg.has_ril = below(w, 2);
	cfg.is_strict = below(w, 2);
	cfg.nr_sets = 1u << below(w, 6);
	cfg.nr_ways = 1 + (unsigned int)below(w, 8);
	cfg.nr_walk = 1 + (unsigned int)below(w, 16);
	cfg.replace = below(w, 2) ? TCACHE_RANDOM : TCACHE_LRU;
	rig_init(&w->rig, &cfg);
	w->rig.arg = w;
	ref_amdv1_init(&w->ref, cfg.ias);
	gather_init(&w->gather);
}

/* The engine, its walk to the next leaf, and hardware, at one address. */
static void check_address(struct world *w, u64 iova)
{
	const struct ref_amdv1_leaf *want = ref_amdv1_find(&w->ref, iova);
	const struct ref_amdv1_leaf *next = ref_amdv1_next(&w->ref, iova);
	u64 paddr = want ? want->paddr + (iova - want->iova) : 0;
	struct pgtable *pgt = w->rig.pgt;
	struct pgtable_leaf leaf;
	struct walk_result res;
	int ret;

	expect_u64(pgt->ops.iova_to_phys(pgt, iova), paddr,
		   "%s: phys of 0x%" PRIx64, w->name, iova);
	ret = pgt->ops.leaf_walk(pgt, iova, &leaf);
	expect_int(ret, next ? 0 : -ENOENT, w->name);
	if (next) {
		expect_u64(leaf.iova, next->iova, "%s: leaf", w->name);
		expect_u64(leaf.paddr, next->paddr, "%s: leaf", w->name);
		expect_u64(leaf.size, next->size, "%s: leaf", w->name);
	}
	walk_lookup(&w->rig.context.table, iova, &res);
	expect_u64(res.fault, want ? WALK_OK : WALK_TRANSLATION,
		   "%s: fault at 0x%" PRIx64, w->name, iova);
	if (!want)
		return;
	expect_u64(res.paddr, paddr, "%s: hardware at 0x%" PRIx64, w->name,
		   iova);
	expect_u64(1ull << res.lg2_size, want->size, "%s: size", w->name);
	expect_u64((u64)res.prot, (u64)want->prot, "%s: prot", w->name);
}

/* Edges of a range, and places in it. */
static void check_range(struct world *w, u64 iova, u64 size)
{
	check_address(w, iova);
	check_address(w, iova + size - 1);
	if (iova)
		check_address(w, iova - 1);
	if ((iova + size) >> w->rig.cfg.ias == 0)
		check_address(w, iova + size);
	for (int i = 0; i < 8; i++)
		check_address(w, iova + below(w, size));
}

/* Each entry of each leaf, up to a few of them. */
static void check_leaves(struct world *w)
{
	for (size_t i = 0; i < w->ref.nr_leaves;
	     i += 1 + w->ref.nr_leaves / 8) {
		const struct ref_amdv1_leaf *leaf = &w->ref.leaves[i];

		for (u64 at = 0; at < leaf->size; at += leaf->size / 16 + 1)
			check_address(w, leaf->iova + at);
	}
}

static void check_counts(struct world *w)
{
	struct arena_stats stats = arena_stats(w->rig.arena);

	expect_u64(stats.nr_allocs - stats.nr_frees,
		   w->ref.nr_allocs - w->ref.nr_frees, "%s: tables", w->name);
	expect_u64(stats.nr_frees, w->ref.nr_frees, "%s: freed", w->name);
	expect_u64(w->rig.pgt->nr_warnings, w->ref.nr_warnings, "%s: warnings",
		   w->name);
	if (w->rig.cfg.is_counted)
		expect_u64(w->nr_writes, w->ref.nr_writes, "%s: stores",
			   w->name);
}

static void count_start(struct world *w, struct pte_count *count)
{
	w->has_walk = w->has_page = false;
	w->nr_events = 0;
	pte_count_start(count, w->rig.arena);
}

static void count_stop(struct world *w, const struct pte_count *count)
{
	pte_count_stop();
	w->nr_writes += count->writes;
}

static void sync(struct world *w)
{
	iommu_iotlb_sync(&w->rig.domain, &w->gather);
	oracle_defer_end(w->rig.oracle);
	w->is_deferred = false;
}

/* What is mapped where something may be cached: see docs/model.md. */
static bool is_replacing(const struct world *w, u64 iova, u64 size)
{
	const struct ref_amdv1_leaf *next = ref_amdv1_next(&w->ref, iova);

	if (next && next->iova < iova + size)
		return true;
	for (size_t i = 0; i < w->ref.nr_tables; i++)
		if (w->ref.tables[i].iova >= iova &&
		    w->ref.tables[i].iova < iova + size)
			return true;
	return false;
}

static void do_map(struct world *w, u64 iova, u64 size, u64 count)
{
	static const int prots[] = { 0, IOMMU_READ, IOMMU_WRITE,
				     IOMMU_READ | IOMMU_WRITE };
	u64 paddr = align_down(rng_next(&w->rng) & lg2_mask(51), size);
	int prot = prots[below(w, 16) ? 1 + below(w, 3) : 0];
	struct pgtable *pgt = w->rig.pgt;
	u64 want_mapped = 5;
	size_t mapped = 5;
	struct pte_count writes;
	int ret, want;

	if (!ref_amdv1_may_map(&w->ref, iova, size, count))
		return;
	if (!below(w, 32))
		paddr += SZ_4K / 2;
	if (w->is_deferred)
		sync(w);
	w->is_bbm_due |= is_replacing(w, iova, size * count);
	count_start(w, &writes);
	ret = pgt->ops.map_pages(pgt, iova, paddr, size, count,
				 prot | IOMMU_CACHE, &mapped);
	count_stop(w, &writes);
	rig_grow(&w->rig);
	want = ref_amdv1_map(&w->ref, iova, paddr, size, count, prot,
			     &want_mapped);
	expect_int(ret, want, w->name);
	expect_u64(mapped, want_mapped, "%s: mapped", w->name);
	w->tally->nr_maps += !ret;
	w->tally->nr_no_memory += ret == -ENOMEM;
	w->tally->nr_replaced += w->has_walk;
	expect_u64(w->nr_events, w->ref.is_flushed, "%s: events", w->name);
	expect_u64(w->has_walk, w->ref.is_flushed, "%s: flushes", w->name);
	if (w->has_walk) {
		expect_u64(w->walk.iova, iova, "%s: flush", w->name);
		expect_u64(w->walk.size, size * count, "%s: flush", w->name);
	}
	check_counts(w);
	check_range(w, iova, size * count);
}

static void do_unmap(struct world *w, u64 iova, u64 size, u64 count)
{
	const struct ref_amdv1_leaf *first = ref_amdv1_find(&w->ref, iova);
	u64 start = first ? first->iova : iova;
	struct pgtable *pgt = w->rig.pgt;
	bool is_strict = below(w, 2);
	struct pte_count writes;
	u64 ret, want;

	count_start(w, &writes);
	ret = pgt->ops.unmap_pages(pgt, iova, size, count, &w->gather);
	count_stop(w, &writes);
	want = ref_amdv1_unmap(&w->ref, iova, size, count);
	expect_u64(ret, want, "%s: unmapped", w->name);
	w->tally->nr_unmaps += ret != 0;
	w->tally->nr_larger += ret > size * count;
	expect_u64(w->nr_events, want != 0, "%s: events", w->name);
	expect_u64(w->has_page, want != 0, "%s: pages", w->name);
	if (w->has_page) {
		expect_u64(w->page.iova, iova, "%s: page", w->name);
		expect_u64(w->page.size, want, "%s: page", w->name);
		oracle_defer(w->rig.oracle, start, want);
		w->is_deferred = true;
	}
	if (is_strict)
		sync(w);
	check_counts(w);
	if (want)
		check_range(w, start, want);
}

/* Places near which operations meet; the last of them needs a fourth level. */
static u64 pick_iova(struct world *w, unsigned int lg2_size)
{
	static const u64 bases[] = {
		0,
		SZ_1G,
		4 * SZ_1G,
		(1ull << 39) - SZ_1G,
		(1ull << 39) - SZ_2M,
		1ull << 39,
		(1ull << 48) - 64 * SZ_1G,
	};
	u64 base = bases[below(w, w->rig.cfg.ias == 48 ? 7 : 5)];
	u64 iova = base + below(w, 1ull << (12 + below(w, 18)));

	return align_down(iova, 1ull << lg2_size);
}

/* An address in a leaf, or anywhere. */
static u64 any_address(struct world *w)
{
	const struct ref_amdv1_leaf *leaf;

	if (!w->ref.nr_leaves || !below(w, 8))
		return pick_iova(w, 12);
	leaf = &w->ref.leaves[below(w, w->ref.nr_leaves)];
	return leaf->iova + below(w, leaf->size);
}

static void do_op(struct world *w)
{
	/* Most pages are small, the largest that there are 2^46. */
	unsigned int lg2 = 12 + (unsigned int)below(w, below(w, 4) ? 12 : 35);
	u64 count = below(w, 3) ? 1 : 1 + below(w, below(w, 6) ? 8 : 600);
	u64 iova = pick_iova(w, lg2);
	u64 size = 1ull << lg2, nr;
	struct hw_result res;

	if (lg2 > 30)
		count = 1;
	if (w->rig.cfg.ias == 48 && iova + size * count > 1ull << 48)
		count = 1;
	switch (below(w, 8)) {
	case 0:
		nr = 1 + below(w, 3);
		arena_fail_at(w->rig.arena, nr);
		w->ref.fail_in = nr;
		break;
	case 1:
	case 2:
	case 3:
		do_map(w, iova, size, count);
		break;
	default:
		if (below(w, 2))
			iova += below(w, 512) * SZ_4K;
		do_unmap(w, iova, size, count);
		break;
	}
	for (int i = 0; i < 8; i++)
		oracle_access(w->rig.oracle, any_address(w),
			      below(w, 2) ? IOMMU_READ : IOMMU_WRITE, &res);
}

static void check_coherence(struct world *w)
{
	struct oracle_counts counts = rig_check(&w->rig);

	if (counts.stale_after_sync || counts.stale_accesses)
		rig_print(&w->rig);
	expect_u64(counts.stale_after_sync, 0, "%s: stale", w->name);
	expect_u64(counts.stale_accesses, 0, "%s: accesses", w->name);
	if (!w->is_bbm_due)
		expect_u64(counts.bbm_violations, 0, "%s: bbm", w->name);
}

static void run_sequence(struct world *w, u64 seed, bool is_counted,
			 struct tally *tally)
{
	world_init(w, seed, is_counted);
	w->tally = tally;
	for (int i = 0; i < NR_OPS; i++) {
		snprintf(w->name, sizeof(w->name),
			 "sequence 0x%" PRIx64 ", op %d%s", seed, i,
			 is_counted ? ", counted" : "");
		do_op(w);
		check_coherence(w);
	}
	arena_fail_at(w->rig.arena, 0);
	sync(w);
	check_coherence(w);
	check_leaves(w);
	tally->nr_grown += w->ref.mode > 3;
	tally->nr_hits += w->rig.hw.iotlb.nr_hits;
	rig_fini(&w->rig);
}

static void sequences(void **state)
{
	bool has_counted = pgtable_engine_find("amdv1")->create_counted;
	struct world *w = malloc(sizeof(*w));
	struct tally t = { 0 };
	struct rng rng;

	(void)state;
	assert_non_null(w);
	rng_init(&rng, test_seed());
	if (!has_counted)
		print_message("stores are not counted in this build\n");
	for (int i = 0; i < NR_SEQUENCES; i++)
		run_sequence(w, rng_next(&rng), has_counted && i % 2, &t);
	free(w);
	print_message("%" PRIu64 " maps, %" PRIu64 " of them over tables or "
		      "larger pages, %" PRIu64 " without memory; %" PRIu64
		      " unmaps, %" PRIu64 " of a part; %" PRIu64
		      " tables grew; %" PRIu64 " hits\n",
		      t.nr_maps, t.nr_replaced, t.nr_no_memory, t.nr_unmaps,
		      t.nr_larger, t.nr_grown, t.nr_hits);
	assert_true(t.nr_maps && t.nr_replaced && t.nr_no_memory &&
		    t.nr_unmaps && t.nr_larger && t.nr_grown && t.nr_hits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
