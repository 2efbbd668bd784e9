/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The longest time between two points where the kernel could reschedule, in a
 * teardown whose invalidations and unpinning have a price.
 *
 * Two passes over the same teardown, so that no simulator stands in what is
 * measured: the first takes the CPU time of each stretch with invalidations
 * going into the sink, and can be repeated to keep the least of each; the
 * second adds what the simulator was sent in the stretch, and what was
 * unpinned, at the profile's prices.
 */
#ifndef IOPT_STRETCH_H
#define IOPT_STRETCH_H

#include "clock.h"
#include "err.h"
#include "tlbsim.h"
#include "vfio.h"

/* Stretches whose times are kept one by one; of those behind, the longest. */
#define STRETCH_MAX (1u << 20)

/**
 * struct stretch - Stretches of a teardown; the caller owns it.
 * @clock: that measures
 * @ns: CPU time of each
 * @nr: stretches of the last pass
 * @nr_passes: passes that were measured
 * @rest_ns: longest of those behind STRETCH_MAX, least over passes
 * @longest_ns: the same in this pass
 * @wall_ns: when the last stretch ended; a double would lose ns after 104 days
 * @cpu_ns: CPU time of the thread when it was last read
 * @since_ns: of stretches that ended since then
 */
struct stretch {
	const struct host_clock *clock;
	double *ns;
	u64 nr;
	u64 nr_passes;
	double rest_ns;
	double longest_ns;
	u64 wall_ns;
	double cpu_ns;
	double since_ns;
};

/**
 * struct stretch_price - The second pass; the caller owns it.
 * @stretch: what the first pass found
 * @sim: simulator behind the page table
 * @counts: of the container
 * @unpin_ps_per_byte: mean price of unpinning
 * @nr: stretches so far
 * @sim_ps: simulated time at the end of the last one
 * @unpinned_bytes: unpinned at the end of the last one
 * @longest_ns: longest so far
 * @rest_ns: longest price of those behind STRETCH_MAX
 * @ret: 0, or why a price cannot be said
 */
struct stretch_price {
	const struct stretch *stretch;
	const struct tlbsim *sim;
	const struct vfio_counts *counts;
	double unpin_ps_per_byte;
	u64 nr;
	u64 sim_ps;
	u64 unpinned_bytes;
	double longest_ns;
	double rest_ns;
	int ret;
};

IOPT_BEGIN_DECLS

/**
 * stretch_init() - Start with nothing measured.
 * @s: set up; freed by stretch_fini()
 * @clock: that measures; outlives @s
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0; -ENOMEM when there is no memory.
 */
int stretch_init(struct stretch *s, const struct host_clock *clock,
		 struct iopt_err *err);

/**
 * stretch_fini() - Free what stretch_init() made.
 * @s: stretches
 */
void stretch_fini(struct stretch *s);

/**
 * stretch_start() - A pass begins.
 * @s: stretches
 */
void stretch_start(struct stretch *s);

/**
 * stretch_mark() - A stretch ends; as vfio_cfg.resched.
 * @s: struct stretch
 *
 * Cost: two readings of the clock; two system calls more where the stretch
 * was longer than 20 us, so that what other threads took of it is left out.
 */
void stretch_mark(void *s);

/**
 * stretch_end() - The last stretch, and the pass, ends.
 * @s: stretches
 */
void stretch_end(struct stretch *s);

/**
 * stretch_price_mark() - A stretch of the second pass ends; as
 *	vfio_cfg.resched.
 * @p: struct stretch_price
 */
void stretch_price_mark(void *p);

/**
 * stretch_price_end() - The last stretch of the second pass ends.
 * @p: second pass
 * @ns: set to the longest stretch; where a teardown has more than STRETCH_MAX,
 *	those behind count as if the longest and the dearest were one
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when the second pass had other stretches than the first;
 * what cost_sim_ps() returned.
 */
int stretch_price_end(struct stretch_price *p, double *ns,
		      struct iopt_err *err);

IOPT_END_DECLS

#endif
