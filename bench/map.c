// SPDX-License-Identifier: GPL-2.0-only
/*
 * One map_pages call.
 *
 * Question: what does it cost to map a number of leaves in one call?
 * What a reader learns: the price of the walk (count 1), of an entry (256
 *	against 1), of a missing cache line, of a walker that does not snoop,
 *	of a table that has to be made or removed on the way.
 *
 * The key cache says what the call finds:
 *	warm	 the tables are there from earlier use and in the caches;
 *	cold	 they are there, but every descriptor that the call touches was
 *		 evicted from all caches (CLFLUSH or DC CIVAC, line by line),
 *		 and the calls go to tables of leaves in random order;
 *	fresh	 the table of the leaves is not there: it is allocated, zeroed
 *		 and installed by the call;
 *	leftover an empty lower table is in the place of the leaf, as unmapped
 *		 4K pages leave it behind: it is invalidated and freed by the
 *		 call.
 *
 * The engine amdv1 has 4K pages alone, and beside 2M and 1G leaves of 64K and
 * 32M, which take 16 entries; "full" is a table of entries there too. Its
 * walker always snoops.
 */
#include "families.h"
#include "leaves.h"

static bool is_old_or_new(const struct bench_env *env,
			  const struct bench_case *c)
{
	return bench_is(c, "engine", "lpae-6.12") ||
	       bench_is(c, "engine", "lpae-7.3") || tables_is_given(env, c);
}

/*
 * map_pages is the same in all lpae engines but for what it does to left
 * tables.
 */
static bool map_check(const struct bench_env *env, struct bench_case *c)
{
	bool is_warm = bench_is(c, "cache", "warm");
	bool is_plain = is_warm && bench_is(c, "walker", "coherent");
	bool is_4k = bench_is(c, "granule", "4K");
	bool is_16 = bench_is(c, "count", "16");
	bool is_full = bench_is(c, "count", "full");

	if (!leaves_exist(c))
		return false;
	c->set = BENCH_DEFAULT;
	if (!is_old_or_new(env, c) || bench_is(c, "size", "4T"))
		c->set = BENCH_FULL;
	else if (!is_plain &&
		 (is_16 || (is_full && !bench_is(c, "cache", "fresh"))))
		c->set = BENCH_FULL;
	else if (is_4k && is_plain && !is_16 && !is_full)
		c->set = BENCH_QUICK;
	return true;
}

static int map_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	struct leaves *l = ctx;
	int ret = leaves_prepare_tables(l, n, err);

	if (!ret && l->state == LEAVES_COLD)
		tables_evict(&l->t, n);
	return ret;
}

static void map_run(void *ctx, u64 n)
{
	leaves_map_all(ctx, n);
}

static int map_check_after(void *ctx, u64 n, struct iopt_err *err)
{
	struct leaves *l = ctx;

	return tables_check_slots(&l->t, n, err);
}

static int map_finish(void *ctx, u64 n, struct iopt_err *err)
{
	struct leaves *l = ctx;
	int ret = leaves_check_bytes(l, n, err);

	if (ret)
		return ret;
	leaves_unmap_all(l, n);
	return leaves_check_bytes(l, n, err);
}

/*
 * An entry a leaf. Fresh: one table, and the entry that points to it. Left
 * over: each table entry is cleared first, by 6.1 once and by 6.12 and later
 * twice; the tables below go, one for each level between leaf and page. AMD v1
 * empties each entry of each copy before it writes it, whatever was there.
 */
static struct tables_counts map_expected(const struct leaves *l)
{
	const struct tables_layout *layout = &l->t.layout;
	struct tables_counts want = {
		.pte_writes = layout->count,
		.bytes_mapped = layout->span,
		.calls = 1,
	};

	want.pte_writes *= tables_copies(&l->t, layout->leaf);
	if (l->t.engine->is_fixed)
		want.pte_writes *= 2;
	if (l->state == LEAVES_FRESH) {
		want.tables_alloc = 1;
		want.pte_writes += 1;
	} else if (l->state == LEAVES_LEFTOVER) {
		bool is_each = l->t.cfg.params.clear == PGTABLE_CLEAR_EACH;

		want.tables_freed =
			tables_levels(&l->t, l->t.cfg.granule, layout->leaf);
		if (!l->t.engine->is_fixed)
			want.pte_writes += is_each ? 1 : 2;
		want.inval_walks = 1;
	}
	return want;
}

static int map_count(void *ctx, struct bench_counts *counts,
		     struct iopt_err *err)
{
	struct leaves *l = ctx;
	struct tables_counts want = map_expected(l);
	struct tables_snapshot snapshot;
	struct tables_counts got;
	int ret = map_prepare(l, 1, err);

	if (ret)
		return ret;
	tables_count_start(&l->t, &snapshot);
	map_run(l, 1);
	tables_count_stop(&l->t, &snapshot, &got);
	got.bytes_mapped = l->bytes;
	ret = tables_count_report(&l->t, &got, &want, counts, err);
	return ret ? ret : map_finish(l, 1, err);
}

static int map_verify(void *ctx, struct iopt_err *err)
{
	struct bench_counts counts = { .nr = 0 };
	struct leaves *l = ctx;
	u64 n = l->t.layout.max_slots < 3 ? 1 : 3;
	int ret = map_prepare(l, n, err);

	if (!ret)
		ret = tables_check_slots(&l->t, 0, err);
	if (ret)
		return ret;
	map_run(l, n);
	ret = map_check_after(l, n, err);
	if (!ret)
		ret = map_finish(l, n, err);
	if (!ret)
		ret = tables_check_slots(&l->t, 0, err);
	/* The engine that is timed is counted too, all but its stores. */
	return ret ? ret : map_count(l, &counts, err);
}

static const char *const states[] = { "warm", "cold", "fresh", "leftover",
				      NULL };

static const struct bench_key keys[] = {
	{ .name = "engine", .value_at = tables_any_engine_at },
	{ .name = "granule", .values = tables_granules },
	{ .name = "size", .values = tables_sizes },
	{ .name = "count", .values = tables_nr_leaves },
	{ .name = "cache", .values = states },
	{ .name = "walker", .values = tables_walkers },
	{ .name = NULL },
};

const struct bench_family map_family = {
	.name = "map",
	.takes_short = true,
	.has_ledger = true,
	.question = "one map call, per leaf size and count, warm, cold, and "
		    "over tables that are missing or left over",
	.keys = keys,
	.check = map_check,
	.setup = leaves_setup,
	.teardown = leaves_teardown,
	.verify = map_verify,
	.count = map_count,
	.max_n = leaves_max_n,
	.prepare = map_prepare,
	.run = map_run,
	.check_after = map_check_after,
	.finish = map_finish,
};
