// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the split leaves behind.
 *
 * Question: a page out of some blocks of a buffer was unmapped and mapped
 *	again. Nothing is different for the device. What is different for the
 *	walker and the IOTLB, in front of a DMA stream over the whole buffer?
 * What a reader learns: tables and bytes that stay until the whole block is
 *	unmapped, since nothing else puts a block back; how much the IOTLB
 *	covers when the stream ends; hits, misses and descriptors read. Where
 *	the split is refused (nosplit), or the whole block goes and comes back
 *	(whole), all is as before. Also how often the change broke the rules:
 *	blocks that stay in the IOTLB when TTL is taken as a promise, and tables
 *	put in the place of a live block.
 *
 * Only counters: timing a simulated stream would measure the simulator. The
 * shape of the hardware is assumed, since no part's is published in full: see
 * NR_SETS and the numbers below it.
 */
#include "families.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "direct.h"
#include "hw.h"
#include "iommu.h"
#include "lg2.h"
#include "oracle.h"
#include "sizes.h"
#include "tables.h"

/* The assumed hardware: 256 leaves, and tables of level 0, 1 and 2. */
#define NR_SETS	  64
#define NR_WAYS	  4
#define NR_WALK_0 4
#define NR_WALK_1 16
#define NR_WALK_2 32

#define BASE	  ((u64)1 << 40)
#define PADDR	  ((u64)1 << 44)
#define PROT	  (IOMMU_READ | IOMMU_WRITE)
#define GROUP	  8u /* shares are of this many blocks */
#define ADDR_BITS 48

/* Numbers of a stream must not change with the process. */
#define STREAM_SEED 1

enum stream {
	SEQUENTIAL, /* page after page */
	RANDOM,	    /* any page of the buffer */
	STRIDED,    /* the next page of the next block */
};

/**
 * struct aftermath - Context of a case.
 * @engine: engine
 * @domain: over its table; has pages in it from setup on
 * @hw: hardware
 * @context: the table as @hw knows it
 * @direct: the way into @hw
 * @oracle: watches the table
 * @page: smallest page in bytes
 * @block: block in bytes
 * @nr_blocks: blocks in the buffer
 * @nr_share: blocks of each GROUP that lose a page
 * @stream: how the device goes through the buffer
 * @nr_tables: tables more than before the unmaps
 * @table_bytes: bytes of these
 */
struct aftermath {
	const struct pgtable_engine *engine;
	struct iommu_domain domain;
	struct hw hw;
	struct hw_context context;
	struct direct direct;
	struct oracle *oracle;
	u64 page;
	u64 block;
	u64 nr_blocks;
	u64 nr_share;
	enum stream stream;
	u64 nr_tables;
	u64 table_bytes;
};

static const struct {
	const char *granule;
	const char *block;
	u64 nr_blocks;
	enum bench_set set;
} shapes[] = {
	{ "4K", "2M", 64, BENCH_DEFAULT },
	{ "4K", "1G", 8, BENCH_FULL },
	{ "16K", "32M", 64, BENCH_DEFAULT },
	{ "64K", "512M", 16, BENCH_DEFAULT },
};

static u64 buffer_bytes(const struct aftermath *a)
{
	return a->nr_blocks * a->block;
}

static u64 nr_pages(const struct aftermath *a)
{
	return buffer_bytes(a) / a->page;
}

static bool is_chosen(const struct aftermath *a, u64 block)
{
	return block % GROUP < a->nr_share;
}

static u64 nr_chosen(const struct aftermath *a)
{
	return a->nr_blocks / GROUP * a->nr_share;
}

static bool aftermath_check(const struct bench_env *env, struct bench_case *c)
{
	(void)env;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (!bench_is(c, "granule", shapes[i].granule) ||
		    !bench_is(c, "block", shapes[i].block))
			continue;
		c->set = shapes[i].set;
		if (bench_is(c, "block", "2M") && bench_is(c, "share", "8of8"))
			c->set = BENCH_QUICK;
		return true;
	}
	return false;
}

static int make_hw(struct aftermath *a, bool is_strict, struct iopt_err *err)
{
	const struct hw_cfg cfg = {
		.iotlb = { .cache = { .nr_sets = NR_SETS, .nr_ways = NR_WAYS },
			   .pgsizes = a->domain.pgsizes,
			   .is_strict = is_strict },
		.walker = { .nr_entries = { NR_WALK_0, NR_WALK_1, NR_WALK_2 } },
	};

	return hw_init(&a->hw, &cfg, err);
}

static void read_case(struct aftermath *a, const struct bench_env *env,
		      const struct bench_case *c)
{
	a->engine = pgtable_set_find(env->engines, bench_value(c, "engine"));
	a->page = bench_size(c, "granule");
	a->block = bench_size(c, "block");
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		if (bench_is(c, "granule", shapes[i].granule) &&
		    bench_is(c, "block", shapes[i].block))
			a->nr_blocks = shapes[i].nr_blocks;
	a->nr_share = strtoul(bench_value(c, "share"), NULL, 10);
	if (bench_is(c, "stream", "random"))
		a->stream = RANDOM;
	else if (bench_is(c, "stream", "strided"))
		a->stream = STRIDED;
}

static int make_table(struct aftermath *a, struct arena *arena,
		      struct iopt_err *err)
{
	const struct pgtable_cfg cfg = {
		.params = a->engine->params,
		.stage = 1,
		.granule = a->page,
		.ias = ADDR_BITS,
		.oas = ADDR_BITS,
		.coherent_walk = true,
		.arena = arena,
		.tlb = &hw_direct_ops,
		.cookie = &a->direct,
	};
	const struct gather_rule *rule = gather_rule_find(a->engine->rule);
	struct pgtable *pgt;
	int ret;

	ret = pgtable_create(a->engine, &cfg, &pgt, err);
	if (ret)
		return ret;
	iommu_domain_init(&a->domain, pgt, rule);
	walk_table_init(&a->context.table, pgt);
	a->context.tag = (struct hw_tag){ .stage = 1, .asid = 1 };
	a->direct = (struct direct){ .hw = &a->hw,
				     .rule = rule,
				     .tag = a->context.tag,
				     .granule = a->page,
				     .has_ril = true };
	return 0;
}

static void aftermath_teardown(void *ctx)
{
	struct aftermath *a = ctx;

	oracle_destroy(a->oracle);
	hw_fini(&a->hw);
	if (a->domain.pgt)
		a->domain.pgt->ops.free(a->domain.pgt);
	free(a);
}

static int aftermath_setup(const struct bench_env *env,
			   const struct bench_case *c, enum bench_phase phase,
			   void **ctx, struct iopt_err *err)
{
	struct aftermath *a = calloc(1, sizeof(*a));
	int ret;

	(void)phase;
	if (!a)
		return iopt_err_set(err, -ENOMEM, "no memory");
	read_case(a, env, c);
	ret = make_table(a, env->arena, err);
	if (!ret)
		ret = make_hw(a, true, err);
	if (!ret)
		ret = oracle_create(&a->context, &a->hw, &a->oracle, err);
	if (!ret) {
		a->direct.oracle = a->oracle;
		ret = iommu_map(&a->domain, BASE, PADDR, buffer_bytes(a), PROT);
		if (ret)
			iopt_err_set(err, ret, "mapping the buffer: %d", ret);
	}
	if (ret) {
		aftermath_teardown(a);
		return ret;
	}
	*ctx = a;
	return 0;
}

/* Unmap the middle page of a block, and map again what went. */
static int part_block(struct aftermath *a, u64 block, struct iopt_err *err)
{
	u64 offset = block * a->block + a->block / 2;
	size_t unmapped = iommu_unmap(&a->domain, BASE + offset, a->page);
	int ret = oracle_check(a->oracle);

	if (ret)
		return iopt_err_set(err, ret, "no memory for the oracle");
	if (!unmapped)
		return 0;
	if (unmapped == a->block)
		offset = block * a->block;
	else if (unmapped != a->page)
		return iopt_err_set(err, -EINVAL,
				    "unmapped %zu bytes, neither the page nor "
				    "the block",
				    unmapped);
	ret = iommu_map(&a->domain, BASE + offset, PADDR + offset, unmapped,
			PROT);
	if (ret)
		return iopt_err_set(err, ret, "mapping again: %d", ret);
	return 0;
}

/* The device knows every block before the first loses a page. */
static int part_all(struct aftermath *a, struct iopt_err *err)
{
	const struct arena *arena = a->domain.pgt->cfg.arena;
	const struct arena_stats was = arena_stats(arena);
	struct arena_stats now;
	struct hw_result res;
	int ret;

	for (u64 i = 0; i < a->nr_blocks; i++)
		oracle_access(a->oracle, BASE + i * a->block, IOMMU_READ, &res);
	ret = oracle_check(a->oracle);
	if (ret)
		return iopt_err_set(err, ret, "no memory for the oracle");
	for (u64 i = 0; i < a->nr_blocks; i++) {
		ret = is_chosen(a, i) ? part_block(a, i, err) : 0;
		if (ret)
			return ret;
	}
	now = arena_stats(arena);
	a->nr_tables =
		now.nr_allocs - was.nr_allocs - (now.nr_frees - was.nr_frees);
	a->table_bytes = now.live_bytes - was.live_bytes;
	return 0;
}

/* Tables that one split makes: one for each level that it goes down. */
static u64 tables_of_split(const struct aftermath *a)
{
	unsigned int bits = lg2_floor(a->page) - 3;

	return (lg2_floor(a->block) - lg2_floor(a->page)) / bits;
}

static int expect(u64 got, u64 want, const char *what, struct iopt_err *err)
{
	if (got == want)
		return 0;
	return iopt_err_set(err, -EINVAL, "%s: %" PRIu64 ", expected %" PRIu64,
			    what, got, want);
}

/* What the policy must have left, and what the oracle must have said. */
static int check_parts(const struct aftermath *a, struct iopt_err *err)
{
	const enum pgtable_policy policy = a->engine->params.policy;
	const struct oracle_counts c = oracle_counts(a->oracle);
	u64 nr_split = policy == PGTABLE_SPLIT ? nr_chosen(a) : 0;
	u64 nr_refused = policy == PGTABLE_NOSPLIT ? nr_chosen(a) : 0;
	u64 nr_tables = nr_split * tables_of_split(a);
	int ret;

	ret = expect(a->nr_tables, nr_tables, "tables", err);
	if (!ret)
		ret = expect(a->table_bytes, nr_tables * a->page,
			     "bytes of tables", err);
	if (!ret)
		ret = expect(c.bbm_violations, nr_split, "bbm_violations", err);
	if (!ret)
		ret = expect(c.stale_after_sync, nr_split, "stale_after_sync",
			     err);
	if (!ret)
		ret = expect(a->domain.pgt->nr_warnings, nr_refused, "warnings",
			     err);
	return ret;
}

static int aftermath_verify(void *ctx, struct iopt_err *err)
{
	struct aftermath *a = ctx;
	int ret = part_all(a, err);

	if (!ret)
		ret = check_parts(a, err);
	for (u64 i = 0; !ret && i < buffer_bytes(a); i += a->page) {
		struct walk_result res;

		walk_lookup(&a->context.table, BASE + i, &res);
		if (res.fault || res.paddr != PADDR + i)
			ret = iopt_err_set(err, -EINVAL,
					   "page 0x%" PRIx64
					   " goes to 0x%" PRIx64 " (%s)",
					   BASE + i, res.paddr,
					   walk_fault_name(res.fault));
	}
	return ret;
}

static u64 stream_offset(const struct aftermath *a, u64 i, struct rng *rng)
{
	u64 n = nr_pages(a);

	switch (a->stream) {
	case RANDOM:
		i = rng_below(rng, n);
		break;
	case STRIDED:
		i *= a->block / a->page + 1;
		break;
	default:
		break;
	}
	return i % n * a->page;
}

/* As many accesses as the buffer has pages. */
static int stream(struct aftermath *a, struct rng *rng, struct iopt_err *err)
{
	for (u64 i = 0; i < nr_pages(a); i++) {
		u64 offset = stream_offset(a, i, rng);
		struct hw_result res;

		hw_translate(&a->hw, &a->context, BASE + offset, IOMMU_READ,
			     &res);
		if (res.fault || res.paddr != PADDR + offset)
			return iopt_err_set(
				err, -EINVAL, "access to 0x%" PRIx64 ": %s",
				BASE + offset, walk_fault_name(res.fault));
	}
	return 0;
}

static u64 nr_leaves(const struct aftermath *a)
{
	struct pgtable *pgt = a->domain.pgt;
	struct pgtable_leaf leaf;
	u64 nr = 0;

	for (u64 iova = BASE; !pgt->ops.leaf_walk(pgt, iova, &leaf);
	     iova = leaf.iova + leaf.size)
		nr++;
	return nr;
}

static int aftermath_count(void *ctx, struct bench_counts *counts,
			   struct iopt_err *err)
{
	struct aftermath *a = ctx;
	struct oracle_counts found;
	struct rng rng;
	u64 hits, misses, reads;
	int ret = part_all(a, err);

	if (!ret)
		ret = check_parts(a, err);
	if (ret)
		return ret;
	found = oracle_counts(a->oracle);
	bench_count(counts, "tables_kept", (double)a->nr_tables);
	bench_count(counts, "table_bytes_kept", (double)a->table_bytes);
	bench_count(counts, "leaves", (double)nr_leaves(a));
	bench_count(counts, "warnings", (double)a->domain.pgt->nr_warnings);
	bench_count(counts, "bbm_violations", (double)found.bbm_violations);
	bench_count(counts, "stale_after_sync", (double)found.stale_after_sync);

	/* A stale block would hide what it cost: the stream starts cold. */
	hw_fini(&a->hw);
	ret = make_hw(a, false, err);
	rng_init(&rng, STREAM_SEED);
	if (!ret)
		ret = stream(a, &rng, err);
	hits = a->hw.iotlb.nr_hits;
	misses = a->hw.iotlb.nr_misses;
	reads = a->hw.walker.nr_reads;
	if (!ret)
		ret = stream(a, &rng, err);
	bench_count(counts, "accesses", (double)nr_pages(a));
	bench_count(counts, "iotlb_hits", (double)(a->hw.iotlb.nr_hits - hits));
	bench_count(counts, "iotlb_misses",
		    (double)(a->hw.iotlb.nr_misses - misses));
	bench_count(counts, "walk_reads",
		    (double)(a->hw.walker.nr_reads - reads));
	bench_count(counts, "iotlb_reach_bytes",
		    (double)tcache_reach_bytes(&a->hw.iotlb.cache));
	return ret;
}

static const char *engine_at(const struct bench_env *env, size_t i)
{
	static const char *const engines[] = { "lpae-split", "lpae-nosplit",
					       "lpae-whole" };

	if (i < ARRAY_SIZE(engines))
		return engines[i];
	return tables_given_engine_at(env, i - ARRAY_SIZE(engines));
}

static const char *const granules[] = { "4K", "16K", "64K", NULL };
static const char *const blocks[] = { "2M", "1G", "32M", "512M", NULL };
static const char *const shares[] = { "0of8", "1of8", "4of8", "8of8", NULL };
static const char *const streams[] = { "sequential", "random", "strided",
				       NULL };

static const struct bench_key keys[] = {
	{ .name = "engine", .value_at = engine_at },
	{ .name = "granule", .values = granules },
	{ .name = "block", .values = blocks },
	{ .name = "share", .values = shares },
	{ .name = "stream", .values = streams },
	{ .name = NULL },
};

static const struct bench_counter counters[] = {
	{ "tables_kept", true },
	{ "table_bytes_kept", true },
	{ "leaves", true },
	{ "bbm_violations", true },
	{ "stale_after_sync", true },
	{ "accesses", true },
	{ "iotlb_hits", true },
	{ "iotlb_misses", true },
	{ "walk_reads", true },
	{ "iotlb_reach_bytes", true },
	{ NULL, false },
};

const struct bench_family aftermath_family = {
	.name = "aftermath",
	.question = "what the split leaves behind: tables kept, IOTLB reach "
		    "lost, misses of a DMA stream",
	.keys = keys,
	.counters = counters,
	.check = aftermath_check,
	.setup = aftermath_setup,
	.teardown = aftermath_teardown,
	.verify = aftermath_verify,
	.count = aftermath_count,
};
