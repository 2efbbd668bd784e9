/* SPDX-License-Identifier: GPL-2.0-only */
/* Engines that differ in the policy alone, compared over a teardown. */
#ifndef IOPT_VFIO_NULL_H
#define IOPT_VFIO_NULL_H

#include "vfio_rig.h"

/* The engines that differ in the policy and in nothing else. */
static const char *const null_engines[] = { "lpae-split", "lpae-nosplit",
					    "lpae-whole" };

/**
 * struct null_map - A map.
 * @iova: where, in bytes
 * @size: bytes
 * @memory: what is mapped
 */
struct null_map {
	u64 iova;
	u64 size;
	struct vfio_memory memory;
};

/**
 * struct setup - What is compared.
 * @strategy: how it is torn down
 * @rule: how the driver gathers
 * @granule: granule and host page in bytes
 * @maps: what is mapped
 * @nr_maps: how many
 * @nr_engines: of null_engines; 0 for all
 * @name: names the memory in a failure
 */
struct setup {
	const char *strategy;
	const char *rule;
	u64 granule;
	const struct null_map *maps;
	size_t nr_maps;
	size_t nr_engines;
	const char *name;
};

/**
 * struct record - What a teardown did.
 * @count: entries written and read
 * @tables: allocated and freed
 * @counts: calls of the container
 */
struct record {
	struct pte_count count;
	struct arena_stats tables;
	struct vfio_counts counts;
};

static inline void tear(struct rig *rig, const struct setup *s,
			const char *engine, struct record *record)
{
	const struct rig_cfg rc = {
		.engine = engine,
		.nr_domains = 1,
		.granule = s->granule,
		.rule = s->rule,
		.is_counted = true,
		.vfio = { .abi = VFIO_TYPE1V2,
			  .strategy = vfio_strategy_find(s->strategy) },
	};
	u64 bytes = 0, pinned = 0;

	rig_create(rig, &rc);
	for (size_t i = 0; i < s->nr_maps; i++) {
		const struct null_map *map = &s->maps[i];

		expect_int(vfio_map(&rig->vfio, map->iova, map->size,
				    &map->memory),
			   0, s->name);
		bytes += map->size;
		pinned += map->memory.is_bar ? 0 : map->size;
	}
	recorder_reset(&rig->rec[0]);
	rig->vfio.counts = (struct vfio_counts){ 0 };
	pte_count_start(&record->count, rig->arena[0]);
	expect_u64((u64)vfio_unmap_all(&rig->vfio), bytes, "%s: bytes",
		   s->name);
	pte_count_stop();
	record->tables = arena_stats(rig->arena[0]);
	record->counts = rig->vfio.counts;
	rig_expect_no_leaf(rig, s->name);
	assert_false(record->counts.is_stuck);
	expect_u64(record->counts.unpinned_bytes, pinned, "%s: unpinned",
		   s->name);
}

static inline void expect_same_events(const struct recorder *a,
				      const struct recorder *b,
				      const char *what)
{
	expect_u64(b->nr_events, a->nr_events, "%s: events", what);
	for (size_t i = 0; i < a->nr_events; i++) {
		const struct inval_event *x = &a->events[i], *y = &b->events[i];

		if (x->kind != y->kind || x->iova != y->iova ||
		    x->size != y->size || x->granule != y->granule)
			fail_msg("%s: event %zu: expected %s 0x%" PRIx64
				 " +0x%" PRIx64 ", got %s 0x%" PRIx64
				 " +0x%" PRIx64,
				 what, i, inval_kind_name(x->kind), x->iova,
				 x->size, inval_kind_name(y->kind), y->iova,
				 y->size);
	}
}

static inline void expect_same(const struct record *a, const struct record *b,
			       const char *what)
{
	expect_u64(b->count.writes, a->count.writes, "%s: written", what);
	expect_u64(b->count.reads, a->count.reads, "%s: read", what);
	expect_u64(b->tables.nr_allocs, a->tables.nr_allocs, "%s: tables",
		   what);
	expect_u64(b->tables.nr_frees, a->tables.nr_frees, "%s: freed", what);
	expect_u64(b->counts.nr_unmaps, a->counts.nr_unmaps, "%s: calls", what);
	expect_u64(b->counts.nr_lookups, a->counts.nr_lookups, "%s: lookups",
		   what);
	expect_u64(b->counts.nr_resched, a->counts.nr_resched, "%s: resched",
		   what);
}

/**
 * null_compare() - Fail unless all engines do the same.
 * @s: what to compare
 */
static inline void null_compare(const struct setup *s)
{
	size_t nr = s->nr_engines ? s->nr_engines : ARRAY_SIZE(null_engines);
	struct record first, other;
	struct rig a, b;

	tear(&a, s, null_engines[0], &first);
	for (size_t i = 1; i < nr; i++) {
		char what[256];

		snprintf(what, sizeof(what),
			 "%s: %s against %s, %s, rule %s, granule %" PRIu64 "K",
			 s->name, null_engines[i], null_engines[0], s->strategy,
			 s->rule, s->granule / 1024);
		tear(&b, s, null_engines[i], &other);
		expect_same_events(&a.rec[0], &b.rec[0], what);
		expect_same(&first, &other, what);
		rig_fini(&b);
	}
	/* Nothing compared with nothing would be the same. */
	assert_true(a.rec[0].nr_events);
	rig_fini(&a);
}

#endif
