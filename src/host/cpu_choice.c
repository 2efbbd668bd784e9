// SPDX-License-Identifier: GPL-2.0-only
/* Which CPU to measure on. */
#include "cpu_choice.h"

#include "cpu_rank.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static hwloc_obj_t best_of(const struct host_topology *topo,
			   const struct host_load *load,
			   hwloc_const_cpuset_t set, struct cpu_rank *best)
{
	hwloc_obj_t found = NULL, pu;
	struct cpu_rank rank;
	unsigned int i;

	hwloc_bitmap_foreach_begin(i, set)
	{
		pu = hwloc_get_pu_obj_by_os_index(topo->hwloc, i);
		if (!pu)
			continue;
		rank = cpu_rank_of(topo, load, pu);
		/* Of equals the later one, with the higher number. */
		if (found && cpu_rank_compare(best, &rank) < 0)
			continue;
		found = pu;
		*best = rank;
	}
	hwloc_bitmap_foreach_end();
	return found;
}

static void say_why(const struct host_topology *topo,
		    const struct host_load *load, const struct cpu_rank *rank,
		    bool was_asked, struct host_choice *choice)
{
	char busy[48] = "load unknown";

	if (load)
		snprintf(busy, sizeof(busy), "core %u.%u %% busy",
			 rank->busy_permille / 10, rank->busy_permille % 10);
	snprintf(choice->reason, sizeof(choice->reason),
		 "%s%s, %s, %u hardware thread%s on its core%s",
		 was_asked ? "asked for, " : "",
		 choice->is_isolated ? "isolated" : "not isolated", busy,
		 rank->by[RANK_THREADS], rank->by[RANK_THREADS] == 1 ? "" : "s",
		 host_topology_is_here(topo) ?
			 "" :
			 "; the topology is not this machine's");
}

static int refuse_cpu(hwloc_const_cpuset_t allowed, int wanted,
		      struct iopt_err *err)
{
	char list[HOST_TEXT_MAX / 2];

	hwloc_bitmap_list_snprintf(list, sizeof(list), allowed);
	return iopt_err_set(err, -EINVAL,
			    "cpu %d cannot be used; this process may use %s",
			    wanted, list);
}

static int refuse_node(const struct host_topology *topo, int wanted,
		       struct iopt_err *err)
{
	char list[HOST_TEXT_MAX / 2];

	hwloc_bitmap_list_snprintf(
		list, sizeof(list),
		hwloc_topology_get_allowed_nodeset(topo->hwloc));
	return iopt_err_set(err, -EINVAL,
			    "node %d cannot be used; this process may use %s",
			    wanted, list);
}

/* Those near a node, unless it is one of memory alone. */
static void keep_near(const struct host_topology *topo, int node,
		      hwloc_bitmap_t set)
{
	hwloc_obj_t obj = hwloc_get_numanode_obj_by_os_index(
		topo->hwloc, (unsigned int)node);

	if (obj && hwloc_bitmap_intersects(set, obj->cpuset))
		hwloc_bitmap_and(set, set, obj->cpuset);
}

static hwloc_obj_t choose(const struct host_topology *topo,
			  const struct host_load *load,
			  const struct host_wish *wish, hwloc_bitmap_t set,
			  struct cpu_rank *rank)
{
	if (wish->cpu == HOST_CPU_ANY)
		hwloc_bitmap_copy(set, topo->candidates);
	else if (wish->cpu >= 0)
		hwloc_bitmap_only(set, (unsigned int)wish->cpu);
	hwloc_bitmap_and(set, set, topo->allowed);
	if (wish->cpu == HOST_CPU_ANY && wish->node >= 0)
		keep_near(topo, wish->node, set);
	return best_of(topo, load, set, rank);
}

int host_cpu_choose(const struct host_topology *topo,
		    const struct host_load *load, const struct host_wish *wish,
		    struct host_choice *choice, struct iopt_err *err)
{
	struct cpu_rank rank = { .busy_permille = 0 };
	hwloc_bitmap_t set;
	hwloc_obj_t pu;

	if (wish->node != HOST_NODE_ANY && !host_node_exists(topo, wish->node))
		return refuse_node(topo, wish->node, err);
	set = hwloc_bitmap_alloc();
	if (!set)
		return iopt_err_set(err, -ENOMEM, "cpu: out of memory");
	pu = choose(topo, load, wish, set, &rank);
	hwloc_bitmap_free(set);
	if (!pu)
		return refuse_cpu(topo->allowed, wish->cpu, err);
	choice->cpu = pu->os_index;
	choice->node = wish->node != HOST_NODE_ANY ?
			       wish->node :
			       host_node_of(topo, pu->os_index);
	choice->is_isolated = !rank.by[RANK_SHARED];
	choice->busy_permille = rank.busy_permille;
	say_why(topo, load, &rank, wish->cpu != HOST_CPU_ANY, choice);
	return 0;
}
