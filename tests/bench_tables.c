// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables under measurement: slots, shapes, and a comparison that sees what
 * is missing, too many, or wrong.
 */
#include "test.h"

#include "evict.h"
#include "sizes.h"
#include "tables.h"

static struct arena *arena;

static int setup(void **state)
{
	struct arena_cfg cfg = { .size = 8 << 20, .want_base_pages = true };

	(void)state;
	return arena_create(&cfg, &arena, NULL);
}

static int teardown(void **state)
{
	(void)state;
	return arena_destroy(arena) != 0;
}

static void make_of(struct tables *t, const char *engine, u64 granule, u64 leaf)
{
	static struct bench_env env;

	env.arena = arena;
	assert_int_equal(
		tables_init(t, &env, engine, granule, leaf, BENCH_TIME, NULL),
		0);
}

static void make(struct tables *t, u64 granule, u64 leaf)
{
	make_of(t, "lpae-split", granule, leaf);
}

/* Geometry: FACTS of the architecture, 48-bit input, 52 with leaves of 4T. */
static const struct {
	u64 granule, leaf, entries;
	unsigned int levels; /* between page and leaf */
} shapes[] = {
	{ SZ_4K, SZ_4K, 512, 0 },     { SZ_4K, SZ_2M, 512, 1 },
	{ SZ_4K, SZ_1G, 512, 2 },     { SZ_16K, SZ_16K, 2048, 0 },
	{ SZ_16K, SZ_32M, 2048, 1 },  { SZ_64K, SZ_64K, 8192, 0 },
	{ SZ_64K, SZ_512M, 8192, 1 }, /* top table: 2^(52 - 16 - 2 * 13) */
	{ SZ_64K, SZ_4T, 1024, 2 },
};

static void test_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct tables t;

		assert_true(tables_fits(shapes[i].granule, shapes[i].leaf));
		make(&t, shapes[i].granule, shapes[i].leaf);
		expect_u64(tables_entries(&t, shapes[i].leaf),
			   shapes[i].entries, "entries of shape %zu", i);
		expect_u64(tables_levels(&t, shapes[i].granule, shapes[i].leaf),
			   shapes[i].levels, "levels of shape %zu", i);
		expect_u64(tables_copies(&t, shapes[i].leaf), 1,
			   "copies of shape %zu", i);
		tables_fini(&t);
	}
	assert_false(tables_fits(SZ_4K, SZ_16K));
	assert_false(tables_fits(SZ_4K, SZ_32M));
	assert_false(tables_fits(SZ_16K, SZ_2M));
	assert_false(tables_fits(SZ_64K, SZ_1G));
	assert_false(tables_fits(SZ_2M, SZ_2M));
}

/* Leaves of amdv1: 512 entries a table, a leaf may take several. */
static const struct {
	u64 leaf, entries, copies;
	unsigned int levels;
} amdv1_shapes[] = {
	{ SZ_4K, 512, 1, 0 },  { SZ_64K, 32, 16, 0 }, { SZ_2M, 512, 1, 1 },
	{ SZ_32M, 32, 16, 1 }, { SZ_1G, 512, 1, 2 },
};

static void test_shapes_of_amdv1(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(amdv1_shapes); i++) {
		u64 leaf = amdv1_shapes[i].leaf;
		struct tables t;

		make_of(&t, "amdv1", SZ_4K, leaf);
		expect_u64(tables_entries(&t, leaf), amdv1_shapes[i].entries,
			   "entries of %zu", i);
		expect_u64(tables_copies(&t, leaf), amdv1_shapes[i].copies,
			   "copies of %zu", i);
		expect_u64(tables_levels(&t, SZ_4K, leaf),
			   amdv1_shapes[i].levels, "levels of %zu", i);
		tables_fini(&t);
	}
}

/* Half of 2^48 is used: 2^47 bytes, in slots of @stride. */
static const struct {
	u64 leaf, count, stride, max, want_slots, want_max;
} layouts[] = {
	/* 64M of leaves of 4K an operation: 16384, all in one table */
	{ SZ_4K, 512, SZ_2M, 0, 16384, 16384 },
	/* a slot a page: no more than 65536 in a table */
	{ SZ_4K, 1, SZ_4K, 0, 65536, 64 * 65536 },
	/* 512G a slot: 256 of them in a table, 64 tables */
	{ SZ_1G, 512, 512 * SZ_1G, 0, 256, 64 * 256 },
	/* shrinks to what is used */
	{ SZ_4K, 1, SZ_4K, 512, 512, 512 },
	{ SZ_4K, 1, SZ_4K, 500, 512, 500 },
	/* no slot is larger than the half */
	{ SZ_1G, 1, 1ull << 50, 10, 1, 10 },
	{ SZ_1G, 1, 1ull << 50, 1000, 1, 64 },
};

static void test_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct tables t;

		make(&t, SZ_4K, layouts[i].leaf);
		tables_layout(&t, layouts[i].leaf, layouts[i].count,
			      layouts[i].stride, layouts[i].max);
		expect_u64(t.layout.slots, layouts[i].want_slots,
			   "slots of layout %zu", i);
		expect_u64(t.layout.max_slots, layouts[i].want_max,
			   "all slots of layout %zu", i);
		tables_fini(&t);
	}
}

static void count_slot(void *arg, size_t table, u64 iova)
{
	u8 *seen = arg;

	assert_int_equal(iova % SZ_4K, 0);
	assert_true(table < 2 && iova / SZ_4K < 64);
	seen[table * 64 + iova / SZ_4K]++;
}

/* Shuffled or not, each slot is used once, a table after the other. */
static void test_every_slot_once(void **state)
{
	(void)state;
	for (int shuffled = 0; shuffled < 2; shuffled++) {
		u8 seen[128] = { 0 };
		struct tables t;
		bool is_sorted = true;

		make(&t, SZ_4K, SZ_4K);
		tables_layout(&t, SZ_4K, 1, SZ_4K, 64);
		t.layout.max_slots = 128;
		if (shuffled)
			assert_int_equal(tables_shuffle(&t, 3, NULL), 0);
		tables_for_each(&t, 128, count_slot, seen);
		for (size_t i = 0; i < 128; i++)
			assert_int_equal(seen[i], 1);
		for (size_t i = 0; shuffled && i < 64; i++)
			is_sorted = is_sorted && t.order[i] == i;
		assert_int_equal(is_sorted, !shuffled);
		tables_fini(&t);
	}
}

static void map(struct tables *t, u64 iova, u64 paddr, u64 size)
{
	size_t mapped = 0;

	assert_int_equal(t->pgt[0]->ops.map_pages(t->pgt[0], iova, paddr, size,
						  1, TABLES_PROT, &mapped),
			 0);
}

/* 4K pages at 0x1000, 0x2000 and 0x5000, 2M at 2M; 0x5000 as a row says. */
static const struct {
	const char *title;
	u64 paddr_of_5000; /* ored with the upper half, as all are */
	struct tables_range ranges[4];
	size_t nr;
	u64 nr_leaves;
	const char *msg; /* NULL: nothing is wrong */
} checks[] = {
	{ "all",
	  0x5000,
	  { { 0x1000, 0x3000 }, { 0x5000, 0x6000 }, { SZ_2M, 2 * SZ_2M } },
	  3,
	  4,
	  NULL },
	{ "one too many",
	  0x5000,
	  { { 0x1000, 0x3000 }, { SZ_2M, 2 * SZ_2M } },
	  2,
	  0,
	  "0x5000 is mapped and must not be" },
	{ "one too many at the end",
	  0x5000,
	  { { 0x1000, 0x3000 }, { 0x5000, 0x6000 } },
	  2,
	  0,
	  "0x200000 is mapped and must not be" },
	{ "one too many before all",
	  0x5000,
	  { { 0x2000, 0x3000 }, { 0x5000, 0x6000 }, { SZ_2M, 2 * SZ_2M } },
	  3,
	  0,
	  "0x1000 is mapped and must not be" },
	{ "one missing",
	  0x5000,
	  { { 0x1000, 0x4000 } },
	  1,
	  0,
	  "0x3000 is not mapped" },
	{ "missing first",
	  0x5000,
	  { { 0x0, 0x3000 } },
	  1,
	  0,
	  "0 is not mapped" },
	{ "wrong place",
	  0x7000,
	  { { 0x1000, 0x3000 }, { 0x5000, 0x6000 }, { SZ_2M, 2 * SZ_2M } },
	  3,
	  0,
	  "0x5000 maps to 0x800000007000, expected 0x800000005000" },
	{ "leaf over the end",
	  0x5000,
	  { { 0x1000, 0x3000 }, { 0x5000, 0x6000 }, { SZ_2M, SZ_2M + SZ_1M } },
	  3,
	  0,
	  "crosses the edge" },
	{ "leaf over the start",
	  0x5000,
	  { { 0x1000, 0x3000 },
	    { 0x5000, 0x6000 },
	    { SZ_2M + SZ_1M, 2 * SZ_2M } },
	  3,
	  0,
	  "0x200000 is mapped and must not be" },
};

static void test_checks(void **state)
{
	const u64 half = 1ull << 47;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct iopt_err err = { "" };
		struct tables t;
		u64 nr_leaves = 0;
		int ret;

		make(&t, SZ_4K, SZ_4K);
		tables_layout(&t, SZ_4K, 1, SZ_4K, 64);
		assert_int_equal(tables_grow(&t, 1, NULL), 0);
		map(&t, 0x1000, half | 0x1000, SZ_4K);
		map(&t, 0x2000, half | 0x2000, SZ_4K);
		map(&t, 0x5000, half | checks[i].paddr_of_5000, SZ_4K);
		map(&t, SZ_2M, half | SZ_2M, SZ_2M);
		ret = tables_check(&t, t.pgt[0], checks[i].ranges, checks[i].nr,
				   &nr_leaves, &err);
		expect_int(ret, checks[i].msg ? -EINVAL : 0, checks[i].title);
		if (checks[i].msg)
			expect_text(err.msg, checks[i].msg, checks[i].title);
		else
			expect_u64(nr_leaves, checks[i].nr_leaves, "%s",
				   checks[i].title);
		tables_fini(&t);
	}
}

/* A leaf of another size than the layout's is seen by its count. */
static void test_slots(void **state)
{
	struct iopt_err err = { "" };
	struct tables t;

	(void)state;
	make(&t, SZ_4K, SZ_2M);
	tables_layout(&t, SZ_4K, 512, SZ_2M, 4);
	assert_int_equal(tables_grow(&t, 4, NULL), 0);
	assert_int_equal(tables_check_slots(&t, 0, &err), 0);
	map(&t, 0, 1ull << 47, SZ_2M);
	assert_int_equal(tables_check_slots(&t, 1, &err), -EINVAL);
	expect_text(err.msg, "1 leaves, expected 512", "leaf size");
	t.layout = (struct tables_layout){ SZ_2M, 1, SZ_2M, SZ_2M, 4, 4 };
	assert_int_equal(tables_check_slots(&t, 1, &err), 0);
	assert_int_equal(tables_check_slots(&t, 0, &err), -EINVAL);
	assert_int_equal(tables_check_slots(&t, 2, &err), -EINVAL);
	tables_fini(&t);
}

#define NR_SLOTS 64

/* What a lookup that misses all caches costs more, at the least. */
#define MISS_NS 20

/* The fastest of some passes over all slots, with or without eviction. */
static u64 pass_ns(const struct tables *t, const struct host_clock *clock,
		   bool is_cold)
{
	struct pgtable *pgt = t->pgt[0];
	u64 min_ns = ~0ull, sum = 0;

	for (int pass = 0; pass < 50; pass++) {
		u64 ns;

		if (is_cold)
			tables_evict(t, NR_SLOTS);
		ns = host_clock_ns(clock);
		for (u64 i = 0; i < NR_SLOTS; i++)
			sum += pgt->ops.iova_to_phys(pgt, i * SZ_2M);
		ns = host_clock_ns(clock) - ns;
		min_ns = ns < min_ns ? ns : min_ns;
	}
	assert_int_not_equal(sum, 0);
	return min_ns;
}

/* Evicting changes no descriptor, and what was evicted takes longer. */
static void test_evict(void **state)
{
	struct host_clock clock;
	struct tables t;
	u64 warm_ns, cold_ns;

	(void)state;
	if (!evict_name()) {
		print_message("skip: no instruction evicts a line here\n");
		skip();
	}
	assert_int_equal(host_clock_init(&clock, 0, NULL), 0);
	make(&t, SZ_4K, SZ_4K);
	tables_layout(&t, SZ_4K, 1, SZ_2M, NR_SLOTS);
	assert_int_equal(tables_grow(&t, NR_SLOTS, NULL), 0);
	for (u64 i = 0; i < NR_SLOTS; i++)
		map(&t, i * SZ_2M, 1ull << 47 | i * SZ_2M, SZ_4K);
	warm_ns = pass_ns(&t, &clock, false);
	cold_ns = pass_ns(&t, &clock, true);
	print_message("%d lookups: warm %" PRIu64 " ns, cold %" PRIu64 " ns\n",
		      NR_SLOTS, warm_ns, cold_ns);
	if (test_emulator())
		print_message("skip: %s has no caches, what was evicted takes "
			      "no longer\n",
			      test_emulator());
	else
		assert_true(cold_ns > warm_ns + MISS_NS * NR_SLOTS);
	assert_int_equal(tables_check_slots(&t, NR_SLOTS, NULL), 0);
	tables_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_shapes_of_amdv1),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_every_slot_once),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_evict),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
