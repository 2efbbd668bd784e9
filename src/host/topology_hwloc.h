/* SPDX-License-Identifier: GPL-2.0-only */
/* What a topology holds; private to src/host. */
#ifndef IOPT_TOPOLOGY_HWLOC_H
#define IOPT_TOPOLOGY_HWLOC_H

#include "topology.h"

#include <hwloc.h>

/**
 * struct host_topology - A topology; see topology.h.
 * @hwloc: hwloc's handle
 * @allowed: CPUs that the cgroup and the kernel let this process use
 * @candidates: those that were not taken away from it by a binding (taskset)
 *	when the topology was read
 * @isolated: CPUs that the scheduler leaves alone (isolcpus=)
 */
struct host_topology {
	hwloc_topology_t hwloc;
	hwloc_const_cpuset_t allowed;
	hwloc_bitmap_t candidates;
	hwloc_bitmap_t isolated;
};

#endif
