// SPDX-License-Identifier: GPL-2.0-only
/*
 * How type1 tears a range down: page by page, by chunks that a scan finds
 * contiguous, and by chunks with one sync for many.
 *
 * Models: vfio_unmap_unpin() before Linux 4.0 (page), of 4.0 (chunked) and of
 *	4.17 and later (fast), with vfio_sync_unpin(), unmap_unpin_fast() and
 *	unmap_unpin_slow(); and as a future kernel could have it, with a lookup
 *	that tells the leaf's size (leafwalk).
 * Does not model: what unpinning costs.
 * Source: drivers/vfio/vfio_iommu_type1.c of Linux 6.1, 6.12 and 7.3; commits
 *	166fd7d94afd, 1ef3e2bc0422, 6fe1010d6d9c, c5e6688752c2, 6bd06f5a486c.
 */
#include "vfio_walk.h"

#include <stdlib.h>

static inline u64 lookup(const struct vfio *vfio, u64 iova)
{
	return iommu_iova_to_phys(vfio->cfg.domains[0], iova);
}

/* No kernel before 4.0 gives the CPU away on the way. */
static void unmap_others(struct vfio *vfio, const struct vfio_range *range,
			 bool can_resched)
{
	for (size_t i = 1; i < vfio->cfg.nr_domains; i++) {
		vfio_unmap_domain(vfio, i, range->iova, range->size);
		if (can_resched)
			vfio_resched(vfio);
	}
}

void type1_unmap_page(struct vfio *vfio, const struct vfio_range *range)
{
	u64 page = vfio->cfg.host_page;
	u64 pos = 0;

	unmap_others(vfio, range, false);
	while (pos < range->size) {
		u64 phys = lookup(vfio, range->iova + pos);
		u64 unmapped;

		vfio_count_lookups(vfio, 1);
		if (!phys) {
			vfio->counts.nr_warnings++;
			pos += page;
			continue;
		}
		unmapped = vfio_unmap_domain(vfio, 0, range->iova + pos, page);
		if (!unmapped) {
			vfio_stuck(vfio);
			break;
		}
		vfio_unpin(vfio, unmapped);
		pos += unmapped;
	}
}

/* Bytes from @iova on that lie in one piece from @phys on, up to @max. */
static inline u64 scan_pages(const struct vfio *vfio, u64 iova, u64 phys,
			     u64 max)
{
	u64 page = vfio->cfg.host_page;
	u64 len;

	for (len = page; !vfio->is_fgsp && len < max; len += page)
		if (lookup(vfio, iova + len) != phys + len)
			break;
	return len;
}

/* Lookups that found a chunk: each page, and the first one behind. */
static inline u64 chunk_lookups(const struct vfio *vfio, u64 len, u64 max)
{
	if (vfio->is_fgsp)
		return 1;
	return len / vfio->cfg.host_page + (len < max);
}

/**
 * struct cursor - A leaf that was looked up ahead.
 * @leaf: the leaf; its size is 0 when there is none
 */
struct cursor {
	struct pgtable_leaf leaf;
};

/* Makes a leaf known that ends above @iova; false when there is none. */
static inline bool leaf_at(const struct vfio *vfio, u64 iova,
			   struct cursor *cursor, u64 *nr_lookups)
{
	struct pgtable_leaf *leaf = &cursor->leaf;

	if (leaf->size && iova - leaf->iova < leaf->size)
		return true;
	++*nr_lookups;
	leaf->size = 0;
	return !iommu_leaf_walk(vfio->cfg.domains[0], iova, leaf);
}

/*
 * The same leaf by leaf. The leaf behind the chunk stays in @cursor: it starts
 * the next one. 0 and *@phys 0 when nothing is mapped at @iova.
 */
static inline u64 scan_leaves(const struct vfio *vfio, u64 iova, u64 max,
			      struct cursor *cursor, u64 *nr_lookups, u64 *phys)
{
	const struct pgtable_leaf *leaf = &cursor->leaf;
	u64 len;

	*phys = 0;
	if (!leaf_at(vfio, iova, cursor, nr_lookups) || leaf->iova > iova)
		return 0;
	*phys = leaf->paddr + (iova - leaf->iova);
	len = leaf->iova + leaf->size - iova;
	while (len < max && leaf_at(vfio, iova + len, cursor, nr_lookups) &&
	       leaf->iova == iova + len && leaf->paddr == *phys + len)
		len += leaf->size;
	return len < max ? len : max;
}

void type1_unmap_chunked(struct vfio *vfio, const struct vfio_range *range)
{
	u64 pos = 0;

	unmap_others(vfio, range, true);
	while (pos < range->size) {
		u64 iova = range->iova + pos, max = range->size - pos;
		u64 phys = lookup(vfio, iova);
		u64 len, unmapped;

		if (!phys) {
			vfio_count_lookups(vfio, 1);
			vfio->counts.nr_warnings++;
			pos += vfio->cfg.host_page;
			continue;
		}
		len = scan_pages(vfio, iova, phys, max);
		vfio_count_lookups(vfio, chunk_lookups(vfio, len, max));
		unmapped = vfio_unmap_domain(vfio, 0, iova, len);
		if (!unmapped) {
			vfio_stuck(vfio);
			break;
		}
		vfio_unpin(vfio, unmapped);
		pos += unmapped;
		vfio_resched(vfio);
	}
}

/**
 * struct region - A chunk that is unmapped but not yet synced.
 * @next: the one that was unmapped after it
 * @iova: start in bytes
 * @phys: physical address in bytes
 * @len: bytes
 */
struct region {
	struct region *next;
	u64 iova;
	u64 phys;
	u64 len;
};

/**
 * struct regions - What waits for a sync; at most TYPE1_SYNC_REGIONS.
 * @gather: what to invalidate
 * @first: oldest
 * @tail: where the next one is linked
 * @nr: how many
 */
struct regions {
	struct gather gather;
	struct region *first;
	struct region **tail;
	unsigned int nr;
};

static void regions_init(struct regions *regions)
{
	gather_init(&regions->gather);
	regions->first = NULL;
	regions->tail = &regions->first;
	regions->nr = 0;
}

static void sync_unpin(struct vfio *vfio, struct regions *regions)
{
	iommu_iotlb_sync(vfio->cfg.domains[0], &regions->gather);
	while (regions->first) {
		struct region *region = regions->first;

		vfio_unpin(vfio, region->len);
		regions->first = region->next;
		free(region);
	}
	regions->tail = &regions->first;
	regions->nr = 0;
	vfio_resched(vfio);
}

static u64 unmap_fast(struct vfio *vfio, struct regions *regions, u64 iova,
		      u64 phys, u64 len)
{
	struct region *region = calloc(1, sizeof(*region));
	u64 unmapped = 0;

	if (region) {
		vfio->counts.nr_unmaps++;
		unmapped = iommu_unmap_fast(vfio->cfg.domains[0], iova, len,
					    &regions->gather);
	}
	if (unmapped) {
		region->iova = iova;
		region->phys = phys;
		region->len = unmapped;
		*regions->tail = region;
		regions->tail = &region->next;
		regions->nr++;
	} else {
		free(region);
	}
	if (regions->nr == TYPE1_SYNC_REGIONS || !unmapped)
		sync_unpin(vfio, regions);
	return unmapped;
}

static u64 unmap_slow(struct vfio *vfio, u64 iova, u64 len)
{
	u64 unmapped = vfio_unmap_domain(vfio, 0, iova, len);

	if (unmapped) {
		vfio_unpin(vfio, unmapped);
		vfio_resched(vfio);
	}
	return unmapped;
}

/* A chunk: fast, else slow. 0 when neither works: the range is stuck. */
static u64 unmap_chunk(struct vfio *vfio, struct regions *regions, u64 iova,
		       u64 phys, u64 len)
{
	u64 unmapped = unmap_fast(vfio, regions, iova, phys, len);

	if (!unmapped)
		unmapped = unmap_slow(vfio, iova, len);
	if (!unmapped)
		vfio_stuck(vfio);
	return unmapped;
}

void type1_unmap_fast(struct vfio *vfio, const struct vfio_range *range)
{
	struct regions regions;
	u64 pos = 0;

	vfio->counts.is_fgsp |= vfio->is_fgsp;
	unmap_others(vfio, range, true);
	regions_init(&regions);
	while (pos < range->size) {
		u64 iova = range->iova + pos, max = range->size - pos;
		u64 phys = lookup(vfio, iova);
		u64 len, unmapped;

		if (!phys) {
			vfio_count_lookups(vfio, 1);
			vfio->counts.nr_warnings++;
			pos += vfio->cfg.host_page;
			continue;
		}
		len = scan_pages(vfio, iova, phys, max);
		vfio_count_lookups(vfio, chunk_lookups(vfio, len, max));
		unmapped = unmap_chunk(vfio, &regions, iova, phys, len);
		if (!unmapped)
			break;
		pos += unmapped;
	}
	if (regions.nr)
		sync_unpin(vfio, &regions);
}

/* Where the next leaf starts, no further than the end of what is left. */
static u64 hole(const struct cursor *cursor, u64 iova, u64 max)
{
	u64 gap = cursor->leaf.iova - iova;

	return cursor->leaf.size && gap < max ? gap : max;
}

void type1_unmap_leafwalk(struct vfio *vfio, const struct vfio_range *range)
{
	struct cursor cursor = { 0 };
	struct regions regions;
	u64 pos = 0;

	unmap_others(vfio, range, true);
	regions_init(&regions);
	while (pos < range->size) {
		u64 iova = range->iova + pos, max = range->size - pos;
		u64 nr_lookups = 0, phys, unmapped;
		u64 len = scan_leaves(vfio, iova, max, &cursor, &nr_lookups,
				      &phys);

		vfio_count_lookups(vfio, nr_lookups);
		if (!len) {
			vfio->counts.nr_warnings++;
			pos += hole(&cursor, iova, max);
			continue;
		}
		unmapped = unmap_chunk(vfio, &regions, iova, phys, len);
		if (!unmapped)
			break;
		pos += unmapped;
	}
	if (regions.nr)
		sync_unpin(vfio, &regions);
}

/*
 * Does an unmap of a page return the whole leaf? Then the walk goes on by
 * leaves, whose sizes only a walk of leaves knows ahead of the unmap.
 */
static bool unmaps_whole(const struct vfio *vfio)
{
	const struct pgtable *pgt = vfio->cfg.domains[0]->pgt;

	return pgt->cfg.params.policy == PGTABLE_WHOLE && pgt->ops.leaf_walk;
}

static u64 scan_whole_leaves(const struct vfio *vfio,
			     const struct vfio_range *range)
{
	struct pgtable_leaf leaf;
	u64 pos = 0, n = 0;

	while (pos < range->size) {
		u64 iova = range->iova + pos;

		n++;
		if (iommu_leaf_walk(vfio->cfg.domains[0], iova, &leaf))
			break;
		pos = leaf.iova + leaf.size - range->iova;
	}
	return n;
}

u64 type1_scan_page(const struct vfio *vfio, const struct vfio_range *range)
{
	u64 page = vfio->cfg.host_page;
	u64 n = 0;

	if (unmaps_whole(vfio))
		return scan_whole_leaves(vfio, range);
	for (u64 pos = 0; pos < range->size; pos += page, n++)
		lookup(vfio, range->iova + pos);
	return n;
}

/* What an unmap of @len returns: more where a chunk is a part of a leaf. */
static u64 unmapped_by(const struct vfio *vfio, u64 iova, u64 len)
{
	const struct pgtable *pgt = vfio->cfg.domains[0]->pgt;
	struct pgtable_leaf leaf;

	if (pgt->cfg.params.walk != PGTABLE_WALK_UNFIXED ||
	    !unmaps_whole(vfio) ||
	    iommu_leaf_walk(vfio->cfg.domains[0], iova + len - 1, &leaf) ||
	    leaf.iova >= iova + len)
		return len;
	return leaf.iova + leaf.size - iova;
}

u64 type1_scan_chunks(const struct vfio *vfio, const struct vfio_range *range)
{
	u64 pos = 0, n = 0;

	if (vfio->is_fgsp)
		return type1_scan_page(vfio, range);
	while (pos < range->size) {
		u64 iova = range->iova + pos, max = range->size - pos;
		u64 phys = lookup(vfio, iova);
		u64 len = vfio->cfg.host_page;

		if (phys) {
			len = scan_pages(vfio, iova, phys, max);
			n += chunk_lookups(vfio, len, max);
			len = unmapped_by(vfio, iova, len);
		} else {
			n++;
		}
		pos += len;
	}
	return n;
}

u64 type1_scan_leaves(const struct vfio *vfio, const struct vfio_range *range)
{
	struct cursor cursor = { 0 };
	u64 pos = 0, n = 0, phys;

	while (pos < range->size) {
		u64 iova = range->iova + pos, max = range->size - pos;
		u64 len = scan_leaves(vfio, iova, max, &cursor, &n, &phys);

		pos += len ? len : hole(&cursor, iova, max);
	}
	return n;
}
