/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A domain: a page table, what it invalidates, and the IOMMU core's calls.
 *
 * Models: iommu_map(), iommu_unmap(), iommu_unmap_fast(), iommu_iotlb_sync(),
 *	iommu_iova_to_phys(), iommu_pgsize().
 * Does not model: devices, groups, attach; tracepoints; gfp flags;
 *	iotlb_sync_map(), which no Arm driver here has.
 * Source: drivers/iommu/iommu.c of Linux 6.1, 6.12 and 7.3.
 */
#ifndef IOPT_IOMMU_H
#define IOPT_IOMMU_H

#include "gather.h"
#include "pgtable.h"

struct iommu_domain;

/**
 * struct iommu_domain_ops - What the core calls of a driver.
 * @map_pages: as map_pages of struct pgtable_ops
 * @unmap_pages: as unmap_pages of struct pgtable_ops
 * @iova_to_phys: as iova_to_phys of struct pgtable_ops
 * @leaf_walk: as leaf_walk of struct pgtable_ops; no kernel has it
 */
struct iommu_domain_ops {
	int (*map_pages)(struct iommu_domain *domain, u64 iova, u64 paddr,
			 size_t pgsize, size_t pgcount, int prot,
			 size_t *mapped);
	size_t (*unmap_pages)(struct iommu_domain *domain, u64 iova,
			      size_t pgsize, size_t pgcount,
			      struct gather *gather);
	u64 (*iova_to_phys)(struct iommu_domain *domain, u64 iova);
	int (*leaf_walk)(struct iommu_domain *domain, u64 iova,
			 struct pgtable_leaf *leaf);
};

/**
 * struct iommu_domain - A page table with what it needs; the caller owns it.
 * @ops: the driver's
 * @pgt: table; not owned
 * @tlb: where syncs go; the table was created with the same
 * @cookie: for @tlb
 * @rule: how the driver gathers
 * @pgsizes: bitmap of the leaf sizes in bytes
 */
struct iommu_domain {
	const struct iommu_domain_ops *ops;
	struct pgtable *pgt;
	const struct inval_ops *tlb;
	void *cookie;
	const struct gather_rule *rule;
	u64 pgsizes;
};

IOPT_BEGIN_DECLS

/* What every domain here is given: a driver that hands on to its table. */
extern const struct iommu_domain_ops iommu_driver_ops;

/**
 * iommu_domain_init() - Put a domain over a table.
 * @domain: caller's
 * @pgt: table; must outlive @domain; its cfg.tlb and cfg.cookie are used
 * @rule: how the driver gathers; must outlive @domain
 */
void iommu_domain_init(struct iommu_domain *domain, struct pgtable *pgt,
		       const struct gather_rule *rule);

/**
 * iommu_pgsize() - The page size of the next step, and how many of it.
 * @pgsizes: bitmap of the sizes to choose from, in bytes
 * @iova: where, in bytes; a multiple of the smallest size
 * @paddr: output address in bytes, the same; @iova for an unmap
 * @size: bytes that remain, not 0, a multiple of the smallest size
 * @count: set to the number of pages: as many as fit, but no further than to
 *	where the next bigger size becomes usable
 *
 * Return: the biggest size that fits @size and the alignment of both
 * addresses.
 *
 * Source: drivers/iommu/iommu.c, iommu_pgsize().
 */
size_t iommu_pgsize(u64 pgsizes, u64 iova, u64 paddr, size_t size,
		    size_t *count);

/**
 * iommu_map() - Map a physically contiguous range.
 * @domain: domain
 * @iova: input address in bytes
 * @paddr: output address in bytes
 * @size: bytes
 * @prot: IOMMU_READ and friends
 *
 * On failure what was mapped by this call is unmapped again.
 *
 * Return: 0;
 * -EINVAL when an address or the size is not a multiple of the granule, or
 * @prot is not usable; -ENODEV when the domain has no table; what map_pages of
 * the engine returns otherwise: -ERANGE, -EEXIST, -ENOMEM.
 */
int iommu_map(struct iommu_domain *domain, u64 iova, u64 paddr, size_t size,
	      int prot);

/**
 * iommu_unmap_fast() - Unmap a range and leave the invalidation to a gather.
 * @domain: domain
 * @iova: input address in bytes
 * @size: bytes
 * @gather: caller's; what to invalidate is added to it
 *
 * Stops at the first page that the engine does not unmap.
 *
 * Return: bytes unmapped; 0 too when @iova or @size is not a multiple of the
 * granule; more than @size when a larger leaf went whole.
 */
size_t iommu_unmap_fast(struct iommu_domain *domain, u64 iova, size_t size,
			struct gather *gather);

/**
 * iommu_unmap() - Unmap a range and invalidate it.
 * @domain: domain
 * @iova: input address in bytes
 * @size: bytes
 *
 * Return: as iommu_unmap_fast().
 */
size_t iommu_unmap(struct iommu_domain *domain, u64 iova, size_t size);

/**
 * iommu_iotlb_sync() - Invalidate what a gather holds, and empty it.
 * @domain: domain; its rule says whether the driver hears of an empty gather
 * @gather: caller's
 */
void iommu_iotlb_sync(struct iommu_domain *domain, struct gather *gather);

/**
 * iommu_flush_iotlb_all() - Invalidate the whole domain, as a flush queue does.
 * @domain: domain
 */
void iommu_flush_iotlb_all(struct iommu_domain *domain);

/**
 * iommu_iova_to_phys() - Translate.
 * @domain: domain
 * @iova: input address in bytes
 *
 * Return: physical address; 0 when @iova is not mapped.
 */
u64 iommu_iova_to_phys(struct iommu_domain *domain, u64 iova);

/**
 * iommu_leaf_walk() - Translate, and tell how far the leaf goes.
 * @domain: domain whose engine has leaf_walk
 * @iova: input address in bytes
 * @leaf: set to the first leaf that ends above @iova
 *
 * No kernel has this call. A scan for contiguity would use it as it uses
 * iommu_iova_to_phys(), but once a leaf instead of once a page.
 *
 * Return: 0;
 * -ENOENT when there is no such leaf; *@leaf is untouched then;
 * -ENODEV when the domain has no table.
 */
int iommu_leaf_walk(struct iommu_domain *domain, u64 iova,
		    struct pgtable_leaf *leaf);

IOPT_END_DECLS

#endif
