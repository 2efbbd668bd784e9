// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways to tear a range down that VFIO never had: the least that is possible,
 * and what a driver does whose engine does not split.
 *
 * Models: for unmap-remap, the unmap of a part of a huge page in drm/panthor:
 *	the whole page goes, what shall stay is mapped again (commit
 *	8e7460eac786, panthor_mmu.c).
 * Does not model: the region lock that hides the moment between from the GPU,
 *	tables that it allocates ahead; its huge pages are 2M, ours any leaf.
 */
#include "vfio_walk.h"

void vfio_unmap_whole(struct vfio *vfio, const struct vfio_range *range)
{
	for (size_t i = vfio->cfg.nr_domains; i--;) {
		u64 unmapped =
			vfio_unmap_domain(vfio, i, range->iova, range->size);

		if (!i && unmapped)
			vfio_unpin(vfio, unmapped);
		if (unmapped < range->size)
			vfio_stuck(vfio);
		vfio_resched(vfio);
	}
}

static int map_again(struct vfio *vfio, u64 iova, u64 end,
		     const struct pgtable_leaf *leaf)
{
	if (iova == end)
		return 0;
	return vfio_map_domain(vfio, 0, iova, leaf->paddr + (iova - leaf->iova),
			       end - iova);
}

/*
 * Unmap [@iova, @iova + @size) out of a larger leaf. Returns the bytes from
 * @iova on that are gone; 0 when nothing is.
 */
static u64 unmap_out_of(struct vfio *vfio, u64 iova, u64 size,
			const struct pgtable_leaf *leaf)
{
	u64 leaf_end = leaf->iova + leaf->size;

	if (!vfio_unmap_domain(vfio, 0, leaf->iova, leaf->size))
		return 0;
	if (!map_again(vfio, leaf->iova, iova, leaf) &&
	    !map_again(vfio, iova + size, leaf_end, leaf))
		return size;
	/* No memory for tables: what is not mapped again is lost. */
	vfio->counts.nr_warnings++;
	return leaf_end - iova;
}

void vfio_unmap_remap(struct vfio *vfio, const struct vfio_range *range)
{
	u64 page = vfio->cfg.host_page;
	struct pgtable_leaf leaf;
	u64 pos = 0;

	for (size_t i = 1; i < vfio->cfg.nr_domains; i++) {
		vfio_unmap_domain(vfio, i, range->iova, range->size);
		vfio_resched(vfio);
	}
	while (pos < range->size) {
		u64 iova = range->iova + pos, unmapped;

		vfio_count_lookups(vfio, 1);
		if (iommu_leaf_walk(vfio->cfg.domains[0], iova, &leaf) ||
		    leaf.iova > iova) {
			vfio->counts.nr_warnings++;
			pos += page;
			continue;
		}
		if (leaf.size > page)
			unmapped = unmap_out_of(vfio, iova, page, &leaf);
		else
			unmapped = vfio_unmap_domain(vfio, 0, iova, page);
		if (!unmapped) {
			vfio_stuck(vfio);
			break;
		}
		vfio_unpin(vfio, unmapped);
		pos += unmapped;
		/* Each step is a call of its own from user space. */
		vfio_resched(vfio);
	}
}

u64 vfio_scan_remap(const struct vfio *vfio, const struct vfio_range *range)
{
	u64 page = vfio->cfg.host_page;
	struct pgtable_leaf leaf;
	u64 n = 0;

	for (u64 pos = 0; pos < range->size; pos += page, n++)
		iommu_leaf_walk(vfio->cfg.domains[0], range->iova + pos, &leaf);
	return n;
}
