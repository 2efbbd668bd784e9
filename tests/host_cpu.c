// SPDX-License-Identifier: GPL-2.0-only
/* Which CPU is chosen, on machines of every shape. */
#include "fixture.h"

#include <hwloc.h>
#include <sched.h>

#include "cpu_choice.h"

#define NR_CPUS_MAX 8

/* @busy is the load of CPU 0 on, in 1/1000; the rest is idle. */
static const struct {
	const char *name;
	const char *synthetic;
	const char *isolated;
	unsigned int busy[NR_CPUS_MAX];
	int wanted;
	unsigned int cpu;
	const char *reason;
} rows[] = {
	{ "server",
	  "pack:2 numa:1 l3:1 core:64 pu:1",
	  "",
	  { 0 },
	  -1,
	  127,
	  "not isolated" },
	{ "isolated",
	  "pack:2 numa:1 l3:1 core:64 pu:1",
	  "4-7",
	  { 0 },
	  -1,
	  7,
	  "isolated" },
	{ "isolated ones differ",
	  "core:8 pu:1",
	  "2,5",
	  { 0, 0, 0, 0, 0, 400 },
	  -1,
	  2,
	  "isolated" },
	{ "isolated, though busy",
	  "core:4 pu:1",
	  "1",
	  { 0, 900 },
	  -1,
	  1,
	  "core 90.0 % busy" },
	{ "isolated, but not here",
	  "core:4 pu:1",
	  "200",
	  { 0 },
	  -1,
	  3,
	  "not isolated" },
	{ "least busy",
	  "core:4 pu:1",
	  "",
	  { 500, 300, 100, 300 },
	  -1,
	  2,
	  "core 10.0 % busy" },
	{ "noise",
	  "core:4 pu:1",
	  "",
	  { 0, 0, 0, 49 },
	  -1,
	  3,
	  "core 4.9 % busy" },
	{ "sibling busy",
	  "core:4 pu:2",
	  "",
	  { 0, 0, 0, 0, 0, 0, 600, 0 },
	  -1,
	  5,
	  "core 0.0 % busy" },
	{ "idle beats not CPU 0",
	  "core:2 pu:2",
	  "",
	  { 0, 0, 500, 0 },
	  -1,
	  1,
	  "2 hardware threads" },
	{ "not CPU 0", "core:2 pu:1", "", { 0 }, -1, 1, "1 hardware thread " },
	{ "not CPU 0's sibling",
	  "core:2 pu:2(indexes=0,3,1,2)",
	  "",
	  { 0 },
	  -1,
	  2,
	  "2 hardware threads" },
	{ "no choice", "core:1 pu:1", "", { 0 }, -1, 0, "not isolated" },
	{ "no cores known", "pu:4", "", { 0 }, -1, 3, "1 hardware thread " },
	{ "asked for", "core:4 pu:2", "", { 0 }, 2, 2, "asked for" },
	{ "asked for CPU 0", "core:4 pu:2", "3", { 900 }, 0, 0, "asked for" },
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
		expect_int(host_cpu_choose(topo, &load, rows[i].wanted, &choice,
					   NULL),
			   0, rows[i].name);
		expect_u64(choice.cpu, rows[i].cpu, "%s", rows[i].name);
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
	assert_int_equal(
		host_cpu_choose(topo, NULL, HOST_CPU_ANY, &choice, NULL), 0);
	assert_int_equal(choice.cpu, 3);
	assert_int_equal(choice.busy_permille, 0);
	expect_text(choice.reason, "load unknown", "reason");
	host_topology_destroy(topo);
}

static const struct {
	const char *synthetic;
	int wanted;
	const char *names;
	const char *allowed;
} refused[] = {
	{ "core:4 pu:1", 4, "cpu 4", "0-3" },
	{ "core:4 pu:1", 1000000, "cpu 1000000", "0-3" },
	{ "core:4 pu:1", -7, "cpu -7", "0-3" },
	{ "core:2 pu:2(indexes=0,4,8,12)", 1, "cpu 1", "0,4,8,12" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct host_topology *topo =
			topology_of(refused[i].synthetic, "");
		struct host_choice choice = { .cpu = 77 };
		struct iopt_err err = { "" };

		expect_int(host_cpu_choose(topo, NULL, refused[i].wanted,
					   &choice, &err),
			   -EINVAL, refused[i].names);
		expect_text(err.msg, refused[i].names, "error text");
		expect_text(err.msg, refused[i].allowed, "error text");
		assert_int_equal(choice.cpu, 77);
		host_topology_destroy(topo);
	}
}

/* Write a topology of four fast CPUs, 0-3, and eight slow ones, 4-11. */
static void hybrid_write(const char *path)
{
	hwloc_topology_t hwloc;
	hwloc_bitmap_t set = hwloc_bitmap_alloc();

	assert_int_equal(hwloc_topology_init(&hwloc), 0);
	assert_int_equal(hwloc_topology_set_synthetic(hwloc, "core:12 pu:1"),
			 0);
	assert_int_equal(hwloc_topology_load(hwloc), 0);
	hwloc_bitmap_set_range(set, 0, 3);
	assert_int_equal(hwloc_cpukinds_register(hwloc, set, 9, 0, NULL, 0), 0);
	hwloc_bitmap_zero(set);
	hwloc_bitmap_set_range(set, 4, 11);
	assert_int_equal(hwloc_cpukinds_register(hwloc, set, 1, 0, NULL, 0), 0);
	assert_int_equal(hwloc_topology_export_xml(hwloc, path, 0), 0);
	hwloc_topology_destroy(hwloc);
	hwloc_bitmap_free(set);
}

/* A fast CPU that is half busy is still the right kind. */
static void test_fast_kind(void **state)
{
	unsigned int busy[12] = { 0, 500, 0, 500 };
	const struct host_load load = { busy, 12 };
	struct host_topology *topo;
	struct host_choice choice;
	struct fixture fixture;
	char path[128];

	(void)state;
	fixture_init(&fixture, NULL);
	snprintf(path, sizeof(path), "%s/hybrid.xml", fixture.root);
	hybrid_write(path);
	setenv("HWLOC_XMLFILE", path, 1);
	assert_int_equal(host_topology_create(fixture.root, &topo, NULL), 0);
	unsetenv("HWLOC_XMLFILE");
	assert_false(host_topology_is_here(topo));
	assert_int_equal(
		host_cpu_choose(topo, &load, HOST_CPU_ANY, &choice, NULL), 0);
	assert_int_equal(choice.cpu, 2);
	host_topology_destroy(topo);
	fixture_fini(&fixture);
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
	assert_int_equal(host_topology_create(NULL, &topo, NULL), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(
		host_cpu_choose(topo, NULL, HOST_CPU_ANY, &choice, NULL), 0);
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
