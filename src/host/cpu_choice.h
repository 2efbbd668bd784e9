/* SPDX-License-Identifier: GPL-2.0-only */
/* Which CPU to measure on. */
#ifndef IOPT_CPU_CHOICE_H
#define IOPT_CPU_CHOICE_H

#include "err.h"
#include "load.h"
#include "topology.h"
#include "types.h"

/* Let host_cpu_choose() pick. */
#define HOST_CPU_ANY (-1)

/**
 * struct host_wish - What the user asked for.
 * @cpu: number of a CPU, or HOST_CPU_ANY
 * @node: number of a memory node, or HOST_NODE_ANY
 */
struct host_wish {
	int cpu;
	int node;
};

/**
 * struct host_choice - A chosen CPU and the node of its memory.
 * @cpu: its number, as the kernel counts
 * @node: number of the node; HOST_NODE_ANY where hwloc knows of none
 * @is_isolated: the scheduler leaves it alone
 * @busy_permille: load of its core in the sample, all threads added up
 * @reason: why it was chosen, for a person
 */
struct host_choice {
	unsigned int cpu;
	int node;
	bool is_isolated;
	unsigned int busy_permille;
	char reason[HOST_TEXT_MAX];
};

IOPT_BEGIN_DECLS

/**
 * host_cpu_choose() - Choose a CPU, or check one that was asked for.
 * @topo: topology
 * @load: sample of the load; NULL when nothing is known
 * @wish: see there
 * @choice: set to the choice
 * @err: gets the reason of a failure; may be NULL
 *
 * Of the CPUs that this process may use, in this order: on a core that is less
 * than 10 % busy; an isolated one; of the fastest kind; on the least busy core,
 * to 5 %; on a core with the fewest hardware threads; with the fewest that
 * share its L2; not on the core of CPU 0, which takes most interrupts; the one
 * with the highest number. A process that was bound to some CPUs (taskset)
 * chooses among those. With a node wanted and no CPU, it is one of that node's
 * if it has any.
 *
 * Memory is of the node that is wanted, else of the CPU's own.
 *
 * Return: 0;
 * -EINVAL when a CPU or node that is wanted cannot be used; the text names
 * those that can;
 * -ENOMEM when memory ran out.
 */
int host_cpu_choose(const struct host_topology *topo,
		    const struct host_load *load, const struct host_wish *wish,
		    struct host_choice *choice, struct iopt_err *err);

IOPT_END_DECLS

#endif
