// SPDX-License-Identifier: GPL-2.0-only
/* The load of CPUs: arithmetic between readings, and real ones. */
#include "fixture.h"

#include <pthread.h>
#include <sched.h>

#include "load.h"

/* One row a CPU and what it did between two readings. */
static const struct {
	struct cpu_ticks before, after;
	unsigned int busy_permille;
} rows[] = {
	{ { 0, 0, 0 }, { 0, 0, 0 }, 0 },
	{ { 100, 0, 1000 }, { 100, 0, 1010 }, 0 },
	{ { 100, 0, 1000 }, { 110, 0, 1010 }, 1000 },
	{ { 100, 0, 1000 }, { 103, 0, 1010 }, 300 },
	{ { 100, 5, 1000 }, { 103, 7, 1010 }, 500 }, /* 3 + 2 stolen of 10 */
	{ { 100, 0, 1000 }, { 101, 0, 1003 }, 333 },
	{ { 100, 0, 1000 }, { 2, 0, 20 }, 0 },	  /* was off and came back */
	{ { 100, 0, 1000 }, { 90, 0, 1010 }, 0 }, /* busy went backwards */
};

/* Ticks stolen before and after, and between. */
static const u64 stolen[][3] = {
	{ 5, 5, 0 },
	{ 5, 12, 7 },
	{ 12, 5, 0 },
	{ 0, 1, 1 },
};

static void test_stolen(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stolen); i++) {
		const struct cpu_ticks before = { .steal = stolen[i][0] };
		const struct cpu_ticks after = { .steal = stolen[i][1] };

		expect_u64(host_stolen_ticks(&before, &after), stolen[i][2],
			   "row %zu", i);
	}
}

static void test_between(void **state)
{
	struct cpu_ticks before[ARRAY_SIZE(rows)], after[ARRAY_SIZE(rows)];
	struct host_load load;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		before[i] = rows[i].before;
		after[i] = rows[i].after;
	}
	assert_int_equal(
		host_load_between(before, after, ARRAY_SIZE(rows), &load), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++)
		expect_u64(host_load_of(&load, i), rows[i].busy_permille,
			   "row %u", i);
	expect_u64(host_load_of(&load, ARRAY_SIZE(rows)), 0, "no such CPU");
	expect_u64(host_load_of(NULL, 0), 0, "no sample");
	host_load_fini(&load);
	assert_null(load.busy_permille);
}

/* busy of CPU 5 = user nice system irq softirq = 5 + 1 + 10 + 2 + 2. */
static const struct fixture_file stat_files[] = {
	{ "proc/stat", "cpu  10 1 20 900 60 3 4 2 0 0\n"
		       "cpu0 5 0 10 450 30 1 2 1 0 0\n"
		       "cpu5 5 1 10 450 30 2 2 1 0 0\n"
		       "intr 12345 0 0\nctxt 99\n" },
	{ NULL, NULL },
};

/* A file that stands still is a machine that is idle; CPUs 1 to 4 are off. */
static void test_sample_of_fixture(void **state)
{
	struct fixture fixture;
	struct cpu_ticks ticks;
	struct host_load load;

	(void)state;
	fixture_init(&fixture, stat_files);
	assert_int_equal(host_load_sample(fixture.root, 1, &load, NULL), 0);
	assert_int_equal(load.nr_cpus, 6);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(host_load_of(&load, i), 0);
	host_load_fini(&load);
	assert_true(host_ticks_of(fixture.root, 5, &ticks));
	assert_int_equal(ticks.busy, 20);
	assert_int_equal(ticks.steal, 1);
	assert_int_equal(ticks.total, 501); /* 450 idle, 30 waiting for I/O */
	ticks.total = 77;
	assert_false(host_ticks_of(fixture.root, 3, &ticks));
	assert_false(host_ticks_of(fixture.root, 6, &ticks));
	assert_false(host_ticks_of("/nowhere", 0, &ticks));
	assert_int_equal(ticks.total, 77);
	fixture_fini(&fixture);
}

static const struct fixture_file bad_files[][2] = {
	{ { NULL, NULL } },
	{ { "proc/stat", "" } },
	{ { "proc/stat", "cpu  1 2 3 4\n" } },
	{ { "proc/stat", "cpu0 1 2 3\n" } },
	{ { "proc/stat", "cpu0 a b c d\n" } },
};

static void test_sample_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_files); i++) {
		struct fixture fixture;
		struct host_load load;
		struct iopt_err err = { "" };

		fixture_init(&fixture, bad_files[i]);
		expect_int(host_load_sample(fixture.root, 1, &load, &err),
			   -ENOENT, "sample");
		expect_text(err.msg, "/proc/stat", "error text");
		fixture_fini(&fixture);
	}
}

/* This thread keeps its CPU busy, so that the sum cannot be 0. */
static void test_sample_of_here(void **state)
{
	const unsigned int cpu = (unsigned int)sched_getcpu();
	struct cpu_ticks before, after;
	cpu_set_t set;

	(void)state;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) ||
	    !host_ticks_of(NULL, cpu, &before)) {
		print_message("skip: no CPU to stay on, or no /proc/stat\n");
		skip();
	}
	do {
		for (int i = 0; i < 1000000; i++)
			__asm__ volatile("" ::: "memory");
		assert_true(host_ticks_of(NULL, cpu, &after));
	} while (after.total - before.total < 4);
	assert_true(after.busy > before.busy);
}

#define MAX_SAMPLES 50 /* of 100 ms */

/* What keeps a CPU busy until it is told to stop. */
struct spinner {
	unsigned int cpu;
	bool is_bound, is_over;
};

static void *spin(void *arg)
{
	struct spinner *s = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(s->cpu, &set);
	__atomic_store_n(&s->is_bound, !sched_setaffinity(0, sizeof(set), &set),
			 __ATOMIC_RELAXED);
	while (!__atomic_load_n(&s->is_over, __ATOMIC_RELAXED))
		;
	return NULL;
}

/* A CPU that always has something to run is seen to be busy. */
static void test_sample_finds_the_busy(void **state)
{
	struct spinner spinner = { .cpu = (unsigned int)sched_getcpu() };
	unsigned int busy_permille = 0;
	struct cpu_ticks ticks;
	pthread_t thread;

	(void)state;
	if (!host_ticks_of(NULL, spinner.cpu, &ticks)) {
		print_message("skip: no /proc/stat\n");
		skip();
	}
	assert_int_equal(pthread_create(&thread, NULL, spin, &spinner), 0);
	for (int i = 0; i < MAX_SAMPLES && busy_permille < 500; i++) {
		struct host_load load;

		assert_int_equal(host_load_sample(NULL, 100, &load, NULL), 0);
		busy_permille = host_load_of(&load, spinner.cpu);
		host_load_fini(&load);
	}
	__atomic_store_n(&spinner.is_over, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (!spinner.is_bound) {
		print_message("skip: no CPU to stay on\n");
		skip();
	}
	expect_u64(busy_permille >= 500, true, "CPU %u, %u of 1000 busy",
		   spinner.cpu, busy_permille);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_stolen),
		cmocka_unit_test(test_sample_of_fixture),
		cmocka_unit_test(test_sample_fails),
		cmocka_unit_test(test_sample_of_here),
		cmocka_unit_test(test_sample_finds_the_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
