// SPDX-License-Identifier: GPL-2.0-only
/* How pages gather, and the syncs that the recorder sees of it. */
#include "test.h"

#include "gather.h"
#include "recorder.h"
#include "rng.h"
#include "sizes.h"

/* A run of leaves: @nr of @size bytes, the first at @iova, @step apart. */
struct run {
	u64 iova;
	u64 size;
	s64 step;
	unsigned int nr;
};

/* One row a way to add pages; the last sync is the caller's own. */
static const struct {
	const char *name;
	const char *rule;
	struct run runs[3];
	u64 nr_syncs;
	u64 last_start, last_size, last_pgsize;
} rows[] = {
	/* 512 leaves that touch: one range of 512 * 4K. */
	{ "rising", "6.12", { { 0, SZ_4K, SZ_4K, 512 } }, 1, 0, SZ_2M, SZ_4K },
	/* Each lies just below the gathered range, which touches too. */
	{ "falling",
	  "6.12",
	  { { 511 * SZ_4K, SZ_4K, -(s64)SZ_4K, 512 } },
	  1,
	  0,
	  SZ_2M,
	  SZ_4K },
	/* A gap after each: 15 syncs on the way, one at the end. */
	{ "every other",
	  "6.12",
	  { { 0, SZ_4K, 2 * SZ_4K, 16 } },
	  16,
	  30 * SZ_4K,
	  SZ_4K,
	  SZ_4K },
	/* From the end down with gaps: the same 16. */
	{ "every other, falling",
	  "6.1",
	  { { 30 * SZ_4K, SZ_4K, -2 * (s64)SZ_4K, 16 } },
	  16,
	  0,
	  SZ_4K,
	  SZ_4K },
	/* The same leaf again leaves no gap and changes nothing. */
	{ "again", "7.3", { { SZ_2M, SZ_4K, 0, 9 } }, 1, SZ_2M, SZ_4K, SZ_4K },
	/* 4K to 2M to 4K, all touching: a sync at each change of size. */
	{ "sizes differ",
	  "6.12",
	  { { SZ_2M - SZ_4K, SZ_4K, SZ_4K, 1 },
	    { SZ_2M, SZ_2M, SZ_2M, 2 },
	    { 3 * SZ_2M, SZ_4K, SZ_4K, 3 } },
	  3,
	  3 * SZ_2M,
	  3 * SZ_4K,
	  SZ_4K },
	/* Two ranges and the hole between: 1 + 1. */
	{ "two islands",
	  "6.12",
	  { { SZ_1G, SZ_4K, SZ_4K, 8 }, { 0, SZ_4K, SZ_4K, 4 } },
	  2,
	  0,
	  4 * SZ_4K,
	  SZ_4K },
	/* Filling a hole joins nothing once the first island was synced:
	 * 0-1, then 2-3 | then 1-2 touches 2-3 from below: 2 syncs. */
	{ "filled hole",
	  "6.12",
	  { { 0, SZ_4K, SZ_4K, 1 },
	    { 2 * SZ_4K, SZ_4K, SZ_4K, 1 },
	    { SZ_4K, SZ_4K, SZ_4K, 1 } },
	  2,
	  SZ_4K,
	  2 * SZ_4K,
	  SZ_4K },
	/* AMD: whatever comes widens one range. 4K at 0 8K ...; 2M 1G up;
	 * the bytes of a call, not a power of two. */
	{ "amdv1",
	  "amdv1",
	  { { 0, SZ_4K, 2 * SZ_4K, 16 },
	    { SZ_1G, SZ_2M, 2 * SZ_2M, 2 },
	    { SZ_512M, 3 * SZ_4K, SZ_4K, 1 } },
	  1,
	  0,
	  SZ_1G + 3 * SZ_2M,
	  SZ_4K },
	/* SMMUv2 invalidated each page when added: one wait at the end. */
	{ "smmuv2",
	  "smmuv2",
	  { { 0, SZ_4K, 2 * SZ_4K, 16 }, { SZ_1G, SZ_2M, SZ_2M, 2 } },
	  1,
	  0,
	  SZ_1G + 2 * SZ_2M,
	  SZ_2M },
};

static u64 add_runs(struct recorder *rec, struct gather *gather,
		    const struct run *runs, size_t nr_runs)
{
	u64 nr_pages = 0;

	for (size_t r = 0; r < nr_runs; r++)
		for (unsigned int k = 0; k < runs[r].nr; k++, nr_pages++)
			inval_recorder_ops.add_page(
				gather,
				runs[r].iova + (u64)(runs[r].step * (s64)k),
				runs[r].size, rec);
	return nr_pages;
}

static void test_syncs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *name = rows[i].name;
		const struct inval_event *last;
		struct gather gather;
		struct recorder rec;
		u64 nr_pages;

		recorder_init(&rec, gather_rule_find(rows[i].rule), true);
		gather_init(&gather);
		nr_pages = add_runs(&rec, &gather, rows[i].runs,
				    ARRAY_SIZE(rows[i].runs));
		inval_recorder_ops.sync(&gather, &rec);
		expect_u64(rec.counts.nr_pages, nr_pages, "%s: pages", name);
		expect_u64(rec.counts.nr_syncs, rows[i].nr_syncs, "%s: syncs",
			   name);
		expect_u64(rec.nr_events, nr_pages + rows[i].nr_syncs,
			   "%s: events", name);
		last = &rec.events[rec.nr_events - 1];
		expect_u64(last->kind, INVAL_SYNC, "%s: kind", name);
		expect_u64(last->iova, rows[i].last_start, "%s: start", name);
		expect_u64(last->size, rows[i].last_size, "%s: size", name);
		expect_u64(last->granule, rows[i].last_pgsize, "%s: pgsize",
			   name);
		recorder_fini(&rec);
	}
}

/* The sizes of leaves in the random test, in pages of 4K. */
static const unsigned int leaf_pages[] = { 1, 1, 1, 4 };

#define SPACE_PAGES 64

static u64 page_mask(u64 first, u64 nr)
{
	return (nr >= 64 ? ~0ull : (1ull << nr) - 1) << first;
}

/*
 * Whatever the order, each sync covers exactly the pages added since the one
 * before it, and all of them were of one size.
 */
static void check_events(const struct recorder *rec, u64 seed)
{
	u64 pending = 0, granule = 0;

	for (size_t i = 0; i < rec->nr_events; i++) {
		const struct inval_event *e = &rec->events[i];
		u64 mask = page_mask(e->iova / SZ_4K, e->size / SZ_4K);

		if (e->kind == INVAL_SYNC) {
			expect_u64(mask, pending, "sync %zu, seed %" PRIu64, i,
				   seed);
			expect_u64(e->granule, granule,
				   "granule of %zu, seed %" PRIu64, i, seed);
			pending = 0;
			continue;
		}
		/* The page that forces a sync is announced before it. */
		if (i + 1 < rec->nr_events &&
		    rec->events[i + 1].kind == INVAL_SYNC &&
		    i + 2 < rec->nr_events) {
			expect_u64(rec->events[i + 1].granule, granule,
				   "forced %zu, seed %" PRIu64, i, seed);
			expect_u64(page_mask(rec->events[i + 1].iova / SZ_4K,
					     rec->events[i + 1].size / SZ_4K),
				   pending, "forced %zu, seed %" PRIu64, i,
				   seed);
			pending = mask;
			granule = e->granule;
			i++;
			continue;
		}
		pending |= mask;
		granule = e->granule;
	}
	expect_u64(pending, 0, "pages left, seed %" PRIu64, seed);
}

static void test_random_pages(void **state)
{
	u64 seed = test_seed();
	struct gather gather;
	struct recorder rec;
	struct rng rng;

	(void)state;
	rng_init(&rng, seed);
	recorder_init(&rec, gather_rule_find("6.12"), true);
	for (int round = 0; round < 1000; round++) {
		u64 nr = 1 + rng_below(&rng, 20);

		recorder_reset(&rec);
		gather_init(&gather);
		while (nr--) {
			u64 n = leaf_pages[rng_below(&rng, 4)];
			u64 at = rng_below(&rng, SPACE_PAGES / n) * n;

			inval_recorder_ops.add_page(&gather, at * SZ_4K,
						    n * SZ_4K, &rec);
		}
		inval_recorder_ops.sync(&gather, &rec);
		check_events(&rec, seed);
	}
	recorder_fini(&rec);
}

/* Nothing gathered, or a range without a page size: nothing is sent. */
static void test_empty_sync(void **state)
{
	struct gather gather;
	struct recorder rec;

	(void)state;
	recorder_init(&rec, gather_rule_find("7.3"), true);
	gather_init(&gather);
	inval_recorder_ops.sync(&gather, &rec);
	gather_add_range(&gather, SZ_2M, SZ_4K);
	assert_int_equal(gather.start, SZ_2M);
	assert_int_equal(gather.last, SZ_2M + SZ_4K - 1);
	inval_recorder_ops.sync(&gather, &rec);
	assert_int_equal(rec.counts.nr_syncs, 0);
	assert_int_equal(rec.nr_events, 0);
	recorder_fini(&rec);
}

static void test_queued(void **state)
{
	struct gather gather;

	(void)state;
	gather_init(&gather);
	assert_false(gather_is_queued(&gather));
	assert_false(gather_is_queued(NULL));
	gather.queued = true;
	assert_true(gather_is_queued(&gather));
	gather_init(&gather);
	assert_false(gather_is_queued(&gather));
}

/* One row a gathered range and one that may leave a gap to it. */
static const struct {
	u64 start, last;
	u64 iova, size;
	bool is_disjoint;
} gaps[] = {
	{ ~0ull, 0, SZ_1G, SZ_4K, false },		      /* empty */
	{ SZ_2M, SZ_2M + 4095, SZ_2M + SZ_4K, SZ_4K, false }, /* touches */
	{ SZ_2M, SZ_2M + 4095, SZ_2M - SZ_4K, SZ_4K, false }, /* below */
	{ SZ_2M, SZ_2M + 4095, SZ_2M + SZ_4K + 1, 1, true },
	{ SZ_2M, SZ_2M + 4095, SZ_2M - SZ_4K - 1, SZ_4K, true },
	{ SZ_2M, SZ_2M + 4095, 0, SZ_1G, false }, /* covers */
	{ SZ_2M, SZ_2M + 4095, 0, SZ_4K, true },
	{ 0, 4095, SZ_4K, SZ_4K, false },
	{ 0, 4095, 2 * SZ_4K, SZ_4K, true },
};

static void test_disjoint(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(gaps); i++) {
		const struct gather gather = { .start = gaps[i].start,
					       .last = gaps[i].last };

		expect_u64(
			gather_is_disjoint(&gather, gaps[i].iova, gaps[i].size),
			gaps[i].is_disjoint, "row %zu", i);
	}
}

static const struct {
	const char *name;
	bool is_known, immediate, fills_empty, widens;
} rules[] = {
	{ "6.1", true, false, false, false },
	{ "6.12", true, false, false, false },
	{ "7.3", true, false, true, false },
	{ "smmuv2", true, true, false, false },
	{ "amdv1", true, false, false, true },
	{ "6.2", false, false, false, false },
	{ "", false, false, false, false },
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct gather_rule *rule =
			gather_rule_find(rules[i].name);

		expect_u64(rule != NULL, rules[i].is_known, "rule \"%s\"",
			   rules[i].name);
		if (!rule)
			continue;
		assert_string_equal(rule->name, rules[i].name);
		expect_u64(rule->immediate, rules[i].immediate, "%s: immediate",
			   rules[i].name);
		expect_u64(rule->fills_empty, rules[i].fills_empty,
			   "%s: fills_empty", rules[i].name);
		expect_u64(rule->widens, rules[i].widens, "%s: widens",
			   rules[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syncs),
		cmocka_unit_test(test_random_pages),
		cmocka_unit_test(test_empty_sync),
		cmocka_unit_test(test_queued),
		cmocka_unit_test(test_disjoint),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
