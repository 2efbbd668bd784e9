// SPDX-License-Identifier: GPL-2.0-only
/*
 * iova_to_phys of the LPAE engine in its three historic forms, and a walk to
 * the next leaf.
 *
 * Models: arm_lpae_iova_to_phys() of Linux 6.1 and 6.12 (loop), of 7.3
 *	(visitor), and before commit 7c6d90e2bb1a (unfixed: only the offset in
 *	the granule is kept).
 * Does not model: anything for leaf_walk, which no kernel has yet.
 * Source: drivers/iommu/io-pgtable-arm.c.
 */
#include "lpae_walk.h"

#include <errno.h>

LPAE_INLINE u64 iova_to_phys_loop(struct pgtable *pgt, u64 iova, bool is_fixed)
{
	const struct pgtable_geometry *geo = &pgt->geo;
	const struct lpae *lpae = to_lpae(pgt);
	unsigned int level = geo->start_level;
	const u64 *table = pgt->root;

	do {
		u64 desc;

		if (!table)
			return 0;
		desc = READ_ONCE(table[lpae_index(geo, iova, level)]);
		if (!desc)
			return 0;
		if (lpae_leaf(desc, level, lpae->fmt)) {
			u64 size = is_fixed ? lpae_block_size(geo, level) :
					      lpae_granule(geo);

			return lpae_desc_paddr(geo, desc) | (iova & (size - 1));
		}
		table = lpae_deref(lpae, desc);
	} while (++level < LPAE_MAX_LEVELS);
	return 0;
}

u64 lpae_iova_to_phys_loop(struct pgtable *pgt, u64 iova)
{
	return iova_to_phys_loop(pgt, iova, true);
}

u64 lpae_iova_to_phys_unfixed(struct pgtable *pgt, u64 iova)
{
	return iova_to_phys_loop(pgt, iova, false);
}

/**
 * struct last_entry - The entry at which a walk ended.
 * @desc: descriptor
 * @level: its level
 */
struct last_entry {
	u64 desc;
	unsigned int level;
};

static int visit_last_entry(struct lpae_visit *visit, unsigned int level,
			    const u64 *slot, u64 size)
{
	struct last_entry *last = visit->data;

	(void)size;
	last->desc = READ_ONCE(*slot);
	last->level = level;
	return 0;
}

u64 lpae_iova_to_phys_visitor(struct pgtable *pgt, u64 iova)
{
	struct lpae *lpae = to_lpae(pgt);
	struct last_entry last;
	struct lpae_visit visit = {
		.fn = visit_last_entry,
		.data = &last,
		.addr = iova,
		.end = iova + 1,
	};

	if (lpae_walk_visit(lpae, &visit, pgt->root, pgt->geo.start_level))
		return 0;
	return lpae_desc_paddr(&pgt->geo, last.desc) |
	       (iova & (lpae_block_size(&pgt->geo, last.level) - 1));
}

int lpae_leaf_walk(struct pgtable *pgt, u64 iova, struct pgtable_leaf *leaf)
{
	const struct pgtable_geometry *geo = &pgt->geo;
	const struct lpae *lpae = to_lpae(pgt);
	unsigned int level = geo->start_level;
	const u64 *table = pgt->root;

	while (!(iova >> pgt->cfg.ias)) {
		u64 size = lpae_block_size(geo, level);
		u64 desc = READ_ONCE(table[lpae_index(geo, iova, level)]);

		if (lpae_leaf(desc, level, lpae->fmt)) {
			*leaf = (struct pgtable_leaf){
				.iova = align_down(iova, size),
				.paddr = lpae_desc_paddr(geo, desc),
				.size = size,
				.level = level,
			};
			return 0;
		}
		if (lpae_is_table(desc, level)) {
			table = lpae_deref(lpae, desc);
			level++;
			continue;
		}
		iova = align_down(iova, size) + size;
		/* The end of a table: the way goes on from the top. */
		if (level != geo->start_level &&
		    !lpae_index(geo, iova, level)) {
			table = pgt->root;
			level = geo->start_level;
		}
	}
	return -ENOENT;
}
