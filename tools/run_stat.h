/* SPDX-License-Identifier: GPL-2.0-only */
/* How contiguous memory is: lengths of runs, and the leaves that map them. */
#ifndef IOPT_RUN_STAT_H
#define IOPT_RUN_STAT_H

#include <stdio.h>

#include "vfio.h"

#define RUN_STAT_LENGTHS 64u

/**
 * struct run_stat - What was seen; the caller owns it.
 * @pgsizes: bitmap of the leaf sizes in bytes
 * @bytes: all memory
 * @nr_runs: physically contiguous runs
 * @largest: bytes of the longest
 * @nr_by_length: entry i: runs of 2^i to under 2^(i+1) bytes
 * @bytes_by_length: entry i: memory in them
 * @nr_leaves: entry i: leaves of 2^i bytes that an IOMMU core would write
 */
struct run_stat {
	u64 pgsizes;
	u64 bytes;
	u64 nr_runs;
	u64 largest;
	u64 nr_by_length[RUN_STAT_LENGTHS];
	u64 bytes_by_length[RUN_STAT_LENGTHS];
	u64 nr_leaves[RUN_STAT_LENGTHS];
};

IOPT_BEGIN_DECLS

/**
 * run_stat_add() - Look at one range.
 * @stat: what was seen so far; pgsizes is set
 * @iova: where it is mapped, in bytes, a multiple of the smallest leaf
 * @size: its bytes, likewise
 * @memory: what backs it; runs that touch count as one, as VFIO maps them
 */
void run_stat_add(struct run_stat *stat, u64 iova, u64 size,
		  const struct vfio_memory *memory);

/**
 * run_stat_print() - Write a table for a person.
 * @stat: what was seen
 * @out: where to
 */
void run_stat_print(const struct run_stat *stat, FILE *out);

/**
 * run_stat_json() - Write the members of a JSON object, without its braces.
 * @stat: what was seen
 * @out: where to
 */
void run_stat_json(const struct run_stat *stat, FILE *out);

IOPT_END_DECLS

#endif
