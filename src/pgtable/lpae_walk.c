// SPDX-License-Identifier: GPL-2.0-only
/*
 * A walk with a callback at each level, as Linux 7.x does it.
 *
 * Its own file, so that no compiler sees that iova_to_phys has the only
 * callback: the kernel's walk has several users and calls through a pointer.
 */
#include "lpae_walk.h"

#include <errno.h>

static int visit_entry(struct lpae *lpae, struct lpae_visit *visit,
		       const u64 *slot, unsigned int level)
{
	u64 size = lpae_block_size(&lpae->pgt.geo, level);
	u64 desc = READ_ONCE(*slot);
	int ret;

	ret = visit->fn(visit, level, slot, size);
	if (ret)
		return ret;
	if (lpae_leaf(desc, level, lpae->fmt)) {
		visit->addr += size;
		return 0;
	}
	if (!lpae_is_table(desc, level))
		return -EINVAL;
	return lpae_walk_visit(lpae, visit, lpae_deref(lpae, desc), level + 1);
}

int lpae_walk_visit(struct lpae *lpae, struct lpae_visit *visit,
		    const u64 *table, unsigned int level)
{
	const struct pgtable_geometry *geo = &lpae->pgt.geo;
	unsigned int index, entries;
	int ret;

	if (level == LPAE_MAX_LEVELS) {
		lpae_warn(lpae);
		return -EINVAL;
	}
	entries = 1u << lpae_table_bits(geo, level);
	for (index = lpae_index(geo, visit->addr, level);
	     index < entries && visit->addr < visit->end; index++) {
		ret = visit_entry(lpae, visit, table + index, level);
		if (ret)
			return ret;
	}
	return 0;
}
