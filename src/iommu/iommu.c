// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain: page-size selection, map with unwinding, unmap, sync.
 *
 * Models, Does not model, Source: see iommu.h.
 */
#include "iommu.h"

#include "lg2.h"

#include <assert.h>
#include <errno.h>

void iommu_domain_init(struct iommu_domain *domain, struct pgtable *pgt,
		       const struct gather_rule *rule)
{
	*domain = (struct iommu_domain){
		.ops = &iommu_driver_ops,
		.pgt = pgt,
		.tlb = pgt->cfg.tlb,
		.cookie = pgt->cfg.cookie,
		.rule = rule,
		.pgsizes = pgt->geo.pgsizes,
	};
}

/* Bits 0 to @bit. */
static inline u64 mask_to(unsigned int bit)
{
	return ~0ull >> (63 - bit);
}

size_t iommu_pgsize(u64 pgsizes, u64 iova, u64 paddr, size_t size,
		    size_t *count)
{
	u64 fitting = pgsizes & mask_to(lg2_floor(size));
	u64 merged = iova | paddr;
	u64 bigger, next, offset;
	unsigned int lg2;

	if (merged)
		fitting &= mask_to(lg2_low(merged));
	assert(fitting);
	lg2 = lg2_floor(fitting);

	bigger = pgsizes & ~mask_to(lg2);
	if (!bigger)
		goto out;
	next = 1ull << lg2_low(bigger);
	/* Of no use unless both addresses lie alike in the bigger page. */
	if ((iova ^ paddr) & (next - 1))
		goto out;
	/* Stop where the bigger page starts, if one fits behind. */
	offset = next - (merged & (next - 1));
	if (offset + next >= offset && offset + next <= size)
		size = offset;
out:
	*count = size >> lg2;
	return (size_t)1 << lg2;
}

static bool is_aligned(const struct iommu_domain *domain, u64 v)
{
	return !(v & ((1ull << lg2_low(domain->pgsizes)) - 1));
}

int iommu_map(struct iommu_domain *domain, u64 iova, u64 paddr, size_t size,
	      int prot)
{
	const u64 start = iova;
	int ret = 0;

	if (!is_aligned(domain, iova | paddr | size))
		return -EINVAL;
	while (size) {
		size_t mapped = 0, count;
		size_t pgsize = iommu_pgsize(domain->pgsizes, iova, paddr, size,
					     &count);

		ret = domain->ops->map_pages(domain, iova, paddr, pgsize, count,
					     prot, &mapped);
		/* Some pages may be mapped even so. */
		iova += mapped;
		if (ret)
			break;
		size -= mapped;
		paddr += mapped;
	}
	if (ret)
		iommu_unmap(domain, start, iova - start);
	return ret;
}

size_t iommu_unmap_fast(struct iommu_domain *domain, u64 iova, size_t size,
			struct gather *gather)
{
	size_t unmapped = 0;

	if (!is_aligned(domain, iova | size))
		return 0;
	while (unmapped < size) {
		size_t count, n;
		size_t pgsize = iommu_pgsize(domain->pgsizes, iova, iova,
					     size - unmapped, &count);

		n = domain->ops->unmap_pages(domain, iova, pgsize, count,
					     gather);
		if (!n)
			break;
		if (domain->rule->fills_empty && gather->start >= gather->last)
			gather_add_range(gather, iova, size);
		iova += n;
		unmapped += n;
	}
	return unmapped;
}

size_t iommu_unmap(struct iommu_domain *domain, u64 iova, size_t size)
{
	struct gather gather;
	size_t unmapped;

	gather_init(&gather);
	unmapped = iommu_unmap_fast(domain, iova, size, &gather);
	iommu_iotlb_sync(domain, &gather);
	return unmapped;
}

void iommu_iotlb_sync(struct iommu_domain *domain, struct gather *gather)
{
	if (domain->rule->fills_empty) {
		gather_sync(gather, domain->tlb, domain->cookie);
		return;
	}
	domain->tlb->sync(gather, domain->cookie);
	gather_init(gather);
}

void iommu_flush_iotlb_all(struct iommu_domain *domain)
{
	domain->tlb->flush_all(domain->cookie);
}

u64 iommu_iova_to_phys(struct iommu_domain *domain, u64 iova)
{
	return domain->ops->iova_to_phys(domain, iova);
}

int iommu_leaf_walk(struct iommu_domain *domain, u64 iova,
		    struct pgtable_leaf *leaf)
{
	return domain->ops->leaf_walk(domain, iova, leaf);
}
