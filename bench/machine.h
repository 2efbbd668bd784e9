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
 * @host: CPU to measure on and node of its memory
 * @wants_load: watch how busy the CPUs are first
 * @wants_perf: count by perf events
 */
struct machine_wish {
	struct host_wish host;
	bool wants_load;
	bool wants_perf;
};

/**
 * struct machine - What is known of the machine; the caller owns it.
 * @topo: topology
 * @clock: clock that measures
 * @load: how busy the CPUs were before; empty where that is not known or wanted
 * @choice: CPU that is measured on, and why it was chosen
 * @is_bound: the thread is bound to it; false on a topology that is another
 *	machine's
 * @bind_ret: what the last machine_mem_bind() returned; 1 before the first
 * @environ: record of the environment
 * @doubts: what makes times less sure
 * @perf: counters of this thread; NULL where they are not wanted
 */
struct machine {
	struct host_topology *topo;
	struct host_clock clock;
	struct host_load load;
	struct host_choice choice;
	bool is_bound;
	int bind_ret;
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
 * Cost: 100 ms where it watches the load.
 *
 * Return: 0;
 * -EINVAL when the CPU or the node cannot be used;
 * -EIO when the topology cannot be read or no clock is usable;
 * -errno when the CPU cannot be bound;
 * -ENOMEM when there is no memory.
 */
int machine_init(struct machine *m, const struct machine_wish *wish,
		 struct iopt_err *err);

/**
 * machine_mem_bind() - Prefer the machine's chosen node for a range.
 * @base: start of the range, aligned to a page
 * @size: bytes
 * @machine: struct machine; remembers what came of it
 *
 * Fits arena_cfg.bind.
 *
 * Return: as host_mem_bind().
 */
int machine_mem_bind(void *base, size_t size, void *machine);

/**
 * machine_load() - How busy the CPUs were before measuring began.
 * @m: machine
 *
 * Return: the sample; NULL when it is not known.
 */
const struct host_load *machine_load(const struct machine *m);

/**
 * machine_fini() - Free what machine_init() holds.
 * @m: machine
 */
void machine_fini(struct machine *m);

IOPT_END_DECLS

#endif
