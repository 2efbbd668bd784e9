/* SPDX-License-Identifier: GPL-2.0-only */
/* Where several threads go that work at a time: near each other, or far. */
#ifndef IOPT_PLACEMENT_H
#define IOPT_PLACEMENT_H

#include "err.h"
#include "load.h"
#include "topology.h"
#include "types.h"

/* How far threads lie apart. */
enum host_spread {
	HOST_SPREAD_COMPLEX, /* cores that share a cache */
	HOST_SPREAD_NODE,    /* one memory node, several such complexes */
	HOST_SPREAD_NODES,   /* several memory nodes */
};

/**
 * struct host_team - Threads to place.
 * @topo: topology
 * @load: sample of the load; NULL when nothing is known
 * @first: CPU of the first thread
 * @spread: how far the others are
 * @nr: threads, the first included; at least 1
 */
struct host_team {
	const struct host_topology *topo;
	const struct host_load *load;
	unsigned int first;
	enum host_spread spread;
	unsigned int nr;
};

IOPT_BEGIN_DECLS

/**
 * host_team_place() - Choose a CPU for each thread.
 * @team: see there
 * @cpus: gets @team->nr numbers, the first's own first
 * @err: gets what the machine lacks; may be NULL
 *
 * One thread a core, all on cores of the first's kind. Several complexes, or
 * nodes, get the same number of threads, if need be but for one, those of other
 * packages first; within each the choice is that of host_cpu_choose(), so a
 * busy CPU is the last. A core complex is what shares the largest cache that
 * several cores share and that does not reach beyond the node; where hwloc
 * knows of no such cache, a group of cores that it found otherwise.
 *
 * Return: 0;
 * -ENOENT when the machine has no such place for so many threads;
 * -ENOMEM when memory ran out.
 */
int host_team_place(const struct host_team *team, unsigned int *cpus,
		    struct iopt_err *err);

/**
 * host_spread_name() - "complex", "node" or "nodes".
 * @spread: any value of the enum
 */
const char *host_spread_name(enum host_spread spread);

/**
 * host_spread_find() - A spread by its name.
 * @name: any text
 * @spread: set to it
 *
 * Return: whether there is one of that name.
 */
bool host_spread_find(const char *name, enum host_spread *spread);

IOPT_END_DECLS

#endif
