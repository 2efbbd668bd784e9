// SPDX-License-Identifier: GPL-2.0-only
/* Where threads go, on machines of every shape. */
#include "test.h"

#include "placement.h"

#define MAX_THREADS 128

/* A dual-socket Arm server of 2 x 64 cores, 8 to an L3 of 16M. */
#define SERVER "XML:arm64-2s128c.xml"
/* Four slow CPUs, 0-3, and four fast ones, 4-7, under one L3. */
#define HYBRID "XML:arm64-hybrid.xml"

/*
 * @busy is the load of CPU 0 on, in 1/1000. @cpus are the CPUs of the first
 * threads; @why is part of the reason where there is no such place.
 */
static const struct {
	const char *name;
	const char *topology;
	unsigned int busy[8];
	unsigned int first;
	enum host_spread spread;
	unsigned int nr;
	unsigned int cpus[9];
	const char *why;
} rows[] = {
	{ "alone", SERVER, { 0 }, 127, HOST_SPREAD_COMPLEX, 1, { 127 }, NULL },
	{ "one complex",
	  SERVER,
	  { 0 },
	  127,
	  HOST_SPREAD_COMPLEX,
	  4,
	  { 127, 120, 121, 122 },
	  NULL },
	{ "a whole complex",
	  SERVER,
	  { 0 },
	  120,
	  HOST_SPREAD_COMPLEX,
	  8,
	  { 120, 121, 122, 123, 124, 125, 126, 127 },
	  NULL },
	{ "more than a complex",
	  SERVER,
	  { 0 },
	  127,
	  HOST_SPREAD_COMPLEX,
	  9,
	  { 0 },
	  "8 cores are there, fewer than threads" },
	{ "complexes of a node",
	  SERVER,
	  { 0 },
	  127,
	  HOST_SPREAD_NODE,
	  4,
	  { 127, 64, 72, 80 },
	  NULL },
	{ "complexes of a node, in turn",
	  SERVER,
	  { 0 },
	  3,
	  HOST_SPREAD_NODE,
	  9,
	  { 3, 8, 16, 24, 32, 40, 48, 56, 1 },
	  NULL },
	{ "two nodes",
	  SERVER,
	  { 0 },
	  127,
	  HOST_SPREAD_NODES,
	  2,
	  { 127, 1 },
	  NULL },
	{ "two nodes, in turn",
	  SERVER,
	  { 0 },
	  64,
	  HOST_SPREAD_NODES,
	  4,
	  { 64, 1, 65, 2 },
	  NULL },
	{ "a whole node",
	  SERVER,
	  { 0 },
	  64,
	  HOST_SPREAD_NODE,
	  64,
	  { 64 },
	  NULL },
	{ "more than a node",
	  SERVER,
	  { 0 },
	  64,
	  HOST_SPREAD_NODE,
	  65,
	  { 0 },
	  "64 cores are there, fewer than threads" },
	{ "the whole machine",
	  SERVER,
	  { 0 },
	  0,
	  HOST_SPREAD_NODES,
	  128,
	  { 0, 64, 1, 65 },
	  NULL },
	{ "more than the machine",
	  SERVER,
	  { 0 },
	  0,
	  HOST_SPREAD_NODES,
	  129,
	  { 0 },
	  "128 cores are there, fewer than threads" },
	{ "not where it is busy",
	  SERVER,
	  { 0, 0, 500, 120, 0, 0, 0, 0 },
	  0,
	  HOST_SPREAD_COMPLEX,
	  4,
	  { 0, 1, 4, 5 },
	  NULL },
	{ "busy ones last",
	  SERVER,
	  { 0, 0, 500, 120, 0, 0, 0, 0 },
	  0,
	  HOST_SPREAD_COMPLEX,
	  8,
	  { 0, 1, 4, 5, 6, 7, 3, 2 },
	  NULL },
	/* The other socket before the other node of the same one. */
	{ "other sockets first",
	  "pack:2 numa:2 core:4 pu:1",
	  { 0 },
	  0,
	  HOST_SPREAD_NODES,
	  4,
	  { 0, 8, 12, 4 },
	  NULL },
	{ "one node",
	  "pack:1 numa:1 l3:2 core:4 pu:1",
	  { 0 },
	  0,
	  HOST_SPREAD_NODES,
	  2,
	  { 0 },
	  "there is one memory node" },
	{ "one complex in the node",
	  "pack:2 numa:1 l3:1 core:4 pu:1",
	  { 0 },
	  0,
	  HOST_SPREAD_NODE,
	  2,
	  { 0 },
	  "there is one core complex" },
	/* A cache of the socket, which is two nodes, is none of a complex. */
	{ "cache beyond the node",
	  "pack:1 l3:1 numa:2 l2:2 core:2 pu:1",
	  { 0 },
	  0,
	  HOST_SPREAD_COMPLEX,
	  2,
	  { 0, 1 },
	  NULL },
	{ "no caches",
	  "numa:2 core:4 pu:1",
	  { 0 },
	  0,
	  HOST_SPREAD_COMPLEX,
	  2,
	  { 0 },
	  "no cache is known that cores near CPU 0 share" },
	{ "own caches only",
	  "l2:4 core:1 pu:1",
	  { 0 },
	  2,
	  HOST_SPREAD_COMPLEX,
	  2,
	  { 0 },
	  "no cache is known" },
	{ "no caches, one node",
	  "numa:2 core:4 pu:1",
	  { 0 },
	  5,
	  HOST_SPREAD_NODE,
	  3,
	  { 5, 4, 6 },
	  NULL },
	{ "a group in place of a cache",
	  "group:2 core:4 pu:1",
	  { 0 },
	  4,
	  HOST_SPREAD_COMPLEX,
	  3,
	  { 4, 5, 6 },
	  NULL },
	/* One thread a core: siblings stay free. */
	{ "two threads a core",
	  "l3:1 core:4 pu:2",
	  { 0 },
	  3,
	  HOST_SPREAD_COMPLEX,
	  3,
	  { 3, 4, 6 },
	  NULL },
	{ "the idle thread of a core",
	  "l3:1 core:2 pu:2",
	  { 0 },
	  0,
	  HOST_SPREAD_COMPLEX,
	  2,
	  { 0, 2 },
	  NULL },
	{ "two threads a core, too many",
	  "l3:1 core:2 pu:2",
	  { 0 },
	  0,
	  HOST_SPREAD_COMPLEX,
	  3,
	  { 0 },
	  "2 cores are there, fewer than threads" },
	{ "threads without cores",
	  "l3:1 pu:4",
	  { 0 },
	  1,
	  HOST_SPREAD_COMPLEX,
	  3,
	  { 1, 2, 3 },
	  NULL },
	{ "one kind",
	  HYBRID,
	  { 0 },
	  7,
	  HOST_SPREAD_COMPLEX,
	  4,
	  { 7, 4, 5, 6 },
	  NULL },
	{ "the slow kind",
	  HYBRID,
	  { 0 },
	  1,
	  HOST_SPREAD_COMPLEX,
	  2,
	  { 1, 2 },
	  NULL },
	{ "more than one kind has",
	  HYBRID,
	  { 0 },
	  7,
	  HOST_SPREAD_COMPLEX,
	  5,
	  { 0 },
	  "4 cores are there, fewer than threads" },
	{ "one core",
	  "l3:1 core:1 pu:1",
	  { 0 },
	  0,
	  HOST_SPREAD_COMPLEX,
	  2,
	  { 0 },
	  "no cache is known" },
	{ "no such CPU",
	  "core:4 pu:1",
	  { 0 },
	  4,
	  HOST_SPREAD_COMPLEX,
	  2,
	  { 0 },
	  "there is no CPU 4" },
};

static struct host_topology *topology_of(const char *text)
{
	bool is_xml = !strncmp(text, "XML:", 4);
	const char *name = is_xml ? "HWLOC_XMLFILE" : "HWLOC_SYNTHETIC";
	struct host_topology *topo;
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", TOPOLOGY_DATA, text + 4);
	setenv(name, is_xml ? path : text, 1);
	expect_int(host_topology_create(NULL, &topo, NULL), 0, text);
	unsetenv(name);
	return topo;
}

static void expect_distinct(const unsigned int *cpus, unsigned int nr,
			    const char *name)
{
	for (unsigned int i = 0; i < nr; i++)
		for (unsigned int j = 0; j < i; j++)
			if (cpus[i] == cpus[j])
				fail_msg("%s: CPU %u has threads %u and %u",
					 name, cpus[i], j, i);
}

static void test_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host_topology *topo = topology_of(rows[i].topology);
		unsigned int busy[8], cpus[MAX_THREADS + 1] = { 7777 };
		const struct host_load load = { busy, 8 };
		const struct host_team team = { topo, &load, rows[i].first,
						rows[i].spread, rows[i].nr };
		struct iopt_err err = { "" };
		unsigned int nr = rows[i].nr < 9 ? rows[i].nr : 9;

		memcpy(busy, rows[i].busy, sizeof(busy));
		expect_int(host_team_place(&team, cpus, &err),
			   rows[i].why ? -ENOENT : 0, rows[i].name);
		if (rows[i].why) {
			expect_text(err.msg, rows[i].why, rows[i].name);
			assert_int_equal(cpus[0], 7777);
		} else {
			for (unsigned int k = 0; k < nr; k++)
				if (rows[i].cpus[k] || !k)
					expect_u64(cpus[k], rows[i].cpus[k],
						   "thread %u of %s", k,
						   rows[i].name);
			expect_distinct(cpus, rows[i].nr, rows[i].name);
		}
		host_topology_destroy(topo);
	}
}

static void test_names(void **state)
{
	enum host_spread spread;

	(void)state;
	for (int i = 0; i <= HOST_SPREAD_NODES; i++) {
		assert_true(host_spread_find(host_spread_name(i), &spread));
		assert_int_equal(spread, i);
	}
	assert_false(host_spread_find("everywhere", &spread));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_names),
	};

	unsetenv("HWLOC_SYNTHETIC");
	unsetenv("HWLOC_XMLFILE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
