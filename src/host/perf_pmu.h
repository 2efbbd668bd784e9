/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a CPU's performance monitor calls its events; private to src/host.
 *
 * Source: Documentation/ABI/testing/sysfs-bus-event_source-devices-format and
 *	-events of Linux; drivers/perf/arm_pmuv3.c for what arm64 maps.
 */
#ifndef IOPT_PERF_PMU_H
#define IOPT_PERF_PMU_H

#include "perf.h"

#include <limits.h>
#include <linux/perf_event.h>

#define PERF_PMU_NAME_MAX 64

/**
 * struct perf_pmu - The monitor of one CPU's kind.
 * @root: folder that holds sys; NULL for the running system
 * @name: its folder in sys/bus/event_source/devices; "" when none was found
 * @type: for perf_event_attr.type
 * @nr_core_pmus: monitors of CPUs that the machine has; above 1 its CPUs
 *	differ, and a generic event has to say whose it is
 * @vendor: of the CPUs, as x86 has it in proc/cpuinfo; "" elsewhere
 */
struct perf_pmu {
	const char *root;
	char name[PERF_PMU_NAME_MAX];
	u32 type;
	unsigned int nr_core_pmus;
	char vendor[32];
};

/**
 * struct perf_candidate - One way to count something.
 * @event: what is counted
 * @type: for perf_event_attr.type; PERF_TYPE_RAW: look @name up in sysfs
 * @config: for perf_event_attr.config
 * @name: as the perf tool calls it, or in sysfs
 */
struct perf_candidate {
	enum host_perf_event event;
	u32 type;
	u64 config;
	const char *name;
};

IOPT_BEGIN_DECLS

/* Ways to count, those of an event in the order to try them; 0 at the end. */
extern const struct perf_candidate perf_candidates[];

/**
 * perf_pmu_find() - Find the monitor of a CPU.
 * @pmu: set
 * @root: folder that holds sys; NULL for the running system
 * @cpu: CPU number
 */
void perf_pmu_find(struct perf_pmu *pmu, const char *root, unsigned int cpu);

/**
 * perf_pmu_attr() - Fill in type and config of an event.
 * @pmu: monitor
 * @c: candidate
 * @attr: type, config, config1 and config2 are set
 * @source: gets how a person writes it: "cycles", "cpu/cache-misses/"
 *
 * Return: 0; -ENOENT when the monitor has no event of that name, or means
 * something else by it.
 */
int perf_pmu_attr(const struct perf_pmu *pmu, const struct perf_candidate *c,
		  struct perf_event_attr *attr,
		  char source[HOST_PERF_TEXT_MAX]);

IOPT_END_DECLS

#endif
