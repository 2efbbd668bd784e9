/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A container by brute force: who owns each page, where it lies. The rules are
 * read off the interface's documentation (linux/vfio.h, linux/iommufd.h) and
 * asked of each page, in the plainest way.
 */
#ifndef IOPT_REF_VFIO_H
#define IOPT_REF_VFIO_H

#include "test.h"

#include "vfio.h"

#define REF_PAGES 16384

/**
 * struct ref_vfio - The container: pages from address 0 on.
 * @abi: whose rules hold
 * @page: bytes of a page
 * @lock_limit: pages, 0 for none
 * @nr_domains: with none, nothing is pinned
 * @owner: number of the map that a page is in, rising with time; 0 for none
 * @phys: where a page lies
 * @is_bar: it belongs to a device
 * @nr_maps: how many maps there are
 * @last_owner: the number given last
 */
struct ref_vfio {
	enum vfio_abi abi;
	u64 page;
	u64 lock_limit;
	size_t nr_domains;
	u64 owner[REF_PAGES];
	u64 phys[REF_PAGES];
	bool is_bar[REF_PAGES];
	size_t nr_maps;
	u64 last_owner;
};

/* Pages that are pinned now. */
static inline u64 ref_locked(const struct ref_vfio *ref)
{
	u64 n = 0;

	for (size_t i = 0; ref->nr_domains && i < REF_PAGES; i++)
		n += ref->owner[i] && !ref->is_bar[i];
	return n;
}

/**
 * ref_map() - What vfio_map() should return; the map is made when that is 0.
 * @ref: container
 * @iova: in bytes
 * @size: in bytes; no page beyond REF_PAGES
 * @memory: what is mapped
 */
static inline int ref_map(struct ref_vfio *ref, u64 iova, u64 size,
			  const struct vfio_memory *memory)
{
	u64 first = iova / ref->page, nr = size / ref->page;

	if (!size || iova % ref->page || size % ref->page)
		return -EINVAL;
	for (u64 i = first; i < first + nr; i++)
		if (ref->owner[i])
			return -EEXIST;
	if (ref->lock_limit && ref->nr_domains && !memory->is_bar &&
	    ref_locked(ref) + nr > ref->lock_limit)
		return -ENOMEM;
	ref->last_owner++;
	ref->nr_maps++;
	for (u64 i = 0; i < nr; i++) {
		ref->owner[first + i] = ref->last_owner;
		ref->is_bar[first + i] = memory->is_bar;
		memory->run(memory->arg, i * ref->page, &ref->phys[first + i]);
	}
	return 0;
}

/* Removes the map of a page; returns its bytes, and those that were pinned. */
static inline u64 ref_remove(struct ref_vfio *ref, u64 at, u64 *pinned)
{
	u64 owner = ref->owner[at], nr = 0;

	for (size_t i = 0; i < REF_PAGES; i++) {
		if (ref->owner[i] != owner)
			continue;
		if (!ref->is_bar[i] && ref->nr_domains)
			*pinned += ref->page;
		ref->owner[i] = 0;
		nr++;
	}
	ref->nr_maps--;
	return nr * ref->page;
}

/* Is every page of the map of page @at in [@first, @end)? */
static inline bool ref_is_inside(const struct ref_vfio *ref, u64 at, u64 first,
				 u64 end)
{
	bool is_cut_below = first && ref->owner[first - 1] == ref->owner[at];
	bool is_cut_above =
		end < REF_PAGES && ref->owner[end] == ref->owner[at];

	return !is_cut_below && !is_cut_above;
}

/* Is page @at the first of its map? */
static inline bool ref_is_first(const struct ref_vfio *ref, u64 at)
{
	return !at || ref->owner[at - 1] != ref->owner[at];
}

/**
 * ref_unmap() - What vfio_unmap() should return; it is done too.
 * @ref: container
 * @iova: in bytes, a multiple of the page
 * @size: in bytes, the same, not 0; no page beyond REF_PAGES
 * @pinned: bytes that are unpinned are added
 */
static inline s64 ref_unmap(struct ref_vfio *ref, u64 iova, u64 size,
			    u64 *pinned)
{
	u64 first = iova / ref->page, end = first + size / ref->page;
	u64 sum = 0;

	if (ref->abi == VFIO_TYPE1V2)
		for (u64 i = first; i < end; i++)
			if (ref->owner[i] && !ref_is_inside(ref, i, first, end))
				return -EINVAL;
	for (u64 i = first; i < end; i++) {
		if (!ref->owner[i])
			continue;
		if (ref->abi == VFIO_IOMMUFD &&
		    !ref_is_inside(ref, i, first, end))
			return -ENOENT;
		/* v1: a map that starts below stays, and what is behind it. */
		if (ref->abi == VFIO_TYPE1 && i == first &&
		    !ref_is_first(ref, i))
			return 0;
		sum += ref_remove(ref, i, pinned);
	}
	if (!sum && ref->abi == VFIO_IOMMUFD)
		return -ENOENT;
	return (s64)sum;
}

/**
 * ref_unmap_all() - What vfio_unmap_all() should return; it is done too.
 * @ref: container
 * @pinned: bytes that are unpinned are added
 */
static inline s64 ref_unmap_all(struct ref_vfio *ref, u64 *pinned)
{
	u64 sum = 0;

	for (u64 i = 0; i < REF_PAGES; i++)
		if (ref->owner[i])
			sum += ref_remove(ref, i, pinned);
	return (s64)sum;
}

#endif
