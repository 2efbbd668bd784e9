/* SPDX-License-Identifier: GPL-2.0-only */
/* What the strategies share; private to this folder. */
#ifndef IOPT_VFIO_WALK_H
#define IOPT_VFIO_WALK_H

#include "vfio.h"

/**
 * vfio_lookup() - Translate, and count it.
 * @vfio: container
 * @i: number of the domain
 * @iova: input address in bytes
 *
 * Return: physical address; 0 when it is not mapped.
 */
static inline u64 vfio_lookup(struct vfio *vfio, size_t i, u64 iova)
{
	vfio->counts.nr_lookups++;
	vfio->stretch++;
	return iommu_iova_to_phys(vfio->cfg.domains[i], iova);
}

/**
 * vfio_resched() - A point where the kernel may give the CPU away.
 * @vfio: container
 */
static inline void vfio_resched(struct vfio *vfio)
{
	vfio->counts.nr_resched++;
	if (vfio->stretch > vfio->counts.max_lookups)
		vfio->counts.max_lookups = vfio->stretch;
	vfio->stretch = 0;
}

/**
 * vfio_unmap_domain() - iommu_unmap(), counted.
 * @vfio: container
 * @i: number of the domain
 * @iova: input address in bytes
 * @size: bytes
 *
 * Return: bytes unmapped.
 */
static inline u64 vfio_unmap_domain(struct vfio *vfio, size_t i, u64 iova,
				    u64 size)
{
	vfio->counts.nr_unmaps++;
	return iommu_unmap(vfio->cfg.domains[i], iova, size);
}

/**
 * vfio_unmap_nofail() - The same; iommufd warns of any other size than asked.
 * @vfio: container
 * @i: number of the domain
 * @iova: input address in bytes
 * @size: bytes
 */
static inline void vfio_unmap_nofail(struct vfio *vfio, size_t i, u64 iova,
				     u64 size)
{
	if (vfio_unmap_domain(vfio, i, iova, size) != size)
		vfio->counts.nr_warnings++;
}

/**
 * vfio_unpin() - Pages of a contiguous run are unpinned: count them.
 * @vfio: container
 * @size: bytes
 */
static inline void vfio_unpin(struct vfio *vfio, u64 size)
{
	vfio->counts.unpinned_bytes += size;
	vfio->counts.nr_unpin_runs++;
}

IOPT_BEGIN_DECLS

/**
 * vfio_unmap_chunked_fast() - Strategy "chunked-fast".
 * @vfio: container
 * @iova: start of a map in bytes
 * @size: its size in bytes
 *
 * Models: vfio_unmap_unpin() since 2018: scan for a contiguous run, unmap it
 *	into a gather, sync and unpin at 512 runs.
 * Source: drivers/vfio/vfio_iommu_type1.c of Linux 6.1, 6.12 and 7.3.
 */
void vfio_unmap_chunked_fast(struct vfio *vfio, u64 iova, u64 size);

/**
 * vfio_unmap_iommufd() - Strategy "iommufd".
 * @vfio: container
 * @iova: start of an area in bytes
 * @size: its size in bytes
 *
 * Models: iopt_area_unfill_domains(): read frames into a batch, unmap all
 *	that is in it with a sync of its own.
 * Source: drivers/iommu/iommufd/pages.c of Linux 6.12 and 7.3.
 */
void vfio_unmap_iommufd(struct vfio *vfio, u64 iova, u64 size);

/**
 * vfio_unfill_domain() - The same in one domain.
 * @vfio: container
 * @i: number of the domain, which is read and unmapped
 * @iova: start in bytes
 * @size: bytes
 */
void vfio_unfill_domain(struct vfio *vfio, size_t i, u64 iova, u64 size);

IOPT_END_DECLS

/* Runs in a batch of iommufd: 64K of 12-byte entries. */
#define IOMMUFD_BATCH_RUNS (65536 / 12)

/* Regions between two syncs of type1. */
#define TYPE1_SYNC_REGIONS 512

#endif
