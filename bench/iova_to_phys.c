// SPDX-License-Identifier: GPL-2.0-only
/*
 * One iova_to_phys call.
 *
 * Question: what does it cost to look up an address, for a hit at each level
 *	and for a hole?
 * What a reader learns: VFIO and iommufd ask once per host page when they tear
 *	down a VM, so that this call is the cost of it; and what the walker
 *	with a callback (7.3) costs against the loop (to 6.12).
 *
 * The key order says which addresses are asked for:
 *	seq	the pages of 4K one after the other, as a scan does;
 *	random	a page of another leaf each time, in random order;
 *	hole	addresses that are not mapped, where every second leaf of the
 *		size is missing: the walk ends at its level.
 * cold: the descriptors that the lookups touch were evicted from all caches,
 * and no two lookups share a line of leaf descriptors, or lie next to each
 * other; sequential lookups do, so that cold they are listed for leaves of a
 * page only.
 */
#include "families.h"
#include "tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "rng.h"
#include "sizes.h"

/*
 * Leaves that warm lookups go to. Cold ones are 4 lines of 8 descriptors apart,
 * since CPUs fetch the neighbours of a line that misses.
 */
#define NR_WARM_LEAVES 4096
#define COLD_STEP      32
#define NR_COLD_LEAVES (1024 * COLD_STEP)

#define MAX_N	  (1u << 16)
#define HOST_PAGE SZ_4K

enum lookup_order {
	LOOKUP_SEQ,
	LOOKUP_RANDOM,
	LOOKUP_HOLE,
};

/**
 * struct lookup - Context of a case; sizes in bytes.
 * @t: tables; one, a slot is a leaf, or two where every second is a hole
 * @order: which addresses
 * @is_cold: evicted before each section
 * @nr_leaves: mapped leaves
 * @page: pages to look up, in units of HOST_PAGE, for orders but seq
 * @nr_pages: entries in @page; for seq the pages of the mapped range
 * @sum: of the results
 * @has_failed: a map failed
 */
struct lookup {
	struct tables t;
	enum lookup_order order;
	bool is_cold;
	u64 nr_leaves;
	u64 *page;
	u64 nr_pages;
	u64 sum;
	bool has_failed;
};

static bool lookup_check(const struct bench_env *env, struct bench_case *c)
{
	u64 granule = bench_size(c, "granule");
	u64 leaf = bench_size(c, "size");
	bool is_cold = bench_is(c, "cache", "cold");
	bool is_old_or_new = bench_is(c, "engine", "lpae-6.12") ||
			     bench_is(c, "engine", "lpae-7.3") ||
			     tables_is_given(env, c);

	if (!tables_case_fits(c))
		return false;
	if (is_cold && bench_is(c, "order", "seq") && leaf != granule)
		return false;
	if (!is_old_or_new || leaf == SZ_4T)
		c->set = BENCH_FULL;
	else if (granule == SZ_4K && !is_cold &&
		 !bench_is(c, "order", "random"))
		c->set = BENCH_QUICK;
	return true;
}

static u64 max_leaves(const struct lookup *l)
{
	u64 fit = (1ull << (l->t.cfg.ias - 1)) / l->t.layout.stride;
	u64 want = l->is_cold ? NR_COLD_LEAVES : NR_WARM_LEAVES;

	return fit < want ? fit : want;
}

/*
 * Pages to look up: one of each leaf, or of the hole behind it, at a random
 * place in it; cold: with COLD_STEP entries between. Then in random order.
 */
static int choose_pages(struct lookup *l, struct iopt_err *err)
{
	u64 hole = l->order == LOOKUP_HOLE ? l->t.layout.leaf : 0;
	u64 step = l->is_cold ? COLD_STEP / (hole ? 2 : 1) : 1;
	u64 nr = l->nr_leaves / step;
	struct rng rng;

	l->page = calloc(nr, sizeof(*l->page));
	if (!l->page)
		return iopt_err_set(err, -ENOMEM, "no memory");
	rng_init(&rng, l->t.env->seed);
	for (u64 i = 0; i < nr; i++) {
		u64 j = rng_below(&rng, i + 1);
		u64 at = i * step * l->t.layout.stride + hole;

		at += rng_below(&rng, l->t.layout.leaf / HOST_PAGE) * HOST_PAGE;
		l->page[i] = l->page[j];
		l->page[j] = at / HOST_PAGE;
	}
	l->nr_pages = nr;
	return 0;
}

static void map_leaf(void *arg, size_t table, u64 iova)
{
	struct lookup *l = arg;
	struct pgtable *pgt = l->t.pgt[table];
	size_t mapped = 0;

	if (pgt->ops.map_pages(pgt, iova, tables_paddr(&l->t, iova),
			       l->t.layout.leaf, 1, TABLES_PROT, &mapped))
		l->has_failed = true;
}

static int map_all(struct lookup *l, struct iopt_err *err)
{
	int ret = tables_grow(&l->t, l->nr_leaves, err);

	if (ret)
		return ret;
	tables_for_each(&l->t, l->nr_leaves, map_leaf, l);
	if (l->has_failed)
		return iopt_err_set(err, -EINVAL, "a map failed");
	l->nr_pages = l->nr_leaves * (l->t.layout.leaf / HOST_PAGE);
	return l->order == LOOKUP_SEQ ? 0 : choose_pages(l, err);
}

static enum lookup_order order_of(const struct bench_case *c)
{
	if (bench_is(c, "order", "seq"))
		return LOOKUP_SEQ;
	return bench_is(c, "order", "hole") ? LOOKUP_HOLE : LOOKUP_RANDOM;
}

static void lookup_teardown(void *ctx)
{
	struct lookup *l = ctx;

	tables_fini(&l->t);
	free(l->page);
	free(l);
}

static int lookup_setup(const struct bench_env *env, const struct bench_case *c,
			enum bench_phase phase, void **ctx,
			struct iopt_err *err)
{
	struct lookup *l = calloc(1, sizeof(*l));
	u64 leaf = bench_size(c, "size");
	int ret;

	if (!l)
		return iopt_err_set(err, -ENOMEM, "no memory");
	ret = tables_init(&l->t, env, bench_value(c, "engine"),
			  bench_size(c, "granule"), leaf, phase, err);
	if (ret) {
		free(l);
		return ret;
	}
	l->order = order_of(c);
	l->is_cold = bench_is(c, "cache", "cold");
	tables_layout(&l->t, leaf, 1, l->order == LOOKUP_HOLE ? 2 * leaf : leaf,
		      0);
	l->nr_leaves = max_leaves(l);
	ret = map_all(l, err);
	if (ret)
		lookup_teardown(l);
	else
		*ctx = l;
	return ret;
}

static u64 lookup_max_n(void *ctx)
{
	const struct lookup *l = ctx;

	return l->is_cold && l->nr_pages < MAX_N ? l->nr_pages : MAX_N;
}

static u64 page_at(const struct lookup *l, u64 i)
{
	i %= l->nr_pages;
	return (l->page ? l->page[i] : i) * HOST_PAGE;
}

static int lookup_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	struct lookup *l = ctx;

	(void)err;
	l->sum = 0;
	if (!l->is_cold)
		return 0;
	for (u64 i = 0; i < n; i++)
		tables_evict_at(&l->t, 0, page_at(l, i));
	tables_evict_wait();
	return 0;
}

static inline u64 lookup_range(const struct lookup *l, u64 first, u64 n)
{
	struct pgtable *pgt = l->t.pgt[0];
	u64 sum = 0;

	if (l->page)
		for (u64 i = first; i < first + n; i++)
			sum += pgt->ops.iova_to_phys(pgt,
						     l->page[i] * HOST_PAGE);
	else
		for (u64 i = first; i < first + n; i++)
			sum += pgt->ops.iova_to_phys(pgt, i * HOST_PAGE);
	return sum;
}

/* Over all pages, and from the first again as often as is needed. */
static void lookup_run(void *ctx, u64 n)
{
	struct lookup *l = ctx;

	for (u64 m; n; n -= m) {
		m = n < l->nr_pages ? n : l->nr_pages;
		l->sum += lookup_range(l, 0, m);
	}
}

static u64 phys_expected(const struct lookup *l, u64 iova)
{
	return l->order == LOOKUP_HOLE ? 0 : tables_paddr(&l->t, iova);
}

/* The sum of what all lookups must have returned. */
static int lookup_finish(void *ctx, u64 n, struct iopt_err *err)
{
	const struct lookup *l = ctx;
	u64 want = 0;

	for (u64 i = 0; i < n; i++)
		want += phys_expected(l, page_at(l, i));
	if (l->sum != want)
		return iopt_err_set(err, -EINVAL,
				    "the results add up to %#" PRIx64
				    ", expected %#" PRIx64,
				    l->sum, want);
	return 0;
}

/* Each address that is looked up, and the last byte of its leaf or hole. */
static int lookup_verify(void *ctx, struct iopt_err *err)
{
	const struct lookup *l = ctx;
	struct pgtable *pgt = l->t.pgt[0];
	u64 step = l->page ? 1 : l->t.layout.leaf / HOST_PAGE;

	for (u64 i = 0; i < l->nr_pages; i += step) {
		const u64 at[] = { page_at(l, i),
				   page_at(l, i) | (l->t.layout.leaf - 1) };

		for (int k = 0; k < 2; k++) {
			u64 want = phys_expected(l, at[k]);
			u64 got = pgt->ops.iova_to_phys(pgt, at[k]);

			if (got != want)
				return iopt_err_set(err, -EINVAL,
						    "%#" PRIx64 " is at "
						    "%#" PRIx64 ", expected "
						    "%#" PRIx64,
						    at[k], got, want);
		}
	}
	return 0;
}

static int lookup_count(void *ctx, struct bench_counts *counts,
			struct iopt_err *err)
{
	struct lookup *l = ctx;
	const struct tables_counts want = { .calls = 1 };
	struct tables_snapshot snapshot;
	struct tables_counts got;
	int ret = lookup_prepare(l, 1, err);

	if (ret)
		return ret;
	tables_count_start(&l->t, &snapshot);
	lookup_run(l, 1);
	tables_count_stop(&l->t, &snapshot, &got);
	ret = tables_count_report(&l->t, &got, &want, counts, err);
	return ret ? ret : lookup_finish(l, 1, err);
}

static const char *const orders[] = { "seq", "random", "hole", NULL };
static const char *const states[] = { "warm", "cold", NULL };

static const struct bench_key keys[] = {
	{ .name = "engine", .value_at = tables_any_engine_at },
	{ .name = "granule", .values = tables_granules },
	{ .name = "size", .values = tables_sizes },
	{ .name = "order", .values = orders },
	{ .name = "cache", .values = states },
	{ .name = NULL },
};

const struct bench_family iova_to_phys_family = {
	.name = "iova_to_phys",
	.question = "one lookup: a hit at each level, a hole, in sequence and "
		    "at random",
	.keys = keys,
	.check = lookup_check,
	.setup = lookup_setup,
	.teardown = lookup_teardown,
	.verify = lookup_verify,
	.count = lookup_count,
	.max_n = lookup_max_n,
	.prepare = lookup_prepare,
	.run = lookup_run,
	.finish = lookup_finish,
};
