// SPDX-License-Identifier: GPL-2.0-only
/* The clock that measures: chosen once, checked before it is trusted. */
#include "clock.h"

#include <errno.h>
#include <inttypes.h>

#define NR_BLOCKS      32
#define NR_BLOCK_READS 1024

static const struct {
	clockid_t id;
	const char *name;
} clocks[] = {
	{ CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW" },
	{ CLOCK_MONOTONIC, "CLOCK_MONOTONIC" },
};

/* One block of readings; returns its mean cost in ns. */
static double probe_block(u64 (*read)(void *arg), void *arg,
			  struct clock_probe *probe)
{
	u64 first = read(arg), before = first, now;

	for (int i = 0; i < NR_BLOCK_READS; i++) {
		now = read(arg);
		if (now < before)
			probe->nr_backwards++;
		else if (now > before && (!probe->resolution_ns ||
					  now - before < probe->resolution_ns))
			probe->resolution_ns = now - before;
		before = now;
	}
	return before > first ? (double)(before - first) / NR_BLOCK_READS : 0;
}

int host_clock_probe(u64 (*read)(void *arg), void *arg,
		     struct clock_probe *probe)
{
	double cost;

	*probe = (struct clock_probe){ .overhead_ns = 0 };
	for (int i = 0; i < NR_BLOCKS; i++) {
		cost = probe_block(read, arg, probe);
		if (!i || cost < probe->overhead_ns)
			probe->overhead_ns = cost;
	}
	return probe->nr_backwards || !probe->resolution_ns ? -EIO : 0;
}

static u64 read_clock(void *clock)
{
	return host_clock_ns(clock);
}

static void refuse(const struct host_clock *clock,
		   const struct clock_probe *probe, struct iopt_err *err)
{
	const int nr_reads = NR_BLOCKS * NR_BLOCK_READS;

	if (probe->nr_backwards)
		iopt_err_set(err, -EIO,
			     "clock: %s went backwards %" PRIu64
			     " times in %d readings",
			     clock->name, probe->nr_backwards, nr_reads);
	else
		iopt_err_set(err, -EIO, "clock: %s never moved in %d readings",
			     clock->name, nr_reads);
}

int host_clock_init(struct host_clock *clock, u64 quantum_ns,
		    struct iopt_err *err)
{
	struct host_clock best = { .name = NULL };
	struct clock_probe probe;

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		struct host_clock c = { .id = clocks[i].id,
					.name = clocks[i].name,
					.quantum_ns = quantum_ns };

		if (host_clock_probe(read_clock, &c, &probe)) {
			refuse(&c, &probe, err);
			continue;
		}
		c.resolution_ns = probe.resolution_ns;
		c.overhead_ns = probe.overhead_ns;
		if (!best.name || c.overhead_ns * 2 < best.overhead_ns)
			best = c;
	}
	if (!best.name)
		return -EIO;
	*clock = best;
	return 0;
}
