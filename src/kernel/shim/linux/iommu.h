/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What page table code needs of the IOMMU core.
 *
 * The gather is ours (inval/gather.h, which keeps the kernel's rules): the tag
 * is mapped, so that a module calls struct inval_ops with no translation
 * between two layouts of the same thing.
 */
#ifndef SHIM_LINUX_IOMMU_H
#define SHIM_LINUX_IOMMU_H

#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "gather.h"

#define iommu_iotlb_gather gather

#define IOMMU_READ   (1 << 0)
#define IOMMU_WRITE  (1 << 1)
#define IOMMU_CACHE  (1 << 2)
#define IOMMU_NOEXEC (1 << 3)
#define IOMMU_MMIO   (1 << 4)
#define IOMMU_PRIV   (1 << 5)

#define IOMMU_DIRTY_NO_CLEAR (1 << 0)

static inline bool iommu_iotlb_gather_queued(struct iommu_iotlb_gather *gather)
{
	return gather_is_queued(gather);
}

/**
 * struct iommu_pages_list - Pages to be freed together.
 * @pages: linked through their struct page
 */
struct iommu_pages_list {
	struct list_head pages;
};

#define IOMMU_PAGES_LIST_INIT(name) \
	((struct iommu_pages_list){ .pages = LIST_HEAD_INIT((name).pages) })

/**
 * struct iommu_dirty_bitmap - Where a scan for dirty pages reports.
 * @record: told of each dirty leaf, in bytes; NULL to drop it
 * @arg: for @record
 * @gather: widened by each dirty leaf; may be NULL
 */
struct iommu_dirty_bitmap {
	void (*record)(void *arg, u64 iova, u64 size);
	void *arg;
	struct iommu_iotlb_gather *gather;
};

static inline void iommu_dirty_bitmap_record(struct iommu_dirty_bitmap *dirty,
					     u64 iova, u64 size)
{
	if (dirty->record)
		dirty->record(dirty->arg, iova, size);
	if (dirty->gather)
		gather_add_range(dirty->gather, iova, size);
}

#endif
