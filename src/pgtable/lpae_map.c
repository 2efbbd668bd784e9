// SPDX-License-Identifier: GPL-2.0-only
/*
 * map_pages of the LPAE engine.
 *
 * Models: arm_lpae_map_pages(), __arm_lpae_map(), arm_lpae_init_pte(),
 *	arm_lpae_prot_to_pte(), for stage 1 and 2 without quirks.
 * Does not model: gfp flags; TTBR1, NS, HD, S2FWB and Mali variants.
 * Source: drivers/iommu/io-pgtable-arm.c of Linux 6.1, 6.12 and 7.3. The
 *	recursion there is a tail call, so a loop here.
 */
#include "lpae_table.h"

#include <errno.h>

static u64 prot_s1(int prot)
{
	u64 attrs = LPAE_S1_NG;

	if (!(prot & IOMMU_WRITE) && (prot & IOMMU_READ))
		attrs |= LPAE_S1_AP_RDONLY;
	if (!(prot & IOMMU_PRIV))
		attrs |= LPAE_S1_AP_UNPRIV;
	if (prot & IOMMU_MMIO)
		attrs |= LPAE_S1_ATTR_DEV;
	else if (prot & IOMMU_CACHE)
		attrs |= LPAE_S1_ATTR_CACHE;
	return attrs;
}

static u64 prot_s2(int prot)
{
	u64 attrs = 0;

	if (prot & IOMMU_READ)
		attrs |= LPAE_S2_HAP_READ;
	if (prot & IOMMU_WRITE)
		attrs |= LPAE_S2_HAP_WRITE;
	if (prot & IOMMU_MMIO)
		attrs |= LPAE_S2_MEMATTR_DEV;
	else if (prot & IOMMU_CACHE)
		attrs |= LPAE_S2_MEMATTR_WB;
	else
		attrs |= LPAE_S2_MEMATTR_NC;
	return attrs;
}

static u64 prot_to_attrs(const struct lpae *lpae, int prot)
{
	u64 attrs = lpae->fmt == LPAE_FMT_S1 ? prot_s1(prot) : prot_s2(prot);

	attrs |= prot & IOMMU_CACHE ? LPAE_SH_IS : LPAE_SH_OS;
	if (prot & IOMMU_NOEXEC)
		attrs |= LPAE_XN;
	return attrs | LPAE_AF;
}

/* Nothing is written unless every slot is free of leaves. */
LPAE_INLINE int map_leaves(struct lpae *lpae, u64 iova, u64 paddr, u64 attrs,
			   unsigned int level, unsigned int n, u64 *slot,
			   enum pgtable_clear clear)
{
	u64 size = lpae_block_size(&lpae->pgt.geo, level);

	for (unsigned int i = 0; i < n; i++) {
		if (lpae_leaf(slot[i], level, lpae->fmt)) {
			lpae_warn(lpae);
			return -EEXIST;
		}
		if ((slot[i] & LPAE_TYPE_MASK) != LPAE_TYPE_TABLE)
			continue;
		if (clear == PGTABLE_CLEAR_EACH)
			lpae_replace_table_each(lpae, &slot[i], iova + i * size,
						level);
		else
			lpae_replace_table_run(lpae, &slot[i], iova + i * size,
					       level);
	}
	lpae_leaf_write(lpae, slot, n, paddr, attrs, level);
	return 0;
}

/* The table below an entry that is not a leaf slot; made when there is none. */
LPAE_INLINE int next_table(struct lpae *lpae, u64 *slot, unsigned int level,
			   u64 **next)
{
	size_t bytes = lpae_granule(&lpae->pgt.geo);
	u64 desc = READ_ONCE(*slot);

	if (!desc) {
		*next = lpae_table_alloc(lpae, bytes);
		if (!*next)
			return -ENOMEM;
		desc = lpae_table_install(lpae, *next, slot, 0);
		if (!desc)
			return 0;
		lpae_table_free(lpae, *next, bytes);
	} else if (!lpae->pgt.cfg.coherent_walk && !(desc & LPAE_SW_SYNC)) {
		lpae_clean(slot, 1);
	}
	if (lpae_leaf(desc, level, lpae->fmt)) {
		lpae_warn(lpae);
		return -EEXIST;
	}
	*next = lpae_deref(lpae, desc);
	return 0;
}

LPAE_INLINE int map_walk(struct lpae *lpae, u64 iova, u64 paddr, size_t pgsize,
			 size_t pgcount, u64 attrs, size_t *mapped,
			 enum pgtable_clear clear)
{
	const struct pgtable_geometry *geo = &lpae->pgt.geo;
	unsigned int level = geo->start_level;
	u64 *table = lpae->pgt.root;
	int ret;

	for (;; level++) {
		unsigned int index = lpae_index(geo, iova, level);

		if (pgsize == lpae_block_size(geo, level)) {
			unsigned int n = lpae_entries_left(lpae, index);

			if (pgcount < n)
				n = (unsigned int)pgcount;
			ret = map_leaves(lpae, iova, paddr, attrs, level, n,
					 table + index, clear);
			if (!ret)
				*mapped += n * pgsize;
			return ret;
		}
		if (level == LPAE_MAX_LEVELS - 1) {
			lpae_warn(lpae);
			return -EINVAL;
		}
		ret = next_table(lpae, table + index, level, &table);
		if (ret)
			return ret;
	}
}

LPAE_INLINE int map_pages(struct pgtable *pgt, u64 iova, u64 paddr,
			  size_t pgsize, size_t pgcount, int prot,
			  size_t *mapped, enum pgtable_clear clear)
{
	struct lpae *lpae = to_lpae(pgt);
	int ret;

	if (!pgsize || (pgsize & pgt->geo.pgsizes) != pgsize) {
		lpae_warn(lpae);
		return -EINVAL;
	}
	if (iova >> pgt->cfg.ias || paddr >> pgt->cfg.oas) {
		lpae_warn(lpae);
		return -ERANGE;
	}
	if (!(prot & (IOMMU_READ | IOMMU_WRITE)))
		return -EINVAL;

	ret = map_walk(lpae, iova, paddr, pgsize, pgcount,
		       prot_to_attrs(lpae, prot), mapped, clear);
	/* Before anything can make the walker look for the new address. */
	wmb();
	return ret;
}

int lpae_map_pages_each(struct pgtable *pgt, u64 iova, u64 paddr, size_t pgsize,
			size_t pgcount, int prot, size_t *mapped)
{
	return map_pages(pgt, iova, paddr, pgsize, pgcount, prot, mapped,
			 PGTABLE_CLEAR_EACH);
}

int lpae_map_pages_run(struct pgtable *pgt, u64 iova, u64 paddr, size_t pgsize,
		       size_t pgcount, int prot, size_t *mapped)
{
	return map_pages(pgt, iova, paddr, pgsize, pgcount, prot, mapped,
			 PGTABLE_CLEAR_RUN);
}
