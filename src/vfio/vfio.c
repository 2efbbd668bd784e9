// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of user memory: the maps of a container, and what is accounted.
 *
 * Models, Does not model, Source: see vfio.h.
 */
#include "vfio_walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lg2.h"

#define DMA_ENTRY_LIMIT 65535

u64 vfio_runs_run(const void *arg, u64 offset, u64 *paddr)
{
	const struct vfio_runs *runs = arg;
	u64 stride, nr, i, left;

	if (runs->run >= runs->size) {
		*paddr = runs->base + offset;
		return runs->size - offset;
	}
	stride = 1ull << lg2_ceil(runs->run);
	nr = div_round_up(runs->size, runs->run);
	i = offset / runs->run;
	left = runs->run - offset % runs->run;
	*paddr = runs->base + (nr - 1 - i) * stride + offset % runs->run;
	return left < runs->size - offset ? left : runs->size - offset;
}

size_t vfio_first_above(const struct vfio *vfio, u64 iova)
{
	size_t low = 0, high = vfio->nr_ranges;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct vfio_range *range = &vfio->ranges[mid];

		if (range->iova + range->size - 1 < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct vfio_range *vfio_overlap(const struct vfio *vfio, u64 iova,
				      u64 last)
{
	size_t i = vfio_first_above(vfio, iova);

	if (i == vfio->nr_ranges || vfio->ranges[i].iova > last)
		return NULL;
	return &vfio->ranges[i];
}

static int range_insert(struct vfio *vfio, const struct vfio_range *range)
{
	size_t i = vfio_first_above(vfio, range->iova);

	if (vfio->nr_ranges == vfio->room) {
		size_t room = vfio->room ? vfio->room * 2 : 64;
		void *p = realloc(vfio->ranges, room * sizeof(*vfio->ranges));

		if (!p)
			return -ENOMEM;
		vfio->ranges = p;
		vfio->room = room;
	}
	memmove(vfio->ranges + i + 1, vfio->ranges + i,
		(vfio->nr_ranges - i) * sizeof(*vfio->ranges));
	vfio->ranges[i] = *range;
	vfio->nr_ranges++;
	return 0;
}

static void range_remove(struct vfio *vfio, size_t i)
{
	vfio->nr_ranges--;
	memmove(vfio->ranges + i, vfio->ranges + i + 1,
		(vfio->nr_ranges - i) * sizeof(*vfio->ranges));
}

u64 vfio_next_run(const struct vfio_memory *memory, u64 offset, u64 size,
		  u64 *paddr)
{
	u64 len = memory->run(memory->arg, offset, paddr);
	u64 next;

	while (len < size - offset) {
		u64 more = memory->run(memory->arg, offset + len, &next);

		if (next != *paddr + len)
			break;
		len += more;
	}
	return len < size - offset ? len : size - offset;
}

u64 vfio_iommu_page(const struct vfio *vfio)
{
	u64 page = 1;

	for (size_t i = 0; i < vfio->cfg.nr_domains; i++) {
		u64 pgsizes = vfio->cfg.domains[i]->pgsizes;

		if (page < 1ull << lg2_low(pgsizes))
			page = 1ull << lg2_low(pgsizes);
	}
	return page;
}

int vfio_lock_pages(struct vfio *vfio, u64 pages)
{
	u64 limit = vfio->cfg.lock_limit;

	if (vfio->is_bar)
		return 0;
	if (limit && (pages > limit || vfio->locked_pages > limit - pages))
		return -ENOMEM;
	vfio->locked_pages += pages;
	return 0;
}

void vfio_unlock_pages(struct vfio *vfio)
{
	u64 pages = vfio->unlocked_bytes / vfio->cfg.host_page;

	vfio->unlocked_bytes = 0;
	if (pages > vfio->locked_pages) {
		vfio->counts.nr_warnings++;
		pages = vfio->locked_pages;
	}
	vfio->locked_pages -= pages;
}

void vfio_tear_down(struct vfio *vfio, size_t i)
{
	const struct vfio_range range = vfio->ranges[i];

	vfio->is_bar = range.is_bar;
	if (vfio->cfg.nr_domains)
		vfio->cfg.strategy->unmap(vfio, &range);
	vfio_unlock_pages(vfio);
	range_remove(vfio, i);
}

int vfio_map(struct vfio *vfio, u64 iova, u64 size,
	     const struct vfio_memory *memory)
{
	const struct vfio_range range = { iova, size, memory->is_bar };
	bool is_iommufd = vfio->cfg.abi == VFIO_IOMMUFD;
	int ret = is_iommufd ? iommufd_check(vfio, iova, size) :
			       type1_check(vfio, iova, size);

	if (ret)
		return ret;
	ret = range_insert(vfio, &range);
	if (ret || !vfio->cfg.nr_domains)
		return ret;
	vfio->is_bar = range.is_bar;
	ret = is_iommufd ? iommufd_fill(vfio, &range, memory) :
			   type1_fill(vfio, &range, memory);
	if (ret) {
		vfio_unlock_pages(vfio);
		range_remove(vfio, vfio_first_above(vfio, iova));
	}
	return ret;
}

s64 vfio_unmap(struct vfio *vfio, u64 iova, u64 size)
{
	if (vfio->cfg.abi == VFIO_IOMMUFD)
		return iommufd_unmap(vfio, iova, size);
	return type1_unmap(vfio, iova, size);
}

s64 vfio_unmap_all(struct vfio *vfio)
{
	u64 sum = 0;

	while (vfio->nr_ranges) {
		sum += vfio->ranges[0].size;
		vfio_tear_down(vfio, 0);
	}
	return (s64)sum;
}

/* What cannot work is told before anything is mapped. */
static int check_cfg(const struct vfio *vfio, struct iopt_err *err)
{
	const struct vfio_cfg *cfg = &vfio->cfg;
	u64 page = vfio_iommu_page(vfio);

	if (!cfg->strategy)
		return iopt_err_set(err, -EINVAL, "no strategy");
	if (!is_pow2(cfg->host_page) || cfg->host_page < page)
		return iopt_err_set(err, -EINVAL,
				    "host page of %" PRIu64
				    " bytes: must be a power of two and at "
				    "least the granule, %" PRIu64,
				    cfg->host_page, page);
	for (size_t i = 0; i < cfg->nr_domains; i++)
		if (cfg->strategy->wants_leaf_walk &&
		    !cfg->domains[i]->pgt->ops.leaf_walk)
			return iopt_err_set(
				err, -EOPNOTSUPP,
				"strategy %s: this engine has no way to tell "
				"the size of a leaf",
				cfg->strategy->name);
	return 0;
}

int vfio_init(struct vfio *vfio, const struct vfio_cfg *cfg,
	      struct iopt_err *err)
{
	int ret;

	*vfio = (struct vfio){ .cfg = *cfg };
	if (!vfio->cfg.host_page)
		vfio->cfg.host_page = vfio_iommu_page(vfio);
	if (!vfio->cfg.max_ranges)
		vfio->cfg.max_ranges = DMA_ENTRY_LIMIT;
	if (!vfio->cfg.wrap_errno)
		vfio->cfg.wrap_errno = EINVAL;
	ret = check_cfg(vfio, err);
	if (ret || !(cfg->test_fgsp || cfg->strategy->wants_fgsp))
		return ret;
	/* Each domain is tried as it comes; the first is the one scanned. */
	for (size_t i = 0; i < cfg->nr_domains; i++) {
		bool has_fgsp = type1_test_fgsp(
			cfg->domains[i], vfio->cfg.host_page, cfg->last_iova);

		vfio->is_fgsp |= !i && has_fgsp;
	}
	return 0;
}

void vfio_fini(struct vfio *vfio)
{
	free(vfio->ranges);
	vfio->ranges = NULL;
	vfio->nr_ranges = vfio->room = 0;
}
