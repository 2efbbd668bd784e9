/* SPDX-License-Identifier: GPL-2.0-only */
/* What a CPU is judged by when one is chosen; private to src/host. */
#ifndef IOPT_CPU_RANK_H
#define IOPT_CPU_RANK_H

#include "load.h"
#include "topology_hwloc.h"

/* In this order; the smaller the better. */
enum cpu_rank_key {
	RANK_IN_USE,  /* somebody works there */
	RANK_SHARED,  /* the scheduler puts tasks there */
	RANK_SLOW,    /* by kind of CPU */
	RANK_BUSY,    /* load in steps of 5 % */
	RANK_THREADS, /* hardware threads of its core */
	RANK_CACHE,   /* hardware threads that share its L2 */
	RANK_BOOT,    /* core of CPU 0, which takes most interrupts */
	NR_RANKS,
};

/**
 * struct cpu_rank - How good a CPU is.
 * @by: by enum cpu_rank_key
 * @busy_permille: load of its core, all hardware threads added up
 */
struct cpu_rank {
	unsigned int by[NR_RANKS];
	unsigned int busy_permille;
};

IOPT_BEGIN_DECLS

/**
 * cpu_rank_of() - Judge a CPU.
 * @topo: topology
 * @load: sample of the load; NULL when nothing is known
 * @pu: its object in @topo
 */
struct cpu_rank cpu_rank_of(const struct host_topology *topo,
			    const struct host_load *load, hwloc_obj_t pu);

/**
 * cpu_rank_compare() - Which CPU is better?
 * @a: one
 * @b: another
 *
 * Return: below 0 when it is @a, above 0 when it is @b, 0 for neither.
 */
int cpu_rank_compare(const struct cpu_rank *a, const struct cpu_rank *b);

IOPT_END_DECLS

#endif
