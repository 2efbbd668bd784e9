// SPDX-License-Identifier: GPL-2.0-only
/*
 * The type1 container: its rules and errors, mapping, fine-grained superpages.
 *
 * Models: vfio_dma_do_map(), vfio_pin_map_dma(), vfio_pin_pages_remote(),
 *	vfio_iommu_map(), vfio_dma_do_unmap(), vfio_test_domain_fgsp().
 * Does not model: see vfio.h; pages that a failed pinning read ahead.
 * Source: drivers/vfio/vfio_iommu_type1.c of Linux 6.1, 6.12 and 7.3.
 */
#include "vfio_walk.h"

#include <errno.h>

#include "lg2.h"

bool type1_test_fgsp(struct iommu_domain *domain, u64 page, u64 last_iova)
{
	u64 two = 2 * page;

	if (last_iova < two - 1)
		return false;
	/* Any pages will do; they lie as a kernel's two pages of order 1. */
	if (iommu_map(domain, 0, two, two, VFIO_PROT))
		return false;
	if (iommu_unmap(domain, 0, page) != page)
		return true;
	iommu_unmap(domain, page, page);
	return false;
}

/* vfio_iommu_map(): a run into every domain, or into none. */
static int map_run(struct vfio *vfio, u64 iova, u64 paddr, u64 size)
{
	for (size_t i = 0; i < vfio->cfg.nr_domains; i++) {
		int ret = vfio_map_domain(vfio, i, iova, paddr, size);

		if (!ret) {
			vfio_resched(vfio);
			continue;
		}
		while (i--) {
			vfio_unmap_domain(vfio, i, iova, size);
			vfio_resched(vfio);
		}
		return ret;
	}
	return 0;
}

/* vfio_pin_pages_remote(): what was pinned when the limit is hit goes. */
static int pin_run(struct vfio *vfio, u64 size)
{
	u64 pages = size / vfio->cfg.host_page;
	u64 room = vfio->cfg.lock_limit - vfio->locked_pages;

	if (!vfio_lock_pages(vfio, pages))
		return 0;
	if (room)
		vfio_unpin(vfio, room * vfio->cfg.host_page);
	/* They were not accounted for yet. */
	vfio->unlocked_bytes = 0;
	return -ENOMEM;
}

int type1_fill(struct vfio *vfio, const struct vfio_range *range,
	       const struct vfio_memory *memory)
{
	struct vfio_range done = { range->iova, 0, range->is_bar };
	u64 paddr;
	int ret = 0;

	while (done.size < range->size && !ret) {
		u64 len = vfio_next_run(memory, done.size, range->size, &paddr);

		ret = pin_run(vfio, len);
		if (ret)
			break;
		ret = map_run(vfio, range->iova + done.size, paddr, len);
		if (!ret) {
			done.size += len;
			continue;
		}
		vfio_unpin(vfio, len);
		vfio_unlock_pages(vfio);
	}
	/* What was mapped goes as an unmap would do it. */
	if (ret && done.size)
		vfio->cfg.strategy->unmap(vfio, &done);
	return ret;
}

int type1_check(const struct vfio *vfio, u64 iova, u64 size)
{
	if (!size)
		return -EINVAL;
	/* 6.12 finds the misalignment first; both are -EINVAL there. */
	if (iova + size - 1 < iova)
		return -vfio->cfg.wrap_errno;
	if ((iova | size) & (vfio->cfg.host_page - 1))
		return -EINVAL;
	if (vfio_overlap(vfio, iova, iova + size - 1))
		return -EEXIST;
	if (vfio->nr_ranges >= vfio->cfg.max_ranges)
		return -ENOSPC;
	if (iova + size - 1 > vfio->cfg.last_iova)
		return -EINVAL;
	return 0;
}

/* Does [@iova, @last] cut a range in two? */
static bool bisects(const struct vfio *vfio, u64 iova, u64 last)
{
	const struct vfio_range *range = vfio_overlap(vfio, iova, iova);

	if (range && range->iova != iova)
		return true;
	range = vfio_overlap(vfio, last, last);
	return range && range->iova + range->size - 1 != last;
}

s64 type1_unmap(struct vfio *vfio, u64 iova, u64 size)
{
	u64 last = iova + size - 1, sum = 0;
	size_t i;

	if (!size || (iova | size) & (vfio->cfg.host_page - 1))
		return -EINVAL;
	if (last < iova)
		return -vfio->cfg.wrap_errno;
	if (vfio->cfg.abi == VFIO_TYPE1V2 && bisects(vfio, iova, last))
		return -EINVAL;
	i = vfio_first_above(vfio, iova);
	while (i < vfio->nr_ranges && vfio->ranges[i].iova <= last) {
		/* v1: what starts below stays, and all behind it. */
		if (vfio->ranges[i].iova < iova)
			break;
		sum += vfio->ranges[i].size;
		vfio_tear_down(vfio, i);
	}
	return (s64)sum;
}
