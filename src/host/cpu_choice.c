// SPDX-License-Identifier: GPL-2.0-only
/* Which CPU to measure on. */
#include "cpu_choice.h"

#include "topology_hwloc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Load below this difference is noise, in 1/1000. */
#define BUSY_STEP 50

/* What a CPU is judged by, in this order; the smaller the better. */
enum { RANK_SHARED, RANK_SLOW, RANK_BUSY, RANK_THREADS, RANK_BOOT, NR_RANKS };

/* @busy is of the whole core, in 1/1000 of a hardware thread. */
struct rank {
	unsigned int by[NR_RANKS];
	unsigned int busy;
};

/* Efficiency is hwloc's word; the most efficient kind is the fastest. */
static unsigned int slowness(const struct host_topology *topo, hwloc_obj_t pu)
{
	int nr = hwloc_cpukinds_get_nr(topo->hwloc, 0);
	int kind = hwloc_cpukinds_get_by_cpuset(topo->hwloc, pu->cpuset, 0);
	int efficiency;

	if (nr <= 1 || kind < 0 ||
	    hwloc_cpukinds_get_info(topo->hwloc, (unsigned int)kind, NULL,
				    &efficiency, NULL, NULL, 0) ||
	    efficiency < 0)
		return 0;
	return (unsigned int)(nr - efficiency);
}

static struct rank rank_of(const struct host_topology *topo,
			   const struct host_load *load, hwloc_obj_t pu)
{
	hwloc_obj_t core =
		hwloc_get_ancestor_obj_by_type(topo->hwloc, HWLOC_OBJ_CORE, pu);
	hwloc_const_cpuset_t threads = core ? core->cpuset : pu->cpuset;
	struct rank rank = { .busy = 0 };
	unsigned int i;

	hwloc_bitmap_foreach_begin(i, threads)
	{
		rank.busy += host_load_of(load, i);
	}
	hwloc_bitmap_foreach_end();
	rank.by[RANK_SHARED] =
		!hwloc_bitmap_isset(topo->isolated, pu->os_index);
	rank.by[RANK_SLOW] = slowness(topo, pu);
	rank.by[RANK_BUSY] = rank.busy / BUSY_STEP;
	rank.by[RANK_THREADS] = (unsigned int)hwloc_bitmap_weight(threads);
	rank.by[RANK_BOOT] = hwloc_bitmap_isset(threads, 0);
	return rank;
}

static bool is_better(const struct rank *a, const struct rank *b)
{
	for (size_t i = 0; i < NR_RANKS; i++)
		if (a->by[i] != b->by[i])
			return a->by[i] < b->by[i];
	return true; /* the later one, with the higher number */
}

/*
 * isolcpus= takes CPUs out of every process's binding. So a binding that only
 * lacks those was not asked for, and they may be chosen.
 */
static void candidates_get(const struct host_topology *topo, hwloc_bitmap_t set)
{
	hwloc_bitmap_t bound = hwloc_bitmap_alloc();

	hwloc_bitmap_copy(set, topo->allowed);
	if (!bound)
		return;
	if (host_topology_is_here(topo) &&
	    !hwloc_get_cpubind(topo->hwloc, bound, HWLOC_CPUBIND_THREAD)) {
		hwloc_bitmap_or(bound, bound, topo->isolated);
		hwloc_bitmap_and(bound, bound, topo->allowed);
		if (!hwloc_bitmap_isequal(bound, topo->allowed))
			hwloc_get_cpubind(topo->hwloc, set,
					  HWLOC_CPUBIND_THREAD);
	}
	hwloc_bitmap_free(bound);
}

static hwloc_obj_t best_of(const struct host_topology *topo,
			   const struct host_load *load,
			   hwloc_const_cpuset_t set, struct rank *best)
{
	hwloc_obj_t found = NULL, pu;
	struct rank rank;
	unsigned int i;

	hwloc_bitmap_foreach_begin(i, set)
	{
		pu = hwloc_get_pu_obj_by_os_index(topo->hwloc, i);
		if (!pu)
			continue;
		rank = rank_of(topo, load, pu);
		if (found && !is_better(&rank, best))
			continue;
		found = pu;
		*best = rank;
	}
	hwloc_bitmap_foreach_end();
	return found;
}

static void say_why(const struct host_topology *topo,
		    const struct host_load *load, const struct rank *rank,
		    bool was_asked, struct host_choice *choice)
{
	char busy[48] = "load unknown";

	if (load)
		snprintf(busy, sizeof(busy), "core %u.%u %% busy",
			 rank->busy / 10, rank->busy % 10);
	snprintf(choice->reason, sizeof(choice->reason),
		 "%s%s, %s, %u hardware thread%s on its core%s",
		 was_asked ? "asked for, " : "",
		 choice->is_isolated ? "isolated" : "not isolated", busy,
		 rank->by[RANK_THREADS], rank->by[RANK_THREADS] == 1 ? "" : "s",
		 host_topology_is_here(topo) ?
			 "" :
			 "; the topology is not this machine's");
}

static int refuse(hwloc_const_cpuset_t allowed, int wanted,
		  struct iopt_err *err)
{
	char list[HOST_TEXT_MAX / 2];

	hwloc_bitmap_list_snprintf(list, sizeof(list), allowed);
	return iopt_err_set(err, -EINVAL,
			    "cpu %d cannot be used; this process may use %s",
			    wanted, list);
}

int host_cpu_choose(const struct host_topology *topo,
		    const struct host_load *load, int wanted,
		    struct host_choice *choice, struct iopt_err *err)
{
	hwloc_bitmap_t set = hwloc_bitmap_alloc();
	struct rank rank = { .busy = 0 };
	hwloc_obj_t pu;

	if (!set)
		return iopt_err_set(err, -ENOMEM, "cpu: out of memory");
	if (wanted == HOST_CPU_ANY)
		candidates_get(topo, set);
	else if (wanted >= 0)
		hwloc_bitmap_only(set, (unsigned int)wanted);
	hwloc_bitmap_and(set, set, topo->allowed);
	pu = best_of(topo, load, set, &rank);
	hwloc_bitmap_free(set);
	if (!pu)
		return refuse(topo->allowed, wanted, err);
	choice->cpu = pu->os_index;
	choice->is_isolated = !rank.by[RANK_SHARED];
	choice->busy_permille = rank.busy;
	say_why(topo, load, &rank, wanted != HOST_CPU_ANY, choice);
	return 0;
}
