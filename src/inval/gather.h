/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gather: pages waiting for one invalidation, and the rules by which a
 * driver adds to it and syncs it.
 *
 * Models: struct iommu_iotlb_gather, iommu_iotlb_gather_add_page(),
 *	iommu_iotlb_gather_add_range(), iommu_iotlb_gather_is_disjoint() and
 *	iommu_iotlb_sync().
 * Does not model: the free list of pages that VT-d and AMD put in the gather.
 * Source: include/linux/iommu.h of Linux 6.1, 6.12 and 7.3 (equal there, but
 *	for iommu_iotlb_sync(), see @fills_empty of struct gather_rule);
 *	drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c,
 *	arm_smmu_tlb_inv_page_nosync(), arm_smmu_iotlb_sync();
 *	drivers/iommu/arm/arm-smmu/arm-smmu.c, arm_smmu_tlb_add_page_s1();
 *	drivers/iommu/amd/iommu.c, amd_iommu_iotlb_gather_add_page().
 */
#ifndef IOPT_GATHER_H
#define IOPT_GATHER_H

#include "types.h"

/* Page size of a gather that widens: what the leaves were is not kept. */
#define GATHER_WIDEN_PGSIZE 0x1000

/**
 * struct gather - Pages to invalidate at the next sync; the caller owns it.
 * @start: lowest address, in bytes
 * @last: highest address, in bytes, inside the range; 0 when empty
 * @pgsize: size of the gathered leaves in bytes; 0 when no page was added;
 *	GATHER_WIDEN_PGSIZE where leaves of any size gather
 * @queued: a flush queue will invalidate everything later: add no pages
 */
struct gather {
	u64 start;
	u64 last;
	size_t pgsize;
	bool queued;
};

/**
 * struct inval_ops - The only way from a page table out to a TLB.
 * @flush_all: invalidate the whole context now
 * @flush_walk: invalidate [@iova, @iova + @size) and the walk caches for it,
 *	now; @granule is the smallest page size in bytes
 * @add_page: note that the leaf of @granule bytes at @iova is gone; @gather is
 *	what the unmap was given, NULL too. Under a rule that widens, leaves of
 *	any sizes that end at @iova + @granule, the first may begin before @iova
 * @sync: invalidate what @gather holds and wait; called through gather_sync()
 *
 * Each member is called with the cookie that goes with the table. None may
 * be NULL. Source: struct iommu_flush_ops and iommu_domain_ops.iotlb_sync.
 */
struct inval_ops {
	void (*flush_all)(void *cookie);
	void (*flush_walk)(u64 iova, size_t size, size_t granule, void *cookie);
	void (*add_page)(struct gather *gather, u64 iova, size_t granule,
			 void *cookie);
	void (*sync)(struct gather *gather, void *cookie);
};

/**
 * gather_init() - Empty a gather; it is not queued.
 * @gather: caller's
 *
 * A sync ends with this in the kernel too, so that a queued gather that had to
 * be synced is queued no more.
 */
static inline void gather_init(struct gather *gather)
{
	gather->start = ~0ull;
	gather->last = 0;
	gather->pgsize = 0;
	gather->queued = false;
}

/**
 * gather_is_queued() - Is there a gather, and is it for a flush queue?
 * @gather: a gather or NULL
 */
static inline bool gather_is_queued(const struct gather *gather)
{
	return gather && gather->queued;
}

/**
 * gather_is_disjoint() - Would a range leave a gap to what is gathered?
 * @gather: gather; nothing is disjoint from an empty one
 * @iova: start of the range in bytes
 * @size: its size in bytes, not 0
 */
static inline bool gather_is_disjoint(const struct gather *gather, u64 iova,
				      size_t size)
{
	u64 last = iova + size - 1;

	return gather->last != 0 &&
	       (last + 1 < gather->start || iova > gather->last + 1);
}

/**
 * gather_add_range() - Widen a gather to cover a range, with no sync.
 * @gather: gather
 * @iova: start of the range in bytes
 * @size: its size in bytes, not 0
 */
static inline void gather_add_range(struct gather *gather, u64 iova,
				    size_t size)
{
	u64 last = iova + size - 1;

	if (gather->start > iova)
		gather->start = iova;
	if (gather->last < last)
		gather->last = last;
}

/**
 * gather_sync() - Invalidate what a gather holds, if anything, and empty it.
 * @gather: gather
 * @ops: whose sync() is called
 * @cookie: for @ops
 *
 * Source: include/linux/iommu.h, iommu_iotlb_sync() of Linux 7.3.
 */
static inline void gather_sync(struct gather *gather,
			       const struct inval_ops *ops, void *cookie)
{
	if (gather->start < gather->last)
		ops->sync(gather, cookie);
	gather_init(gather);
}

/**
 * gather_add_page() - Add a leaf; first sync one that does not go with it.
 * @gather: gather
 * @ops: whose sync() is called when @size differs from the gathered size, or
 *	when the leaf would leave a gap
 * @cookie: for @ops
 * @iova: start of the leaf in bytes
 * @size: size of the leaf in bytes
 */
static inline void gather_add_page(struct gather *gather,
				   const struct inval_ops *ops, void *cookie,
				   u64 iova, size_t size)
{
	if ((gather->pgsize && gather->pgsize != size) ||
	    gather_is_disjoint(gather, iova, size))
		gather_sync(gather, ops, cookie);
	gather->pgsize = size;
	gather_add_range(gather, iova, size);
}

/**
 * gather_widen() - Add leaves of any size, wherever they lie; never syncs.
 * @gather: gather
 * @iova: start of the range in bytes
 * @size: its size in bytes, not 0
 *
 * Source: amd_iommu_iotlb_gather_add_page(), where a flush of any range is one
 * command (no virtual IOMMU, whose np_cache would have it sync).
 */
static inline void gather_widen(struct gather *gather, u64 iova, size_t size)
{
	gather->pgsize = GATHER_WIDEN_PGSIZE;
	gather_add_range(gather, iova, size);
}

/**
 * struct gather_rule - How a driver treats pages and syncs, as data.
 * @name: driver's name
 * @immediate: each page is invalidated when it is added, and a sync only
 *	waits (SMMUv2); otherwise pages gather into one range (SMMUv3)
 * @fills_empty: the IOMMU core puts the range of an unmap into a gather that
 *	is still empty after it, and leaves out the sync of an empty one; an
 *	older core asks the driver to sync whatever the gather holds. SMMUv3
 *	sends nothing without a page size, SMMUv2 polls its sync all the same
 *	(drivers/iommu/iommu.c, __iommu_unmap_domain_pgtbl(), Linux 7.3)
 * @widens: pages of any size, wherever they lie, widen one range (AMD)
 */
struct gather_rule {
	const char *name;
	bool immediate;
	bool fills_empty;
	bool widens;
};

IOPT_BEGIN_DECLS

/**
 * gather_rule_find() - The rule of a driver.
 * @name: "6.1", "6.12", "7.3" (arm-smmu-v3 of that kernel), "smmuv2" or "amdv1"
 *	(the AMD driver of 6.12)
 *
 * Return: a static rule; NULL when there is none of that name.
 */
const struct gather_rule *gather_rule_find(const char *name);

IOPT_END_DECLS

#endif
