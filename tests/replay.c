// SPDX-License-Identifier: GPL-2.0-only
/*
 * The family replay: counters of small traces by hand, traces that a page
 * table cannot follow, and every shipped trace on every engine.
 */
#include "replay_fixture.h"
#include "sizes.h"

#define MAP(iova, paddr, size) \
	"map: IOMMU: iova=" #iova " paddr=" #paddr " size=" #size "\n"
#define UNMAP(iova, size, unmapped)                                            \
	"unmap: IOMMU: iova=" #iova " size=" #size " unmapped_size=" #unmapped \
	"\n"

static const char *const engines[] = {
	"lpae-split", "lpae-nosplit", "lpae-whole",
	"lpae-6.1",   "lpae-6.12",    "lpae-7.3",
};

/* All its tests want base pages. */
static const struct arena_cfg small_arena = { .size = 64 * SZ_1M,
					      .want_base_pages = true };

/* Verify and count; what goes wrong is the error's text. */
static int verify_and_count(const struct bench_env *env,
			    const struct bench_case *c,
			    struct bench_counts *counts, struct iopt_err *err)
{
	void *ctx;
	int ret = replay_family.setup(env, c, BENCH_VERIFY, &ctx, err);

	if (ret)
		return ret;
	ret = replay_family.verify(ctx, err);
	replay_family.teardown(ctx);
	if (!ret)
		ret = replay_family.setup(env, c, BENCH_COUNT, &ctx, err);
	if (ret)
		return ret;
	*counts = (struct bench_counts){ .nr = 0 };
	ret = replay_family.count(ctx, counts, err);
	replay_family.teardown(ctx);
	return ret;
}

static void expect_count(const struct bench_counts *counts, const char *name,
			 u64 want, const char *where)
{
	double got = -1;

	/* Without the counted twin of the engine some are not known. */
	if (bench_count_find(counts, name, &got)) {
		if (strcmp(name, "pte_writes") && strcmp(name, "calls"))
			fail_msg("%s: no counter %s", where, name);
		return;
	}
	if (got != (double)want)
		fail_msg("%s: %s: expected %" PRIu64 ", got %g", where, name,
			 want, got);
}

struct count {
	const char *name;
	u64 want;
};

struct count_row {
	const char *what;
	const char *text;
	const char *sync;
	struct count counts[12];
};

/*
 * Three leaf sizes. Tables: L1 for the 1G leaf, L2 for the 2M leaf, L3 for the
 * two 4K leaves, and the root. Writes: 3 table entries, 4 leaves, 4 clears.
 */
#define THREE_SIZES                             \
	MAP(0x40000000, 0x40000000, 1073741824) \
	MAP(0x80000000, 0x200000, 2097152)      \
	MAP(0x80200000, 0x1000, 8192)           \
	UNMAP(0x80200000, 8192, 8192)           \
	UNMAP(0x80000000, 2097152, 2097152)     \
	UNMAP(0x40000000, 1073741824, 1073741824)

/* A table of 512 pages in two halves: the second map fills what is there. */
#define TWO_RUNS                     \
	MAP(0x0, 0x1000, 1048576)    \
	UNMAP(0x0, 1048576, 1048576) \
	MAP(0x100000, 0x1000, 1048576) UNMAP(0x100000, 1048576, 1048576)

static const struct count_row count_rows[] = {
	{ "three sizes, a sync each",
	  THREE_SIZES,
	  "each",
	  { { "pte_writes", 3 + 4 + 4 },
	    { "calls", 6 },
	    { "tables_alloc", 3 },
	    { "tables_freed", 0 },
	    { "table_bytes_peak", 4 * 4096 },
	    { "inval_pages", 4 },
	    { "inval_walks", 0 },
	    { "syncs", 3 },
	    { "bytes_mapped", 1075847168 },
	    { "bytes_unmapped", 1075847168 },
	    { "nr_maps", 3 },
	    { "nr_unmaps", 3 } } },
	/* A leaf of another size does not go into the same gather. */
	{ "three sizes, batched",
	  THREE_SIZES,
	  "512",
	  { { "inval_pages", 4 }, { "syncs", 3 } } },
	/* L1, L2 and L3; 256 leaves each time, written and cleared. */
	{ "two runs",
	  TWO_RUNS,
	  "512",
	  { { "pte_writes", 3 + 4 * 256 },
	    { "tables_alloc", 3 },
	    { "inval_pages", 512 },
	    { "syncs", 2 },
	    { "calls", 4 } } },
};

static void test_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(count_rows) * ARRAY_SIZE(engines);
	     i++) {
		const struct count_row *row =
			&count_rows[i / ARRAY_SIZE(engines)];
		const char *engine = engines[i % ARRAY_SIZE(engines)];
		struct bench_counts counts;
		struct iopt_err err;
		struct fixture f;
		char where[128];

		snprintf(where, sizeof(where), "%s on %s", row->what, engine);
		fixture_init(&f, &small_arena, row->text, engine, row->sync);
		if (verify_and_count(&f.env, &f.c, &counts, &err))
			fail_msg("%s: %s", where, err.msg);
		for (size_t k = 0;
		     k < ARRAY_SIZE(row->counts) && row->counts[k].name; k++)
			expect_count(&counts, row->counts[k].name,
				     row->counts[k].want, where);
		expect_count(&counts, "nr_differ", 0, where);
		expect_count(&counts, "warnings", 0, where);
		fixture_fini(&f);
	}
}

/* Maps and then unmaps of @nr pages that touch. */
static void write_pages(char *text, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		text += sprintf(text,
				"map: IOMMU: iova=0x%zx paddr=0x%zx "
				"size=4096\n",
				i << 12, (7 * i + 1) << 12);
	for (size_t i = 0; i < nr; i++)
		text += sprintf(text,
				"unmap: IOMMU: iova=0x%zx size=4096 "
				"unmapped_size=4096\n",
				i << 12);
}

/* Syncs of two full batches, and of one call more. */
static void test_batches(void **state)
{
	static const struct {
		size_t nr;
		const char *sync;
		u64 nr_syncs;
		u64 nr_tables; /* L1, L2, one L3 for 512 pages */
	} rows[] = {
		{ 1024, "each", 1024, 4 },
		{ 1024, "512", 2, 4 },
		{ 1025, "each", 1025, 5 },
		{ 1025, "512", 3, 5 },
	};
	char *text = malloc(2 * 1025 * 80);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bench_counts counts;
		struct iopt_err err;
		struct fixture f;
		char where[64];

		snprintf(where, sizeof(where), "%zu pages, sync %s", rows[i].nr,
			 rows[i].sync);
		write_pages(text, rows[i].nr);
		fixture_init(&f, &small_arena, text, "lpae-7.3", rows[i].sync);
		if (verify_and_count(&f.env, &f.c, &counts, &err))
			fail_msg("%s: %s", where, err.msg);
		expect_count(&counts, "syncs", rows[i].nr_syncs, where);
		expect_count(&counts, "inval_pages", rows[i].nr, where);
		expect_count(&counts, "pte_writes",
			     rows[i].nr_tables + 2 * rows[i].nr, where);
		expect_count(&counts, "nr_differ", 0, where);
		fixture_fini(&f);
	}
	free(text);
}

/* A kernel that splits recorded the first, one that does not the second. */
#define OF_SPLIT                         \
	MAP(0x200000, 0x200000, 2097152) \
	UNMAP(0x200000, 4096, 4096) UNMAP(0x201000, 2093056, 2093056)
#define OF_NOSPLIT                       \
	MAP(0x200000, 0x200000, 2097152) \
	UNMAP(0x200000, 4096, 0) UNMAP(0x200000, 2097152, 2097152)

static const struct {
	const char *text;
	const char *engine;
	u64 nr_differ;
	u64 nr_warnings;
} partial_rows[] = {
	{ OF_SPLIT, "lpae-split", 0, 0 },
	{ OF_SPLIT, "lpae-6.1", 0, 0 },
	{ OF_SPLIT, "lpae-6.12", 0, 0 },
	{ OF_SPLIT, "lpae-nosplit", 2, 2 },
	{ OF_SPLIT, "lpae-7.3", 2, 2 },
	/* 2M instead of 4K, then nothing is left to unmap. */
	{ OF_SPLIT, "lpae-whole", 2, 1 },
	{ OF_NOSPLIT, "lpae-nosplit", 0, 1 },
	{ OF_NOSPLIT, "lpae-7.3", 0, 1 },
	/* 4K instead of nothing; the table goes as a whole. */
	{ OF_NOSPLIT, "lpae-split", 1, 0 },
};

static void check_partial(size_t i, const char *sync)
{
	struct bench_counts counts;
	struct iopt_err err;
	struct fixture f;
	char where[64];
	void *ctx;

	snprintf(where, sizeof(where), "row %zu, %s, sync %s", i,
		 partial_rows[i].engine, sync);
	fixture_init(&f, &small_arena, partial_rows[i].text,
		     partial_rows[i].engine, sync);
	if (verify_and_count(&f.env, &f.c, &counts, &err))
		fail_msg("%s: %s", where, err.msg);
	expect_count(&counts, "nr_differ", partial_rows[i].nr_differ, where);
	expect_count(&counts, "warnings", partial_rows[i].nr_warnings, where);
	if (replay_family.setup(&f.env, &f.c, BENCH_TIME, &ctx, &err))
		fail_msg("%s: %s", where, err.msg);
	assert_string_equal(replay_family.outcome(ctx),
			    partial_rows[i].nr_differ ? "differs" : "ok");
	replay_family.teardown(ctx);
	fixture_fini(&f);
}

static void test_partial(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(partial_rows); i++) {
		check_partial(i, "each");
		check_partial(i, "512");
	}
}

static const struct {
	const char *text;
	const char *message; /* behind the path */
} broken_rows[] = {
	{ MAP(0x0, 0x0, 4096) "1.0: map: IOMMU: iova=0x\n",
	  ":2: malformed iommu event" },
	{ "hello\n", ": no iommu:map or iommu:unmap event in 1 lines" },
	{ UNMAP(0x0, 4096, 4096), ": no call to replay" },
	{ MAP(0x0, 0x0, 4096) MAP(0x1800, 0x0, 4096),
	  ":2: not a multiple of 4K: iova 0x1800 size 4096" },
	{ MAP(0x0, 0x200, 4096), ":1: not a multiple of 4K" },
	{ MAP(0x0, 0x0, 512), ":1: not a multiple of 4K" },
	{ MAP(0x1000000000000, 0x0, 4096), ":1: needs more than 48" },
	{ MAP(0xfffffffff000, 0x0, 8192), ":1: needs more than 48" },
	{ MAP(0x0, 0xfffffffff000, 8192), ":1: needs more than 48" },
};

static void test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken_rows); i++) {
		struct bench_counts counts;
		struct iopt_err err;
		struct fixture f;
		char want[128];
		int ret;

		fixture_init(&f, &small_arena, broken_rows[i].text, "lpae-7.3",
			     "each");
		ret = verify_and_count(&f.env, &f.c, &counts, &err);
		snprintf(want, sizeof(want), "%s%s", f.path,
			 broken_rows[i].message);
		if (ret >= 0 || strncmp(err.msg, want, strlen(want)))
			fail_msg("row %zu: expected \"%s\", got %d and \"%s\"",
				 i, want, ret, ret ? err.msg : "");
		fixture_fini(&f);
	}
}

/* The last page of 48 bits can be mapped, and to the last there is. */
static void test_edge(void **state)
{
	struct bench_counts counts;
	struct iopt_err err;
	struct fixture f;

	(void)state;
	fixture_init(&f, &small_arena,
		     MAP(0xfffffffff000, 0xfffffffff000, 4096), "lpae-7.3",
		     "each");
	if (verify_and_count(&f.env, &f.c, &counts, &err))
		fail_msg("%s", err.msg);
	expect_count(&counts, "nr_differ", 0, "edge");
	fixture_fini(&f);
}

static const struct {
	const char *text;
	const char *warning; /* NULL: none */
	struct count counts[4];
} flaw_rows[] = {
	{ MAP(0x0, 0x0, 4096), NULL, { { "nr_lost", 0 }, { "nr_gaps", 0 } } },
	{ MAP(0x0, 0x0, 4096) "CPU:1 [LOST 7 EVENTS]\n",
	  "lost",
	  { { "nr_lost", 7 }, { "nr_gaps", 0 } } },
	{ MAP(0x0, 0x0, 4096) "CPU:1 [EVENTS DROPPED]\n",
	  "lost",
	  { { "nr_lost", 0 }, { "nr_gaps", 1 } } },
	{ MAP(0x0, 0x0, 8192) MAP(0x1000, 0x0, 4096),
	  "cut",
	  { { "nr_over_live", 1 }, { "nr_maps", 1 }, { "nr_differ", 0 } } },
	{ MAP(0x1000, 0x0, 4096) UNMAP(0x0, 8192, 8192),
	  "cut",
	  { { "nr_never_mapped", 1 },
	    { "nr_unmaps", 1 },
	    { "nr_differ", 0 } } },
	{ "CPU:1 [LOST 7 EVENTS]\n" MAP(0x1000, 0x0, 4096)
		  UNMAP(0x0, 8192, 8192),
	  "lost,cut",
	  { { "nr_lost", 7 }, { "nr_never_mapped", 1 } } },
};

static void test_flaws(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flaw_rows); i++) {
		struct bench_counts counts;
		struct iopt_err err;
		struct fixture f;
		const char *got;
		void *ctx;

		fixture_init(&f, &small_arena, flaw_rows[i].text, "lpae-6.12",
			     "512");
		if (verify_and_count(&f.env, &f.c, &counts, &err) ||
		    replay_family.setup(&f.env, &f.c, BENCH_TIME, &ctx, &err))
			fail_msg("row %zu: %s", i, err.msg);
		for (size_t k = 0; k < 4 && flaw_rows[i].counts[k].name; k++)
			expect_count(&counts, flaw_rows[i].counts[k].name,
				     flaw_rows[i].counts[k].want,
				     flaw_rows[i].text);
		got = replay_family.warning(ctx);
		if (!got != !flaw_rows[i].warning ||
		    (got && strcmp(got, flaw_rows[i].warning)))
			fail_msg("row %zu: expected %s, got %s", i,
				 flaw_rows[i].warning, got);
		replay_family.teardown(ctx);
		fixture_fini(&f);
	}
}

static double find(const struct bench_counts *counts, const char *name)
{
	double value = 0;

	if (bench_count_find(counts, name, &value))
		fail_msg("no counter %s", name);
	return value;
}

static void run_sections(void *ctx, int nr, u64 n)
{
	struct iopt_err err;

	for (int i = 0; i < nr; i++) {
		assert_int_equal(replay_family.prepare(ctx, n, &err), 0);
		replay_family.run(ctx, n);
		if (replay_family.check_after(ctx, n, &err))
			fail_msg("%s", err.msg);
	}
}

/*
 * Sections as the harness times them; the two means make up the whole. What
 * was before start() is not in them: it would be 100 times as much.
 */
static void test_times(void **state)
{
	struct bench_counts counts = { .nr = 0 };
	struct iopt_err err;
	struct fixture f;
	double sum, ratio;
	void *ctx;

	(void)state;
	fixture_init(&f, &small_arena, THREE_SIZES, "lpae-7.3", "each");
	if (replay_family.setup(&f.env, &f.c, BENCH_TIME, &ctx, &err))
		fail_msg("%s", err.msg);
	assert_true(replay_family.max_n(ctx) >= 1000);
	run_sections(ctx, 30, 1000);
	replay_family.start(ctx);
	run_sections(ctx, 3, 100);
	replay_family.report(ctx, &counts);
	sum = 3 * find(&counts, "map_ns") + 3 * find(&counts, "unmap_ns");
	assert_true(find(&counts, "map_ns") > 0);
	assert_true(find(&counts, "unmap_ns") > 0);
	/* No call of a page table takes 1 ms, and none is free. */
	assert_true(sum > 10 && sum < 6e6);
	ratio = find(&counts, "lockstep_ratio");
	if (!test_emulator() && (ratio < 0.05 || ratio > 20))
		fail_msg("lockstep_ratio is %g, expected about 1", ratio);
	/* Work that is left out is noticed. */
	assert_int_equal(replay_family.prepare(ctx, 2, &err), 0);
	replay_family.run(ctx, 1);
	assert_int_equal(replay_family.check_after(ctx, 2, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "made 3 tables, expected 6"));
	replay_family.teardown(ctx);
	fixture_fini(&f);
}

static void check_shipped(const struct bench_env *env, struct bench_case *c)
{
	struct bench_counts counts;
	struct iopt_err err;
	char where[128];

	snprintf(where, sizeof(where), "%s on %s, sync %s", c->values[0],
		 c->values[1], c->values[2]);
	if (verify_and_count(env, c, &counts, &err))
		fail_msg("%s: %s", where, err.msg);
	expect_count(&counts, "nr_differ", 0, where);
	expect_count(&counts, "warnings", 0, where);
	expect_count(&counts, "nr_lost", 0, where);
	expect_count(&counts, "nr_over_live", 0, where);
	expect_count(&counts, "nr_never_mapped", 0, where);
}

static void test_shipped(void **state)
{
	static const char *const syncs[] = { "each", "512" };
	struct arena_cfg cfg = { .size = 64 * SZ_1M, .want_base_pages = true };
	struct bench_env env = { .nr_traces = 0 };
	struct bench_case c = { .family = &replay_family };
	const char *name;

	(void)state;
	if (trace_set_skip(NULL)) {
		print_message("skip: %s\n", trace_set_skip(NULL));
		skip();
	}
	assert_int_equal(arena_create(&cfg, &env.arena, NULL), 0);
	assert_int_equal(trace_set_create(NULL, 0, &env.trace_set, NULL), 0);
	for (size_t i = 0; (name = trace_set_name(env.trace_set, i)); i++)
		for (size_t e = 0; e < ARRAY_SIZE(engines); e++)
			for (size_t s = 0; s < ARRAY_SIZE(syncs); s++) {
				if ((i + e + s) % test_nth(3))
					continue;
				c.values[0] = name;
				c.values[1] = engines[e];
				c.values[2] = syncs[s];
				check_shipped(&env, &c);
			}
	trace_set_destroy(env.trace_set);
	expect_u64(arena_destroy(env.arena), 0, "bytes leaked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),	cmocka_unit_test(test_batches),
		cmocka_unit_test(test_partial), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_edge),	cmocka_unit_test(test_flaws),
		cmocka_unit_test(test_times),	cmocka_unit_test(test_shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
