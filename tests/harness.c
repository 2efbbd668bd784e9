// SPDX-License-Identifier: GPL-2.0-only
/*
 * The harness on families made to go wrong: what fails is an error row and
 * never a number, and work that is not done is seen.
 */
#include "test.h"

#include <linux/perf_event.h>
#include <math.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cost.h"
#include "harness.h"

#define SLEEP_NS 20000000

/* What a fake family does; its context is this with the run's state. */
struct fake {
	const char *title;
	/* Times and behaviour. */
	double op_ns;	   /* of each operation */
	double section_ns; /* of each run(), whatever n */
	u64 max_n;
	const char *fails; /* the hook that returns an error */
	bool leaks;
	const char *counter;
	double value;
	const char *outcome;
	const char *warning;
	const char *skip;
	bool is_long;
	bool cancels;	 /* setup says that it cannot run here */
	bool is_untimed; /* the family has no run() */
	bool sleeps;	 /* run() gives the CPU away for SLEEP_NS */
	bool times_cpu;
	/* What must come of it. */
	struct harness_result want;
	const char *row[2]; /* must be in the row */
	const char *label;  /* must begin the label; NULL for no number */
};

/* The order of the calls of all cases, for one test at a time. */
static struct {
	const struct fake *fake;
	char calls[4096];
	volatile sig_atomic_t stop;
	unsigned int nr_runs_before_stop;
} now;

static struct host_clock now_clock;

static void note(char call)
{
	size_t len = strlen(now.calls);

	if (len + 1 < sizeof(now.calls))
		now.calls[len] = call;
}

static int hook(char call, const char *name, struct iopt_err *err)
{
	note(call);
	if (now.fake->cancels && !strcmp(name, "setup"))
		return iopt_err_set(err, -ECANCELED, "no rights here");
	if (!now.fake->fails || strcmp(now.fake->fails, name))
		return 0;
	return iopt_err_set(err, -EINVAL, "%s went wrong", name);
}

static bool fake_check(const struct bench_env *env, struct bench_case *c)
{
	(void)env;
	c->is_long = now.fake->is_long;
	if (now.fake->skip)
		snprintf(c->skip, sizeof(c->skip), "%s", now.fake->skip);
	return true;
}

static int fake_setup(const struct bench_env *env, const struct bench_case *c,
		      enum bench_phase phase, void **ctx, struct iopt_err *err)
{
	static const char calls[] = "VCT";
	int ret = hook(calls[phase], "setup", err);

	(void)c;
	if (!ret)
		*ctx = env->arena;
	return ret;
}

static void fake_teardown(void *ctx)
{
	note('t');
	if (now.fake->leaks)
		assert_non_null(arena_alloc(ctx, 4096));
}

static int fake_verify(void *ctx, struct iopt_err *err)
{
	(void)ctx;
	return hook('v', "verify", err);
}

static int fake_count(void *ctx, struct bench_counts *counts,
		      struct iopt_err *err)
{
	(void)ctx;
	if (now.fake->counter)
		bench_count(counts, now.fake->counter, now.fake->value);
	return hook('c', "count", err);
}

static u64 fake_max_n(void *ctx)
{
	(void)ctx;
	return now.fake->max_n;
}

static int fake_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	(void)ctx;
	assert_true(n >= 1 && n <= now.fake->max_n);
	return hook('p', "prepare", err);
}

static void fake_run(void *ctx, u64 n)
{
	double ns = now.fake->section_ns + now.fake->op_ns * (double)n;
	u64 start = host_clock_ns(&now_clock);

	(void)ctx;
	note('r');
	if (now.nr_runs_before_stop && !--now.nr_runs_before_stop)
		now.stop = 1;
	if (now.fake->sleeps)
		clock_nanosleep(CLOCK_MONOTONIC, 0,
				&(struct timespec){ .tv_nsec = SLEEP_NS },
				NULL);
	while (ns > 0 && (double)(host_clock_ns(&now_clock) - start) < ns)
		;
}

static int fake_check_after(void *ctx, u64 n, struct iopt_err *err)
{
	(void)ctx;
	(void)n;
	return hook('a', "check_after", err);
}

static int fake_finish(void *ctx, u64 n, struct iopt_err *err)
{
	(void)ctx;
	(void)n;
	return hook('f', "finish", err);
}

static const char *fake_outcome(void *ctx)
{
	(void)ctx;
	return now.fake->outcome ? now.fake->outcome : "ok";
}

static const char *fake_warning(void *ctx)
{
	(void)ctx;
	return now.fake->warning;
}

static void fake_report(void *ctx, struct bench_counts *counts)
{
	(void)ctx;
	bench_count(counts, "map_ns", 1.5);
}

static const char *const values[] = { "1", NULL };
static const struct bench_key keys[] = { { .name = "k", .values = values },
					 { .name = NULL } };
static const struct bench_counter counters[] = { { "map_ns", false },
						 { "exact_own", true },
						 { NULL, false } };

/* Never called: the harness must not ask a family without run(). */
static int fake_unwanted(void *ctx, u64 n, struct iopt_err *err)
{
	(void)ctx;
	(void)n;
	(void)err;
	note('u');
	return 0;
}

static const struct bench_family untimed_family = {
	.name = "untimed",
	.question = "what is there to count?",
	.keys = keys,
	.counters = counters,
	.setup = fake_setup,
	.teardown = fake_teardown,
	.verify = fake_verify,
	.count = fake_count,
	.prepare = fake_unwanted,
	.finish = fake_unwanted,
};

static const struct bench_family family = {
	.name = "fake",
	.question = "does the harness see it?",
	.keys = keys,
	.counters = counters,
	.check = fake_check,
	.setup = fake_setup,
	.teardown = fake_teardown,
	.verify = fake_verify,
	.count = fake_count,
	.max_n = fake_max_n,
	.prepare = fake_prepare,
	.run = fake_run,
	.check_after = fake_check_after,
	.finish = fake_finish,
	.report = fake_report,
	.outcome = fake_outcome,
	.warning = fake_warning,
};

static const struct bench_family cpu_family = {
	.name = "cpu",
	.question = "who else had the CPU?",
	.keys = keys,
	.check = fake_check,
	.setup = fake_setup,
	.teardown = fake_teardown,
	.verify = fake_verify,
	.count = fake_count,
	.max_n = fake_max_n,
	.times_cpu = true,
	.run = fake_run,
};

/* What the rows of a ledger share is made once, and found by each. */
static char shared[] = "made once";

static int fake_share(const struct bench_env *env, const struct bench_case *c,
		      void **out, struct iopt_err *err)
{
	int ret = hook('s', "share", err);

	(void)c;
	assert_null(env->profile);
	if (!ret)
		*out = shared;
	return ret;
}

static void fake_unshare(void *p)
{
	assert_ptr_equal(p, shared);
	note('x');
}

static int sharing_setup(const struct bench_env *env,
			 const struct bench_case *c, enum bench_phase phase,
			 void **ctx, struct iopt_err *err)
{
	assert_ptr_equal(env->shared, env->profile ? shared : NULL);
	return fake_setup(env, c, phase, ctx, err);
}

static const struct bench_family sharing_family = {
	.name = "sharing",
	.question = "is it made once?",
	.keys = keys,
	.setup = sharing_setup,
	.teardown = fake_teardown,
	.verify = fake_verify,
	.count = fake_count,
	.max_n = fake_max_n,
	.run = fake_run,
	.share = fake_share,
	.unshare = fake_unshare,
	.has_ledger = true,
};

static const struct bench_family *families[] = { &family, NULL };
static const struct bench_family *const sharing_families[] = { &sharing_family,
							       NULL };
static const struct bench_family *const cpu_families[] = { &cpu_family, NULL };
static const struct bench_family *const untimed_families[] = { &untimed_family,
							       NULL };

/* Runs the family once; the caller frees the text of the result. */
static char *run_fake(const struct fake *fake, struct harness_cfg *cfg,
		      struct arena *arena, struct harness_result *result,
		      int want_ret)
{
	struct bench_env env = { .arena = arena, .clock = &now_clock };
	struct bench_list list;
	const struct bench_case *c[2];
	FILE *f = tmpfile();
	struct gb *gb;
	char *text;
	size_t len;

	memset(&now, 0, offsetof(__typeof__(now), nr_runs_before_stop));
	now.fake = fake;
	assert_non_null(f);
	assert_int_equal(bench_list_build(&list,
					  fake->is_untimed ? untimed_families :
					  fake->times_cpu  ? cpu_families :
					  cfg->nr_profiles ? sharing_families :
							     families,
					  &env, NULL),
			 0);
	assert_int_equal(list.nr, 1);
	c[0] = &list.cases[0];
	cfg->env = &env;
	cfg->cases = c;
	cfg->nr_cases = 1;
	cfg->measure.clock = &now_clock;
	cfg->measure.min_section_ns = 20000;
	cfg->measure.budget_ns = 200000;
	cfg->measure.stop = &now.stop;
	assert_int_equal(gb_create(f, GB_JSON, "test", &gb, NULL), 0);
	expect_int(harness_run(cfg, gb, result, NULL), want_ret, fake->title);
	assert_int_equal(gb_destroy(gb, NULL), 0);
	len = (size_t)ftell(f);
	rewind(f);
	text = calloc(1, len + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, len, f), len);
	fclose(f);
	bench_list_free(&list);
	return text;
}

static struct arena *make_arena(void)
{
	struct arena_cfg cfg = { .size = 1 << 21, .want_base_pages = true };
	struct arena *arena;

	assert_int_equal(arena_create(&cfg, &arena, NULL), 0);
	return arena;
}

#define OK                 \
	{                  \
		.nr_ok = 1 \
	}
#define FAILED                 \
	{                      \
		.nr_failed = 1 \
	}

static const struct fake table[] = {
	{ "honest work", .op_ns = 2000, .max_n = 1000, .want = OK,
	  .row = { "\"map_ns\": 1.5", "\"n2n_ratio\": " }, .label = "ok" },
	{ "a named outcome", .op_ns = 2000, .max_n = 1000, .outcome = "refused",
	  .want = OK, .label = "refused" },
	{ "a doubtful input", .op_ns = 2000, .max_n = 1000, .warning = "lost",
	  .want = OK, .label = "ok;warn=lost" },
	{ "a doubtful input and no work", .max_n = 1000, .warning = "lost,cut",
	  .want = OK, .label = "ok;warn=lost,cut,n2n,short\"" },
	{ "a counter", .op_ns = 2000, .max_n = 1000, .counter = "exact_own",
	  .value = 7, .want = OK, .row = { "\"exact_own\": 7.0" },
	  .label = "ok" },
	/* Work that is not done. */
	{ "elided", .max_n = 1000, .want = OK, .label = "ok;warn=n2n,short" },
	{ "the same time for any n", .section_ns = 30000, .max_n = 1000,
	  .want = OK, .label = "ok;warn=n2n\"" },
	{ "too little to prepare", .op_ns = 1000, .max_n = 4, .want = OK,
	  .label = "ok;warn=short\"" },
	{ "one at a time", .op_ns = 30000, .max_n = 1, .want = OK,
	  .label = "ok;warn=n2n\"" },
	/* Long: one section, and no proof is asked for; elided or not. */
	{ "long", .op_ns = 1000, .max_n = 4, .is_long = true, .want = OK,
	  .row = { "\"blocks\": 1.0", "\"block_n\": 1.0" }, .label = "ok\"" },
	{ "nothing to prepare", .op_ns = 1000, .max_n = 0, .want = FAILED,
	  .row = { "verify: no operation can be prepared" } },
	/* Hooks that fail. */
	{ "setup", .max_n = 9, .fails = "setup", .want = FAILED,
	  .row = { "\"error_message\": \"verify: setup: setup went wrong" } },
	{ "verify", .max_n = 9, .fails = "verify", .want = FAILED,
	  .row = { "\"error_message\": \"verify: verify went wrong\"" } },
	{ "count", .max_n = 9, .fails = "count", .want = FAILED,
	  .row = { "verify: count: count went wrong" } },
	{ "prepare", .max_n = 9, .fails = "prepare", .want = FAILED,
	  .row = { "verify: prepare went wrong" } },
	{ "finish", .max_n = 9, .fails = "finish", .want = FAILED,
	  .row = { "verify: finish went wrong" } },
	{ "structure", .op_ns = 2000, .max_n = 99, .fails = "check_after",
	  .want = FAILED, .row = { "verify: check_after went wrong" } },
	{ "leak", .op_ns = 2000, .max_n = 99, .leaks = true, .want = FAILED,
	  .row = { "verify: 4096 bytes of tables were not freed" } },
	/* Counters that must not reach a result. */
	{ "NaN", .max_n = 9, .counter = "exact_own", .value = NAN,
	  .want = FAILED, .row = { "exact_own is nan, not finite" } },
	{ "infinity", .max_n = 9, .counter = "map_ns", .value = INFINITY,
	  .want = FAILED, .row = { "map_ns is inf, not finite" } },
	{ "half an entry", .max_n = 9, .counter = "exact_own", .value = 0.5,
	  .want = FAILED, .row = { "exact_own is 0.5, not a whole" } },
	{ "less than none", .max_n = 9, .counter = "pte_writes", .value = -1,
	  .want = FAILED, .row = { "pte_writes is -1, not a whole" } },
	{ "undeclared", .max_n = 9, .counter = "surprise", .value = 1,
	  .want = FAILED, .row = { "counter surprise is not declared" } },
	{ "a field of the library", .max_n = 9, .counter = "real_time",
	  .value = 1, .want = FAILED,
	  .row = { "counter real_time is not declared" } },
	/* Skips. */
	{ "skip", .max_n = 9, .skip = "no such engine here",
	  .want = { .nr_skipped = 1 },
	  .row = { "\"error_message\": \"skip: no such engine here\"" } },
	{ "skip that setup finds", .max_n = 9, .cancels = true,
	  .want = { .nr_skipped = 1 },
	  .row = { "\"error_message\": \"skip: no rights here\"" } },
};

static void check_row(const struct fake *fake, const char *text,
		      const struct harness_result *got)
{
	char label[64];

	expect_u64(got->nr_ok, fake->want.nr_ok, "%s: ok", fake->title);
	expect_u64(got->nr_failed, fake->want.nr_failed, "%s: failed",
		   fake->title);
	expect_u64(got->nr_skipped, fake->want.nr_skipped, "%s: skipped",
		   fake->title);
	for (size_t i = 0; i < ARRAY_SIZE(fake->row) && fake->row[i]; i++)
		expect_text(text, fake->row[i], fake->title);
	if (fake->want.nr_failed) {
		expect_text(got->first_failure,
			    "fake/k:1: verify:", fake->title);
		assert_null(strstr(text, "block_min_ns"));
		/* No iteration, no number. */
		expect_text(text, "\"real_time\": 0.0000", fake->title);
	}
	if (!fake->label)
		return;
	snprintf(label, sizeof(label), "\"label\": \"%s", fake->label);
	expect_text(text, label, fake->title);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct harness_cfg cfg = { .is_count_only = false };
		struct arena *arena = make_arena();
		struct harness_result got;
		char *text = run_fake(&table[i], &cfg, arena, &got, 0);

		print_message("case: %s\n", table[i].title);
		check_row(&table[i], text, &got);
		free(text);
		arena_destroy(arena);
	}
}

/*
 * Verification and counting come first, each with a context of its own, then
 * prepare, run, finish in turn, and the structure is compared once, last.
 */
static void test_order_of_calls(void **state)
{
	const struct fake *fake = &table[0];
	struct harness_cfg cfg = { .is_count_only = false };
	struct arena *arena = make_arena();
	struct harness_result got;
	char *text = run_fake(fake, &cfg, arena, &got, 0);
	const char *at = now.calls;

	(void)state;
	print_message("calls: %s\n", now.calls);
	assert_int_equal(strncmp(at, "VvtCctT", 7), 0);
	for (at += 7; !strncmp(at, "prf", 3);)
		at += 3;
	assert_string_equal(at, "praft");
	free(text);
	arena_destroy(arena);
}

/* A long case does its operation once, and with an outcome of its own. */
static void test_long(void **state)
{
	const struct fake fake = {
		"long",		 .op_ns = 2000,	     .max_n = 9,
		.is_long = true, .outcome = "stuck", .label = "stuck\"",
		.want = OK
	};
	struct harness_cfg cfg = { .is_count_only = false };
	struct arena *arena = make_arena();
	struct harness_result got;
	char *text = run_fake(&fake, &cfg, arena, &got, 0);

	(void)state;
	assert_string_equal(now.calls, "VvtCctTpraft");
	check_row(&fake, text, &got);
	assert_null(strstr(text, "n2n_ratio"));
	free(text);
	arena_destroy(arena);
}

/* What others do on the CPU meanwhile is no part of a CPU time. */
static void test_cpu_time(void **state)
{
	const struct fake fakes[] = {
		{ "clock", .max_n = 1, .sleeps = true, .op_ns = 30000 },
		{ "CPU", .max_n = 1, .sleeps = true, .op_ns = 30000,
		  .times_cpu = true },
		{ "CPU, long", .max_n = 1, .sleeps = true, .op_ns = 30000,
		  .is_long = true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fakes); i++) {
		struct harness_cfg cfg = { .is_count_only = false };
		struct arena *arena = make_arena();
		struct harness_result got;
		char *text = run_fake(&fakes[i], &cfg, arena, &got, 0);
		const char *at = strstr(text, "\"block_min_ns\": ");

		assert_non_null(at);
		at += strlen("\"block_min_ns\": ");
		print_message("case: %s, %.12s ns\n", fakes[i].title, at);
		assert_int_equal(strtod(at, NULL) < SLEEP_NS, i > 0);
		free(text);
		arena_destroy(arena);
	}
}

static void test_nothing_is_timed_after_a_failure(void **state)
{
	const struct fake fakes[] = {
		{ "verify", .max_n = 9, .fails = "verify" },
		{ "count", .max_n = 9, .fails = "count" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fakes); i++) {
		struct harness_cfg cfg = { .is_count_only = false };
		struct arena *arena = make_arena();
		struct harness_result got;

		free(run_fake(&fakes[i], &cfg, arena, &got, 0));
		assert_null(strchr(now.calls, 'r'));
		assert_null(strchr(now.calls, 'T'));
		arena_destroy(arena);
	}
}

/* A count-only run, and a family that has nothing to time in any run. */
static void test_count_only(void **state)
{
	(void)state;
	for (int is_untimed = 0; is_untimed < 2; is_untimed++) {
		const struct fake fake = {
			"counted",    .op_ns = 2000,
			.max_n = 99,  .counter = "pte_writes",
			.value = 512, .is_untimed = is_untimed
		};
		struct harness_cfg cfg = { .is_count_only = !is_untimed };
		struct arena *arena = make_arena();
		struct harness_result got;
		char *text = run_fake(&fake, &cfg, arena, &got, 0);

		assert_int_equal(got.nr_ok, 1);
		expect_text(text, "\"label\": \"counted\"", "label");
		expect_text(text, "\"pte_writes\": 5.12", "counter");
		expect_text(text, "\"iterations\": 1,", "iterations");
		assert_null(strstr(text, "\"real_time\": 0.0"));
		assert_null(strpbrk(now.calls, "ru"));
		free(text);
		arena_destroy(arena);
	}
}

/* A plan decides how often; what is not in it is found out as ever. */
static void test_plan(void **state)
{
	static const struct {
		struct plan_entry entry;
		size_t nr_failed;
		const char *row[2];
	} rows[] = {
		{ { "fake/k:1", 40, 3, 1 },
		  0,
		  { "\"iterations\": 120,", "\"n2n_ratio\": " } },
		{ { "fake/k:1", 1, 4, 1 },
		  0,
		  { "\"iterations\": 4,", "short" } },
		{ { "fake/k:1", 1001, 1, 1 },
		  1,
		  { "1001 operations are planned and at most 1000 can", "" } },
		{ { "fake/k:1", 0, 0, 1 }, 0, { "\"block_n\": ", "\"ok" } },
		{ { "other/k:1", 7, 7, 1 }, 0, { "\"block_n\": ", "\"ok" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plan_entry entry = rows[i].entry;
		const struct plan plan = { .entries = &entry, .nr = 1 };
		struct harness_cfg cfg = { .plan = &plan };
		struct arena *arena = make_arena();
		struct harness_result got;
		char *text = run_fake(&table[0], &cfg, arena, &got, 0);

		expect_u64(got.nr_failed, rows[i].nr_failed, "row %zu", i);
		expect_text(text, rows[i].row[0], "plan");
		expect_text(text, rows[i].row[1], "plan");
		free(text);
		arena_destroy(arena);
	}
}

/* Two profiles, one share; and no row of the ledger without it. */
static void test_share(void **state)
{
	static const struct cost_profile profiles[] = { { .name = "a" },
							{ .name = "b" } };
	static const struct {
		const char *fails, *calls;
		struct harness_result want;
	} rows[] = {
		{ NULL, "VvtCctsCctCctx", { .nr_ok = 3 } },
		{ "share", "VvtCcts", { .nr_ok = 1, .nr_failed = 2 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct fake fake = { "shared", .max_n = 9,
					   .fails = rows[i].fails };
		struct harness_cfg cfg = { .is_count_only = true,
					   .profiles = profiles,
					   .nr_profiles = 2 };
		struct arena *arena = make_arena();
		struct harness_result got;

		free(run_fake(&fake, &cfg, arena, &got, 0));
		assert_string_equal(now.calls, rows[i].calls);
		expect_u64(got.nr_ok, rows[i].want.nr_ok, "ok");
		expect_u64(got.nr_failed, rows[i].want.nr_failed, "failed");
		arena_destroy(arena);
	}
}

/* Stopped in calibration, or in the sections that count: no row, no leak. */
static void test_interrupt(void **state)
{
	const unsigned int after[] = { 1, 5, 24 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(after); i++) {
		struct harness_cfg cfg = { .is_count_only = false };
		struct arena *arena = make_arena();
		struct harness_result got;
		char *text;

		now.nr_runs_before_stop = after[i];
		text = run_fake(&table[0], &cfg, arena, &got, -EINTR);
		print_message("stopped at run %u: %s\n", after[i], now.calls);
		assert_int_equal(got.nr_ok + got.nr_failed, 0);
		assert_null(strstr(text, "run_name"));
		assert_int_equal(now.calls[strlen(now.calls) - 1], 't');
		free(text);
		now.nr_runs_before_stop = 0;
		arena_destroy(arena);
	}
}

static void test_section_length(void **state)
{
	static const struct {
		u64 resolution_ns;
		double overhead_ns, want_ns;
	} rows[] = {
		{ 1, 25, 20000 },     /* 100 * 25 and 200 * 1 are less */
		{ 1, 1000, 100000 },  /* 100 * 1000 */
		{ 1000, 25, 200000 }, /* 200 * 1000 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host_clock clock = { .resolution_ns =
						    rows[i].resolution_ns };

		assert_true(measure_section_ns(&clock, rows[i].overhead_ns) ==
			    rows[i].want_ns);
	}
	assert_true(measure_is_proven(2));
	assert_true(measure_is_proven(1.75));
	assert_true(measure_is_proven(2.25));
	assert_false(measure_is_proven(1.6));
	assert_false(measure_is_proven(2.4));
	assert_false(measure_is_proven(1));
	assert_false(measure_is_proven(0));
	assert_true(measure_overhead_ns(&now_clock, NULL, NULL) < 100000);
}

/* A monitor of cycles and instructions that counts 7 in each operation. */
static struct {
	u64 nr_ops;
	u64 nr_enabled;
	bool is_enabled, is_shared, is_broken;
} monitor;

static int monitor_open(struct perf_event_attr *attr, int group_fd, void *arg)
{
	(void)arg;
	return attr->type == PERF_TYPE_HARDWARE && attr->config < 2 ?
		       5 + group_fd :
		       -ENOENT;
}

static int monitor_control(int fd, unsigned long request, void *arg)
{
	(void)arg;
	assert_int_equal(fd, 4);
	monitor.is_enabled = request == PERF_EVENT_IOC_ENABLE;
	monitor.nr_enabled += monitor.is_enabled;
	note(monitor.is_enabled ? '<' : '>');
	return 0;
}

static ssize_t monitor_read(int fd, void *buf, size_t size, void *arg)
{
	u64 *v = buf;

	(void)arg;
	assert_int_equal(fd, 4);
	if (monitor.is_broken)
		return -EINVAL;
	v[0] = 2;
	v[1] = monitor.nr_enabled;
	v[2] = monitor.is_shared ? 0 : monitor.nr_enabled;
	v[3] = 3 * monitor.nr_ops;
	v[4] = 7 * monitor.nr_ops;
	return (ssize_t)size;
}

static void monitor_close(int fd, void *arg)
{
	(void)fd;
	(void)arg;
}

static void monitored_run(void *ctx, u64 n)
{
	assert_true(monitor.is_enabled);
	monitor.nr_ops += n;
	fake_run(ctx, n);
}

static int monitored_finish(void *ctx, u64 n, struct iopt_err *err)
{
	assert_false(monitor.is_enabled);
	return fake_finish(ctx, n, err);
}

/* A family may want longer sections than the clock needs. */
static void test_least_section(void **state)
{
	static const struct fake fake = { "long sections", .op_ns = 2000,
					  .max_n = 1000 };
	struct harness_result result;
	struct harness_cfg cfg = { .env = NULL };
	struct bench_family patient = family;
	struct arena *arena = make_arena();
	const char *found;
	char *text;

	(void)state;
	patient.min_section_ns = 150000;
	families[0] = &patient;
	text = run_fake(&fake, &cfg, arena, &result, 0);
	families[0] = &family;
	found = strstr(text, "\"block_n\": ");
	assert_non_null(found);
	/* 150 us of operations of 2 us, which may take longer. */
	assert_true(strtod(found + strlen("\"block_n\": "), NULL) > 20);
	assert_null(strstr(text, "short"));
	free(text);
	arena_destroy(arena);
}

/* Counts are of one operation, of the timed sections and of nothing else. */
static void test_perf(void **state)
{
	static const struct fake fake = { "monitored", .op_ns = 2000,
					  .max_n = 1000 };
	const struct host_perf_sys sys = { monitor_open, monitor_control,
					   monitor_read, monitor_close, NULL };
	const struct host_perf_cfg perf_cfg = { .root = "/nowhere",
						.sys = &sys };
	struct bench_family monitored = family;
	struct host_perf_counts empty;
	struct harness_result result;
	struct harness_cfg cfg = { .env = NULL };
	struct arena *arena = make_arena();
	char *text;

	(void)state;
	assert_int_equal(host_perf_create(&perf_cfg, &cfg.measure.perf, NULL),
			 0);
	measure_overhead_ns(&now_clock, cfg.measure.perf, &empty);
	assert_true(empty.has[HOST_PERF_INSTRUCTIONS]);
	assert_int_equal(empty.value[HOST_PERF_INSTRUCTIONS], 0);
	monitored.run = monitored_run;
	monitored.finish = monitored_finish;
	families[0] = &monitored;
	text = run_fake(&fake, &cfg, arena, &result, 0);
	expect_text(text, "\"perf_cycles\": 3.0", fake.title);
	expect_text(text, "\"perf_instructions\": 7.0", fake.title);
	expect_text(text, "\"perf_context_switches\": ", fake.title);
	assert_null(strstr(text, "perf_llc_misses"));
	assert_non_null(strstr(now.calls, "p<r>f"));
	assert_null(strstr(now.calls, "<>"));
	free(text);
	/* Another takes turns on the counters: a word, and no number. */
	monitor.is_shared = true;
	text = run_fake(&fake, &cfg, arena, &result, 0);
	assert_null(strstr(text, "\"perf_"));
	expect_text(text, "\"label\": \"ok;warn=multiplexed\"", fake.title);
	free(text);
	/* The kernel does not tell: likewise. */
	monitor.is_broken = true;
	text = run_fake(&fake, &cfg, arena, &result, 0);
	monitor.is_broken = false;
	monitor.is_shared = false;
	assert_null(strstr(text, "\"perf_"));
	expect_text(text, "\"label\": \"ok;warn=perf-failed\"", fake.title);
	free(text);
	families[0] = &family;
	host_perf_destroy(cfg.measure.perf);
	arena_destroy(arena);
}

/* What a process said when it gave up its turns, an own line each. */
static void told_in_turns(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t nr;

	while (len + 1 < size &&
	       (nr = recv(fd, text + len, size - len - 1, MSG_DONTWAIT)) > 0) {
		len += (size_t)nr;
		if (len + 1 < size)
			text[len++] = '\n';
	}
	text[len] = '\0';
}

/*
 * A case begins with a turn for which nothing is told, of whatever came before
 * it; a long one takes none.
 */
static void test_turns(void **state)
{
	static const struct fake is_short = { "short", .op_ns = 1000,
					      .max_n = 1000 };
	static const struct fake is_long = { "long", .op_ns = 1000, .max_n = 4,
					     .is_long = true };
	static const struct fake fails = { "fails", .op_ns = 1000,
					   .max_n = 1000,
					   .fails = "check_after" };
	static const struct {
		const struct fake *fake;
		bool tells; /* of what it measured */
	} rows[] = {
		{ &is_short, true }, { &is_long, false }, { &is_short, true },
		{ &fails, false },   { &is_short, true },
	};
	struct harness_cfg cfg = { .env = NULL };
	struct arena *arena = make_arena();
	struct turns turns;
	char number[16], told[4096];
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	snprintf(number, sizeof(number), "%d", fds[0]);
	assert_int_equal(turns_init(&turns, number, NULL, NULL), 0);
	cfg.measure.turns = &turns;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct harness_result got;

		/* Turns that are there already: nothing waits. */
		for (int j = 0; j < 50; j++)
			assert_int_equal(send(fds[1], ".", 1, 0), 1);
		free(run_fake(rows[i].fake, &cfg, arena, &got, 0));
		told_in_turns(fds[1], told, sizeof(told));
		if (rows[i].fake->is_long) {
			assert_string_equal(told, "");
			continue;
		}
		if (strncmp(told, "-\n", 2) != 0)
			fail_msg("row %zu: told '%s' at first", i, told);
		if (rows[i].tells && !strstr(told, " fake/k:1\n"))
			fail_msg("row %zu: told '%s'", i, told);
	}
	close(fds[0]);
	close(fds[1]);
	arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_order_of_calls),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_cpu_time),
		cmocka_unit_test(test_nothing_is_timed_after_a_failure),
		cmocka_unit_test(test_count_only),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_interrupt),
		cmocka_unit_test(test_section_length),
		cmocka_unit_test(test_least_section),
		cmocka_unit_test(test_perf),
		cmocka_unit_test(test_turns),
	};

	if (host_clock_init(&now_clock, 0, NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
