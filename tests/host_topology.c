// SPDX-License-Identifier: GPL-2.0-only
/* Topologies, synthetic and this one: counts, caches, binding. */
#include "test.h"

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "cpu_choice.h"
#include "sizes.h"
#include "topology.h"

static struct host_topology *topology_of(const char *synthetic)
{
	struct iopt_err err = { "" };
	struct host_topology *topo;

	if (synthetic)
		setenv("HWLOC_SYNTHETIC", synthetic, 1);
	if (host_topology_create(NULL, &topo, &err))
		fail_msg("%s: %s", synthetic ? synthetic : "here", err.msg);
	unsetenv("HWLOC_SYNTHETIC");
	return topo;
}

static const struct {
	const char *synthetic;
	struct host_counts counts;
	const char *caches;
} rows[] = {
	{ "pack:2 numa:1 l3:1(size=32MiB) core:64 pu:1",
	  { 2, 2, 128, 128 },
	  "L3 32M" },
	{ "pack:1 l3:1(size=30MiB) l2:2(size=1280KiB) l1d:1(size=48KiB) "
	  "core:1 pu:2",
	  { 1, 1, 2, 4 },
	  "L1d 48K L2 1280K L3 30M" },
	{ "numa:4 core:8 pu:1", { 0, 4, 32, 32 }, "" },
	{ "pack:1 core:1 pu:1", { 1, 1, 1, 1 }, "" },
};

static void test_counts_and_caches(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *name = rows[i].synthetic;
		struct host_topology *topo = topology_of(name);
		struct host_counts counts = host_topology_counts(topo);
		char caches[HOST_TEXT_MAX];

		assert_false(host_topology_is_here(topo));
		expect_u64(counts.nr_packages, rows[i].counts.nr_packages,
			   "packages of %s", name);
		expect_u64(counts.nr_numa_nodes, rows[i].counts.nr_numa_nodes,
			   "nodes of %s", name);
		expect_u64(counts.nr_cores, rows[i].counts.nr_cores,
			   "cores of %s", name);
		expect_u64(counts.nr_pus, rows[i].counts.nr_pus, "PUs of %s",
			   name);
		host_topology_caches(topo, 0, caches);
		assert_string_equal(caches, rows[i].caches);
		host_topology_destroy(topo);
	}
	host_topology_destroy(NULL);
}

static void test_no_such_cpu(void **state)
{
	struct host_topology *topo = topology_of("core:2 pu:1");
	char caches[HOST_TEXT_MAX] = "x";
	unsigned int siblings[4];

	(void)state;
	host_topology_caches(topo, 9, caches);
	assert_string_equal(caches, "");
	assert_int_equal(host_topology_siblings(topo, 9, siblings, 4), 0);
	host_topology_destroy(topo);
}

static const struct {
	const char *synthetic;
	unsigned int cpu;
	size_t max;
	size_t nr;
	unsigned int siblings[4];
} siblings_rows[] = {
	{ "core:4 pu:1", 2, 4, 0, { 0 } },
	{ "core:4 pu:2", 2, 4, 1, { 3 } },
	{ "core:2 pu:4", 5, 4, 3, { 4, 6, 7 } },
	{ "core:2 pu:4", 5, 2, 2, { 4, 6 } },
	/* Numbered as x86 does it: all first threads, then all second ones. */
	{ "core:2 pu:2(indexes=0,2,1,3)", 1, 4, 1, { 3 } },
	{ "pu:4", 1, 4, 0, { 0 } }, /* hwloc knows no cores */
};

static void test_siblings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(siblings_rows); i++) {
		const char *name = siblings_rows[i].synthetic;
		struct host_topology *topo = topology_of(name);
		unsigned int got[4];
		size_t nr = host_topology_siblings(topo, siblings_rows[i].cpu,
						   got, siblings_rows[i].max);

		expect_u64(nr, siblings_rows[i].nr, "%s", name);
		for (size_t k = 0; k < nr; k++)
			expect_u64(got[k], siblings_rows[i].siblings[k],
				   "sibling %zu of %s", k, name);
		host_topology_destroy(topo);
	}
}

/* What a result says of a topology gives that topology again. */
static const struct {
	const char *synthetic, *text;
} texts[] = {
	{ "pack:2 [numa(memory=4GiB)] l3:1(size=32MiB) core:64 pu:1",
	  "Package:2 [NUMANode(memory=4294967296)] "
	  "L3Cache:1(size=33554432) Core:64 PU:1" },
	{ "core:2 pu:2(indexes=0,2,1,3)", "Core:2 PU:2(indexes=2*2:1*2)" },
};

static void test_text(void **state)
{
	char text[HOST_TOPOLOGY_MAX], again[HOST_TOPOLOGY_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct host_topology *topo = topology_of(texts[i].synthetic);

		host_topology_text(topo, text);
		expect_text(text, texts[i].text, texts[i].synthetic);
		host_topology_destroy(topo);
		topo = topology_of(text);
		host_topology_text(topo, again);
		assert_string_equal(text, again);
		host_topology_destroy(topo);
	}
}

static const struct {
	const char *synthetic;
	unsigned int cpu;
	int node;
} node_rows[] = {
	{ "pack:2 numa:1 core:4 pu:1", 3, 0 },
	{ "pack:2 numa:1 core:4 pu:1", 4, 1 },
	{ "numa:4(indexes=3,2,1,0) core:2 pu:1", 0, 3 },
	{ "core:4 pu:1", 2, 0 },
	{ "core:4 pu:1", 9, HOST_NODE_ANY },
};

static void test_nodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(node_rows); i++) {
		struct host_topology *topo =
			topology_of(node_rows[i].synthetic);
		int node = host_node_of(topo, node_rows[i].cpu);

		expect_int(node, node_rows[i].node, node_rows[i].synthetic);
		assert_int_equal(host_node_exists(topo, node), node >= 0);
		assert_false(host_node_exists(topo, 99));
		host_topology_destroy(topo);
	}
}

static const struct {
	const char *variable, *value;
} bad[] = {
	{ "HWLOC_XMLFILE", "/nowhere/topology.xml" },
	{ "HWLOC_SYNTHETIC", "nonsense" },
	{ "HWLOC_SYNTHETIC", "core:x pu:1" },
};

static void test_bad_topology(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct host_topology *topo = (void *)0x5a;
		struct iopt_err err = { "" };

		setenv(bad[i].variable, bad[i].value, 1);
		expect_int(host_topology_create(NULL, &topo, &err), -EINVAL,
			   bad[i].value);
		expect_text(err.msg, bad[i].variable, "error text");
		expect_text(err.msg, bad[i].value, "error text");
		assert_ptr_equal(topo, (void *)0x5a);
		unsetenv(bad[i].variable);
	}
}

/* Another machine's topology chooses, and says that it does not bind. */
static void test_synthetic_does_not_bind(void **state)
{
	struct host_topology *topo = topology_of("core:2 pu:1");
	struct host_place place = { topo, 0 };
	struct iopt_err err = { "" };
	int before = sched_getcpu();

	(void)state;
	assert_true(before >= 0);
	assert_int_equal(host_cpu_bind(topo, 1, &err), -ENOTSUP);
	expect_text(err.msg, "cpu 1", "error text");
	expect_text(err.msg, "nothing is bound", "error text");
	assert_int_equal(host_mem_bind(&err, sizeof(err), &place), -ENOTSUP);
	place.node = 99;
	assert_int_equal(host_mem_bind(&err, sizeof(err), &place), -ENOTSUP);
	host_topology_destroy(topo);
}

static const struct host_wish anything = { HOST_CPU_ANY, HOST_NODE_ANY };

static void test_bind_cpu(void **state)
{
	struct host_topology *topo = topology_of(NULL);
	struct host_choice choice;
	cpu_set_t before, after;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(host_cpu_choose(topo, NULL, &anything, &choice, NULL),
			 0);
	assert_int_equal(host_cpu_bind(topo, choice.cpu, NULL), 0);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_int_equal(CPU_COUNT(&after), 1);
	assert_true(CPU_ISSET(choice.cpu, &after));
	assert_int_equal(sched_getcpu(), choice.cpu);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	host_topology_destroy(topo);
}

static void test_bind_to_no_cpu(void **state)
{
	struct host_topology *topo = topology_of(NULL);
	struct iopt_err err = { "" };

	(void)state;
	assert_true(host_cpu_bind(topo, 100000, &err) < 0);
	expect_text(err.msg, "cpu 100000", "error text");
	host_topology_destroy(topo);
}

/* The memory policy of an address, or -1. */
static int policy_of(void *p)
{
	unsigned long mask[16];
	int mode;

	if (syscall(SYS_get_mempolicy, &mode, mask, sizeof(mask) * 8, p,
		    MPOL_F_ADDR))
		return -1;
	return mode;
}

/* Preferred, not insisted on: a full node must not end the process. */
static void test_bind_memory(void **state)
{
	struct host_topology *topo = topology_of(NULL);
	struct host_place place = {
		topo, host_node_of(topo, (unsigned int)sched_getcpu())
	};
	const struct arena_cfg cfg = { .size = SZ_2M,
				       .bind = host_mem_bind,
				       .bind_arg = &place };
	struct arena *arena;
	int ret, mode;
	void *p;

	(void)state;
	assert_int_equal(arena_create(&cfg, &arena, NULL), 0);
	p = arena_alloc(arena, SZ_2M);
	ret = host_mem_bind(p, SZ_2M, &place);
	mode = policy_of(p);
	arena_destroy(arena);
	host_topology_destroy(topo);
	if (ret == -ENOTSUP || ret == -EPERM || mode < 0) {
		print_message("skip: memory cannot be bound: %d\n", ret);
		skip();
	}
	assert_int_equal(ret, 0);
	assert_true(mode == MPOL_PREFERRED || mode == MPOL_PREFERRED_MANY);
}

static void test_version(void **state)
{
	struct host_topology *topo = topology_of("core:2 pu:1");
	unsigned int major, minor, release;
	const char *text = host_hwloc_version(topo);

	(void)state;
	assert_non_null(text);
	assert_int_equal(sscanf(text, "%u.%u.%u", &major, &minor, &release), 3);
	assert_true(major >= 2);
	host_topology_destroy(topo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_and_caches),
		cmocka_unit_test(test_no_such_cpu),
		cmocka_unit_test(test_siblings),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_bad_topology),
		cmocka_unit_test(test_synthetic_does_not_bind),
		cmocka_unit_test(test_bind_cpu),
		cmocka_unit_test(test_bind_to_no_cpu),
		cmocka_unit_test(test_bind_memory),
		cmocka_unit_test(test_version),
	};

	unsetenv("HWLOC_SYNTHETIC");
	unsetenv("HWLOC_XMLFILE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
