// SPDX-License-Identifier: GPL-2.0-only
/* What the recorder counts and lists, and that the sink gathers alike. */
#include "test.h"

#include "recorder.h"
#include "sink.h"
#include "sizes.h"

/* What is said to the recorder, in this order, and what it lists of it. */
static void say_all(struct recorder *rec, struct gather *gather)
{
	const struct inval_ops *ops = &inval_recorder_ops;

	ops->add_page(gather, SZ_2M, SZ_4K, rec);
	ops->flush_walk(SZ_1G, SZ_2M, SZ_4K, rec);
	ops->add_page(NULL, SZ_1G, SZ_4K, rec); /* nothing gathers it */
	ops->add_page(gather, SZ_2M + SZ_4K, SZ_4K, rec);
	ops->sync(gather, rec);
	ops->flush_all(rec);
}

static const struct inval_event listed[] = {
	{ INVAL_PAGE, SZ_2M, SZ_4K, SZ_4K },
	{ INVAL_WALK, SZ_1G, SZ_2M, SZ_4K },
	{ INVAL_PAGE, SZ_1G, SZ_4K, SZ_4K },
	{ INVAL_PAGE, SZ_2M + SZ_4K, SZ_4K, SZ_4K },
	{ INVAL_SYNC, SZ_2M, 2 * SZ_4K, SZ_4K },
	{ INVAL_ALL, 0, 0, 0 },
};

static void expect_counts(const struct recorder *rec, u64 all, u64 walks,
			  u64 pages, u64 syncs, const char *what)
{
	expect_u64(rec->counts.nr_all, all, "%s: all", what);
	expect_u64(rec->counts.nr_walks, walks, "%s: walks", what);
	expect_u64(rec->counts.nr_pages, pages, "%s: pages", what);
	expect_u64(rec->counts.nr_syncs, syncs, "%s: syncs", what);
}

static void test_list(void **state)
{
	struct gather gather;
	struct recorder rec;

	(void)state;
	recorder_init(&rec, gather_rule_find("6.12"), true);
	gather_init(&gather);
	say_all(&rec, &gather);
	expect_counts(&rec, 1, 1, 3, 1, "said once");
	expect_u64(rec.nr_events, ARRAY_SIZE(listed), "events");
	for (size_t i = 0; i < ARRAY_SIZE(listed); i++) {
		const struct inval_event *e = &rec.events[i];

		expect_u64(e->kind, listed[i].kind, "kind of %zu", i);
		expect_u64(e->iova, listed[i].iova, "iova of %zu", i);
		expect_u64(e->size, listed[i].size, "size of %zu", i);
		expect_u64(e->granule, listed[i].granule, "granule of %zu", i);
	}
	recorder_fini(&rec);
}

static void test_count_only(void **state)
{
	struct gather gather;
	struct recorder rec;

	(void)state;
	recorder_init(&rec, gather_rule_find("6.12"), false);
	gather_init(&gather);
	say_all(&rec, &gather);
	expect_counts(&rec, 1, 1, 3, 1, "count only");
	assert_int_equal(rec.nr_events, 0);
	assert_null(rec.events);
	recorder_fini(&rec);
}

static void test_reset(void **state)
{
	struct gather gather;
	struct recorder rec;

	(void)state;
	recorder_init(&rec, gather_rule_find("6.12"), true);
	gather_init(&gather);
	say_all(&rec, &gather);
	recorder_reset(&rec);
	expect_counts(&rec, 0, 0, 0, 0, "after reset");
	assert_int_equal(rec.nr_events, 0);
	gather_init(&gather);
	say_all(&rec, &gather);
	expect_counts(&rec, 1, 1, 3, 1, "said again");
	recorder_fini(&rec);
	assert_null(rec.events);
}

/* The list grows past its first 64 entries and keeps them in order. */
static void test_list_grows(void **state)
{
	struct recorder rec;

	(void)state;
	recorder_init(&rec, gather_rule_find("6.12"), true);
	for (u64 i = 0; i < 1000; i++)
		inval_recorder_ops.flush_walk(i * SZ_2M, SZ_2M, SZ_4K, &rec);
	assert_int_equal(rec.nr_events, 1000);
	assert_int_equal(rec.nr_lost, 0);
	for (u64 i = 0; i < 1000; i++)
		expect_u64(rec.events[i].iova, i * SZ_2M, "event %" PRIu64, i);
	recorder_fini(&rec);
}

/* After any of these adds both hold the same, so both did the same work. */
static const struct {
	u64 iova, size;
} adds[] = {
	{ 0, SZ_4K },	  { SZ_4K, SZ_4K },
	{ SZ_1G, SZ_4K }, { SZ_1G + SZ_4K, SZ_4K },
	{ SZ_2M, SZ_2M }, { 2 * SZ_2M, SZ_2M },
};

static void check_sink(const char *name)
{
	const struct gather_rule *rule = gather_rule_find(name);
	const struct inval_ops *sink = inval_sink(rule);
	struct gather seen, sunk;
	struct recorder rec;

	recorder_init(&rec, rule, false);
	gather_init(&seen);
	gather_init(&sunk);
	for (size_t i = 0; i < ARRAY_SIZE(adds); i++) {
		inval_recorder_ops.add_page(&seen, adds[i].iova, adds[i].size,
					    &rec);
		sink->add_page(&sunk, adds[i].iova, adds[i].size, NULL);
		expect_u64(sunk.start, seen.start, "%s: start after %zu", name,
			   i);
		expect_u64(sunk.last, seen.last, "%s: last after %zu", name, i);
		expect_u64(sunk.pgsize, seen.pgsize, "%s: pgsize after %zu",
			   name, i);
	}
	recorder_fini(&rec);
}

static void test_sink_gathers_alike(void **state)
{
	(void)state;
	check_sink("6.12");
	check_sink("amdv1");
	inval_sink(gather_rule_find("amdv1"))->add_page(NULL, 0, SZ_4K, NULL);
	assert_ptr_equal(inval_sink(gather_rule_find("7.3")), &inval_sink_ops);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(inval_kind_name(INVAL_ALL), "all");
	assert_string_equal(inval_kind_name(INVAL_WALK), "walk");
	assert_string_equal(inval_kind_name(INVAL_PAGE), "page");
	assert_string_equal(inval_kind_name(INVAL_SYNC), "sync");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_count_only),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_list_grows),
		cmocka_unit_test(test_sink_gathers_alike),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
