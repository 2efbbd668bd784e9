// SPDX-License-Identifier: GPL-2.0-only
/*
 * unmap_pages of the AMD v1 engine: whole leaves, whatever is asked for.
 *
 * Tables stay. An entry of level 0 is cleared and counted whether there was
 * anything in it or not, as Linux does: a hole between pages is "unmapped".
 *
 * Models: iommu_v1_unmap_pages(), and the one call with which
 *	amd_iommu_unmap_pages() adds what went to the gather: from the address
 *	that was asked for, which may lie inside the first leaf.
 * Does not model: dirty tracking.
 * Source: drivers/iommu/amd/io_pgtable.c and iommu.c of Linux 6.12.
 */
#include "amdv1_table.h"

size_t amdv1_unmap_pages(struct pgtable *pgt, u64 iova, size_t pgsize,
			 size_t pgcount, struct gather *gather)
{
	struct amdv1 *t = to_amdv1(pgt);
	const u64 start = iova;
	u64 unmapped = 0;
	u64 size;

	if (!pgsize || (pgsize & pgt->geo.pgsizes) != pgsize ||
	    !is_pow2(pgsize)) {
		amdv1_warn(t);
		return 0;
	}
	while (unmapped < pgcount * pgsize) {
		u64 *pte = amdv1_fetch_pte(t, iova, &size);
		unsigned int count;

		if (!pte)
			break;
		count = amdv1_size_count(size);
		for (unsigned int i = 0; i < count; i++)
			pte[i] = 0;
		iova = align_down(iova, size) + size;
		unmapped += size;
	}
	if (unmapped)
		pgt->cfg.tlb->add_page(gather, start, unmapped,
				       pgt->cfg.cookie);
	return unmapped;
}
