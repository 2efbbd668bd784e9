// SPDX-License-Identifier: GPL-2.0-only
/* Which CPU is chosen, on machines of every shape. */
#include "fixture.h"

#include <sched.h>

#include "cpu_choice.h"

#define NR_CPUS_MAX 8

#define ANY            \
	{              \
		-1, -1 \
	}

static const struct host_wish anything = ANY;

/* @busy is the load of CPU 0 on, in 1/1000; the rest is idle. */
static const struct {
	const char *name;
	const char *synthetic;
	const char *isolated;
	unsigned int busy[NR_CPUS_MAX];
	struct host_wish wish;
	unsigned int cpu;
	const char *reason;
} rows[] = {
	{ "server",
	  "pack:2 numa:1 l3:1 core:64 pu:1",
	  "",
	  { 0 },
	  ANY,
	  127,
	  "not isolated" },
	{ "isolated",
	  "pack:2 numa:1 l3:1 core:64 pu:1",
	  "4-7",
	  { 0 },
	  ANY,
	  7,
	  "isolated" },
	{ "isolated ones differ",
	  "core:8 pu:1",
	  "2,5",
	  { 0, 0, 0, 0, 0, 400 },
	  ANY,
	  2,
	  "isolated" },
	{ "isolated and busy",
	  "core:4 pu:1",
	  "1",
	  { 0, 900 },
	  ANY,
	  3,
	  "not isolated, core 0.0 % busy" },
	{ "isolated and a little busy",
	  "core:4 pu:1",
	  "1",
	  { 0, 99 },
	  ANY,
	  1,
	  "isolated, core 9.9 % busy" },
	{ "all busy",
	  "core:4 pu:1",
	  "1",
	  { 300, 900, 200, 300 },
	  ANY,
	  1,
	  "isolated, core 90.0 % busy" },
	{ "own L2",
	  "l3:1 l2:2 core:2 pu:1",
	  "",
	  { 0 },
	  ANY,
	  3,
	  "not isolated" },
	{ "a node's",
	  "pack:2 numa:1 l3:1 core:64 pu:1",
	  "",
	  { 0 },
	  { -1, 0 },
	  63,
	  "not isolated" },
	{ "a node's, not its isolated neighbour",
	  "pack:2 numa:1 core:2 pu:1",
	  "3",
	  { 0 },
	  { -1, 0 },
	  1,
	  "not isolated" },
	{ "CPU here, node there",
	  "pack:2 numa:1 core:2 pu:1",
	  "",
	  { 0 },
	  { 3, 0 },
	  3,
	  "asked for" },
	{ "isolated, but not here",
	  "core:4 pu:1",
	  "200",
	  { 0 },
	  ANY,
	  3,
	  "not isolated" },
	{ "least busy",
	  "core:4 pu:1",
	  "",
	  { 500, 300, 100, 300 },
	  ANY,
	  2,
	  "core 10.0 % busy" },
	{ "noise",
	  "core:4 pu:1",
	  "",
	  { 0, 0, 0, 49 },
	  ANY,
	  3,
	  "core 4.9 % busy" },
	{ "sibling busy",
	  "core:4 pu:2",
	  "",
	  { 0, 0, 0, 0, 0, 0, 600, 0 },
	  ANY,
	  5,
	  "core 0.0 % busy" },
	{ "idle beats not CPU 0",
	  "core:2 pu:2",
	  "",
	  { 0, 0, 500, 0 },
	  ANY,
	  1,
	  "2 hardware threads" },
	{ "not CPU 0", "core:2 pu:1", "", { 0 }, ANY, 1, "1 hardware thread " },
	{ "not CPU 0's sibling",
	  "core:2 pu:2(indexes=0,3,1,2)",
	  "",
	  { 0 },
	  ANY,
	  2,
	  "2 hardware threads" },
	{ "no choice", "core:1 pu:1", "", { 0 }, ANY, 0, "not isolated" },
	{ "no cores known", "pu:4", "", { 0 }, ANY, 3, "1 hardware thread " },
	{ "asked for", "core:4 pu:2", "", { 0 }, { 2, -1 }, 2, "asked for" },
	{ "asked for CPU 0",
	  "core:4 pu:2",
	  "3",
	  { 900 },
	  { 0, -1 },
	  0,
	  "asked for" },
};

static struct host_topology *topology_of(const char *synthetic,
					 const char *isolated)
{
	const struct fixture_file files[] = {
		{ "sys/devices/system/cpu/isolated", isolated },
		{ NULL, NULL },
	};
	struct host_topology *topo;
	struct fixture fixture;

	fixture_init(&fixture, files);
	setenv("HWLOC_SYNTHETIC", synthetic, 1);
	assert_int_equal(host_topology_create(fixture.root, &topo, NULL), 0);
	unsetenv("HWLOC_SYNTHETIC");
	fixture_fini(&fixture);
	return topo;
}

static void test_choice(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int busy[NR_CPUS_MAX];
		const struct host_load load = { busy, NR_CPUS_MAX };
		struct host_topology *topo =
			topology_of(rows[i].synthetic, rows[i].isolated);
		struct host_choice choice = { .cpu = 9999 };

		memcpy(busy, rows[i].busy, sizeof(busy));
		expect_int(host_cpu_choose(topo, &load, &rows[i].wish, &choice,
					   NULL),
			   0, rows[i].name);
		expect_u64(choice.cpu, rows[i].cpu, "%s", rows[i].name);
		expect_int(choice.node,
			   rows[i].wish.node >= 0 ?
				   rows[i].wish.node :
				   host_node_of(topo, choice.cpu),
			   rows[i].name);
		expect_text(choice.reason, rows[i].reason, rows[i].name);
		expect_text(choice.reason, "not this machine", rows[i].name);
		host_topology_destroy(topo);
	}
}

static void test_load_unknown(void **state)
{
	struct host_topology *topo = topology_of("core:4 pu:1", "");
	struct host_choice choice;

	(void)state;
	assert_int_equal(host_cpu_choose(topo, NULL, &anything, &choice, NULL),
			 0);
	assert_int_equal(choice.cpu, 3);
	assert_int_equal(choice.busy_permille, 0);
	expect_text(choice.reason, "load unknown", "reason");
	host_topology_destroy(topo);
}

static const struct {
	const char *synthetic;
	struct host_wish wish;
	const char *names;
	const char *allowed;
} refused[] = {
	{ "core:4 pu:1", { 4, -1 }, "cpu 4", "0-3" },
	{ "core:4 pu:1", { 1000000, -1 }, "cpu 1000000", "0-3" },
	{ "core:4 pu:1", { -7, -1 }, "cpu -7", "0-3" },
	{ "core:2 pu:2(indexes=0,4,8,12)", { 1, -1 }, "cpu 1", "0,4,8,12" },
	{ "numa:2 core:4 pu:1", { -1, 2 }, "node 2", "0-1" },
	{ "numa:2 core:4 pu:1", { 3, -5 }, "node -5", "0-1" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct host_topology *topo =
			topology_of(refused[i].synthetic, "");
		struct host_choice choice = { .cpu = 77 };
		struct iopt_err err = { "" };

		expect_int(host_cpu_choose(topo, NULL, &refused[i].wish,
					   &choice, &err),
			   -EINVAL, refused[i].names);
		expect_text(err.msg, refused[i].names, "error text");
		expect_text(err.msg, refused[i].allowed, "error text");
		assert_int_equal(choice.cpu, 77);
		host_topology_destroy(topo);
	}
}

/* Four slow CPUs, 0-3, and four fast ones, 4-7; loads in 1/1000. */
static const struct {
	const char *name;
	unsigned int busy[8];
	unsigned int cpu;
} hybrid[] = {
	{ "idle", { 0 }, 7 },
	{ "some fast ones busy", { 0, 0, 0, 0, 0, 90, 800, 800 }, 4 },
	{ "fast and a little busy", { 0, 0, 0, 0, 90, 95, 99, 80 }, 7 },
	{ "all fast ones busy", { 0, 0, 0, 0, 500, 500, 500, 500 }, 3 },
	{ "all busy", { 500, 500, 500, 500, 900, 900, 700, 900 }, 6 },
};

static void test_fast_kind(void **state)
{
	struct host_topology *topo;

	(void)state;
	setenv("HWLOC_XMLFILE", TOPOLOGY_DATA "/arm64-hybrid.xml", 1);
	assert_int_equal(host_topology_create(NULL, &topo, NULL), 0);
	unsetenv("HWLOC_XMLFILE");
	assert_false(host_topology_is_here(topo));
	for (size_t i = 0; i < ARRAY_SIZE(hybrid); i++) {
		unsigned int busy[8];
		const struct host_load load = { busy, 8 };
		struct host_choice choice;

		memcpy(busy, hybrid[i].busy, sizeof(busy));
		assert_int_equal(
			host_cpu_choose(topo, &load, &anything, &choice, NULL),
			0);
		expect_u64(choice.cpu, hybrid[i].cpu, "%s", hybrid[i].name);
	}
	host_topology_destroy(topo);
}

/* taskset is a wish: of several CPUs the only one bound to is taken. */
static void test_binding_is_kept(void **state)
{
	struct host_topology *topo;
	struct host_choice choice;
	cpu_set_t before, one;
	int cpu = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (CPU_COUNT(&before) < 2) {
		print_message("skip: one CPU leaves no choice\n");
		skip();
	}
	while (!CPU_ISSET(cpu, &before))
		cpu++; /* the first one is the last that would be chosen */
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(host_topology_create(NULL, &topo, NULL), 0);
	assert_int_equal(host_cpu_choose(topo, NULL, &anything, &choice, NULL),
			 0);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(choice.cpu, cpu);
	assert_null(strstr(choice.reason, "not this machine"));
	host_topology_destroy(topo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_load_unknown),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_fast_kind),
		cmocka_unit_test(test_binding_is_kept),
	};

	unsetenv("HWLOC_SYNTHETIC");
	unsetenv("HWLOC_XMLFILE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
