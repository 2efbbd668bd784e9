/* SPDX-License-Identifier: GPL-2.0-only */
/* The clock that measures: chosen once, checked before it is trusted. */
#ifndef IOPT_CLOCK_H
#define IOPT_CLOCK_H

#include "err.h"
#include "types.h"

#include <time.h>

/**
 * struct host_clock - A clock; the caller owns it.
 * @id: for clock_gettime(2)
 * @name: "CLOCK_MONOTONIC_RAW" or "CLOCK_MONOTONIC", a static string
 * @quantum_ns: readings are rounded down to a multiple of it, to act as a
 *	coarser clock; 0 for not
 * @resolution_ns: smallest step seen between two readings that differ. Not
 *	below the cost of a call, since closer readings cannot be had; so it
 *	is what a measured time may be wrong by at either end
 * @overhead_ns: mean cost of one reading
 */
struct host_clock {
	clockid_t id;
	const char *name;
	u64 quantum_ns;
	u64 resolution_ns;
	double overhead_ns;
};

/**
 * struct clock_probe - What watching a clock gave.
 * @nr_backwards: readings smaller than the one before
 * @resolution_ns: smallest step forward; 0 when it never moved
 * @overhead_ns: mean cost of a reading, of the best of several blocks
 */
struct clock_probe {
	u64 nr_backwards;
	u64 resolution_ns;
	double overhead_ns;
};

IOPT_BEGIN_DECLS

/**
 * host_clock_init() - Choose a clock and measure it.
 * @clock: set up
 * @quantum_ns: 0; or a resolution in ns to imitate, so that what follows from
 *	a coarse clock can be tried on any machine
 * @err: gets the reason of a failure; may be NULL
 *
 * CLOCK_MONOTONIC_RAW, since NTP does not bend it; but CLOCK_MONOTONIC where
 * the raw one costs more than twice as much (kernels before 5.3 answer it with
 * a system call).
 *
 * Cost: some milliseconds.
 *
 * Return: 0; -EIO when neither clock only moves forward.
 */
int host_clock_init(struct host_clock *clock, u64 quantum_ns,
		    struct iopt_err *err);

/**
 * host_clock_probe() - Watch a clock.
 * @read: gives the time in ns
 * @arg: handed to @read
 * @probe: set to what was seen, also on failure
 *
 * Return: 0; -EIO when it went backwards or never moved.
 */
int host_clock_probe(u64 (*read)(void *arg), void *arg,
		     struct clock_probe *probe);

/**
 * host_clock_ns() - Read the clock.
 * @clock: clock
 *
 * Cost: one call of the vDSO, see @overhead_ns.
 *
 * Return: ns since some moment.
 */
static inline u64 host_clock_ns(const struct host_clock *clock)
{
	struct timespec ts;
	u64 ns;

	clock_gettime(clock->id, &ts);
	ns = (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
	return clock->quantum_ns ? ns - ns % clock->quantum_ns : ns;
}

/**
 * host_clock_reading_ns() - What two readings may get wrong.
 * @clock: clock
 *
 * Return: the cost of a reading or the step of the clock, whichever is more:
 * a counter of 25 MHz steps by 40 ns, and less than that costs a reading.
 */
static inline double host_clock_reading_ns(const struct host_clock *clock)
{
	double step_ns = (double)clock->resolution_ns;

	return clock->overhead_ns > step_ns ? clock->overhead_ns : step_ns;
}

IOPT_END_DECLS

#endif
