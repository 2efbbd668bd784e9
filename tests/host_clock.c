// SPDX-License-Identifier: GPL-2.0-only
/* The clock: good ones are measured, bad ones are found out. */
#include "test.h"

#include "clock.h"

/*
 * A clock of our own: @step ns a reading, shown in ticks of @tick ns; every
 * @slip readings it falls back by one tick, 0 for never; @pause ns are lost at
 * the tenth reading, as when the process is preempted.
 */
struct fake {
	u64 now;
	u64 step;
	u64 tick;
	u64 slip;
	u64 pause;
	u64 nr_reads;
};

static u64 fake_read(void *arg)
{
	struct fake *fake = arg;
	u64 shown;

	fake->now += fake->step;
	if (++fake->nr_reads == 10)
		fake->now += fake->pause;
	shown = fake->now / fake->tick * fake->tick;
	if (fake->slip && fake->nr_reads % fake->slip == 0)
		shown -= fake->tick;
	return shown;
}

/* One row a clock; the overhead is the step, as no reading is skipped. */
static const struct {
	const char *name;
	struct fake fake;
	int ret;
	u64 resolution_ns;
	double overhead_ns;
} rows[] = {
	{ "fine", { .step = 20, .tick = 1 }, 0, 20, 20 },
	{ "25 MHz", { .step = 20, .tick = 40 }, 0, 40, 20 },
	{ "1 MHz", { .step = 20, .tick = 1000 }, 0, 1000, 20 },
	{ "slow to read", { .step = 700, .tick = 1 }, 0, 700, 700 },
	{ "preempted", { .step = 20, .tick = 1, .pause = 9000000 }, 0, 20, 20 },
	{ "slips", { .step = 20, .tick = 40, .slip = 1001 }, -EIO, 40, 20 },
	{ "stands", { .step = 0, .tick = 1 }, -EIO, 0, 0 },
};

static void test_probe(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fake fake = rows[i].fake;
		struct clock_probe probe;
		double off;

		fake.now = 1000000;
		expect_int(host_clock_probe(fake_read, &fake, &probe),
			   rows[i].ret, rows[i].name);
		expect_u64(probe.resolution_ns, rows[i].resolution_ns,
			   "resolution of %s", rows[i].name);
		expect_u64(probe.nr_backwards > 0, fake.slip > 0,
			   "backwards of %s", rows[i].name);
		/* A block of 1024 may miss two ticks. */
		off = probe.overhead_ns - rows[i].overhead_ns;
		if (off < 0)
			off = -off;
		if (off > 2.0 * (double)fake.tick / 1024)
			fail_msg("overhead of %s: expected %f, got %f",
				 rows[i].name, rows[i].overhead_ns,
				 probe.overhead_ns);
	}
}

static void test_real_clock(void **state)
{
	struct host_clock clock = { .name = NULL };
	struct iopt_err err = { "" };
	u64 before, now;

	(void)state;
	if (host_clock_init(&clock, 0, &err))
		fail_msg("%s", err.msg);
	print_message("%s: resolution %" PRIu64 " ns, overhead %.1f ns\n",
		      clock.name, clock.resolution_ns, clock.overhead_ns);
	expect_text(clock.name, "CLOCK_MONOTONIC", "name");
	assert_true(clock.overhead_ns > 0);
	assert_true(clock.resolution_ns > 0);
	before = host_clock_ns(&clock);
	for (int i = 0; i < 100000; i++) {
		now = host_clock_ns(&clock);
		assert_true(now >= before);
		before = now;
	}
}

static const u64 quanta[] = { 40, 1000, 50000 };

/* An injected resolution shows in readings and in what is measured. */
static void test_quantum(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(quanta); i++) {
		struct host_clock clock;

		assert_int_equal(host_clock_init(&clock, quanta[i], NULL), 0);
		for (int k = 0; k < 1000; k++)
			expect_u64(host_clock_ns(&clock) % quanta[i], 0,
				   "quantum %" PRIu64, quanta[i]);
		expect_u64(clock.resolution_ns % quanta[i], 0,
			   "resolution, quantum %" PRIu64, quanta[i]);
		assert_true(clock.resolution_ns >= quanta[i]);
	}
}

/* A clock that is too coarse to move while it is watched is refused. */
static void test_too_coarse(void **state)
{
	struct host_clock clock = { .name = "untouched" };
	struct iopt_err err = { "" };

	(void)state;
	assert_int_equal(
		host_clock_init(&clock, 1000000000ull * 3600 * 24 * 365, &err),
		-EIO);
	expect_text(err.msg, "clock", "error text");
	expect_text(err.msg, "never moved", "error text");
	assert_string_equal(clock.name, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_real_clock),
		cmocka_unit_test(test_quantum),
		cmocka_unit_test(test_too_coarse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
