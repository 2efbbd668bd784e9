// SPDX-License-Identifier: GPL-2.0-only
/* Page tables under measurement. */
#include "tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "evict.h"
#include "ledger.h"
#include "lpae_fmt.h"
#include "rng.h"
#include "sink.h"
#include "sizes.h"
#include "walker.h"

#define IAS	   48
#define IAS_SHORT  32
#define SHORT	   "-v7s" /* ends the names of engines of short descriptors */
#define IAS_OF_4T  52
#define MAX_TABLES 64
#define NR_ENGINES 6 /* of one format */

/* Leaves of one section, in bytes of descriptors, and the most slots. */
#define MAX_LEAF_BYTES (64 * SZ_1M)
#define MAX_SLOTS      (1ull << 16)

const char *const tables_granules[] = { "4K", "16K", "64K", NULL };
const char *const tables_sizes[] = {
	"4K", "16K", "64K", "1M", "2M", "16M", "32M", "512M", "1G", "4T", NULL,
};
const char *const tables_nr_leaves[] = { "1", "16", "256", "full", NULL };
const char *const tables_walkers[] = { "coherent", "noncoherent", NULL };

const char *tables_given_engine_at(const struct bench_env *env, size_t i)
{
	const struct pgtable_engine_set *set = env->engines;

	return set && i < set->nr_more ? set->more[i]->name : NULL;
}

const char *tables_engine_at(const struct bench_env *env, size_t i)
{
	static const char *const engines[NR_ENGINES] = {
		"lpae-split", "lpae-nosplit", "lpae-whole",
		"lpae-6.1",   "lpae-6.12",    "lpae-7.3",
	};

	if (i < NR_ENGINES)
		return engines[i];
	return tables_given_engine_at(env, i - NR_ENGINES);
}

const char *tables_any_engine_at(const struct bench_env *env, size_t i)
{
	if (i == NR_ENGINES)
		return "amdv1";
	return tables_engine_at(env, i < NR_ENGINES ? i : i - 1);
}

bool tables_is_given(const struct bench_env *env, const struct bench_case *c)
{
	const char *name;

	for (size_t i = 0; (name = tables_given_engine_at(env, i)); i++)
		if (bench_is(c, "engine", name))
			return true;
	return false;
}

bool tables_fits(u64 granule, u64 leaf)
{
	switch (granule) {
	case SZ_4K:
		return leaf == SZ_4K || leaf == SZ_2M || leaf == SZ_1G;
	case SZ_16K:
		return leaf == SZ_16K || leaf == SZ_32M;
	case SZ_64K:
		return leaf == SZ_64K || leaf == SZ_512M || leaf == SZ_4T;
	default:
		return false;
	}
}

bool tables_is_short(const struct bench_case *c)
{
	const char *name = bench_value(c, "engine");
	size_t len = strlen(name), end = strlen(SHORT);

	return len > end && !strcmp(name + len - end, SHORT);
}

bool tables_fits_short(u64 granule, u64 leaf)
{
	return granule == SZ_4K && (leaf == SZ_4K || leaf == SZ_64K ||
				    leaf == SZ_1M || leaf == 16 * SZ_1M);
}

bool tables_case_fits(const struct bench_case *c)
{
	u64 granule = bench_size(c, "granule");
	u64 leaf = bench_size(c, "size");

	if (tables_is_short(c))
		return tables_fits_short(granule, leaf);

	/* Of its pages those that others have, and two that lie between. */
	if (bench_is(c, "engine", "amdv1"))
		return granule == SZ_4K && (tables_fits(granule, leaf) ||
					    leaf == SZ_64K || leaf == SZ_32M);
	return tables_fits(granule, leaf);
}

/* A simulated SMMU in the recorder's place; only commands are of interest. */
static int simulate(struct tables *t, const struct cost_profile *profile,
		    struct iopt_err *err)
{
	const struct tlbsim_cfg cfg = {
		.profile = profile,
		.driver = t->engine->rule,
		.stage = t->cfg.stage,
		.granule = t->cfg.granule,
	};
	int ret = tlbsim_create(&cfg, &t->sim, err);

	if (ret)
		return ret;
	t->cfg.tlb = t->sim->ops;
	t->cfg.cookie = t->sim->cookie;
	t->is_counted = false;
	return 0;
}

int tables_init(struct tables *t, const struct bench_env *env,
		const char *engine, u64 granule, u64 leaf,
		enum bench_phase phase, struct iopt_err *err)
{
	const struct pgtable_engine *e = pgtable_set_find(env->engines, engine);
	unsigned int ias = leaf == SZ_4T ? IAS_OF_4T : IAS;

	if (!e)
		return iopt_err_set(err, -EINVAL, "there is no engine %s",
				    engine);
	if (e->format == PGTABLE_V7S)
		ias = IAS_SHORT;
	*t = (struct tables){
		.env = env,
		.engine = e,
		.cfg = { .params = e->params,
			 .stage = 1,
			 .granule = granule,
			 .ias = ias,
			 .oas = ias,
			 .coherent_walk = true,
			 .arena = env->arena,
			 .tlb = inval_sink(gather_rule_find(e->rule)) },
		.is_counted = phase == BENCH_COUNT && e->create_counted,
	};
	if (phase == BENCH_TIME)
		return 0;
	recorder_init(&t->rec, gather_rule_find(e->rule), false);
	t->cfg.tlb = &inval_recorder_ops;
	t->cfg.cookie = &t->rec;
	return env->profile ? simulate(t, env->profile, err) : 0;
}

void tables_clear(struct tables *t)
{
	for (size_t i = 0; i < t->nr; i++)
		if (t->pgt[i])
			t->pgt[i]->ops.free(t->pgt[i]);
	t->nr = 0;
}

void tables_fini(struct tables *t)
{
	tables_clear(t);
	free(t->pgt);
	free(t->domain);
	free(t->order);
	recorder_fini(&t->rec);
	tlbsim_destroy(t->sim);
}

/* Shape of the tables, also before there is one. */
static struct pgtable_geometry geometry(const struct tables *t)
{
	struct pgtable_geometry geo = { .bits_per_level = 0 };

	/* Levels of 4K pages, all of them: what amdv1 may grow to. */
	if (t->engine->is_fixed)
		return (struct pgtable_geometry){ .bits_per_level = 9,
						  .top_bits = 9 };
	/* An impossible shape shows when a table is made. */
	lpae_geometry(&t->cfg, &geo, NULL);
	return geo;
}

static unsigned int leaf_level(const struct pgtable_geometry *geo, u64 leaf)
{
	unsigned int level = LPAE_MAX_LEVELS - 1;

	while (level > geo->start_level &&
	       lpae_block_size(geo, level - 1) <= leaf)
		level--;
	return level;
}

/* Tables of 256 pages below one of 4096 sections; 16 entries a large leaf. */
static bool is_section(u64 leaf)
{
	return leaf >= SZ_1M;
}

static u64 short_copies(u64 leaf)
{
	return leaf / (is_section(leaf) ? SZ_1M : SZ_4K);
}

static u64 short_entries(const struct tables *t, u64 leaf)
{
	u64 pages = SZ_1M / SZ_4K;

	return (is_section(leaf) ? 1ull << (t->cfg.ias - lg2_floor(SZ_1M)) :
				   pages) /
	       short_copies(leaf);
}

static bool has_short(const struct tables *t)
{
	return t->engine->format == PGTABLE_V7S;
}

u64 tables_copies(const struct tables *t, u64 leaf)
{
	struct pgtable_geometry geo = geometry(t);

	if (has_short(t))
		return short_copies(leaf);
	return leaf / lpae_block_size(&geo, leaf_level(&geo, leaf));
}

u64 tables_entries(const struct tables *t, u64 leaf)
{
	struct pgtable_geometry geo = geometry(t);

	if (has_short(t))
		return short_entries(t, leaf);
	return (1ull << lpae_table_bits(&geo, leaf_level(&geo, leaf))) /
	       tables_copies(t, leaf);
}

unsigned int tables_levels(const struct tables *t, u64 small, u64 large)
{
	struct pgtable_geometry geo = geometry(t);

	if (has_short(t))
		return is_section(large) && !is_section(small);
	return leaf_level(&geo, small) - leaf_level(&geo, large);
}

void tables_layout(struct tables *t, u64 leaf, u64 count, u64 stride,
		   u64 max_slots)
{
	u64 half = 1ull << (t->cfg.ias - 1);

	if (stride > half)
		stride = half;
	if (!max_slots)
		max_slots = MAX_LEAF_BYTES / (count * sizeof(u64));
	t->layout = (struct tables_layout){
		.leaf = leaf,
		.count = count,
		.span = leaf * count,
		.stride = stride,
		.slots = half / stride,
	};
	if (t->layout.slots > MAX_SLOTS)
		t->layout.slots = MAX_SLOTS;
	if (max_slots > t->layout.slots * MAX_TABLES)
		max_slots = t->layout.slots * MAX_TABLES;
	/* Out of order only within what is used. */
	while (t->layout.slots / 2 >= max_slots)
		t->layout.slots /= 2;
	t->layout.max_slots = max_slots;
}

int tables_shuffle(struct tables *t, u64 seed, struct iopt_err *err)
{
	u64 nr = t->layout.slots;
	struct rng rng;

	t->order = calloc(nr, sizeof(*t->order));
	if (!t->order)
		return iopt_err_set(err, -ENOMEM, "no memory for the order");
	rng_init(&rng, seed);
	for (u64 i = 0; i < nr; i++) {
		u64 j = rng_below(&rng, i + 1);

		t->order[i] = t->order[j];
		t->order[j] = (u32)i;
	}
	return 0;
}

/* Counting wrappers of the engine's operations; the cookie is our recorder. */

static struct tables *tables_of(struct pgtable *pgt)
{
	struct recorder *rec = pgt->cfg.cookie;
	struct tables *t = (void *)((char *)rec - offsetof(struct tables, rec));

	t->nr_calls++;
	return t;
}

static int counted_map(struct pgtable *pgt, u64 iova, u64 paddr, size_t pgsize,
		       size_t pgcount, int prot, size_t *mapped)
{
	return tables_of(pgt)->real.map_pages(pgt, iova, paddr, pgsize, pgcount,
					      prot, mapped);
}

static size_t counted_unmap(struct pgtable *pgt, u64 iova, size_t pgsize,
			    size_t pgcount, struct gather *gather)
{
	return tables_of(pgt)->real.unmap_pages(pgt, iova, pgsize, pgcount,
						gather);
}

static u64 counted_iova_to_phys(struct pgtable *pgt, u64 iova)
{
	return tables_of(pgt)->real.iova_to_phys(pgt, iova);
}

static void counted_free(struct pgtable *pgt)
{
	tables_of(pgt)->real.free(pgt);
}

static void count_calls(struct tables *t, struct pgtable *pgt)
{
	t->real = pgt->ops;
	pgt->ops.map_pages = counted_map;
	pgt->ops.unmap_pages = counted_unmap;
	pgt->ops.iova_to_phys = counted_iova_to_phys;
	pgt->ops.free = counted_free;
}

static int tables_add(struct tables *t, struct iopt_err *err)
{
	struct pgtable **pgt = &t->pgt[t->nr];
	int ret;

	if (t->is_counted)
		ret = pgtable_create_counted(t->engine, &t->cfg, pgt, err);
	else
		ret = pgtable_create(t->engine, &t->cfg, pgt, err);
	if (ret)
		return ret;
	iommu_domain_init(&t->domain[t->nr], *pgt,
			  t->sim ? t->sim->rule :
				   gather_rule_find(t->engine->rule));
	if (t->is_counted)
		count_calls(t, *pgt);
	t->nr++;
	return 0;
}

int tables_grow(struct tables *t, u64 n, struct iopt_err *err)
{
	size_t want = (size_t)((n + t->layout.slots - 1) / t->layout.slots);
	int ret = 0;
	void *p;

	if (want <= t->nr)
		return 0;
	p = realloc(t->pgt, want * sizeof(*t->pgt));
	if (p) {
		t->pgt = p;
		p = realloc(t->domain, want * sizeof(*t->domain));
	}
	if (!p)
		return iopt_err_set(err, -ENOMEM, "no memory for tables");
	t->domain = p;
	while (!ret && t->nr < want)
		ret = tables_add(t, err);
	return ret;
}

/* The descriptor of an address in a table. */
static const u64 *entry_at(const struct walk_table *walk, u64 table, u64 iova,
			   unsigned int level)
{
	u64 index = (iova >> walk_shift(walk, level)) &
		    lg2_mask(walk_index_bits(walk, level));

	return walk_map(walk, table + index * sizeof(u64), sizeof(u64));
}

/* All are found before the first goes, since the way leads over them. */
void tables_evict_at(const struct tables *t, size_t table, u64 iova)
{
	const struct pgtable *pgt = t->pgt[table];
	u64 leaf = t->layout.leaf;
	u64 nr = t->layout.count * tables_copies(t, leaf);
	unsigned int last = leaf_level(&pgt->geo, leaf);
	const u64 *entries[WALK_NR_LEVELS];
	struct walk_desc d = { .kind = WALK_TABLE };
	struct walk_table walk;
	unsigned int level;

	walk_table_init(&walk, pgt);
	if (iova >> walk.ias)
		return;
	d.paddr = walk.root_paddr;
	for (level = walk.start_level; d.kind == WALK_TABLE; level++) {
		entries[level] = entry_at(
			&walk, d.paddr,
			level == last ? align_down(iova, leaf) : iova, level);
		d = walk_find(&walk, iova, level);
	}
	while (level-- > walk.start_level)
		evict_lines(entries[level],
			    (level == last ? nr : 1) * sizeof(u64));
}

void tables_evict_wait(void)
{
	evict_wait();
}

static void evict_slot(void *arg, size_t table, u64 iova)
{
	tables_evict_at(arg, table, iova);
}

void tables_evict(const struct tables *t, u64 n)
{
	tables_for_each(t, n, evict_slot, (void *)(uintptr_t)t);
	tables_evict_wait();
}

static int check_range(const struct tables *t, struct pgtable *pgt,
		       const struct tables_range *range, u64 *nr_leaves,
		       struct iopt_err *err)
{
	struct pgtable_leaf leaf;

	for (u64 at = range->start; at < range->end; at += leaf.size) {
		if (pgt->ops.leaf_walk(pgt, at, &leaf) || leaf.iova > at)
			return iopt_err_set(err, -EINVAL,
					    "%#" PRIx64 " is not mapped", at);
		if (leaf.iova < at || at + leaf.size > range->end)
			return iopt_err_set(
				err, -EINVAL,
				"the leaf at %#" PRIx64 " of %#" PRIx64
				" bytes crosses "
				"the edge of [%#" PRIx64 ", %#" PRIx64 ")",
				leaf.iova, leaf.size, range->start, range->end);
		if (leaf.paddr != tables_paddr(t, at))
			return iopt_err_set(err, -EINVAL,
					    "%#" PRIx64 " maps to %#" PRIx64
					    ", expected %#" PRIx64,
					    at, leaf.paddr,
					    tables_paddr(t, at));
		if (nr_leaves)
			++*nr_leaves;
	}
	return 0;
}

int tables_check(const struct tables *t, struct pgtable *pgt,
		 const struct tables_range *ranges, size_t nr, u64 *nr_leaves,
		 struct iopt_err *err)
{
	struct pgtable_leaf leaf;
	u64 at = 0;
	int ret = 0;

	for (size_t i = 0; i <= nr && !ret; i++) {
		u64 next = i < nr ? ranges[i].start : ~0ull;

		if (!pgt->ops.leaf_walk(pgt, at, &leaf) && leaf.iova < next)
			return iopt_err_set(err, -EINVAL,
					    "%#" PRIx64 " is mapped and must "
					    "not be",
					    leaf.iova);
		if (i == nr)
			break;
		ret = check_range(t, pgt, &ranges[i], nr_leaves, err);
		at = ranges[i].end;
	}
	return ret;
}

/* The slots of the first @n operations, sorted by address. */
static int check_table(const struct tables *t, size_t table, u64 n,
		       struct tables_range *ranges, struct iopt_err *err)
{
	u64 nr_leaves = 0;
	size_t nr = 0;
	int ret;

	memset(ranges, 0, t->layout.slots * sizeof(*ranges));
	for (u64 i = 0; i < n; i++) {
		u64 slot = t->order ? t->order[i] : i;

		ranges[slot].start = slot * t->layout.stride;
		ranges[slot].end = ranges[slot].start + t->layout.span;
	}
	for (u64 slot = 0; slot < t->layout.slots; slot++)
		if (ranges[slot].end)
			ranges[nr++] = ranges[slot];
	ret = tables_check(t, t->pgt[table], ranges, nr, &nr_leaves, err);
	if (!ret && nr_leaves != n * t->layout.count)
		ret = iopt_err_set(err, -EINVAL,
				   "%" PRIu64 " leaves, expected %" PRIu64,
				   nr_leaves, n * t->layout.count);
	return ret;
}

int tables_check_slots(const struct tables *t, u64 n, struct iopt_err *err)
{
	struct tables_range *ranges = calloc(t->layout.slots, sizeof(*ranges));
	int ret = 0;

	if (!ranges)
		return iopt_err_set(err, -ENOMEM, "no memory for a check");
	for (size_t i = 0; i < t->nr && !ret; i++) {
		u64 m = n < t->layout.slots ? n : t->layout.slots;

		ret = check_table(t, i, m, ranges, err);
		n -= m;
	}
	free(ranges);
	return ret;
}

static u64 nr_warnings(const struct tables *t)
{
	u64 nr = 0;

	for (size_t i = 0; i < t->nr; i++)
		nr += t->pgt[i] ? t->pgt[i]->nr_warnings : 0;
	return nr;
}

void tables_count_start(struct tables *t, struct tables_snapshot *snapshot)
{
	recorder_reset(&t->rec);
	if (t->sim)
		tlbsim_reset(t->sim);
	arena_peak_reset(t->cfg.arena);
	t->nr_calls = 0;
	snapshot->arena = arena_stats(t->cfg.arena);
	snapshot->warnings = nr_warnings(t);
	pte_count_start(&snapshot->pte, t->cfg.arena);
}

void tables_count_stop(struct tables *t, struct tables_snapshot *snapshot,
		       struct tables_counts *got)
{
	const struct inval_counts *inval = &t->rec.counts;
	struct arena_stats now;

	pte_count_stop();
	now = arena_stats(t->cfg.arena);
	*got = (struct tables_counts){
		.pte_writes = snapshot->pte.writes,
		.tables_alloc = now.nr_allocs - snapshot->arena.nr_allocs,
		.tables_freed = now.nr_frees - snapshot->arena.nr_frees,
		.inval_all = inval->nr_all,
		.inval_walks = inval->nr_walks,
		.inval_pages = inval->nr_pages,
		.syncs = inval->nr_syncs,
		.warnings = nr_warnings(t) - snapshot->warnings,
		.calls = t->nr_calls,
	};
}

#define FIELD(name)                                         \
	{                                                   \
#name, offsetof(struct tables_counts, name) \
	}

/* Counters of the row, and whether only the counted twin knows them. */
static const struct {
	const char *name;
	size_t offset;
} fields[] = {
	FIELD(pte_writes),     FIELD(calls),	 FIELD(tables_alloc),
	FIELD(tables_freed),   FIELD(inval_all), FIELD(inval_walks),
	FIELD(inval_pages),    FIELD(syncs),	 FIELD(bytes_mapped),
	FIELD(bytes_unmapped), FIELD(warnings),
};

#define NR_COUNTED_FIELDS 2

static u64 field(const struct tables_counts *c, size_t i)
{
	u64 v;

	memcpy(&v, (const char *)c + fields[i].offset, sizeof(v));
	return v;
}

int tables_count_report(const struct tables *t, const struct tables_counts *got,
			const struct tables_counts *want,
			struct bench_counts *counts, struct iopt_err *err)
{
	if (t->sim)
		return ledger_report(t->sim, counts, err);
	for (size_t i = t->is_counted ? 0 : NR_COUNTED_FIELDS;
	     i < ARRAY_SIZE(fields); i++) {
		if (field(got, i) != field(want, i))
			return iopt_err_set(
				err, -EINVAL,
				"%s is %" PRIu64 ", expected %" PRIu64,
				fields[i].name, field(got, i), field(want, i));
		bench_count(counts, fields[i].name, (double)field(got, i));
	}
	bench_count(counts, "table_bytes_peak",
		    (double)arena_stats(t->cfg.arena).peak_bytes);
	return 0;
}
