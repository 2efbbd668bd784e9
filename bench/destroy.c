// SPDX-License-Identifier: GPL-2.0-only
/*
 * Freeing a table with everything still mapped.
 *
 * Question: what does it cost to free the page tables of a domain that was
 *	never unmapped?
 * What a reader learns: the price of a table, and how far it is below that of
 *	unmapping the same memory first. 1G is mapped (4T by leaves of 4T), so
 *	that the leaf sizes compare.
 */
#include "families.h"
#include "tables.h"

#include <errno.h>
#include <stdlib.h>

#include "sizes.h"

#define MAPPED_BYTES	SZ_1G
#define MAX_TABLE_BYTES (32 * SZ_1M)

/**
 * struct destroy - Context of a case.
 * @t: tables; an operation frees one, its slot is all that is mapped
 * @nr_tables: tables of each, the top one included
 */
struct destroy {
	struct tables t;
	u64 nr_tables;
};

static bool destroy_check(const struct bench_env *env, struct bench_case *c)
{
	u64 granule = bench_size(c, "granule");
	u64 leaf = bench_size(c, "size");
	bool is_old_or_new = bench_is(c, "engine", "lpae-6.12") ||
			     bench_is(c, "engine", "lpae-7.3") ||
			     tables_is_given(env, c);

	if (!tables_fits(granule, leaf))
		return false;
	if (!is_old_or_new || leaf == SZ_4T)
		c->set = BENCH_FULL;
	else if (granule == SZ_4K)
		c->set = BENCH_QUICK;
	return true;
}

static void destroy_teardown(void *ctx)
{
	struct destroy *d = ctx;

	tables_fini(&d->t);
	free(d);
}

/* Tables of a level that 1G, or a leaf, needs; all levels down to the leaf. */
static u64 tables_needed(const struct tables *t, u64 leaf, u64 bytes)
{
	u64 entries = t->cfg.granule / sizeof(u64);
	u64 nr = 1; /* the top one */
	u64 reach = leaf * entries;
	u64 space = 1ull << t->cfg.ias;

	for (; reach < space; reach *= entries)
		nr += bytes > reach ? bytes / reach : 1;
	return nr;
}

static int destroy_setup(const struct bench_env *env,
			 const struct bench_case *c, enum bench_phase phase,
			 void **ctx, struct iopt_err *err)
{
	struct destroy *d = calloc(1, sizeof(*d));
	u64 granule = bench_size(c, "granule");
	u64 leaf = bench_size(c, "size");
	u64 bytes = leaf > MAPPED_BYTES ? leaf : MAPPED_BYTES;
	int ret;

	if (!d)
		return iopt_err_set(err, -ENOMEM, "no memory");
	ret = tables_init(&d->t, env, bench_value(c, "engine"), granule, leaf,
			  phase, err);
	if (ret) {
		free(d);
		return ret;
	}
	d->nr_tables = tables_needed(&d->t, leaf, bytes);
	/* One slot a table: it takes all input addresses that are used. */
	tables_layout(&d->t, leaf, bytes / leaf, 1ull << (d->t.cfg.ias - 1),
		      MAX_TABLE_BYTES / (d->nr_tables * granule));
	*ctx = d;
	return 0;
}

static u64 destroy_max_n(void *ctx)
{
	const struct destroy *d = ctx;

	return d->t.layout.max_slots;
}

/* Table by table of leaves, as map_pages does it. */
static int map_slot(struct destroy *d, struct pgtable *pgt)
{
	const struct tables_layout *layout = &d->t.layout;
	size_t mapped = 0;
	int ret = 0;

	while (!ret && mapped < layout->span)
		ret = pgt->ops.map_pages(
			pgt, mapped, tables_paddr(&d->t, mapped), layout->leaf,
			layout->count - mapped / layout->leaf, TABLES_PROT,
			&mapped);
	return ret;
}

static int destroy_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	struct destroy *d = ctx;
	int ret = tables_grow(&d->t, n, err);

	for (u64 i = 0; i < n && !ret; i++) {
		ret = map_slot(d, d->t.pgt[i]);
		if (ret)
			iopt_err_set(err, ret, "a map failed");
	}
	return ret;
}

static void destroy_run(void *ctx, u64 n)
{
	struct destroy *d = ctx;

	for (u64 i = 0; i < n; i++)
		d->t.pgt[i]->ops.free(d->t.pgt[i]);
}

/* What the freed tables took must be back in the arena. */
static int destroy_finish(void *ctx, u64 n, struct iopt_err *err)
{
	struct destroy *d = ctx;
	u64 live;

	for (u64 i = 0; i < n; i++)
		d->t.pgt[i] = NULL;
	tables_clear(&d->t);
	live = arena_stats(d->t.cfg.arena).live_bytes;
	if (live)
		return iopt_err_set(err, -EINVAL,
				    "%llu bytes of tables are left",
				    (unsigned long long)live);
	return 0;
}

static int destroy_count(void *ctx, struct bench_counts *counts,
			 struct iopt_err *err)
{
	struct destroy *d = ctx;
	const struct tables_counts want = { .calls = 1,
					    .tables_freed = d->nr_tables };
	struct tables_snapshot snapshot;
	struct tables_counts got;
	int ret = destroy_prepare(d, 1, err);

	if (ret)
		return ret;
	tables_count_start(&d->t, &snapshot);
	destroy_run(d, 1);
	d->t.pgt[0] = NULL;
	tables_count_stop(&d->t, &snapshot, &got);
	ret = tables_count_report(&d->t, &got, &want, counts, err);
	return ret ? ret : destroy_finish(d, 1, err);
}

/* All is mapped before, and nothing is left after. */
static int destroy_verify(void *ctx, struct iopt_err *err)
{
	struct bench_counts counts = { .nr = 0 };
	struct destroy *d = ctx;
	u64 n = d->t.layout.max_slots < 2 ? 1 : 2;
	int ret = destroy_prepare(d, n, err);

	if (!ret)
		ret = tables_check_slots(&d->t, n, err);
	if (ret)
		return ret;
	destroy_run(d, n);
	ret = destroy_finish(d, n, err);
	/* The engine that is timed is counted too, all but its stores. */
	return ret ? ret : destroy_count(d, &counts, err);
}

static const struct bench_key keys[] = {
	{ .name = "engine", .value_at = tables_engine_at },
	{ .name = "granule", .values = tables_granules },
	{ .name = "size", .values = tables_sizes },
	{ .name = NULL },
};

const struct bench_family destroy_family = {
	.name = "destroy",
	.question = "freeing a table with 1G still mapped",
	.keys = keys,
	.check = destroy_check,
	.setup = destroy_setup,
	.teardown = destroy_teardown,
	.verify = destroy_verify,
	.count = destroy_count,
	.max_n = destroy_max_n,
	.prepare = destroy_prepare,
	.run = destroy_run,
	.finish = destroy_finish,
};
