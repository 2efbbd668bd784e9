/* SPDX-License-Identifier: GPL-2.0-only */
/* The clocks that sections are timed with, and what reading one costs. */
#ifndef IOPT_CLOCK_H
#define IOPT_CLOCK_H

#include <time.h>

#include "types.h"

/**
 * struct bench_clock - What is known of the clock.
 * @name: its name, a static string
 * @overhead_ns: least time between two readings in a row, in ns
 * @resolution_ns: least step between readings that differ, in ns
 */
struct bench_clock {
	const char *name;
	double overhead_ns;
	double resolution_ns;
};

/**
 * clock_now_ns() - Time that does not stop or jump, in ns.
 */
static inline u64 clock_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

/**
 * clock_cpu_ns() - CPU time of this thread, in ns. Costs a system call.
 */
static inline u64 clock_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

IOPT_BEGIN_DECLS

/**
 * clock_measure() - Measure the clock.
 * @clock: set to what is found
 *
 * Cost: about a millisecond.
 */
void clock_measure(struct bench_clock *clock);

IOPT_END_DECLS

#endif
