/* SPDX-License-Identifier: GPL-2.0-only */
/* The context of a result: what was measured, how, and on what. */
#ifndef IOPT_CONTEXT_H
#define IOPT_CONTEXT_H

#include "bench.h"
#include "gbench.h"
#include "kernel.h"
#include "machine.h"

/**
 * struct bench_context - What of the context depends on this run.
 * @env: of the process
 * @families: families of the selected cases, NULL after the last
 * @order: comma list of the indices of the cases, in the order they run
 * @round: number of this round, from 0
 * @machine: what is measured on
 * @kernels: Linux trees among the engines
 * @overhead_ns: what an empty section costs
 * @perf_overhead: what an empty section counts; without --no-perf
 */
struct bench_context {
	const struct bench_env *env;
	const struct bench_family *const *families;
	const char *order;
	u64 round;
	const struct machine *machine;
	const struct kernel_set *kernels;
	double overhead_ns;
	struct host_perf_counts perf_overhead;
};

IOPT_BEGIN_DECLS

/**
 * context_add_all() - Write the context of a result, keys iopt_*.
 * @gb: session that has not run yet
 * @context: see there
 * @err: gets the reason of a failure; may be NULL
 *
 * Touches the arena once, to see what its pages are.
 *
 * Return: 0;
 * what gb_context_add() returns.
 */
int context_add_all(struct gb *gb, const struct bench_context *context,
		    struct iopt_err *err);

IOPT_END_DECLS

#endif
