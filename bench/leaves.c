// SPDX-License-Identifier: GPL-2.0-only
/* What the families map and unmap share. */
#include "leaves.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "evict.h"
#include "sizes.h"

/* Slots of a cold section: few, since each is evicted anew every time. */
#define MAX_COLD_SLOTS 512

/* Bytes of left-over tables in a section: above, the caches do not hold them */
#define MAX_LEFT_BYTES (16 * SZ_1M)

static const char *const states[] = { "warm", "cold", "fresh", "leftover" };

static enum leaves_state state_of(const struct bench_case *c)
{
	unsigned int i = 0;

	while (!bench_is(c, "cache", states[i]))
		i++;
	return (enum leaves_state)i;
}

static bool leaves_exist_amdv1(const struct bench_case *c)
{
	u64 leaf = bench_size(c, "size");

	if (bench_is(c, "walker", "noncoherent"))
		return false;
	/* The table of 1G leaves is the first top: it is never missing. */
	if (bench_is(c, "cache", "fresh"))
		return leaf != SZ_1G;
	/* Below 2M there is no table to be left over. */
	return leaf >= SZ_2M || !bench_is(c, "cache", "leftover");
}

/*
 * Half of 4G is used. What is made of slabs is not counted in tables, so that
 * calls find their tables there; caches are told apart by the other engines.
 */
static bool leaves_exist_short(const struct bench_case *c)
{
	u64 leaf = bench_size(c, "size");
	u64 count = strtoull(bench_value(c, "count"), NULL, 10);

	if (bench_is(c, "count", "full"))
		count = leaf >= SZ_1M ? 4096 * SZ_1M / leaf : SZ_1M / leaf;
	return state_of(c) == LEAVES_WARM && leaf * count <= 2048 * SZ_1M;
}

bool leaves_exist(const struct bench_case *c)
{
	u64 leaf = bench_size(c, "size");
	enum leaves_state state = state_of(c);
	bool is_full = bench_is(c, "count", "full");

	if (!tables_case_fits(c))
		return false;
	if (bench_is(c, "engine", "amdv1") && !leaves_exist_amdv1(c))
		return false;
	if (tables_is_short(c) && !leaves_exist_short(c))
		return false;
	/* Half of the input addresses are used: no table of 4T leaves fills. */
	if (leaf == SZ_4T && is_full)
		return false;
	/* The other states tell the same of the cache maintenance. */
	if (state != LEAVES_WARM && bench_is(c, "walker", "noncoherent"))
		return false;
	if (state == LEAVES_FRESH)
		return is_full;
	if (state == LEAVES_LEFTOVER)
		return leaf > bench_size(c, "granule") &&
		       bench_is(c, "count", "1");
	return true;
}

static u64 count_of(const struct leaves *l, const struct bench_case *c)
{
	if (bench_is(c, "count", "full"))
		return tables_entries(&l->t, bench_size(c, "size"));
	return strtoull(bench_value(c, "count"), NULL, 10);
}

/*
 * Dense slots. Cold ones lie in a table of leaves each, out of order, with a
 * cache line of entries between those tables in the table above: so each
 * misses the same lines, whatever their number. Each lies further on in its
 * table than the one before, since descriptors at equal offsets of their pages
 * would wait for each other in the CPU (4K aliasing).
 */
static int lay_out(struct leaves *l, const struct bench_case *c,
		   struct iopt_err *err)
{
	u64 leaf = bench_size(c, "size");
	u64 count = count_of(l, c);
	u64 span = leaf * count;
	u64 whole = leaf * tables_entries(&l->t, leaf);
	u64 left =
		l->t.cfg.granule * tables_levels(&l->t, l->t.cfg.granule, leaf);

	switch (l->state) {
	case LEAVES_COLD:
		tables_layout(&l->t, leaf, count,
			      8 * whole + (span < whole ? 9 * span : 0),
			      MAX_COLD_SLOTS);
		return tables_shuffle(&l->t, l->t.env->seed, err);
	case LEAVES_LEFTOVER:
		tables_layout(&l->t, leaf, count, span, MAX_LEFT_BYTES / left);
		return 0;
	default:
		tables_layout(&l->t, leaf, count, span, 0);
		return 0;
	}
}

int leaves_setup(const struct bench_env *env, const struct bench_case *c,
		 enum bench_phase phase, void **ctx, struct iopt_err *err)
{
	struct leaves *l = calloc(1, sizeof(*l));
	int ret;

	if (!l)
		return iopt_err_set(err, -ENOMEM, "no memory");
	ret = tables_init(&l->t, env, bench_value(c, "engine"),
			  bench_size(c, "granule"), bench_size(c, "size"),
			  phase, err);
	if (ret) {
		free(l);
		return ret;
	}
	l->state = state_of(c);
	l->t.cfg.coherent_walk = bench_is(c, "walker", "coherent");
	ret = lay_out(l, c, err);
	if (ret)
		leaves_teardown(l);
	else
		*ctx = l;
	return ret;
}

void leaves_teardown(void *ctx)
{
	struct leaves *l = ctx;

	tables_fini(&l->t);
	free(l);
}

u64 leaves_max_n(void *ctx)
{
	const struct leaves *l = ctx;

	return l->t.layout.max_slots;
}

static inline void map_slot(void *arg, size_t table, u64 iova)
{
	struct leaves *l = arg;
	struct pgtable *pgt = l->t.pgt[table];
	size_t mapped = 0;

	l->errors |= pgt->ops.map_pages(pgt, iova, tables_paddr(&l->t, iova),
					l->t.layout.leaf, l->t.layout.count,
					TABLES_PROT, &mapped);
	l->bytes += mapped;
}

void leaves_map_all(struct leaves *l, u64 n)
{
	tables_for_each(&l->t, n, map_slot, l);
}

static inline void unmap_slot(void *arg, size_t table, u64 iova)
{
	struct leaves *l = arg;
	struct pgtable *pgt = l->t.pgt[table];
	struct gather gather;

	gather_init(&gather);
	l->bytes += pgt->ops.unmap_pages(pgt, iova, l->t.layout.leaf,
					 l->t.layout.count, &gather);
	gather_sync(&gather, pgt->cfg.tlb, pgt->cfg.cookie);
}

void leaves_unmap_all(struct leaves *l, u64 n)
{
	tables_for_each(&l->t, n, unmap_slot, l);
}

int leaves_check_bytes(struct leaves *l, u64 n, struct iopt_err *err)
{
	u64 want = n * l->t.layout.span;
	u64 bytes = l->bytes;
	int errors = l->errors;

	l->bytes = 0;
	l->errors = 0;
	if (errors)
		return iopt_err_set(err, -EINVAL,
				    "map_pages failed, expected 0");
	if (bytes != want)
		return iopt_err_set(err, -EINVAL,
				    "%" PRIu64 " bytes, expected %" PRIu64,
				    bytes, want);
	return 0;
}

/* Tables down to those of the leaves stay behind when leaves are unmapped. */
static int make_tables(struct leaves *l, u64 n, struct iopt_err *err)
{
	int ret = tables_grow(&l->t, n, err);

	if (ret || n <= l->nr_ready)
		return ret;
	leaves_map_all(l, n);
	ret = leaves_check_bytes(l, n, err);
	if (ret)
		return ret;
	leaves_unmap_all(l, n);
	l->nr_ready = n;
	return leaves_check_bytes(l, n, err);
}

/*
 * Anew, with the tables above: a slot behind the last operation's has been
 * mapped, so that only the table of the leaves is missing to each.
 */
static int make_fresh(struct leaves *l, u64 n, struct iopt_err *err)
{
	u64 behind = n % l->t.layout.slots * l->t.layout.stride;
	size_t table = (size_t)(n / l->t.layout.slots);
	int ret;

	tables_clear(&l->t);
	ret = tables_grow(&l->t, n + 1, err);
	if (ret)
		return ret;
	map_slot(l, table, behind);
	ret = leaves_check_bytes(l, 1, err);
	if (ret)
		return ret;
	unmap_slot(l, table, behind);
	return leaves_check_bytes(l, 1, err);
}

/* A page in the place of each leaf, mapped and unmapped, leaves its tables. */
static void leave_table(void *arg, size_t table, u64 iova)
{
	struct leaves *l = arg;
	struct pgtable *pgt = l->t.pgt[table];
	size_t granule = l->t.cfg.granule;
	size_t mapped = 0;

	l->errors |= pgt->ops.map_pages(pgt, iova, tables_paddr(&l->t, iova),
					granule, 1, TABLES_PROT, &mapped);
	if (pgt->ops.unmap_pages(pgt, iova, granule, 1, NULL) == granule)
		l->bytes += l->t.layout.span;
}

int leaves_prepare_tables(struct leaves *l, u64 n, struct iopt_err *err)
{
	int ret;

	switch (l->state) {
	case LEAVES_WARM:
		return make_tables(l, n, err);
	case LEAVES_COLD:
		return evict_name() ?
			       make_tables(l, n, err) :
			       iopt_err_set(err, -ENOTSUP,
					    "no instruction evicts a line");
	case LEAVES_FRESH:
		return make_fresh(l, n, err);
	case LEAVES_LEFTOVER:
		ret = tables_grow(&l->t, n, err);
		if (ret)
			return ret;
		tables_for_each(&l->t, n, leave_table, l);
		return leaves_check_bytes(l, n, err);
	}
	return 0;
}
