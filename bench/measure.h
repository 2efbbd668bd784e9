/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timing a case: how many operations a section needs, how many sections, and
 * the proof that the work was done.
 */
#ifndef IOPT_MEASURE_H
#define IOPT_MEASURE_H

#include <signal.h>

#include "bench.h"
#include "perf.h"
#include "turns.h"

/**
 * struct measure_cfg - What holds for all cases of a process.
 * @clock: clock that measures
 * @min_section_ns: least length of a timed section; see measure_section_ns()
 * @budget_ns: timed part of a case, in ns
 * @stop: becomes true when the user wants to stop; NULL when nobody will
 * @perf: counts while a section is timed, a little longer on both sides; NULL
 *	for nothing
 * @turns: taken with other processes, between the sections of a case that is
 *	not long; NULL when this one is alone
 */
struct measure_cfg {
	const struct host_clock *clock;
	double min_section_ns;
	double budget_ns;
	const volatile sig_atomic_t *stop;
	struct host_perf *perf;
	struct turns *turns;
};

/**
 * struct measure_section - One timed section, in ns.
 * @wall_ns: of run() alone
 * @cpu_ns: CPU time of the thread in it
 * @whole_ns: with prepare() and finish()
 */
struct measure_section {
	double wall_ns;
	double cpu_ns;
	double whole_ns;
};

/**
 * struct measure - A case that is being timed; the caller owns it.
 * @cfg: set by the caller
 * @family: set by the caller: whose hooks are called
 * @ctx: set by the caller: their context, set up for BENCH_TIME
 * @is_long: set by the caller: plan one section of one operation, untried
 * @n: operations in a section, at most as many as can be prepared
 * @nr_blocks: sections to time
 * @n2n_ratio: time of 2N operations over that of N; 0 when a section cannot
 *	be halved or doubled
 * @is_short: a section stays below @cfg->min_section_ns with all that can be
 *	prepared: the clock's share is larger than wanted
 */
struct measure {
	const struct measure_cfg *cfg;
	const struct bench_family *family;
	void *ctx;
	bool is_long;
	u64 n;
	u64 nr_blocks;
	double n2n_ratio;
	bool is_short;
};

IOPT_BEGIN_DECLS

/**
 * measure_section_ns() - Least length of a section for a clock.
 * @clock: clock
 * @overhead_ns: what an empty section costs
 *
 * Return: the largest of 20 us, 100 times the overhead and 200 times the
 * resolution, so that the clock adds at most 1 %.
 */
double measure_section_ns(const struct host_clock *clock, double overhead_ns);

/**
 * measure_plan() - Choose the operations of a section and their number.
 * @m: sets n, nr_blocks, n2n_ratio and is_short
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINTR when the user wants to stop;
 * what a hook of the family returned.
 */
int measure_plan(struct measure *m, struct iopt_err *err);

/**
 * measure_fixed() - Prove and warm up a case whose sections are decided.
 * @m: n and nr_blocks are those to use; sets n2n_ratio and is_short
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when n operations cannot be prepared;
 * -EINTR when the user wants to stop;
 * what a hook of the family returned.
 */
int measure_fixed(struct measure *m, struct iopt_err *err);

/**
 * measure_section() - prepare(), a timed run(), finish().
 * @m: case
 * @n: operations
 * @is_last: call check_after() before finish()
 * @section: set to the times
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: as measure_plan().
 */
int measure_section(const struct measure *m, u64 n, bool is_last,
		    struct measure_section *section, struct iopt_err *err);

/**
 * measure_is_proven() - Did 2N operations take twice as long as N?
 * @n2n_ratio: the ratio
 *
 * Return: true when it is within 15 % of 2.
 */
bool measure_is_proven(double n2n_ratio);

/**
 * measure_overhead_ns() - What an empty operation costs on the same path.
 * @clock: clock that measures
 * @perf: counters, which then hold what the same sections counted; or NULL
 * @counts: set to their mean, a section, where there are any; or NULL
 *
 * Return: ns of a section of one empty operation, the clock included: the
 * median of means, which neither a step of the clock nor a preemption moves.
 */
double measure_overhead_ns(const struct host_clock *clock,
			   struct host_perf *perf,
			   struct host_perf_counts *counts);

IOPT_END_DECLS

#endif
