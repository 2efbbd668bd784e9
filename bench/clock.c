// SPDX-License-Identifier: GPL-2.0-only
/* What reading the clock costs, and how fine it is. */
#include "clock.h"

#define NR_READINGS 20000

void clock_measure(struct bench_clock *clock)
{
	u64 start = clock_now_ns();
	u64 last = start;
	u64 step = ~0ull;

	for (int i = 0; i < NR_READINGS; i++) {
		u64 now = clock_now_ns();

		if (now > last && now - last < step)
			step = now - last;
		last = now;
	}
	clock->name = "CLOCK_MONOTONIC";
	/* A mean: a fine clock's least difference may be rounded to 0. */
	clock->overhead_ns = (double)(last - start) / NR_READINGS;
	clock->resolution_ns = (double)step;
}
