// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of 1 GHz down to 25 MHz, as arm64 servers have them: sections are
 * long enough for each, and what they say is right to a percent.
 *
 * clock_gettime() is this file's: time passes as operations and readings say,
 * and is told in whole ticks of a counter, so nothing depends on the machine.
 */
#include <math.h>
#include <time.h>

#include "measure.h"
#include "rng.h"
#include "stretch.h"
#include "test.h"

#define PS_NS	  1000ull
#define YEAR_NS	  (365ull * 24 * 3600 * 1000000000)
#define NR_TIMED  300
#define BUDGET_NS 2e6

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

/*
 * A counter: when it was started, the time since then, one tick of it and the
 * cost of reading it, up to an eighth more.
 */
static struct {
	u64 start_ns;
	u64 now_ps;
	u64 tick_ps;
	u64 read_ps;
	struct rng rng;
} counter;

static u64 told_ns(void)
{
	return counter.start_ns +
	       counter.now_ps / counter.tick_ps * counter.tick_ps / PS_NS;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	u64 cost = counter.read_ps, ns;

	if (!counter.tick_ps)
		return __real_clock_gettime(id, ts);
	cost += rng_below(&counter.rng, cost / 8);
	counter.now_ps += cost / 2;
	ns = told_ns();
	counter.now_ps += cost - cost / 2;
	ts->tv_sec = (time_t)(ns / 1000000000u);
	ts->tv_nsec = (long)(ns % 1000000000u);
	return 0;
}

/*
 * What a counter must give: the smallest step that is seen is a tick, or the
 * reading where that takes longer; a section is the longest of 20 us, 200
 * steps and 100 empty sections, of one reading each.
 */
static const struct rate {
	const char *name;
	u64 tick_ps, read_ps;
	u64 least_step_ns, most_step_ns;
	double least_section_ns, most_section_ns;
} rates[] = {
	{ "1 GHz", 1000, 8000, 8, 9, 20000, 20000 },
	{ "100 MHz", 10000, 15000, 10, 10, 20000, 20000 },
	{ "50 MHz", 20000, 25000, 20, 20, 20000, 20000 },
	{ "31.25 MHz", 32000, 20000, 32, 32, 20000, 20000 },
	{ "25 MHz", 40000, 20000, 40, 40, 20000, 20000 },
	{ "19.2 MHz", 52083, 20000, 52, 52, 20000, 20000 },
	{ "25 MHz, a system call", 40000, 700000, 680, 720, 136000, 144000 },
	{ "1 MHz", 1000000, 20000, 1000, 1000, 200000, 200000 },
};

/* Long up: 2^53 ns are 104 days. */
static const u64 uptimes_ns[] = { 0, YEAR_NS, 30 * YEAR_NS, 500 * YEAR_NS };

static void counter_start(const struct rate *rate, u64 uptime_ns)
{
	counter.start_ns = uptime_ns;
	counter.now_ps = 0;
	counter.tick_ps = rate->tick_ps;
	counter.read_ps = rate->read_ps;
	rng_init(&counter.rng, 1);
}

static int counter_stop(void **state)
{
	(void)state;
	counter.tick_ps = 0;
	return 0;
}

/* Operations that take a time; how many can be prepared. */
struct work {
	u64 op_ps;
	u64 max_n;
};

static u64 work_max_n(void *ctx)
{
	return ((const struct work *)ctx)->max_n;
}

/* Sections start anywhere between two ticks. */
static int work_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	(void)ctx;
	(void)n;
	(void)err;
	counter.now_ps += rng_below(&counter.rng, 4 * counter.tick_ps);
	return 0;
}

static void work_run(void *ctx, u64 n)
{
	counter.now_ps += n * ((const struct work *)ctx)->op_ps;
}

static const struct bench_family family = {
	.max_n = work_max_n,
	.prepare = work_prepare,
	.run = work_run,
};

/* A clock on the counter, and what a section must last. */
static struct measure_cfg clock_start(const struct rate *rate, u64 uptime_ns,
				      struct host_clock *clock)
{
	struct measure_cfg cfg = { .clock = clock, .budget_ns = BUDGET_NS };
	struct iopt_err err = { "" };

	counter_start(rate, uptime_ns);
	if (host_clock_init(clock, 0, &err))
		fail_msg("%s: %s", rate->name, err.msg);
	cfg.min_section_ns = measure_section_ns(
		clock, measure_overhead_ns(clock, NULL, NULL));
	return cfg;
}

/* The clock is seen as it is, however long it has been running. */
static void test_what_is_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rates) * ARRAY_SIZE(uptimes_ns);
	     i++) {
		const struct rate *rate = &rates[i / ARRAY_SIZE(uptimes_ns)];
		u64 uptime_ns = uptimes_ns[i % ARRAY_SIZE(uptimes_ns)];
		/* The mean of what is added is a sixteenth. */
		double read_ns = (double)rate->read_ps / PS_NS * 17 / 16;
		struct host_clock clock;
		struct measure_cfg cfg = clock_start(rate, uptime_ns, &clock);
		double empty_ns = measure_overhead_ns(&clock, NULL, NULL);

		if (clock.resolution_ns < rate->least_step_ns ||
		    clock.resolution_ns > rate->most_step_ns)
			fail_msg("%s, up %" PRIu64 ": steps of %" PRIu64,
				 rate->name, uptime_ns, clock.resolution_ns);
		if (fabs(clock.overhead_ns / read_ns - 1) > 0.1)
			fail_msg("%s: a reading costs %f, expected %f",
				 rate->name, clock.overhead_ns, read_ns);
		/* A mean of 100 is as far off as its quantization is. */
		if (fabs(empty_ns - read_ns) >
		    0.05 * read_ns + 0.05 * (double)rate->tick_ps / PS_NS)
			fail_msg("%s: an empty section: %f, expected %f",
				 rate->name, empty_ns, read_ns);
		if (cfg.min_section_ns < rate->least_section_ns ||
		    cfg.min_section_ns > rate->most_section_ns)
			fail_msg("%s: sections of %f", rate->name,
				 cfg.min_section_ns);
		assert_true(host_clock_reading_ns(&clock) >=
			    (double)clock.resolution_ns);
		assert_true(host_clock_reading_ns(&clock) >= clock.overhead_ns);
	}
}

static const u64 op_ps[] = { 900, 20300, 333100, 5000700, 30001100 };

/* Each section tells what its operations took, to a percent. */
static void check_sections(const struct measure *m, const struct work *work,
			   const char *name)
{
	double real_ns = (double)(m->n * work->op_ps) / PS_NS;
	double read_ns = (double)counter.read_ps / PS_NS * 17 / 16;
	struct measure_section s;

	for (int i = 0; i < NR_TIMED; i++) {
		assert_int_equal(measure_section(m, m->n, false, &s, NULL), 0);
		/* Quantization, and the reading in the section beside it. */
		if (fabs(s.wall_ns - read_ns - real_ns) > 0.01 * real_ns)
			fail_msg("%s, ops of %" PRIu64 " ps: %f ns for %f",
				 name, work->op_ps, s.wall_ns, real_ns);
		if (fabs(s.wall_ns - real_ns) > 0.02 * real_ns)
			fail_msg("%s, ops of %" PRIu64 " ps: the clock took "
				 "%f of %f ns",
				 name, work->op_ps, s.wall_ns - real_ns,
				 real_ns);
	}
}

/* N follows the clock: 200 of its steps, and never more than the pace asks. */
static void test_sections(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rates) * ARRAY_SIZE(op_ps); i++) {
		const struct rate *rate = &rates[i / ARRAY_SIZE(op_ps)];
		struct work work = { .op_ps = op_ps[i % ARRAY_SIZE(op_ps)],
				     .max_n = 1u << 20 };
		struct host_clock clock;
		struct measure_cfg cfg =
			clock_start(rate, 30 * YEAR_NS, &clock);
		struct measure m = { .cfg = &cfg,
				     .family = &family,
				     .ctx = &work };

		assert_int_equal(measure_plan(&m, NULL), 0);
		assert_false(m.is_short);
		/* One step may be missing at either end. */
		if (m.n * work.op_ps < 198 * rate->tick_ps ||
		    (double)(m.n * work.op_ps) / PS_NS <
			    0.98 * rate->least_section_ns)
			fail_msg("%s, ops of %" PRIu64 " ps: only %" PRIu64,
				 rate->name, work.op_ps, m.n);
		/* Sixteen times as many are tried at once, not more. */
		assert_true(m.n == 1 ||
			    (double)((m.n - 1) * work.op_ps) <
				    17 * 1.3 * PS_NS * cfg.min_section_ns);
		if (!measure_is_proven(m.n2n_ratio))
			fail_msg("%s, ops of %" PRIu64 " ps: 2N/N is %f",
				 rate->name, work.op_ps, m.n2n_ratio);
		check_sections(&m, &work, rate->name);
	}
}

/* What suffices for one clock is short for another. */
static void test_short(void **state)
{
	static const struct {
		size_t rate;
		u64 max_n; /* operations of 100 ns */
		bool is_short;
	} rows[] = {
		{ 0, 199, true },   { 0, 205, false }, /* 20 us */
		{ 4, 199, true },   { 4, 205, false },
		{ 6, 1300, true },  { 6, 1500, false }, /* 136 us */
		{ 7, 205, true },   { 7, 1900, true },	/* 200 us */
		{ 7, 2100, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct rate *rate = &rates[rows[i].rate];
		struct work work = { .op_ps = 100000, .max_n = rows[i].max_n };
		struct host_clock clock;
		struct measure_cfg cfg = clock_start(rate, YEAR_NS, &clock);
		struct measure m = { .cfg = &cfg,
				     .family = &family,
				     .ctx = &work };

		assert_int_equal(measure_plan(&m, NULL), 0);
		if (m.is_short != rows[i].is_short)
			fail_msg("%s, %" PRIu64 " operations: is_short %d",
				 rate->name, work.max_n, m.is_short);
		if (m.is_short)
			expect_u64(m.n, work.max_n, "%s", rate->name);
	}
}

/* Readings are exact in all 64 bits, and differences with them. */
static void test_years(void **state)
{
	static const struct rate ghz = { .tick_ps = 1000, .read_ps = 8 };
	struct host_clock clock = { .id = CLOCK_MONOTONIC_RAW };

	(void)state;
	for (u64 year = 0; year <= 584; year++) {
		u64 before;

		counter_start(&ghz, year * YEAR_NS);
		counter.now_ps = 123456789 * PS_NS;
		before = host_clock_ns(&clock);
		expect_u64(before, year * YEAR_NS + 123456789, "year %" PRIu64,
			   year);
		counter.now_ps += 77 * PS_NS;
		expect_u64(host_clock_ns(&clock) - before, 77, "year %" PRIu64,
			   year);
	}
}

/* Stretches of a teardown after years: a ns is a ns. */
static void test_stretches(void **state)
{
	static const struct rate ghz = { .tick_ps = 1000, .read_ps = 8 };
	static const u64 lengths_ns[] = { 101, 53, 7001, 19997 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(uptimes_ns); i++) {
		struct host_clock clock = { .id = CLOCK_MONOTONIC_RAW };
		struct stretch s;

		counter_start(&ghz, uptimes_ns[i]);
		assert_int_equal(stretch_init(&s, &clock, NULL), 0);
		stretch_start(&s);
		for (size_t k = 0; k < ARRAY_SIZE(lengths_ns); k++) {
			counter.now_ps += lengths_ns[k] * PS_NS;
			stretch_mark(&s);
		}
		for (size_t k = 0; k < ARRAY_SIZE(lengths_ns); k++)
			/* Readings cost 8 ps: one in 40 shows as a ns. */
			if (fabs(s.ns[k] - (double)lengths_ns[k]) > 1)
				fail_msg("up %" PRIu64 " ns: expected %" PRIu64
					 ", got %f",
					 uptimes_ns[i], lengths_ns[k], s.ns[k]);
		stretch_fini(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_what_is_seen, counter_stop),
		cmocka_unit_test_teardown(test_sections, counter_stop),
		cmocka_unit_test_teardown(test_short, counter_stop),
		cmocka_unit_test_teardown(test_years, counter_stop),
		cmocka_unit_test_teardown(test_stretches, counter_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
