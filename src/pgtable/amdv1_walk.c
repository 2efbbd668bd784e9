// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks of the AMD v1 engine: to the entry of an address, and to the next leaf.
 *
 * Models: fetch_pte(), iommu_v1_iova_to_phys().
 * Does not model: the dirty bits' reader; anything for leaf_walk, which no
 *	kernel has yet.
 * Source: drivers/iommu/amd/io_pgtable.c of Linux 6.12.
 */
#include "amdv1_table.h"

#include <errno.h>

u64 *amdv1_fetch_pte(const struct amdv1 *t, u64 iova, u64 *size)
{
	unsigned int level, count;
	u64 *pte;
	u64 desc;

	*size = 0;
	if (iova > amdv1_last(READ_ONCE(t->mode)))
		return NULL;
	pte = amdv1_top(t, iova, &level);
	desc = READ_ONCE(*pte);
	while (level > 0) {
		if (!amdv1_is_present(desc))
			return NULL;
		if (amdv1_is_leaf(desc))
			break;
		/* No entry skips a level. */
		if (amdv1_next(desc) != level)
			return NULL;
		level--;
		pte = amdv1_deref(t, desc) + amdv1_index(iova, level);
		desc = READ_ONCE(*pte);
	}
	*size = 1ull << amdv1_shift(level);
	if (amdv1_next(desc) == AMDV1_NEXT_LARGE)
		pte = amdv1_first_pte(pte, desc, size, &count);
	return pte;
}

u64 amdv1_iova_to_phys(struct pgtable *pgt, u64 iova)
{
	u64 size, desc;
	const u64 *pte = amdv1_fetch_pte(to_amdv1(pgt), iova, &size);

	if (!pte)
		return 0;
	desc = READ_ONCE(*pte);
	if (!amdv1_is_present(desc))
		return 0;
	return (desc & AMDV1_ADDR_MASK & ~(size - 1)) | (iova & (size - 1));
}

/* The leaf behind an entry, @pte of @level for @iova. */
static struct pgtable_leaf leaf_of(u64 desc, u64 iova, unsigned int level)
{
	u64 size = 1ull << amdv1_shift(level);

	if (amdv1_next(desc) == AMDV1_NEXT_LARGE)
		size = amdv1_large_size(desc);
	return (struct pgtable_leaf){
		.iova = align_down(iova, size),
		.paddr = desc & AMDV1_ADDR_MASK & ~(size - 1),
		.size = size,
		.level = AMDV1_MAX_MODE - 1 - level,
	};
}

int amdv1_leaf_walk(struct pgtable *pgt, u64 iova, struct pgtable_leaf *leaf)
{
	const struct amdv1 *t = to_amdv1(pgt);
	unsigned int top = READ_ONCE(t->mode) - 1, level = top;
	const u64 *table = READ_ONCE(pgt->root);

	while (iova <= amdv1_last(top + 1)) {
		u64 desc = READ_ONCE(table[amdv1_index(iova, level)]);
		u64 size = 1ull << amdv1_shift(level);

		if (amdv1_is_present(desc)) {
			if (!level || amdv1_is_leaf(desc)) {
				*leaf = leaf_of(desc, iova, level);
				return 0;
			}
			table = amdv1_deref(t, desc);
			level--;
			continue;
		}
		iova = align_down(iova, size) + size;
		/* The end of a table: the way goes on from the top. */
		if (level != top && !amdv1_index(iova, level)) {
			table = READ_ONCE(pgt->root);
			level = top;
		}
	}
	return -ENOENT;
}
