// SPDX-License-Identifier: GPL-2.0-only
/*
 * The null check: VFIO finds out what is contiguous before it unmaps, so it
 * never asks for a part of a block, and whether an engine splits or not makes
 * no difference to it: the same commands, the same entries.
 */
#include "vfio_pieces.h"
#include "vfio_rig.h"

#define PHYS 0x200000000ull

/* The engines that differ in the policy and in nothing else. */
static const char *const engines[] = { "lpae-split", "lpae-nosplit",
				       "lpae-whole" };

/* Strategies that look before they unmap, or unmap whole ranges. */
static const char *const strategies[] = {
	"chunked-fast", "chunked",     "iommufd",
	"leafwalk",	"whole-range", "unmap-remap",
};

static const struct {
	u64 granule;
	u64 block;
} granules[] = {
	{ SZ_4K, SZ_2M },
	{ SZ_16K, SZ_32M },
	{ SZ_64K, SZ_512M },
};

static const char *const rules[] = { "6.1", "6.12", "7.3" };

/**
 * struct setup - What is compared.
 * @strategy: how it is torn down
 * @rule: how the driver gathers
 * @granule: granule and host page in bytes
 * @iova: where, in bytes
 * @size: bytes
 * @memory: what is mapped
 * @name: names the memory in a failure
 */
struct setup {
	const char *strategy;
	const char *rule;
	u64 granule;
	u64 iova;
	u64 size;
	struct vfio_memory memory;
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

static void tear(struct rig *rig, const struct setup *s, const char *engine,
		 struct record *record)
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

	rig_create(rig, &rc);
	expect_int(vfio_map(&rig->vfio, s->iova, s->size, &s->memory), 0,
		   s->name);
	recorder_reset(&rig->rec[0]);
	rig->vfio.counts = (struct vfio_counts){ 0 };
	pte_count_start(&record->count, rig->arena[0]);
	expect_u64((u64)vfio_unmap_all(&rig->vfio), s->size, "%s: bytes",
		   s->name);
	pte_count_stop();
	record->tables = arena_stats(rig->arena[0]);
	record->counts = rig->vfio.counts;
	rig_expect_no_leaf(rig, s->name);
	assert_false(record->counts.is_stuck);
	expect_u64(record->counts.unpinned_bytes,
		   s->memory.is_bar ? 0 : s->size, "%s: unpinned", s->name);
}

static void expect_same_events(const struct recorder *a,
			       const struct recorder *b, const char *what)
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

static void expect_same(const struct record *a, const struct record *b,
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

static void compare(const struct setup *s)
{
	struct record first, other;
	struct rig a, b;

	tear(&a, s, engines[0], &first);
	for (size_t i = 1; i < ARRAY_SIZE(engines); i++) {
		char what[256];

		snprintf(what, sizeof(what),
			 "%s: %s against %s, %s, rule %s, granule %" PRIu64 "K",
			 s->name, engines[i], engines[0], s->strategy, s->rule,
			 s->granule / 1024);
		tear(&b, s, engines[i], &other);
		expect_same_events(&a.rec[0], &b.rec[0], what);
		expect_same(&first, &other, what);
		rig_fini(&b);
	}
	/* Nothing compared with nothing would be the same. */
	assert_true(a.rec[0].nr_events);
	rig_fini(&a);
}

/* Runs in pages of the granule; what is mapped is 4 blocks and a bit. */
static const u64 run_pages[] = { 1, 2, 3, 16, 511, 512, 513, 1000000 };

/* Where the map starts, and where its last run lies, in pages off a block. */
static const struct {
	u64 iova, phys;
} offsets[] = {
	{ 0, 0 }, { 1, 0 }, { 0, 1 }, { 5, 5 }, { 500, 12 },
};

static void runs_of(const char *strategy, u64 granule, u64 block)
{
	/* A 64K block has 8192 pages: one of them is enough. */
	u64 size = granule == SZ_4K ? 4 * block : block;

	for (size_t r = 0; r < ARRAY_SIZE(run_pages); r++) {
		for (size_t o = 0; o < ARRAY_SIZE(offsets); o++) {
			const struct vfio_runs runs = {
				.size = size + 7 * granule,
				.run = run_pages[r] * granule,
				.base = PHYS + offsets[o].phys * granule,
			};
			char name[96];
			struct setup s = {
				.strategy = strategy,
				.rule = rules[(r + o) % ARRAY_SIZE(rules)],
				.granule = granule,
				.iova = SZ_1G + offsets[o].iova * granule,
				.size = runs.size,
				.memory = { .run = vfio_runs_run,
					    .arg = &runs,
					    .is_bar = (r + o) % 7 == 6 },
				.name = name,
			};

			snprintf(name, sizeof(name),
				 "runs of %" PRIu64 " pages, off by %" PRIu64
				 " and %" PRIu64,
				 run_pages[r], offsets[o].iova,
				 offsets[o].phys);
			compare(&s);
		}
	}
}

static void test_runs(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(strategies); i++)
		for (size_t g = 0; g < ARRAY_SIZE(granules); g++)
			if (!g || !i)
				runs_of(strategies[i], granules[g].granule,
					granules[g].block);
}

/* Pages, blocks and all between, in any order. */
static void test_random(void **unused)
{
	static struct pieces pieces;
	u64 seed = test_seed();
	struct rng rng;

	(void)unused;
	rng_init(&rng, seed);
	for (unsigned int i = 0; i < 120; i++) {
		u64 granule = granules[i % 2].granule;
		u64 block = granules[i % 2].block;
		u64 size = block * (1 + rng_below(&rng, 3)) +
			   granule * rng_below(&rng, 600);
		char name[96];
		struct setup s = {
			.strategy = strategies[i % ARRAY_SIZE(strategies)],
			.rule = rules[i % ARRAY_SIZE(rules)],
			.granule = granule,
			.iova = SZ_1G + granule * rng_below(&rng, 1024),
			.size = size,
			.memory = { .run = pieces_run, .arg = &pieces },
			.name = name,
		};

		if (rng_below(&rng, 2))
			s.iova &= ~(block - 1);
		pieces_random(&pieces, &rng, size, granule, block, i / 6 % 3);
		snprintf(name, sizeof(name), "round %u, IOPT_SEED=%" PRIu64, i,
			 seed);
		compare(&s);
	}
}

/* All three leaf sizes of a 4K granule in one map. */
static void test_three_sizes(void **unused)
{
	static struct pieces pieces;
	struct setup s = {
		.granule = SZ_4K,
		.iova = SZ_1G,
		.memory = { .run = pieces_run, .arg = &pieces },
		.name = "1G, 2M and 4K",
	};

	(void)unused;
	pieces_add(&pieces, SZ_1G, 8 * SZ_1G);
	pieces_add(&pieces, 3 * SZ_2M, 2 * SZ_1G);
	pieces_add(&pieces, 7 * SZ_4K, SZ_1G);
	/* Touches, but at another offset in its block: pages again. */
	pieces_add(&pieces, SZ_2M, SZ_1G + 7 * SZ_4K);
	s.size = pieces.size;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		s.rule = rules[i];
		s.strategy = "chunked-fast";
		compare(&s);
		s.strategy = "leafwalk";
		compare(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_three_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
