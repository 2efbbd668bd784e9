/* SPDX-License-Identifier: GPL-2.0-only */
/* How busy each CPU is, sampled from /proc/stat. */
#ifndef IOPT_LOAD_H
#define IOPT_LOAD_H

#include "err.h"
#include "types.h"

/**
 * struct cpu_ticks - What /proc/stat says of one CPU since boot, in ticks.
 * @busy: in user, nice, system, interrupt or softirq mode
 * @steal: taken by the hypervisor
 * @total: all, idle and waiting for I/O included
 */
struct cpu_ticks {
	u64 busy;
	u64 steal;
	u64 total;
};

/**
 * struct host_load - Load of each CPU over an interval; the caller owns it.
 * @busy_permille: busy or stolen, in 1/1000 of the interval, by CPU number
 * @nr_cpus: entries in @busy_permille
 */
struct host_load {
	unsigned int *busy_permille;
	unsigned int nr_cpus;
};

IOPT_BEGIN_DECLS

/**
 * host_load_sample() - Watch the machine for a while.
 * @root: folder that holds proc, or NULL for the running system
 * @interval_ms: how long to sleep between two readings; the kernel counts in
 *	ticks of 10 ms, so 100 ms tell 10 % apart
 * @load: set up; the caller ends it by host_load_fini()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ENOENT when /proc/stat cannot be read or names no CPU;
 * -ENOMEM when memory ran out.
 */
int host_load_sample(const char *root, unsigned int interval_ms,
		     struct host_load *load, struct iopt_err *err);

/**
 * host_load_between() - The load between two readings.
 * @before: by CPU number
 * @after: likewise, read later
 * @nr_cpus: entries in both
 * @load: set up; the caller ends it by host_load_fini()
 *
 * Return: 0; -ENOMEM.
 */
int host_load_between(const struct cpu_ticks *before,
		      const struct cpu_ticks *after, unsigned int nr_cpus,
		      struct host_load *load);

/**
 * host_stolen_ticks() - What the hypervisor took between two readings of a CPU.
 * @before: earlier reading
 * @after: later reading
 *
 * Return: ticks; 0 where the kernel counted backwards.
 */
u64 host_stolen_ticks(const struct cpu_ticks *before,
		      const struct cpu_ticks *after);

/**
 * host_load_of() - Load of a CPU in 1/1000; 0 for a CPU not in the sample.
 * @load: sample, or NULL when nothing is known
 * @cpu: CPU number
 */
unsigned int host_load_of(const struct host_load *load, unsigned int cpu);

/**
 * host_load_fini() - Free a sample.
 * @load: sample
 */
void host_load_fini(struct host_load *load);

/**
 * host_ticks_of() - The line of one CPU.
 * @root: folder that holds proc, or NULL for the running system
 * @cpu: CPU number
 * @ticks: set to the sum since boot
 *
 * Return: true; false when /proc/stat does not tell.
 */
bool host_ticks_of(const char *root, unsigned int cpu, struct cpu_ticks *ticks);

IOPT_END_DECLS

#endif
