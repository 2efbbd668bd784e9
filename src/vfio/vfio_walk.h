/* SPDX-License-Identifier: GPL-2.0-only */
/* What containers and strategies share; private to this folder. */
#ifndef IOPT_VFIO_WALK_H
#define IOPT_VFIO_WALK_H

#include "vfio.h"

/* Runs in a batch of iommufd: 64K of 12-byte entries. */
#define IOMMUFD_BATCH_RUNS (65536 / 12)

/* Regions between two syncs of type1. */
#define TYPE1_SYNC_REGIONS 512

/* Protection of everything that a user maps here. */
#define VFIO_PROT (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

/**
 * vfio_count_lookups() - Lookups were made.
 * @vfio: container
 * @n: how many
 *
 * Called once a chunk, not once a lookup: the kernel counts none.
 */
static inline void vfio_count_lookups(struct vfio *vfio, u64 n)
{
	vfio->counts.nr_lookups += n;
	vfio->stretch += n;
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
	if (vfio->cfg.resched)
		vfio->cfg.resched(vfio->cfg.resched_arg);
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
 * vfio_map_domain() - iommu_map(), counted.
 * @vfio: container
 * @i: number of the domain
 * @iova: input address in bytes
 * @paddr: output address in bytes
 * @size: bytes
 *
 * Return: as iommu_map().
 */
static inline int vfio_map_domain(struct vfio *vfio, size_t i, u64 iova,
				  u64 paddr, u64 size)
{
	vfio->counts.nr_maps++;
	return iommu_map(vfio->cfg.domains[i], iova, paddr, size, VFIO_PROT);
}

/**
 * vfio_unpin() - Pages of a contiguous run are unpinned: count them.
 * @vfio: container
 * @size: bytes
 */
static inline void vfio_unpin(struct vfio *vfio, u64 size)
{
	if (vfio->is_bar)
		return;
	vfio->counts.unpinned_bytes += size;
	vfio->counts.nr_unpin_runs++;
	vfio->unlocked_bytes += size;
}

/**
 * vfio_stuck() - An unmap did nothing where something is mapped.
 * @vfio: container
 */
static inline void vfio_stuck(struct vfio *vfio)
{
	vfio->counts.nr_warnings++;
	vfio->counts.is_stuck = true;
}

IOPT_BEGIN_DECLS

/* Maps in order (vfio.c). */

/**
 * vfio_first_above() - Index of the first map that ends above an address.
 * @vfio: container
 * @iova: in bytes
 *
 * Return: the index; vfio->nr_ranges when there is none.
 */
size_t vfio_first_above(const struct vfio *vfio, u64 iova);

/**
 * vfio_overlap() - The first map that has a byte in [@iova, @last].
 * @vfio: container
 * @iova: in bytes
 * @last: highest address, in bytes
 *
 * Return: the map, until the next change; NULL when there is none.
 */
const struct vfio_range *vfio_overlap(const struct vfio *vfio, u64 iova,
				      u64 last);

/**
 * vfio_iommu_page() - The smallest page that every domain has.
 * @vfio: container
 *
 * Return: bytes; 1 when there is no domain.
 */
u64 vfio_iommu_page(const struct vfio *vfio);

/**
 * vfio_next_run() - The next contiguous run of memory; runs that touch are one.
 * @memory: what is mapped
 * @offset: where in it, in bytes
 * @size: bytes that are mapped of it
 * @paddr: set to the physical address of @offset
 *
 * Return: bytes, no further than @size.
 */
u64 vfio_next_run(const struct vfio_memory *memory, u64 offset, u64 size,
		  u64 *paddr);

/**
 * vfio_lock_pages() - Account for pages that are pinned.
 * @vfio: container
 * @pages: host pages
 *
 * Return: 0;
 * -ENOMEM when that is above the limit; nothing is accounted for then.
 *
 * Source: mm/util.c, __account_locked_vm().
 */
int vfio_lock_pages(struct vfio *vfio, u64 pages);

/**
 * vfio_unlock_pages() - Account for what vfio_unpin() was called with.
 * @vfio: container
 *
 * Warns of pages that were never accounted for.
 */
void vfio_unlock_pages(struct vfio *vfio);

/**
 * vfio_tear_down() - Unmap a map by the strategy and forget it.
 * @vfio: container
 * @i: its index
 */
void vfio_tear_down(struct vfio *vfio, size_t i);

/* Rules of the two interfaces (type1.c, iommufd.c). */

/**
 * type1_check() - What vfio_map() refuses before anything is done.
 * @vfio: container
 * @iova: input address in bytes
 * @size: bytes
 *
 * Return: 0; an error of vfio_map().
 */
int type1_check(const struct vfio *vfio, u64 iova, u64 size);

/**
 * type1_fill() - Pin a map's memory and put it into every domain.
 * @vfio: container with at least one domain
 * @range: the map
 * @memory: what is mapped
 *
 * Return: 0; an error of vfio_map(), nothing stays mapped then.
 */
int type1_fill(struct vfio *vfio, const struct vfio_range *range,
	       const struct vfio_memory *memory);

/**
 * type1_unmap() - vfio_unmap() with type1.
 * @vfio: container
 * @iova: input address in bytes
 * @size: bytes
 *
 * Return: as vfio_unmap().
 */
s64 type1_unmap(struct vfio *vfio, u64 iova, u64 size);

/**
 * iommufd_check() - What vfio_map() refuses before anything is done.
 * @vfio: IOAS
 * @iova: input address in bytes
 * @size: bytes
 *
 * Return: 0; an error of vfio_map().
 */
int iommufd_check(const struct vfio *vfio, u64 iova, u64 size);

/**
 * iommufd_fill() - Fill an area, batch by batch, each into every domain.
 * @vfio: IOAS with at least one domain
 * @range: the area
 * @memory: what is mapped
 *
 * Return: 0; an error of vfio_map(), nothing stays mapped then.
 */
int iommufd_fill(struct vfio *vfio, const struct vfio_range *range,
		 const struct vfio_memory *memory);

/**
 * iommufd_unmap() - vfio_unmap() with iommufd.
 * @vfio: IOAS
 * @iova: input address in bytes
 * @size: bytes
 *
 * Return: as vfio_unmap().
 */
s64 iommufd_unmap(struct vfio *vfio, u64 iova, u64 size);

/**
 * type1_test_fgsp() - Does a domain unmap two pages where one was asked for?
 * @domain: domain
 * @page: host page in bytes
 * @last_iova: highest address of the aperture
 *
 * Models: vfio_test_domain_fgsp(): maps two pages as one and unmaps one.
 * Source: drivers/vfio/vfio_iommu_type1.c of Linux 6.1 and 6.12.
 */
bool type1_test_fgsp(struct iommu_domain *domain, u64 page, u64 last_iova);

/*
 * Strategies, as the members @unmap and @scan of struct vfio_strategy. @range
 * is a map, or what was mapped of one when the rest failed.
 */

/**
 * type1_unmap_page() - "page": a page a call, on by what it returns.
 * @vfio: container
 * @range: what is mapped
 *
 * Models: vfio_unmap_unpin() before Linux 4.0: it gives the CPU away nowhere,
 *	which came with c5e6688752c2 (4.0) only.
 */
void type1_unmap_page(struct vfio *vfio, const struct vfio_range *range);

/**
 * type1_unmap_chunked() - "chunked": a contiguous run a call.
 * @vfio: container
 * @range: what is mapped
 *
 * Models: vfio_unmap_unpin() of Linux 4.0 to 4.16, which may give the CPU away
 *	after each call.
 */
void type1_unmap_chunked(struct vfio *vfio, const struct vfio_range *range);

/**
 * type1_unmap_fast() - "chunked-fast" and "fgsp": a sync for many runs.
 * @vfio: container
 * @range: what is mapped
 *
 * Models: vfio_unmap_unpin() since Linux 4.17: a run goes into a gather, at
 *	512 of them, or when one does nothing, they are synced and unpinned; one
 *	that did nothing is tried again with a sync of its own.
 */
void type1_unmap_fast(struct vfio *vfio, const struct vfio_range *range);

/**
 * type1_unmap_leafwalk() - "leafwalk": the same with a lookup a leaf.
 * @vfio: container
 * @range: what is mapped
 *
 * A hole costs one warning, not one a page: the lookup says where it ends.
 */
void type1_unmap_leafwalk(struct vfio *vfio, const struct vfio_range *range);

/**
 * vfio_unmap_whole() - "whole-range": one call.
 * @vfio: container
 * @range: what is mapped
 */
void vfio_unmap_whole(struct vfio *vfio, const struct vfio_range *range);

/**
 * vfio_unmap_remap() - "unmap-remap": page by page, out of whole leaves.
 * @vfio: container
 * @range: what is mapped
 */
void vfio_unmap_remap(struct vfio *vfio, const struct vfio_range *range);

/**
 * iommufd_unfill() - "iommufd": read frames into a batch, unmap what they span.
 * @vfio: container
 * @range: what is mapped
 *
 * Models: iopt_area_unfill_domains(), which gives the CPU away nowhere.
 */
void iommufd_unfill(struct vfio *vfio, const struct vfio_range *range);

/**
 * type1_scan_page() - Lookups of "page".
 * @vfio: container
 * @range: what is mapped
 *
 * Return: how many: one a page, or one a leaf where an unmap takes it whole.
 */
u64 type1_scan_page(const struct vfio *vfio, const struct vfio_range *range);

/**
 * type1_scan_chunks() - Lookups of the chunked strategies and of "fgsp".
 * @vfio: container
 * @range: what is mapped
 *
 * Return: how many.
 */
u64 type1_scan_chunks(const struct vfio *vfio, const struct vfio_range *range);

/**
 * type1_scan_leaves() - Lookups of "leafwalk".
 * @vfio: container
 * @range: what is mapped
 *
 * Return: how many.
 */
u64 type1_scan_leaves(const struct vfio *vfio, const struct vfio_range *range);

/**
 * vfio_scan_remap() - Lookups of "unmap-remap".
 * @vfio: container
 * @range: what is mapped
 *
 * Return: how many.
 */
u64 vfio_scan_remap(const struct vfio *vfio, const struct vfio_range *range);

/**
 * iommufd_scan() - Lookups of "iommufd".
 * @vfio: container
 * @range: what is mapped
 *
 * Return: how many.
 */
u64 iommufd_scan(const struct vfio *vfio, const struct vfio_range *range);

IOPT_END_DECLS

#endif
