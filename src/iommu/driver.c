// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an SMMU driver does between the IOMMU core and the page table: a check,
 * and a second call through a pointer.
 *
 * Models: arm_smmu_map_pages(), arm_smmu_unmap_pages(),
 *	arm_smmu_iova_to_phys().
 * Does not model: their unmap that counts against a flush of everything.
 * Source: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c of Linux 6.1, 6.12 and
 *	7.3.
 *
 * Its own file, so that no compiler sees through the first pointer: a scan
 * makes one such call a page.
 */
#include "iommu.h"

#include <errno.h>

static int driver_map_pages(struct iommu_domain *domain, u64 iova, u64 paddr,
			    size_t pgsize, size_t pgcount, int prot,
			    size_t *mapped)
{
	struct pgtable *pgt = domain->pgt;

	if (!pgt)
		return -ENODEV;
	return pgt->ops.map_pages(pgt, iova, paddr, pgsize, pgcount, prot,
				  mapped);
}

static size_t driver_unmap_pages(struct iommu_domain *domain, u64 iova,
				 size_t pgsize, size_t pgcount,
				 struct gather *gather)
{
	struct pgtable *pgt = domain->pgt;

	if (!pgt)
		return 0;
	return pgt->ops.unmap_pages(pgt, iova, pgsize, pgcount, gather);
}

static u64 driver_iova_to_phys(struct iommu_domain *domain, u64 iova)
{
	struct pgtable *pgt = domain->pgt;

	if (!pgt)
		return 0;
	return pgt->ops.iova_to_phys(pgt, iova);
}

static int driver_leaf_walk(struct iommu_domain *domain, u64 iova,
			    struct pgtable_leaf *leaf)
{
	struct pgtable *pgt = domain->pgt;

	if (!pgt)
		return -ENODEV;
	return pgt->ops.leaf_walk(pgt, iova, leaf);
}

const struct iommu_domain_ops iommu_driver_ops = {
	.map_pages = driver_map_pages,
	.unmap_pages = driver_unmap_pages,
	.iova_to_phys = driver_iova_to_phys,
	.leaf_walk = driver_leaf_walk,
};
