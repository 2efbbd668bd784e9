// SPDX-License-Identifier: GPL-2.0-only
/*
 * One unmap_pages call, with its gather and its sync.
 *
 * Question: what does it cost to unmap leaves that are mapped as they are
 *	asked for? (A part of a larger leaf is the family unmap_partial.)
 * What a reader learns: what clearing entry by entry (6.1) costs against a
 *	second pass over the run (6.12 and later), with the gather's share.
 *
 * The key cache is that of the family map, in its values warm and cold. The
 * tables of the leaves stay, as in the kernel. Invalidations go to a sink that
 * gathers and sends nothing.
 */
#include "families.h"
#include "leaves.h"

static bool unmap_check(const struct bench_env *env, struct bench_case *c)
{
	bool is_driver = bench_is(c, "engine", "lpae-6.1") ||
			 bench_is(c, "engine", "lpae-6.12") ||
			 bench_is(c, "engine", "lpae-7.3") ||
			 tables_is_given(env, c);
	bool is_plain = bench_is(c, "cache", "warm") &&
			bench_is(c, "walker", "coherent");
	bool is_4k = bench_is(c, "granule", "4K");
	bool is_16 = bench_is(c, "count", "16");
	bool is_full = bench_is(c, "count", "full");

	if (!leaves_exist(c))
		return false;
	c->set = BENCH_DEFAULT;
	if (!is_driver || bench_is(c, "size", "4T"))
		c->set = BENCH_FULL;
	else if (!is_plain && (is_16 || is_full))
		c->set = BENCH_FULL;
	else if (is_4k && is_plain && !is_16 && !is_full)
		c->set = BENCH_QUICK;
	return true;
}

static int unmap_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	struct leaves *l = ctx;
	int ret = leaves_prepare_tables(l, n, err);

	if (ret)
		return ret;
	leaves_map_all(l, n);
	ret = leaves_check_bytes(l, n, err);
	if (!ret && l->state == LEAVES_COLD)
		tables_evict(&l->t, n);
	return ret;
}

static void unmap_run(void *ctx, u64 n)
{
	leaves_unmap_all(ctx, n);
}

static int unmap_check_after(void *ctx, u64 n, struct iopt_err *err)
{
	struct leaves *l = ctx;

	(void)n;
	return tables_check_slots(&l->t, 0, err);
}

static int unmap_finish(void *ctx, u64 n, struct iopt_err *err)
{
	return leaves_check_bytes(ctx, n, err);
}

/*
 * An entry a leaf, or a copy of it, each reported, and one sync of the one
 * range. AMD v1 has one report a call.
 */
static int unmap_count(void *ctx, struct bench_counts *counts,
		       struct iopt_err *err)
{
	struct leaves *l = ctx;
	const struct tables_layout *layout = &l->t.layout;
	const u64 entries = layout->count * tables_copies(&l->t, layout->leaf);
	const struct tables_counts want = {
		.pte_writes = entries,
		.inval_pages = l->t.engine->is_fixed ? 1 : entries,
		.syncs = 1,
		.bytes_unmapped = layout->span,
		.calls = 1,
	};
	struct tables_snapshot snapshot;
	struct tables_counts got;
	int ret = unmap_prepare(l, 1, err);

	if (ret)
		return ret;
	tables_count_start(&l->t, &snapshot);
	unmap_run(l, 1);
	tables_count_stop(&l->t, &snapshot, &got);
	got.bytes_unmapped = l->bytes;
	ret = tables_count_report(&l->t, &got, &want, counts, err);
	return ret ? ret : unmap_finish(l, 1, err);
}

/* The neighbours of what is unmapped must stay: all but the last go. */
static int unmap_verify(void *ctx, struct iopt_err *err)
{
	struct bench_counts counts = { .nr = 0 };
	struct leaves *l = ctx;
	u64 n = l->t.layout.max_slots < 3 ? 1 : 3;
	int ret = unmap_prepare(l, n, err);

	if (!ret)
		ret = tables_check_slots(&l->t, n, err);
	if (ret)
		return ret;
	unmap_run(l, n);
	ret = unmap_check_after(l, n, err);
	if (!ret)
		ret = unmap_finish(l, n, err);
	/* The engine that is timed is counted too, all but its stores. */
	return ret ? ret : unmap_count(l, &counts, err);
}

static const char *const states[] = { "warm", "cold", NULL };

static const struct bench_key keys[] = {
	{ .name = "engine", .value_at = tables_any_engine_at },
	{ .name = "granule", .values = tables_granules },
	{ .name = "size", .values = tables_sizes },
	{ .name = "count", .values = tables_nr_leaves },
	{ .name = "cache", .values = states },
	{ .name = "walker", .values = tables_walkers },
	{ .name = NULL },
};

const struct bench_family unmap_family = {
	.name = "unmap",
	.takes_short = true,
	.has_ledger = true,
	.question = "one unmap call, per leaf size and count, warm and cold",
	.keys = keys,
	.check = unmap_check,
	.setup = leaves_setup,
	.teardown = leaves_teardown,
	.verify = unmap_verify,
	.count = unmap_count,
	.max_n = leaves_max_n,
	.prepare = unmap_prepare,
	.run = unmap_run,
	.check_after = unmap_check_after,
	.finish = unmap_finish,
};
