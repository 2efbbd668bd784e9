// SPDX-License-Identifier: GPL-2.0-only
/* Each case of contention, as far as this machine has room for it. */
#include "test.h"

#include <math.h>
#include <sched.h>

#include "families.h"
#include "topology.h"

/* What only a good run of a case of several CPUs reports. */
static const char *const reported[] = {
	"ops_per_s",	"slowest_over_fastest", "cmpxchg_per_issue",
	"map_p50_ns",	"map_p99_ns",		"map_max_ns",
	"unmap_p50_ns", "unmap_p99_ns",		"unmap_max_ns",
};

static const struct bench_family *const families[] = { &contention_family,
						       NULL };

struct world {
	struct bench_env env;
	struct host_clock clock;
	struct bench_list list;
};

static struct arena *make_arena(void)
{
	const struct arena_cfg cfg = { .size = 64 << 20,
				       .want_base_pages = true };
	struct arena *arena;

	assert_int_equal(arena_create(&cfg, &arena, NULL), 0);
	return arena;
}

static void world_init(struct world *w)
{
	struct iopt_err err = { "" };

	*w = (struct world){ .clock = { .id = CLOCK_MONOTONIC } };
	w->env.arena = make_arena();
	w->env.clock = &w->clock;
	if (bench_list_build(&w->list, families, &w->env, &err))
		fail_msg("%s", err.msg);
}

static void world_fini(struct world *w)
{
	bench_list_free(&w->list);
	expect_u64(arena_destroy(w->env.arena), 0, "bytes left");
}

static void *set_up(const struct world *w, const struct bench_case *c,
		    enum bench_phase phase)
{
	struct iopt_err err = { "" };
	void *ctx = NULL;
	int ret = contention_family.setup(&w->env, c, phase, &ctx, &err);

	if (ret && ret != -ECANCELED)
		fail_msg("%s: %s", c->name, err.msg);
	if (ret)
		expect_text(err.msg, "place:", c->name);
	return ctx;
}

static void test_verify_and_count(void **state)
{
	struct bench_counts counts;
	struct iopt_err err = { "" };
	struct world w;
	double value;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < w.list.nr; i++) {
		const struct bench_case *c = &w.list.cases[i];
		void *ctx = set_up(&w, c, BENCH_VERIFY);

		assert_non_null(ctx);
		if (contention_family.verify(ctx, &err))
			fail_msg("%s: %s", c->name, err.msg);
		contention_family.teardown(ctx);
		ctx = set_up(&w, c, BENCH_COUNT);
		memset(&counts, 0, sizeof(counts));
		if (contention_family.count(ctx, &counts, &err))
			fail_msg("%s: %s", c->name, err.msg);
		if (bench_count_find(&counts, "syncs", &value) || value != 1)
			fail_msg("%s: not one sync an operation", c->name);
		contention_family.teardown(ctx);
		expect_u64(arena_stats(w.env.arena).live_bytes, 0, "%s",
			   c->name);
	}
	world_fini(&w);
}

static void section(void *ctx, const char *name, u64 n)
{
	struct iopt_err err = { "" };
	int ret = contention_family.prepare(ctx, n, &err);

	if (!ret) {
		contention_family.run(ctx, n);
		ret = contention_family.check_after(ctx, n, &err);
	}
	if (!ret)
		ret = contention_family.finish(ctx, n, &err);
	if (ret)
		fail_msg("%s: %s", name, err.msg);
}

static void check_report(void *ctx, const char *name)
{
	struct bench_counts counts = { .nr = 0 };
	double value;

	contention_family.report(ctx, &counts);
	expect_u64(counts.nr, ARRAY_SIZE(reported), "%s", name);
	for (size_t i = 0; i < ARRAY_SIZE(reported); i++) {
		if (bench_count_find(&counts, reported[i], &value))
			fail_msg("%s: no %s", name, reported[i]);
		if (!isfinite(value) || value <= 0)
			fail_msg("%s: %s is %g", name, reported[i], value);
	}
}

/* On the first CPU that this process may use. */
static void test_time(void **state)
{
	struct host_topology *topo;
	cpu_set_t before, one;
	unsigned int nr = 0;
	struct world w;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(host_topology_create(NULL, &topo, NULL), 0);
	world_init(&w);
	w.env.topo = topo;
	while (!CPU_ISSET(w.env.cpu, &before))
		w.env.cpu++;
	CPU_ZERO(&one);
	CPU_SET(w.env.cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	for (size_t i = 0; i < w.list.nr; i++) {
		const struct bench_case *c = &w.list.cases[i];
		void *ctx = set_up(&w, c, BENCH_TIME);

		if (!ctx)
			continue;
		contention_family.start(ctx);
		for (u64 n = 1; n <= 100; n *= 10)
			section(ctx, c->name, n);
		check_report(ctx, c->name);
		contention_family.teardown(ctx);
		nr++;
	}
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	world_fini(&w);
	host_topology_destroy(topo);
	print_message("%u cases were timed\n", nr);
	assert_true(nr >= 1);
}

/* The first case of two CPUs that this machine has room for; or NULL. */
static void *set_up_pair(const struct world *w)
{
	void *ctx = NULL;

	for (size_t i = 0; i < w->list.nr && !ctx; i++)
		if (bench_is(&w->list.cases[i], "cpus", "2"))
			ctx = set_up(w, &w->list.cases[i], BENCH_TIME);
	return ctx;
}

static void stay_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* Single calls are taken after the last section, and must be in order too. */
static void test_stray_samples(void **state)
{
	struct iopt_err err = { "" };
	struct host_topology *topo;
	cpu_set_t before;
	int first = 0, other;
	struct world w;
	void *ctx;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	while (!CPU_ISSET(first, &before))
		first++;
	for (other = first + 1;
	     other < CPU_SETSIZE && !CPU_ISSET(other, &before);)
		other++;
	assert_int_equal(host_topology_create(NULL, &topo, NULL), 0);
	world_init(&w);
	w.env.topo = topo;
	w.env.cpu = (unsigned int)first;
	ctx = other < CPU_SETSIZE ? set_up_pair(&w) : NULL;
	if (ctx) {
		stay_on(first);
		contention_family.start(ctx);
		section(ctx, "stays", 10);
		assert_int_equal(contention_family.prepare(ctx, 10, NULL), 0);
		contention_family.run(ctx, 10);
		stay_on(other);
		expect_int(contention_family.check_after(ctx, 10, &err),
			   -EINVAL, "strays");
		expect_text(err.msg, "thread 0 was on CPU", "error text");
		contention_family.teardown(ctx);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	world_fini(&w);
	host_topology_destroy(topo);
	if (!ctx) {
		print_message("skip: no place for two threads\n");
		skip();
	}
}

/* Of several CPUs none is timed where they cannot be had. */
static const struct {
	const char *synthetic, *why;
} nowhere[] = {
	{ NULL, "no topology is known" },
	{ "pack:2 numa:1 l3:2 core:8 pu:1", "not this machine's" },
};

static void test_no_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		struct host_topology *topo = NULL;
		struct world w;

		world_init(&w);
		if (nowhere[i].synthetic) {
			setenv("HWLOC_SYNTHETIC", nowhere[i].synthetic, 1);
			assert_int_equal(
				host_topology_create(NULL, &topo, NULL), 0);
			unsetenv("HWLOC_SYNTHETIC");
		}
		w.env.topo = topo;
		for (size_t k = 0; k < w.list.nr; k++) {
			const struct bench_case *c = &w.list.cases[k];
			struct iopt_err err = { "" };
			void *ctx = NULL;

			if (bench_is(c, "cpus", "1"))
				continue;
			expect_int(contention_family.setup(
					   &w.env, c, BENCH_TIME, &ctx, &err),
				   -ECANCELED, c->name);
			expect_text(err.msg, nowhere[i].why, c->name);
			assert_null(ctx);
		}
		world_fini(&w);
		host_topology_destroy(topo);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify_and_count),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_stray_samples),
		cmocka_unit_test(test_no_room),
	};

	unsetenv("HWLOC_SYNTHETIC");
	unsetenv("HWLOC_XMLFILE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
