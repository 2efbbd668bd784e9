/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine as hwloc sees it: CPUs, caches, nodes; binding to them.
 *
 * hwloc's own environment variables hold: HWLOC_SYNTHETIC or HWLOC_XMLFILE
 * put another machine in the place of this one. Then a CPU can be chosen on it
 * and nothing can be bound.
 */
#ifndef IOPT_TOPOLOGY_H
#define IOPT_TOPOLOGY_H

#include "err.h"
#include "types.h"

struct host_topology;

/* Room for a list of CPUs or a line of caches; for a whole topology. */
#define HOST_TEXT_MAX	  256
#define HOST_TOPOLOGY_MAX 1024

/* The node of the CPU. */
#define HOST_NODE_ANY (-1)

/**
 * struct host_counts - How many there are, of those this process may use.
 * @nr_packages: sockets
 * @nr_numa_nodes: memory nodes
 * @nr_cores: cores
 * @nr_pus: hardware threads
 *
 * 0 where hwloc does not know.
 */
struct host_counts {
	unsigned int nr_packages;
	unsigned int nr_numa_nodes;
	unsigned int nr_cores;
	unsigned int nr_pus;
};

/**
 * struct host_place - Where memory is wanted, for host_mem_bind().
 * @topo: topology
 * @node: number of the node
 */
struct host_place {
	const struct host_topology *topo;
	int node;
};

IOPT_BEGIN_DECLS

/**
 * host_topology_create() - Read the topology, and what this thread is bound to.
 * @root: folder that holds sys, for the list of isolated CPUs; NULL for the
 *	running system, whose list counts only for its own topology
 * @out: set to the topology, owned by the caller until
 *	host_topology_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when HWLOC_SYNTHETIC or HWLOC_XMLFILE is set to what hwloc cannot
 * use;
 * -EIO when hwloc fails;
 * -ENOMEM when memory ran out.
 */
int host_topology_create(const char *root, struct host_topology **out,
			 struct iopt_err *err);

/**
 * host_topology_destroy() - Free a topology.
 * @topo: from host_topology_create(), or NULL
 */
void host_topology_destroy(struct host_topology *topo);

/**
 * host_topology_is_here() - Is it this machine's, so that one can bind to it?
 * @topo: topology
 */
bool host_topology_is_here(const struct host_topology *topo);

/**
 * host_topology_counts() - Count packages, nodes, cores and threads.
 * @topo: topology
 */
struct host_counts host_topology_counts(const struct host_topology *topo);

/**
 * host_topology_caches() - The caches above a CPU: "L1d 48K L2 2M L3 32M".
 * @topo: topology
 * @cpu: CPU number
 * @text: gets the line; "" when hwloc knows of none
 */
void host_topology_caches(const struct host_topology *topo, unsigned int cpu,
			  char text[HOST_TEXT_MAX]);

/**
 * host_topology_siblings() - The other hardware threads of a CPU's core.
 * @topo: topology
 * @cpu: CPU number
 * @siblings: gets their numbers
 * @max: room in @siblings
 *
 * Return: how many were stored.
 */
size_t host_topology_siblings(const struct host_topology *topo,
			      unsigned int cpu, unsigned int *siblings,
			      size_t max);

/**
 * host_topology_text() - A topology in a line.
 * @topo: topology
 * @text: gets it as HWLOC_SYNTHETIC takes it back, so that placement can be
 *	tried elsewhere; or, where branches differ, counts in words. Where CPUs
 *	differ in kind, " kinds:" and a list of CPUs for each, slowest first
 */
void host_topology_text(const struct host_topology *topo,
			char text[HOST_TOPOLOGY_MAX]);

/**
 * host_node_exists() - May this process use a node?
 * @topo: topology
 * @node: any number
 */
bool host_node_exists(const struct host_topology *topo, int node);

/**
 * host_node_of() - The memory node of a CPU.
 * @topo: topology
 * @cpu: CPU number
 *
 * Return: number of the first of the nodes near it, since hwloc puts slower or
 * special ones (HBM that is asked for, memory of a device) after it;
 * HOST_NODE_ANY when hwloc knows of none.
 */
int host_node_of(const struct host_topology *topo, unsigned int cpu);

/**
 * host_cpu_bind() - Bind the calling thread to one CPU.
 * @topo: topology
 * @cpu: CPU number
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ENOTSUP when the topology is not this machine's;
 * a negative errno of sched_setaffinity(2) otherwise.
 */
int host_cpu_bind(const struct host_topology *topo, unsigned int cpu,
		  struct iopt_err *err);

/**
 * host_cpu_unbind() - Let the calling thread use all CPUs that it might have
 *	been bound to.
 * @topo: topology
 *
 * Those are the CPUs that the thread was bound to which read the topology.
 *
 * Return: 0;
 * -ENOTSUP when the topology is not this machine's;
 * a negative errno of sched_setaffinity(2) otherwise.
 */
int host_cpu_unbind(const struct host_topology *topo);

/**
 * host_mem_bind() - Prefer a memory node for a range.
 * @base: start of the range, aligned to a page
 * @size: bytes
 * @place: struct host_place
 *
 * Fits arena_cfg.bind. Pages that were touched before stay where they are; a
 * node without free memory is not insisted on.
 *
 * Return: 0;
 * -ENOTSUP when the topology is not this machine's, has no such node, or it
 * cannot bind memory;
 * a negative errno of mbind(2) otherwise.
 */
int host_mem_bind(void *base, size_t size, void *place);

/**
 * host_hwloc_version() - Version of the hwloc that made a topology: "2.9.0".
 * @topo: topology
 *
 * Return: the version, in the topology's memory; NULL when it does not tell.
 */
const char *host_hwloc_version(const struct host_topology *topo);

IOPT_END_DECLS

#endif
