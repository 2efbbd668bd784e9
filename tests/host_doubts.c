// SPDX-License-Identifier: GPL-2.0-only
/* What is doubted, with the advice, and what is not. */
#include "test.h"

#include "doubts.h"

#define NR_CPUS 4

/*
 * One row a state: a fact or two that differ from a machine in order, the load
 * of four CPUs on two cores, and the doubts in their order.
 */
static const struct {
	const char *name;
	const char *facts[5]; /* key, value, ..., NULL */
	unsigned int busy[NR_CPUS];
	double clock_overhead_ns;
	const char *keys; /* of the doubts, each with a blank after it */
	const char *says; /* in the first one */
} rows[] = {
	{ "in order", { NULL }, { 0 }, 25, "", "" },
	{ "governor",
	  { "governor", "schedutil" },
	  { 0 },
	  25,
	  "governor ",
	  "cpupower frequency-set -g performance" },
	{ "turbo", { "turbo", "on" }, { 0 }, 25, "turbo ", "no_turbo" },
	{ "virtual",
	  { "hypervisor", "KVMKVMKVM" },
	  { 0 },
	  25,
	  "hypervisor ",
	  "(KVMKVMKVM)" },
	{ "stolen",
	  { "steal", "2.50 %: 5.00 of 200.00 s since boot" },
	  { 0 },
	  25,
	  "steal ",
	  "took 2.50 % of" },
	{ "little stolen",
	  { "steal", "0.90 %: 1.80 of 200.00 s since boot" },
	  { 0 },
	  25,
	  "",
	  "" },
	{ "one layout",
	  { "aslr", "off" },
	  { 0 },
	  25,
	  "aslr ",
	  "sysctl kernel.randomize_va_space=2" },
	{ "layouts of a kind", { "aslr", "partial" }, { 0 }, 25, "", "" },
	{ "storage",
	  { "psi_io", "31.00 %" },
	  { 0 },
	  25,
	  "psi_io ",
	  "storage 31.00 %" },
	{ "some storage", { "psi_io", "9.00 %" }, { 0 }, 25, "", "" },
	{ "never THP", { "thp", "never" }, { 0 }, 25, "thp ", "madvise" },
	{ "never THP, but a pool",
	  { "thp", "never", "hugepages", "2M 9/9" },
	  { 0 },
	  25,
	  "",
	  "" },
	{ "NUMA balancing",
	  { "numa_balancing", "on", "numa_nodes", "2" },
	  { 0 },
	  25,
	  "numa_balancing ",
	  "sysctl kernel.numa_balancing=0" },
	{ "NUMA balancing and tiering",
	  { "numa_balancing", "on and tiering", "numa_nodes", "2" },
	  { 0 },
	  25,
	  "numa_balancing ",
	  "nodes" },
	{ "NUMA balancing of one node",
	  { "numa_balancing", "on", "numa_nodes", "1" },
	  { 0 },
	  25,
	  "",
	  "" },
	{ "load", { "load", "2.10 0 0" }, { 0 }, 25, "load ", "2.1 tasks" },
	{ "half loaded", { "load", "2.00 0 0" }, { 0 }, 25, "", "" },
	{ "a part of a machine",
	  { "load", "15.00 0 0", "cpus_online", "32" },
	  { 0 },
	  25,
	  "",
	  "" },
	{ "a part of a loaded machine",
	  { "load", "17.00 0 0", "cpus_online", "32" },
	  { 0 },
	  25,
	  "load ",
	  "17.0 tasks ran on 32 CPUs" },
	{ "pressure",
	  { "psi_cpu", "12.00 %" },
	  { 0 },
	  25,
	  "psi_cpu ",
	  "12.00 %" },
	{ "no memory",
	  { "psi_memory", "25.00 %" },
	  { 0 },
	  25,
	  "psi_memory ",
	  "25.00 %" },
	{ "quota",
	  { "cpu_quota", "1.50 CPUs" },
	  { 0 },
	  25,
	  "cpu_quota ",
	  "may use 1.50 CPUs" },
	{ "held back",
	  { "throttling", "held at 1500 of 2600 MHz" },
	  { 0 },
	  25,
	  "throttling ",
	  "is held at 1500 of 2600 MHz" },
	/* Long ago, perhaps; a change while measuring is told by the runner. */
	{ "was hot",
	  { "throttling", "12 times since boot" },
	  { 0 },
	  25,
	  "",
	  "" },
	{ "busy", { NULL }, { 0, 0, 100, 0 }, 25, "cpu ", "10 % busy" },
	{ "busy elsewhere", { NULL }, { 900, 900, 99, 99 }, 25, "", "" },
	{ "sibling", { NULL }, { 0, 0, 0, 300 }, 25, "smt ", "CPU 3" },
	{ "slow clock",
	  { "clocksource", "hpet" },
	  { 0 },
	  800,
	  "clocksource ",
	  "hpet" },
	{ "all unknown but one",
	  { "governor", "unknown", "turbo", "unknown" },
	  { 0 },
	  25,
	  "",
	  "" },
	{ "hypervisor unknown",
	  { "hypervisor", "unknown" },
	  { 0 },
	  25,
	  "",
	  "" },
	{ "several, the worst first",
	  { "governor", "powersave", "hypervisor", "xen" },
	  { 0, 0, 200, 200 },
	  25,
	  "hypervisor cpu smt governor ",
	  "virtual" },
};

/* Facts of a machine in order. */
static const char *const in_order[][2] = {
	{ "governor", "performance" },
	{ "turbo", "off" },
	{ "hypervisor", "none" },
	{ "aslr", "full" },
	{ "steal", "0.00 %: 0.00 of 200.00 s since boot" },
	{ "thp", "madvise" },
	{ "hugepages", "none" },
	{ "numa_balancing", "off" },
	{ "numa_nodes", "2" },
	{ "load", "0.10 0.10 0.10" },
	{ "pus", "4" },
	{ "psi_cpu", "0.00 %" },
	{ "clocksource", "tsc" },
	{ "psi_memory", "0.00 %" },
	{ "psi_io", "0.00 %" },
	{ "cpu_quota", "none" },
	{ "throttling", "0 times since boot" },
	{ "perf_event_paranoid", "1" },
};

static void fact_set(struct host_environ *env, const char *key,
		     const char *value)
{
	for (size_t i = 0; i < HOST_NR_FACTS; i++)
		if (!strcmp(env->facts[i].key, key)) {
			snprintf(env->facts[i].value, HOST_VALUE_MAX, "%s",
				 value);
			return;
		}
	fail_msg("no fact %s", key);
}

static void environ_make(struct host_environ *env, const char *const *facts)
{
	const struct host_source src = { .root = "/nowhere" };

	host_environ_read(&src, env);
	for (size_t i = 0; i < ARRAY_SIZE(in_order); i++)
		fact_set(env, in_order[i][0], in_order[i][1]);
	for (; *facts; facts += 2)
		fact_set(env, facts[0], facts[1]);
}

static void check_doubts(size_t row, const struct host_doubts *doubts)
{
	const char *name = rows[row].name;
	char keys[256] = "";

	for (size_t k = 0; k < doubts->nr; k++) {
		strcat(keys, doubts->list[k].key);
		strcat(keys, " ");
		/* None was cut. */
		expect_u64(strlen(doubts->list[k].text) < HOST_DOUBT_MAX - 1,
			   true, "%s: length", name);
	}
	if (strcmp(keys, rows[row].keys))
		fail_msg("%s: expected \"%s\", got \"%s\"", name,
			 rows[row].keys, keys);
	if (doubts->nr)
		expect_text(doubts->list[0].text, rows[row].says, name);
}

static void test_doubts(void **state)
{
	struct host_topology *topo;

	(void)state;
	setenv("HWLOC_SYNTHETIC", "core:2 pu:2", 1);
	assert_int_equal(host_topology_create("/nowhere", &topo, NULL), 0);
	unsetenv("HWLOC_SYNTHETIC");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int busy[NR_CPUS];
		const struct host_load load = { busy, NR_CPUS };
		const struct host_clock clock = {
			.overhead_ns = rows[i].clock_overhead_ns
		};
		struct host_environ env;
		const struct host_state s = { &env, topo, &load, &clock, 2 };
		struct host_doubts doubts;

		memcpy(busy, rows[i].busy, sizeof(busy));
		environ_make(&env, rows[i].facts);
		host_doubts_find(&s, &doubts);
		check_doubts(i, &doubts);
	}
	host_topology_destroy(topo);
}

/* Nothing is known: nothing is doubted, and nothing is missing to ask. */
static void test_unknown(void **state)
{
	const struct host_source src = { .root = "/nowhere" };
	struct host_environ env;
	const struct host_state s = { .env = &env };
	struct host_doubts doubts = { .nr = 7 };

	(void)state;
	host_environ_read(&src, &env);
	host_doubts_find(&s, &doubts);
	assert_int_equal(doubts.nr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doubts),
		cmocka_unit_test(test_unknown),
	};

	unsetenv("HWLOC_XMLFILE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
