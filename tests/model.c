// SPDX-License-Identifier: GPL-2.0-only
/* An engine and its oracle side by side. */
#include "model.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Room for the tables that a sequence of a hundred operations can make. */
#define ARENA_BYTES (64ull << 20)
#define LAST	    (REF_LEVELS - 1)
#define ADDR_47_12  0x0000fffffffff000ull
#define SW_SYNC	    (1ull << 55)

__attribute__((format(printf, 3, 4))) static enum model_diff
differ(struct model *model, enum model_diff diff, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(model->why, sizeof(model->why), fmt, ap);
	va_end(ap);
	return diff;
}

int model_init(struct model *model, const struct pgtable_cfg *cfg,
	       bool is_counted)
{
	const struct pgtable_engine *engine = pgtable_engine_find("lpae-6.12");
	const struct arena_cfg arena = { .size = ARENA_BYTES,
					 .want_base_pages = true };
	struct pgtable_cfg full = *cfg;
	struct iopt_err err = { "" };
	int ret;

	*model = (struct model){
		.arena = cfg->arena,
		.owns_arena = !cfg->arena,
		.is_counted = is_counted,
	};
	recorder_init(&model->rec, gather_rule_find("6.12"), true);
	gather_init(&model->gather);
	full.tlb = &inval_recorder_ops;
	full.cookie = &model->rec;
	ret = cfg->arena ? 0 : arena_create(&arena, &model->arena, &err);
	full.arena = model->arena;
	if (!ret) {
		model->before = arena_stats(model->arena);
		ret = is_counted ?
			      pgtable_create_counted(engine, &full, &model->pgt,
						     &err) :
			      pgtable_create(engine, &full, &model->pgt, &err);
	}
	if (ret) {
		if (model->owns_arena)
			arena_destroy(model->arena);
		differ(model, MODEL_DIFF_RET, "create returns %d: %.200s", ret,
		       err.msg);
		return ret;
	}
	ref_map_init(&model->ref, &full);
	return 0;
}

enum model_diff model_fini(struct model *model)
{
	bool is_broken = model->why[0];
	u64 live;

	/* Tables gone wrong may loop or dangle; they go with the arena. */
	if (is_broken)
		memset(model->pgt->root, 0, model->ref.top_entries * 8);
	arena_fail_at(model->arena, 0);
	model->pgt->ops.free(model->pgt);
	live = arena_stats(model->arena).live_bytes - model->before.live_bytes;
	if (model->owns_arena)
		arena_destroy(model->arena);
	ref_map_fini(&model->ref);
	recorder_fini(&model->rec);
	if (!live || is_broken)
		return MODEL_SAME;
	return differ(model, MODEL_DIFF_LEAK,
		      "after free the arena holds %" PRIu64 " bytes", live);
}

static enum model_diff check_inval(struct model *model)
{
	const struct ref_map *ref = &model->ref;
	const struct recorder *rec = &model->rec;
	size_t n = rec->nr_events < ref->nr_events ? rec->nr_events :
						     ref->nr_events;

	for (size_t i = 0; i < n; i++) {
		const struct inval_event *got = &rec->events[i];
		const struct inval_event *want = &ref->events[i];

		if (got->kind != want->kind || got->iova != want->iova ||
		    got->size != want->size || got->granule != want->granule)
			return differ(model, MODEL_DIFF_INVAL,
				      "invalidation %zu: expected %s 0x%" PRIx64
				      "+0x%" PRIx64 " by 0x%" PRIx64
				      ", got %s 0x%" PRIx64 "+0x%" PRIx64
				      " by 0x%" PRIx64,
				      i, inval_kind_name(want->kind),
				      want->iova, want->size, want->granule,
				      inval_kind_name(got->kind), got->iova,
				      got->size, got->granule);
	}
	if (rec->nr_events != ref->nr_events)
		return differ(model, MODEL_DIFF_INVAL,
			      "invalidations: expected %zu, got %zu",
			      ref->nr_events, rec->nr_events);
	return MODEL_SAME;
}

static enum model_diff check_gather(struct model *model)
{
	const struct ref_gather *want = &model->ref_gather;
	const struct gather *got = &model->gather;
	bool is_empty = want->start == want->end;
	u64 start = is_empty ? ~0ull : want->start;
	u64 last = is_empty ? 0 : want->end - 1;

	if (got->start == start && got->last == last &&
	    got->pgsize == want->pgsize && got->queued == want->queued)
		return MODEL_SAME;
	return differ(model, MODEL_DIFF_GATHER,
		      "gather: expected 0x%" PRIx64 "-0x%" PRIx64
		      " by 0x%" PRIx64 "%s, got 0x%" PRIx64 "-0x%" PRIx64
		      " by 0x%zx%s",
		      start, last, want->pgsize, want->queued ? " queued" : "",
		      got->start, got->last, got->pgsize,
		      got->queued ? " queued" : "");
}

static enum model_diff check_counts(struct model *model)
{
	struct arena_stats got = arena_stats(model->arena);
	const struct ref_map *ref = &model->ref;

	got.nr_allocs -= model->before.nr_allocs;
	got.nr_frees -= model->before.nr_frees;
	got.live_bytes -= model->before.live_bytes;
	if (model->pgt->nr_warnings != ref->nr_warnings)
		return differ(model, MODEL_DIFF_WARNINGS,
			      "warnings: expected %" PRIu64 ", got %" PRIu64,
			      ref->nr_warnings, model->pgt->nr_warnings);
	if (got.nr_allocs != ref->nr_allocs || got.nr_frees != ref->nr_frees ||
	    got.live_bytes != ref->live_bytes)
		return differ(model, MODEL_DIFF_TABLES,
			      "tables: expected %" PRIu64 " allocated, %" PRIu64
			      " freed, %" PRIu64 " bytes, got %" PRIu64
			      ", %" PRIu64 ", %" PRIu64,
			      ref->nr_allocs, ref->nr_frees, ref->live_bytes,
			      got.nr_allocs, got.nr_frees, got.live_bytes);
	if (model->is_counted && model->nr_writes != ref->nr_writes)
		return differ(model, MODEL_DIFF_WRITES,
			      "descriptors stored: expected %" PRIu64
			      ", got %" PRIu64,
			      ref->nr_writes, model->nr_writes);
	return MODEL_SAME;
}

static enum model_diff check_phys(struct model *model, u64 iova)
{
	u64 want = ref_iova_to_phys(&model->ref, iova);
	u64 got = model->pgt->ops.iova_to_phys(model->pgt, iova);

	if (got == want)
		return MODEL_SAME;
	return differ(model, MODEL_DIFF_PHYS,
		      "iova_to_phys(0x%" PRIx64 "): expected 0x%" PRIx64
		      ", got 0x%" PRIx64,
		      iova, want, got);
}

static enum model_diff check_leaf_walk(struct model *model, u64 iova)
{
	struct pgtable_leaf want = { 0 }, got = { 0 };
	int want_ret = ref_leaf_walk(&model->ref, iova, &want);
	int ret = model->pgt->ops.leaf_walk(model->pgt, iova, &got);

	if (ret == want_ret && got.iova == want.iova &&
	    got.paddr == want.paddr && got.size == want.size &&
	    got.level == want.level)
		return MODEL_SAME;
	return differ(
		model, MODEL_DIFF_RET,
		"leaf_walk(0x%" PRIx64 "): expected %d, 0x%" PRIx64
		"+0x%" PRIx64 " to 0x%" PRIx64 " level %u, got %d, 0x%" PRIx64
		"+0x%" PRIx64 " to 0x%" PRIx64 " level %u",
		iova, want_ret, want.iova, want.size, want.paddr, want.level,
		ret, got.iova, got.size, got.paddr, got.level);
}

/* What lies at the ends of what an operation touched. */
static enum model_diff check_ends(struct model *model,
				  const struct model_op *op)
{
	u64 end = op->iova + op->pgsize * op->pgcount;
	const u64 at[] = { op->iova, op->iova - 1, end - 1, end };
	enum model_diff diff;

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		if (at[i] >> model->ref.cfg.ias)
			continue;
		diff = check_phys(model, at[i]);
		if (diff)
			return diff;
	}
	return MODEL_SAME;
}

static void count_start(struct model *model, struct pte_count *count)
{
	if (model->is_counted)
		pte_count_start(count, model->arena);
}

static void count_stop(struct model *model, const struct pte_count *count)
{
	if (!model->is_counted)
		return;
	pte_count_stop();
	model->nr_writes += count->writes;
}

static enum model_diff step_map(struct model *model, const struct model_op *op)
{
	struct pgtable *pgt = model->pgt;
	struct pte_count count;
	size_t mapped = 1; /* what is there is added to */
	u64 want_mapped = 1;
	int ret, want;

	count_start(model, &count);
	ret = pgt->ops.map_pages(pgt, op->iova, op->paddr, op->pgsize,
				 op->pgcount, op->prot, &mapped);
	count_stop(model, &count);
	want = ref_map_pages(&model->ref, op->iova, op->paddr, op->pgsize,
			     op->pgcount, op->prot, &want_mapped);
	if (ret == want && mapped == want_mapped)
		return MODEL_SAME;
	return differ(model, MODEL_DIFF_RET,
		      "map_pages: expected %d and %" PRIu64
		      " bytes, got %d and %zu",
		      want, want_mapped - 1, ret, mapped - 1);
}

static enum model_diff step_unmap(struct model *model,
				  const struct model_op *op)
{
	struct gather *gather = op->has_gather ? &model->gather : NULL;
	struct pgtable *pgt = model->pgt;
	struct pte_count count;
	u64 ret, want;

	count_start(model, &count);
	ret = pgt->ops.unmap_pages(pgt, op->iova, op->pgsize, op->pgcount,
				   gather);
	count_stop(model, &count);
	want = ref_unmap_pages(&model->ref, op->iova, op->pgsize, op->pgcount,
			       gather ? &model->ref_gather : NULL);
	if (ret == want)
		return MODEL_SAME;
	return differ(model, MODEL_DIFF_RET,
		      "unmap_pages: expected %" PRIu64 " bytes, got %" PRIu64,
		      want, ret);
}

static enum model_diff step_op(struct model *model, const struct model_op *op)
{
	switch (op->kind) {
	case MODEL_MAP:
		return step_map(model, op);
	case MODEL_UNMAP:
		return step_unmap(model, op);
	case MODEL_PHYS:
		return check_phys(model, op->iova);
	case MODEL_WALK:
		return check_leaf_walk(model, op->iova);
	case MODEL_SYNC:
	case MODEL_QUEUE:
		gather_sync(&model->gather, &inval_recorder_ops, &model->rec);
		ref_sync(&model->ref, &model->ref_gather);
		model->gather.queued = op->kind == MODEL_QUEUE;
		model->ref_gather.queued = op->kind == MODEL_QUEUE;
		return MODEL_SAME;
	case MODEL_FAIL:
		arena_fail_at(model->arena, op->pgcount);
		model->ref.fail_in = op->pgcount;
		return MODEL_SAME;
	}
	return differ(model, MODEL_DIFF_RET, "no such operation");
}

enum model_diff model_step(struct model *model, const struct model_op *op)
{
	enum model_diff diff;

	recorder_reset(&model->rec);
	ref_events_reset(&model->ref);
	diff = step_op(model, op);
	if (!diff)
		diff = check_inval(model);
	if (!diff)
		diff = check_gather(model);
	if (!diff)
		diff = check_counts(model);
	if (!diff && (op->kind == MODEL_MAP || op->kind == MODEL_UNMAP))
		diff = check_ends(model, op);
	return diff;
}

/* How far a walk over raw descriptors is in the oracle's lists. */
struct cursor {
	struct model *model;
	size_t leaf[REF_LEVELS];
	size_t table[REF_LEVELS];
};

/* The descriptor of a leaf, from the oracle's entry. */
static u64 leaf_desc(const struct ref_map *ref, const struct ref_entry *leaf,
		     unsigned int level)
{
	u64 addr = leaf->paddr & ADDR_47_12;

	if (ref->cfg.granule == 0x10000)
		addr |= leaf->paddr >> 48 << 12;
	return addr | leaf->attrs | (level == LAST ? 3 : 1);
}

/* The table behind a descriptor; NULL when that is not how one looks. */
static const u64 *desc_table(const struct model *model, u64 desc)
{
	u64 bits = model->ref.cfg.coherent_walk ? 3 : 3 | SW_SYNC;
	u64 addr = (desc & ADDR_47_12) - arena_pa_offset(model->arena);
	const u64 *table = (const u64 *)(uintptr_t)addr;

	if ((desc & ~ADDR_47_12) != bits || !arena_owns(model->arena, table))
		return NULL;
	return table;
}

static enum model_diff check_leaf_desc(struct cursor *at, u64 desc, u64 iova,
				       unsigned int level)
{
	const struct ref_set *set = &at->model->ref.leaves[level];
	size_t i = at->leaf[level];
	u64 want;

	if (i == set->nr || set->at[i].iova != iova)
		return differ(at->model, MODEL_DIFF_DESC,
			      "0x%" PRIx64 " level %u: expected no leaf, got "
			      "0x%" PRIx64,
			      iova, level, desc);
	want = leaf_desc(&at->model->ref, &set->at[i], level);
	if (desc != want)
		return differ(at->model, MODEL_DIFF_DESC,
			      "0x%" PRIx64 " level %u: expected 0x%" PRIx64
			      ", got 0x%" PRIx64,
			      iova, level, want, desc);
	at->leaf[level]++;
	return MODEL_SAME;
}

static enum model_diff check_tables(struct cursor *at, const u64 *table,
				    u64 nr_entries, u64 iova,
				    unsigned int level);

static enum model_diff check_table_desc(struct cursor *at, u64 desc, u64 iova,
					unsigned int level)
{
	const struct ref_map *ref = &at->model->ref;
	const struct ref_set *set = &ref->tables[level];
	const u64 *table = desc_table(at->model, desc);

	if (level == LAST || !table || at->table[level] == set->nr ||
	    set->at[at->table[level]].iova != iova)
		return differ(at->model, MODEL_DIFF_DESC,
			      "0x%" PRIx64 " level %u: expected no such table, "
			      "got 0x%" PRIx64,
			      iova, level, desc);
	at->table[level]++;
	return check_tables(at, table, ref->entries, iova, level + 1);
}

static enum model_diff check_tables(struct cursor *at, const u64 *table,
				    u64 nr_entries, u64 iova,
				    unsigned int level)
{
	u64 leaf_type = level == LAST ? 3 : 1;
	enum model_diff diff;

	for (u64 i = 0; i < nr_entries; i++) {
		u64 start = iova + i * at->model->ref.size[level];

		if (!table[i])
			continue;
		if ((table[i] & 3) == leaf_type)
			diff = check_leaf_desc(at, table[i], start, level);
		else
			diff = check_table_desc(at, table[i], start, level);
		if (diff)
			return diff;
	}
	return MODEL_SAME;
}

static enum model_diff check_descs(struct model *model)
{
	const struct ref_map *ref = &model->ref;
	struct cursor at = { .model = model };
	enum model_diff diff;

	diff = check_tables(&at, model->pgt->root, ref->top_entries, 0,
			    ref->top);
	for (unsigned int level = 0; !diff && level < REF_LEVELS; level++)
		if (at.leaf[level] != ref->leaves[level].nr ||
		    at.table[level] != ref->tables[level].nr)
			diff = differ(model, MODEL_DIFF_DESC,
				      "level %u: expected %zu leaves and %zu "
				      "tables, got %zu and %zu",
				      level, ref->leaves[level].nr,
				      ref->tables[level].nr, at.leaf[level],
				      at.table[level]);
	return diff;
}

static enum model_diff check_leaf(struct model *model, u64 start, u64 size)
{
	const u64 at[] = { start - 1, start, start + size - 1, start + size };
	enum model_diff diff = MODEL_SAME;

	for (size_t i = 0; !diff && i < ARRAY_SIZE(at); i++) {
		if (at[i] >> model->ref.cfg.ias)
			continue;
		diff = check_phys(model, at[i]);
		if (!diff)
			diff = check_leaf_walk(model, at[i]);
	}
	return diff;
}

enum model_diff model_check(struct model *model)
{
	const struct ref_map *ref = &model->ref;
	enum model_diff diff = check_descs(model);

	if (!diff)
		diff = check_leaf_walk(model, 0);
	for (unsigned int level = ref->top; level < REF_LEVELS; level++) {
		const struct ref_set *set = &ref->leaves[level];
		size_t stride = set->nr / 16 + 1;

		for (size_t i = 0; !diff && i < set->nr; i += stride)
			diff = check_leaf(model, set->at[i].iova,
					  ref->size[level]);
	}
	return diff;
}

enum model_diff model_run(const struct pgtable_cfg *cfg, bool is_counted,
			  const struct model_op *ops, size_t nr,
			  char why[MODEL_TEXT_MAX])
{
	enum model_diff diff = MODEL_SAME, leak;
	struct model model;
	size_t i = 0;

	if (model_init(&model, cfg, is_counted)) {
		snprintf(why, MODEL_TEXT_MAX, "%s", model.why);
		return MODEL_DIFF_RET;
	}
	while (!diff && i < nr)
		diff = model_step(&model, &ops[i++]);
	if (!diff)
		diff = model_check(&model);
	leak = model_fini(&model);
	snprintf(why, MODEL_TEXT_MAX, "after operation %zu: %.200s", i,
		 model.why);
	return diff ? diff : leak;
}

size_t model_shrink(const struct pgtable_cfg *cfg, bool is_counted,
		    struct model_op *ops, size_t nr, enum model_diff diff)
{
	struct model_op *fewer = calloc(nr, sizeof(*fewer));
	struct pgtable_cfg own = *cfg;
	char why[MODEL_TEXT_MAX];

	assert(fewer);
	own.arena = NULL;
	for (size_t chunk = nr / 2 + 1; chunk; chunk /= 2)
		for (size_t i = 0; i + chunk <= nr;) {
			memcpy(fewer, ops, i * sizeof(*ops));
			memcpy(fewer + i, ops + i + chunk,
			       (nr - i - chunk) * sizeof(*ops));
			if (model_run(&own, is_counted, fewer, nr - chunk,
				      why) != diff) {
				i += chunk;
				continue;
			}
			nr -= chunk;
			memcpy(ops, fewer, nr * sizeof(*ops));
		}
	free(fewer);
	return nr;
}
