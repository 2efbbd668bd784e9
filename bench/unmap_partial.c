// SPDX-License-Identifier: GPL-2.0-only
/*
 * An unmap of a part of a block.
 *
 * Question: what did split-on-unmap cost, what does no-split cost, and what do
 *	callers pay who do without it?
 * What a reader learns: the price of a page, 64K or 1M taken out of a block of
 *	each size, first, in the middle, and last in it.
 *
 * One operation is one iommu_unmap() of the part, with its sync. The engine
 * decides: lpae-split (and the drivers to 6.12) puts a table in the block's
 * place, two tables where two levels are between; lpae-nosplit (and 7.3) warns
 * and returns 0, the outcome "refused"; lpae-whole takes the block and returns
 * its size. The value unmap-remap of the key engine is what callers do
 * instead, as drm/panthor does, on lpae-nosplit: unmap the whole block, then
 * iommu_map() what was before and what was behind the part again.
 */
#include "families.h"
#include "tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sizes.h"

#define REMAP "unmap-remap"

/* Tables that the splits of one section make, in bytes. */
#define MAX_SPLIT_BYTES (32 * SZ_1M)

/**
 * struct partial - Context of a case; sizes in bytes.
 * @t: tables; a slot is a block
 * @block: size of a block
 * @part: bytes to unmap
 * @offset: where the part starts in its block
 * @is_remap: unmap the block and map the rest again
 * @errors: return values of iommu_map(), or'ed
 * @bytes: what the unmaps returned
 */
struct partial {
	struct tables t;
	u64 block;
	u64 part;
	u64 offset;
	bool is_remap;
	int errors;
	u64 bytes;
};

static u64 part_of(const struct bench_case *c)
{
	return bench_is(c, "part", "page") ? bench_size(c, "granule") :
					     bench_size(c, "part");
}

/* What the tree itself does wrong is no number of it. */
static void skip_fault(const struct bench_env *env, struct bench_case *c,
		       u64 block)
{
	const struct pgtable_engine *engine =
		pgtable_set_find(env->engines, bench_value(c, "engine"));

	if (engine && engine->partial_fault && block >= SZ_1M &&
	    part_of(c) < SZ_1M)
		snprintf(c->skip, sizeof(c->skip), "%s", engine->partial_fault);
}

/* With 64K pages the part "64K" is the part "page", listed once. */
static bool partial_check(const struct bench_env *env, struct bench_case *c)
{
	u64 granule = bench_size(c, "granule");
	u64 block = bench_size(c, "block");
	bool is_page = bench_is(c, "part", "page");
	bool is_middle = bench_is(c, "where", "middle");
	bool is_driver = bench_is(c, "engine", "lpae-6.1") ||
			 bench_is(c, "engine", "lpae-6.12") ||
			 bench_is(c, "engine", "lpae-7.3");

	if (tables_is_short(c) ? !tables_fits_short(granule, block) :
				 !tables_fits(granule, block))
		return false;
	if (block == granule || part_of(c) >= block)
		return false;
	if (!is_page && part_of(c) == granule)
		return false;
	skip_fault(env, c, block);
	if (is_driver || block == SZ_4T)
		c->set = BENCH_FULL;
	else if (is_page && is_middle)
		c->set = BENCH_QUICK;
	else
		c->set = is_page || is_middle ? BENCH_DEFAULT : BENCH_FULL;
	return true;
}

static u64 offset_of(const struct bench_case *c, u64 block, u64 part)
{
	if (bench_is(c, "where", "first"))
		return 0;
	return bench_is(c, "where", "last") ? block - part : block / 2;
}

/* Tables between the block and the part: what a split makes. */
static unsigned int nr_split_tables(const struct partial *p)
{
	return tables_levels(&p->t, p->t.cfg.granule, p->block);
}

static bool has_short(const struct partial *p)
{
	return p->t.engine->format == PGTABLE_V7S;
}

/* Where tables are made, their memory is the limit. */
static u64 max_slots(const struct partial *p)
{
	if (!p->is_remap && p->t.cfg.params.policy != PGTABLE_SPLIT)
		return 0;
	/* A large page of short descriptors is split in its table. */
	return MAX_SPLIT_BYTES /
	       (p->t.cfg.granule * (nr_split_tables(p) + has_short(p)));
}

static int partial_setup(const struct bench_env *env,
			 const struct bench_case *c, enum bench_phase phase,
			 void **ctx, struct iopt_err *err)
{
	struct partial *p = calloc(1, sizeof(*p));
	const char *engine = bench_value(c, "engine");
	u64 granule = bench_size(c, "granule");
	u64 block = bench_size(c, "block");
	int ret;

	if (!p)
		return iopt_err_set(err, -ENOMEM, "no memory");
	p->is_remap = !strcmp(engine, REMAP);
	ret = tables_init(&p->t, env, p->is_remap ? "lpae-nosplit" : engine,
			  granule, block, phase, err);
	if (ret) {
		free(p);
		return ret;
	}
	p->block = block;
	p->part = part_of(c);
	p->offset = offset_of(c, block, p->part);
	tables_layout(&p->t, block, 1, block, max_slots(p));
	*ctx = p;
	return 0;
}

static void partial_teardown(void *ctx)
{
	struct partial *p = ctx;

	tables_fini(&p->t);
	free(p);
}

static u64 partial_max_n(void *ctx)
{
	const struct partial *p = ctx;

	return p->t.layout.max_slots;
}

/* map_pages, not iommu_map(): that would merge blocks into larger ones. */
static void map_block(void *arg, size_t table, u64 iova)
{
	struct partial *p = arg;
	struct pgtable *pgt = p->t.pgt[table];
	size_t mapped = 0;

	p->errors |= pgt->ops.map_pages(pgt, iova, tables_paddr(&p->t, iova),
					p->block, 1, TABLES_PROT, &mapped);
}

static int check_errors(struct partial *p, struct iopt_err *err)
{
	int errors = p->errors;

	p->errors = 0;
	return errors ? iopt_err_set(err, -EINVAL, "a map failed") : 0;
}

static int partial_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	struct partial *p = ctx;
	int ret = tables_grow(&p->t, n, err);

	if (ret)
		return ret;
	tables_for_each(&p->t, n, map_block, p);
	return check_errors(p, err);
}

static inline void unmap_part(void *arg, size_t table, u64 iova)
{
	struct partial *p = arg;

	p->bytes += iommu_unmap(&p->t.domain[table], iova + p->offset, p->part);
}

static void remap_range(struct partial *p, size_t table, u64 start, u64 end)
{
	if (start < end)
		p->errors |= iommu_map(&p->t.domain[table], start,
				       tables_paddr(&p->t, start), end - start,
				       TABLES_PROT);
}

static inline void unmap_remap(void *arg, size_t table, u64 iova)
{
	struct partial *p = arg;
	u64 start = iova + p->offset;

	p->bytes += iommu_unmap(&p->t.domain[table], iova, p->block);
	remap_range(p, table, iova, start);
	remap_range(p, table, start + p->part, iova + p->block);
}

static void partial_run(void *ctx, u64 n)
{
	struct partial *p = ctx;

	if (p->is_remap)
		tables_for_each(&p->t, n, unmap_remap, p);
	else
		tables_for_each(&p->t, n, unmap_part, p);
}

/* What an operation must return. */
static u64 bytes_expected(const struct partial *p)
{
	if (p->is_remap || p->t.cfg.params.policy == PGTABLE_WHOLE)
		return p->block;
	return p->t.cfg.params.policy == PGTABLE_SPLIT ? p->part : 0;
}

/* What an operation must leave of the block at @iova: up to two ranges. */
static size_t ranges_expected(const struct partial *p, u64 iova,
			      struct tables_range ranges[2])
{
	u64 start = iova + p->offset;
	u64 end = iova + p->block;
	size_t nr = 0;

	if (!bytes_expected(p)) {
		ranges[0] = (struct tables_range){ iova, end };
		return 1;
	}
	if (!p->is_remap && p->t.cfg.params.policy == PGTABLE_WHOLE)
		return 0;
	if (iova < start)
		ranges[nr++] = (struct tables_range){ iova, start };
	if (start + p->part < end)
		ranges[nr++] = (struct tables_range){ start + p->part, end };
	return nr;
}

static int check_table(const struct partial *p, size_t table, u64 n,
		       struct iopt_err *err)
{
	struct tables_range *ranges = calloc(2 * n + 1, sizeof(*ranges));
	size_t nr = 0;
	int ret;

	if (!ranges)
		return iopt_err_set(err, -ENOMEM, "no memory for a check");
	for (u64 i = 0; i < n; i++)
		nr += ranges_expected(p, i * p->t.layout.stride, ranges + nr);
	ret = tables_check(&p->t, p->t.pgt[table], ranges, nr, NULL, err);
	free(ranges);
	return ret;
}

/* The structure of all tables after @n operations. */
static int partial_check_after(void *ctx, u64 n, struct iopt_err *err)
{
	const struct partial *p = ctx;
	int ret = 0;

	for (size_t i = 0; i < p->t.nr && !ret; i++) {
		u64 m = n < p->t.layout.slots ? n : p->t.layout.slots;

		ret = check_table(p, i, m, err);
		n -= m;
	}
	return ret;
}

/* Entries of one leaf in short descriptors go only if none is missing. */
static void drop_ranges(struct partial *p, size_t table,
			const struct tables_range *ranges, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		u64 len = ranges[i].end - ranges[i].start;

		if (iommu_unmap(&p->t.domain[table], ranges[i].start, len) !=
		    len)
			p->errors = -EINVAL;
	}
}

/* What is left of a block goes in one call: a leaf, or the table with all. */
static void drop_block(void *arg, size_t table, u64 iova)
{
	struct partial *p = arg;
	struct pgtable *pgt = p->t.pgt[table];
	struct tables_range ranges[2];
	size_t nr = ranges_expected(p, iova, ranges);

	if (has_short(p)) {
		drop_ranges(p, table, ranges, nr);
		return;
	}
	if (nr &&
	    pgt->ops.unmap_pages(pgt, iova, p->block, 1, NULL) != p->block)
		p->errors = -EINVAL;
}

static int partial_finish(void *ctx, u64 n, struct iopt_err *err)
{
	struct partial *p = ctx;
	u64 want = n * bytes_expected(p);
	u64 bytes = p->bytes;
	int ret = check_errors(p, err);

	p->bytes = 0;
	if (ret)
		return ret;
	if (bytes != want)
		return iopt_err_set(err, -EINVAL,
				    "%" PRIu64 " bytes unmapped, expected "
				    "%" PRIu64,
				    bytes, want);
	tables_for_each(&p->t, n, drop_block, p);
	return check_errors(p, err);
}

/*
 * A split fills each table that it makes, leaving the part out of the last
 * one, and writes one entry to install it. A remap clears the block, installs
 * the same tables, and fills them with what is not in the part.
 */
static u64 rebuilt_entries(const struct partial *p)
{
	u64 entries = p->t.cfg.granule / sizeof(u64);
	u64 nr_upper = nr_split_tables(p) - 1;
	u64 last = entries - p->part / p->t.cfg.granule;

	if (p->is_remap)
		return 1 + nr_upper * entries + 1 + last;
	return nr_upper * (entries + 1) + last + 1;
}

/* Calls of map_pages for @len bytes at either end of a block: one a level. */
static u64 range_calls(const struct partial *p, u64 len)
{
	u64 below = p->block / (p->t.cfg.granule / sizeof(u64));

	if (below == p->t.cfg.granule)
		return len > 0;
	return (len / below > 0) + (len % below > 0);
}

static struct tables_counts partial_expected(const struct partial *p)
{
	u64 behind = p->block - p->part - p->offset;
	struct tables_counts want = {
		.calls = 1,
		.bytes_unmapped = bytes_expected(p),
	};

	if (!p->is_remap && p->t.cfg.params.policy == PGTABLE_NOSPLIT) {
		want.warnings = 1;
		return want;
	}
	want.syncs = 1;
	want.inval_pages = 1;
	want.pte_writes = 1;
	if (!p->is_remap && p->t.cfg.params.policy == PGTABLE_WHOLE)
		return want;
	want.tables_alloc = nr_split_tables(p);
	want.pte_writes = rebuilt_entries(p);
	if (p->is_remap) {
		want.calls +=
			range_calls(p, p->offset) + range_calls(p, behind);
		want.bytes_mapped = p->block - p->part;
	} else {
		want.inval_pages = p->part / p->t.cfg.granule;
	}
	return want;
}

/*
 * How short descriptors are split has no arithmetic here: what comes of it is
 * checked, and what it took is only counted.
 */
static int partial_count(void *ctx, struct bench_counts *counts,
			 struct iopt_err *err)
{
	struct partial *p = ctx;
	struct tables_counts want = partial_expected(p);
	struct tables_snapshot snapshot;
	struct tables_counts got;
	int ret = partial_prepare(p, 1, err);

	if (ret)
		return ret;
	tables_count_start(&p->t, &snapshot);
	partial_run(p, 1);
	tables_count_stop(&p->t, &snapshot, &got);
	got.bytes_unmapped = p->bytes;
	got.bytes_mapped = p->is_remap && !p->errors ? p->block - p->part : 0;
	if (has_short(p) && want.bytes_unmapped == got.bytes_unmapped &&
	    want.warnings == got.warnings)
		want = got;
	ret = tables_count_report(&p->t, &got, &want, counts, err);
	return ret ? ret : partial_finish(p, 1, err);
}

static int partial_verify(void *ctx, struct iopt_err *err)
{
	struct bench_counts counts = { .nr = 0 };
	struct partial *p = ctx;
	u64 n = p->t.layout.max_slots < 3 ? 1 : 3;
	int ret = partial_prepare(p, n, err);

	if (!ret)
		ret = tables_check_slots(&p->t, n, err);
	if (ret)
		return ret;
	partial_run(p, n);
	ret = partial_check_after(p, n, err);
	if (!ret)
		ret = partial_finish(p, n, err);
	if (!ret)
		ret = tables_check_slots(&p->t, 0, err);
	/* The engine that is timed is counted too, all but its stores. */
	return ret ? ret : partial_count(p, &counts, err);
}

static const char *partial_outcome(void *ctx)
{
	return bytes_expected(ctx) ? "ok" : "refused";
}

static const char *engine_at(const struct bench_env *env, size_t i)
{
	static const char *const engines[] = {
		"lpae-split", "lpae-nosplit", "lpae-whole", REMAP,
		"lpae-6.1",   "lpae-6.12",    "lpae-7.3",
	};

	if (i < ARRAY_SIZE(engines))
		return engines[i];
	return tables_given_engine_at(env, i - ARRAY_SIZE(engines));
}

static const char *const blocks[] = { "64K",  "1M", "2M", "16M", "32M",
				      "512M", "1G", "4T", NULL };
static const char *const parts[] = { "page", "64K", "1M", NULL };
static const char *const places[] = { "first", "middle", "last", NULL };

static const struct bench_key keys[] = {
	{ .name = "engine", .value_at = engine_at },
	{ .name = "granule", .values = tables_granules },
	{ .name = "block", .values = blocks },
	{ .name = "part", .values = parts },
	{ .name = "where", .values = places },
	{ .name = NULL },
};

const struct bench_family unmap_partial_family = {
	.name = "unmap_partial",
	.takes_short = true,
	.has_ledger = true,
	.question = "a part out of a block: split, refused, taken whole, or "
		    "unmapped and remapped by the caller",
	.keys = keys,
	.check = partial_check,
	.setup = partial_setup,
	.teardown = partial_teardown,
	.verify = partial_verify,
	.count = partial_count,
	.max_n = partial_max_n,
	.prepare = partial_prepare,
	.run = partial_run,
	.check_after = partial_check_after,
	.finish = partial_finish,
	.outcome = partial_outcome,
};
