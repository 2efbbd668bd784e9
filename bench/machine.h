/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine that is measured on: its CPU, clock, counters, node, record. */
#ifndef IOPT_MACHINE_H
#define IOPT_MACHINE_H

#include "clock.h"
#include "cpu_choice.h"
#include "doubts.h"
#include "environ.h"
#include "err.h"
#include "perf.h"
#include "topology.h"

/**
 * struct machine_wish - What the user wants of the machine.
 * @cpu: CPU to measure on, or HOST_CPU_ANY
 * @wants_perf: count by perf events
 */
struct machine_wish {
	int cpu;
	bool wants_perf;
};

/**
 * struct machine - What is known of the machine; the caller owns it.
 * @topo: topology
 * @clock: clock that measures
 * @choice: CPU that is measured on, and why it was chosen
 * @is_bound: the thread is bound to it; false on a topology that is another
 *	machine's
 * @place: for arena_cfg.bind_arg, with host_mem_bind()
 * @environ: record of the environment
 * @doubts: what makes times less sure
 * @perf: counters of this thread; NULL where they are not wanted
 */
struct machine {
	struct host_topology *topo;
	struct host_clock clock;
	struct host_choice choice;
	bool is_bound;
	struct host_place place;
	struct host_environ environ;
	struct host_doubts doubts;
	struct host_perf *perf;
};

IOPT_BEGIN_DECLS

/**
 * machine_init() - Choose CPU and clock, bind this thread, and look round.
 * @m: set up; freed by machine_fini(), also on failure. Must not move after
 * @wish: see there; not kept
 * @err: gets the reason of a failure; may be NULL
 *
 * Cost: 100 ms to watch the load.
 *
 * Return: 0;
 * -EINVAL when the CPU cannot be used;
 * -EIO when the topology cannot be read or no clock is usable;
 * -errno when the CPU cannot be bound;
 * -ENOMEM when there is no memory.
 */
int machine_init(struct machine *m, const struct machine_wish *wish,
		 struct iopt_err *err);

/**
 * machine_fini() - Free what machine_init() holds.
 * @m: machine
 */
void machine_fini(struct machine *m);

IOPT_END_DECLS

#endif
