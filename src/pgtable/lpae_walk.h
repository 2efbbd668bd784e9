/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A walk with a callback at each level, as Linux 7.x does it.
 *
 * Models: struct io_pgtable_walk_data, io_pgtable_visit() and
 *	__arm_lpae_iopte_walk().
 * Does not model: dirty tracking, the other user of that walk.
 * Source: drivers/iommu/io-pgtable-arm.c of Linux 7.3.
 */
#ifndef IOPT_LPAE_WALK_H
#define IOPT_LPAE_WALK_H

#include "lpae_table.h"

struct lpae_visit;

typedef int lpae_visit_fn(struct lpae_visit *visit, unsigned int level,
			  const u64 *slot, u64 size);

/**
 * struct lpae_visit - What to visit, and how far the walk is.
 * @fn: called for each entry on the way, with its level, its slot and the
 *	bytes that it covers; not 0 ends the walk with that value
 * @data: the callback's
 * @addr: where the walk is, in bytes; moves on behind each leaf
 * @end: first address not to visit
 */
struct lpae_visit {
	lpae_visit_fn *fn;
	void *data;
	u64 addr;
	const u64 end;
};

/**
 * lpae_walk_visit() - Visit the entries that translate a range.
 * @lpae: table
 * @visit: caller's
 * @table: table of @level
 * @level: 0 to 4
 *
 * Return: 0;
 * -EINVAL when an address in the range is not mapped; the callback's value
 * when that is not 0.
 */
int lpae_walk_visit(struct lpae *lpae, struct lpae_visit *visit,
		    const u64 *table, unsigned int level);

#endif
