// SPDX-License-Identifier: GPL-2.0-only
/* What makes times measured here less sure, and what to do about it. */
#include "doubts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Limits above which something is worth a word. */
#define BUSY_PERMILLE	100
#define STEAL_PERCENT	1.0
#define PSI_PERCENT	10.0
#define LOAD_SHARE	0.5 /* of the CPUs */
#define CLOCK_COST_NS	200.0
#define NR_SIBLINGS_MAX 8

__attribute__((format(printf, 3, 4))) static void
add(struct host_doubts *doubts, const char *key, const char *fmt, ...)
{
	struct host_doubt *doubt = &doubts->list[doubts->nr];
	va_list ap;

	if (doubts->nr == HOST_DOUBTS_MAX)
		return;
	doubt->key = key;
	va_start(ap, fmt);
	vsnprintf(doubt->text, sizeof(doubt->text), fmt, ap);
	va_end(ap);
	doubts->nr++;
}

static bool fact_is(const struct host_state *s, const char *key,
		    const char *value)
{
	return !strcmp(host_environ_get(s->env, key), value);
}

/* The number that a fact starts with; 0 when it is unknown. */
static double fact_number(const struct host_state *s, const char *key)
{
	return strtod(host_environ_get(s->env, key), NULL);
}

static void doubt_hypervisor(const struct host_state *s, struct host_doubts *d)
{
	if (!host_environ_knows(s->env, "hypervisor") ||
	    fact_is(s, "hypervisor", "none"))
		return;
	add(d, "hypervisor",
	    "This is a virtual machine (%.60s): its neighbours change times, "
	    "and a TLB miss walks two tables. Compare only interleaved pairs, "
	    "or measure on bare metal.",
	    host_environ_get(s->env, "hypervisor"));
}

static void doubt_steal(const struct host_state *s, struct host_doubts *d)
{
	if (fact_number(s, "steal") > STEAL_PERCENT)
		add(d, "steal",
		    "The hypervisor took %.2f %% of this CPU's time since "
		    "boot. Use a machine with CPUs of its own.",
		    fact_number(s, "steal"));
}

static void doubt_governor(const struct host_state *s, struct host_doubts *d)
{
	if (!host_environ_knows(s->env, "governor") ||
	    fact_is(s, "governor", "performance"))
		return;
	add(d, "governor",
	    "The frequency follows the load (governor %.40s). "
	    "Run: make tune, or cpupower frequency-set -g performance",
	    host_environ_get(s->env, "governor"));
}

static void doubt_throttling(const struct host_state *s, struct host_doubts *d)
{
	const char *value = host_environ_get(s->env, "throttling");

	if (strncmp(value, "held", 4))
		return;
	add(d, "throttling",
	    "The CPU is %.60s. If that is heat, cool the machine; else write "
	    "cpuinfo_max_freq to scaling_max_freq.",
	    value);
}

static void doubt_quota(const struct host_state *s, struct host_doubts *d)
{
	if (fact_number(s, "cpu_quota") > 0)
		add(d, "cpu_quota",
		    "The control group may use %.40s and is stopped when it "
		    "has. Run outside of it, or with cpu.max set to max "
		    "(cpu.cfs_quota_us to -1).",
		    host_environ_get(s->env, "cpu_quota"));
}

static void doubt_memory(const struct host_state *s, struct host_doubts *d)
{
	if (fact_number(s, "psi_memory") > PSI_PERCENT)
		add(d, "psi_memory",
		    "Tasks waited for memory %.40s of the last 10 s. Free some "
		    "memory first.",
		    host_environ_get(s->env, "psi_memory"));
}

static void doubt_storage(const struct host_state *s, struct host_doubts *d)
{
	if (fact_number(s, "psi_io") > PSI_PERCENT)
		add(d, "psi_io",
		    "Tasks waited for storage %.40s of the last 10 s. Stop "
		    "what reads and writes so much first.",
		    host_environ_get(s->env, "psi_io"));
}

/* Processes are the replication: each shall have a layout of its own. */
static void doubt_aslr(const struct host_state *s, struct host_doubts *d)
{
	if (fact_is(s, "aslr", "off"))
		add(d, "aslr",
		    "All processes have the same layout, so what it costs "
		    "stays hidden (ASLR is off). Run: sysctl "
		    "kernel.randomize_va_space=2, without setarch -R.");
}

static void doubt_turbo(const struct host_state *s, struct host_doubts *d)
{
	if (fact_is(s, "turbo", "on"))
		add(d, "turbo",
		    "The frequency depends on heat and on other cores (turbo "
		    "is on). Run: make tune, or write 1 to "
		    "intel_pstate/no_turbo or 0 to cpufreq/boost, both in "
		    "/sys/devices/system/cpu.");
}

static void doubt_cpu_busy(const struct host_state *s, struct host_doubts *d)
{
	unsigned int busy = host_load_of(s->load, s->cpu);

	if (busy >= BUSY_PERMILLE)
		add(d, "cpu",
		    "CPU %u was %u %% busy before measuring began. Stop what "
		    "runs there, or choose another one with --cpu.",
		    s->cpu, busy / 10);
}

static void doubt_sibling(const struct host_state *s, struct host_doubts *d)
{
	unsigned int siblings[NR_SIBLINGS_MAX], busy;
	size_t nr = 0;

	if (s->topo)
		nr = host_topology_siblings(s->topo, s->cpu, siblings,
					    NR_SIBLINGS_MAX);
	for (size_t i = 0; i < nr; i++) {
		busy = host_load_of(s->load, siblings[i]);
		if (busy < BUSY_PERMILLE)
			continue;
		add(d, "smt",
		    "CPU %u shares its core with CPU %u, which was %u %% busy. "
		    "Choose another one with --cpu, or write off to "
		    "/sys/devices/system/cpu/smt/control.",
		    s->cpu, siblings[i], busy / 10);
		return;
	}
}

static void doubt_load(const struct host_state *s, struct host_doubts *d)
{
	double load = fact_number(s, "load"), pus = fact_number(s, "pus");
	double cpus = fact_number(s, "cpus_online");

	/* The load is the machine's, of which this process may use a part. */
	if (cpus < pus)
		cpus = pus;
	if (cpus > 0 && load > cpus * LOAD_SHARE)
		add(d, "load",
		    "%.1f tasks ran on %.0f CPUs in the last minute. Wait "
		    "until the machine is idle.",
		    load, cpus);
	else if (fact_number(s, "psi_cpu") > PSI_PERCENT)
		add(d, "psi_cpu",
		    "Tasks waited for a CPU %.40s of the last 10 s. Wait until "
		    "the machine is idle.",
		    host_environ_get(s->env, "psi_cpu"));
}

static void doubt_numa_balancing(const struct host_state *s,
				 struct host_doubts *d)
{
	if (!strncmp(host_environ_get(s->env, "numa_balancing"), "on", 2) &&
	    fact_number(s, "numa_nodes") > 1)
		add(d, "numa_balancing",
		    "The kernel moves pages between nodes and takes faults for "
		    "it. Run: make tune, or sysctl kernel.numa_balancing=0");
}

static void doubt_thp(const struct host_state *s, struct host_doubts *d)
{
	if (fact_is(s, "thp", "never") && fact_is(s, "hugepages", "none"))
		add(d, "thp",
		    "Page tables lie in base pages, so walks miss the TLB more "
		    "than the kernel's do. Run: make tune, or write madvise to "
		    "/sys/kernel/mm/transparent_hugepage/enabled.");
}

static void doubt_clock(const struct host_state *s, struct host_doubts *d)
{
	if (s->clock && s->clock->overhead_ns > CLOCK_COST_NS)
		add(d, "clocksource",
		    "Reading the clock costs %.0f ns: it is a system call "
		    "(clocksource %.40s). Write tsc or another one that the "
		    "vDSO reads to current_clocksource.",
		    s->clock->overhead_ns,
		    host_environ_get(s->env, "clocksource"));
}

void host_doubts_find(const struct host_state *state,
		      struct host_doubts *doubts)
{
	doubts->nr = 0;
	doubt_hypervisor(state, doubts);
	doubt_steal(state, doubts);
	doubt_quota(state, doubts);
	doubt_cpu_busy(state, doubts);
	doubt_sibling(state, doubts);
	doubt_load(state, doubts);
	doubt_memory(state, doubts);
	doubt_storage(state, doubts);
	doubt_throttling(state, doubts);
	doubt_aslr(state, doubts);
	doubt_governor(state, doubts);
	doubt_turbo(state, doubts);
	doubt_thp(state, doubts);
	doubt_numa_balancing(state, doubts);
	doubt_clock(state, doubts);
}
