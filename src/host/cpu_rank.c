// SPDX-License-Identifier: GPL-2.0-only
/* What a CPU is judged by when one is chosen. */
#include "cpu_rank.h"

/* Load below this difference is noise, and from this on is use, in 1/1000. */
#define BUSY_STEP 50
#define BUSY_USE  100

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

/* 0 where hwloc knows of no L2. */
static unsigned int cache_sharers(const struct host_topology *topo,
				  hwloc_obj_t pu)
{
	hwloc_obj_t l2 = hwloc_get_ancestor_obj_by_type(topo->hwloc,
							HWLOC_OBJ_L2CACHE, pu);

	return l2 ? (unsigned int)hwloc_bitmap_weight(l2->cpuset) : 0;
}

struct cpu_rank cpu_rank_of(const struct host_topology *topo,
			    const struct host_load *load, hwloc_obj_t pu)
{
	hwloc_obj_t core =
		hwloc_get_ancestor_obj_by_type(topo->hwloc, HWLOC_OBJ_CORE, pu);
	hwloc_const_cpuset_t threads = core ? core->cpuset : pu->cpuset;
	struct cpu_rank rank = { .busy_permille = 0 };
	unsigned int i;

	hwloc_bitmap_foreach_begin(i, threads)
	{
		rank.busy_permille += host_load_of(load, i);
	}
	hwloc_bitmap_foreach_end();
	rank.by[RANK_IN_USE] = rank.busy_permille >= BUSY_USE;
	rank.by[RANK_SHARED] =
		!hwloc_bitmap_isset(topo->isolated, pu->os_index);
	rank.by[RANK_SLOW] = slowness(topo, pu);
	rank.by[RANK_BUSY] = rank.busy_permille / BUSY_STEP;
	rank.by[RANK_THREADS] = (unsigned int)hwloc_bitmap_weight(threads);
	rank.by[RANK_CACHE] = cache_sharers(topo, pu);
	rank.by[RANK_BOOT] = hwloc_bitmap_isset(threads, 0);
	return rank;
}

int cpu_rank_compare(const struct cpu_rank *a, const struct cpu_rank *b)
{
	for (size_t i = 0; i < NR_RANKS; i++)
		if (a->by[i] != b->by[i])
			return a->by[i] < b->by[i] ? -1 : 1;
	return 0;
}
