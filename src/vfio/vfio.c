// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of user memory: type1 and iommufd, their rules and errors. */
#include "vfio_walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lg2.h"

#define DMA_ENTRY_LIMIT 65535
#define PROT		(IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

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

/* Index of the first range that ends above @iova; nr_ranges when none does. */
static size_t first_above(const struct vfio *vfio, u64 iova)
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

/* The first range that has a byte in [@iova, @last], or NULL. */
static const struct vfio_range *overlap(const struct vfio *vfio, u64 iova,
					u64 last)
{
	size_t i = first_above(vfio, iova);

	if (i == vfio->nr_ranges || vfio->ranges[i].iova > last)
		return NULL;
	return &vfio->ranges[i];
}

static int range_insert(struct vfio *vfio, u64 iova, u64 size)
{
	size_t i = first_above(vfio, iova);

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
	vfio->ranges[i] = (struct vfio_range){ iova, size };
	vfio->nr_ranges++;
	return 0;
}

static void range_remove(struct vfio *vfio, size_t i)
{
	vfio->nr_ranges--;
	memmove(vfio->ranges + i, vfio->ranges + i + 1,
		(vfio->nr_ranges - i) * sizeof(*vfio->ranges));
}

/* The next contiguous run of memory; runs that touch are one. */
static u64 next_run(const struct vfio_memory *memory, u64 offset, u64 size,
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

static int map_domain(struct vfio *vfio, size_t i, u64 iova, u64 paddr,
		      u64 size)
{
	vfio->counts.nr_maps++;
	return iommu_map(vfio->cfg.domains[i], iova, paddr, size, PROT);
}

/* vfio_iommu_map(): a run into every domain, or into none. */
static int type1_map_run(struct vfio *vfio, u64 iova, u64 paddr, u64 size)
{
	for (size_t i = 0; i < vfio->cfg.nr_domains; i++) {
		int ret = map_domain(vfio, i, iova, paddr, size);

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

/* vfio_pin_map_dma(): what was mapped goes as an unmap would do it. */
static int type1_fill(struct vfio *vfio, u64 iova, u64 size,
		      const struct vfio_memory *memory)
{
	u64 done = 0, paddr;
	int ret = 0;

	if (!vfio->cfg.nr_domains)
		return 0;
	while (done < size && !ret) {
		u64 len = next_run(memory, done, size, &paddr);

		ret = type1_map_run(vfio, iova + done, paddr, len);
		if (ret)
			vfio_unpin(vfio, len);
		else
			done += len;
	}
	if (ret && done)
		vfio->cfg.strategy->unmap(vfio, iova, done);
	return ret;
}

/**
 * struct fill - How far an iommufd area is filled.
 * @iova: its start in bytes
 * @batch_start: start of the batch being mapped
 * @batch_end: its end
 */
struct fill {
	u64 iova;
	u64 batch_start;
	u64 batch_end;
};

/* batch_to_domain(): the runs of a batch; on failure none of them stays. */
static int iommufd_batch(struct vfio *vfio, size_t i, const struct fill *fill,
			 u64 size, const struct vfio_memory *memory)
{
	u64 at = fill->batch_start, paddr;

	while (at < fill->batch_end) {
		u64 len = next_run(memory, at - fill->iova, size, &paddr);
		int ret = map_domain(vfio, i, at, paddr, len);

		if (!ret) {
			at += len;
			continue;
		}
		if (at != fill->batch_start)
			vfio_unmap_nofail(vfio, i, fill->batch_start,
					  at - fill->batch_start);
		return ret;
	}
	return 0;
}

/*
 * Domain @failed did not take the batch: those before it have it whole. The
 * last domain is the one that is read to unpin, the others go at once.
 */
static void iommufd_unwind(struct vfio *vfio, const struct fill *fill,
			   size_t failed)
{
	for (size_t i = 0; i < vfio->cfg.nr_domains; i++) {
		u64 end = i < failed ? fill->batch_end : fill->batch_start;

		if (end == fill->iova)
			continue;
		if (i + 1 == vfio->cfg.nr_domains)
			vfio_unfill_domain(vfio, i, fill->iova,
					   end - fill->iova);
		else
			vfio_unmap_nofail(vfio, i, fill->iova,
					  end - fill->iova);
	}
}

/* The end of a batch that starts at @at: so many runs as one holds. */
static u64 iommufd_batch_end(u64 iova, u64 at, u64 size,
			     const struct vfio_memory *memory)
{
	u64 paddr;

	for (int n = 0; n < IOMMUFD_BATCH_RUNS && at < iova + size; n++)
		at += next_run(memory, at - iova, size, &paddr);
	return at;
}

/* iopt_area_fill_domains(): batch by batch, each into every domain. */
static int iommufd_fill(struct vfio *vfio, u64 iova, u64 size,
			const struct vfio_memory *memory)
{
	struct fill fill = { iova, iova, iova };

	if (!vfio->cfg.nr_domains)
		return 0;
	while (fill.batch_start < iova + size) {
		fill.batch_end =
			iommufd_batch_end(iova, fill.batch_start, size, memory);
		for (size_t i = 0; i < vfio->cfg.nr_domains; i++) {
			int ret = iommufd_batch(vfio, i, &fill, size, memory);

			if (ret) {
				iommufd_unwind(vfio, &fill, i);
				return ret;
			}
		}
		fill.batch_start = fill.batch_end;
	}
	return 0;
}

static bool wraps(u64 iova, u64 size)
{
	return iova + size - 1 < iova;
}

/* vfio_dma_do_map(): what is refused before anything is done. */
static int type1_check(const struct vfio *vfio, u64 iova, u64 size)
{
	if (!size)
		return -EINVAL;
	/* 6.12 finds the misalignment first; both are -EINVAL there. */
	if (wraps(iova, size))
		return -vfio->cfg.wrap_errno;
	if ((iova | size) & (vfio->cfg.host_page - 1))
		return -EINVAL;
	if (overlap(vfio, iova, iova + size - 1))
		return -EEXIST;
	if (vfio->nr_ranges >= vfio->cfg.max_ranges)
		return -ENOSPC;
	if (iova + size - 1 > vfio->cfg.last_iova)
		return -EINVAL;
	return 0;
}

/* The smallest page that every domain has. */
static u64 iommu_page(const struct vfio *vfio)
{
	u64 page = 1;

	for (size_t i = 0; i < vfio->cfg.nr_domains; i++) {
		u64 pgsizes = vfio->cfg.domains[i]->pgsizes;

		if (page < 1ull << lg2_low(pgsizes))
			page = 1ull << lg2_low(pgsizes);
	}
	return page;
}

/* iopt_alloc_area_pages(), iopt_check_iova(). */
static int iommufd_check(const struct vfio *vfio, u64 iova, u64 size)
{
	if (!size || (iova | size) & (iommu_page(vfio) - 1))
		return -EINVAL;
	if (wraps(iova, size))
		return -EOVERFLOW;
	if (iova + size - 1 > vfio->cfg.last_iova)
		return -EINVAL;
	return overlap(vfio, iova, iova + size - 1) ? -EEXIST : 0;
}

int vfio_map(struct vfio *vfio, u64 iova, u64 size,
	     const struct vfio_memory *memory)
{
	bool is_iommufd = vfio->cfg.abi == VFIO_IOMMUFD;
	int ret = is_iommufd ? iommufd_check(vfio, iova, size) :
			       type1_check(vfio, iova, size);

	if (ret)
		return ret;
	ret = range_insert(vfio, iova, size);
	if (ret)
		return ret;
	ret = is_iommufd ? iommufd_fill(vfio, iova, size, memory) :
			   type1_fill(vfio, iova, size, memory);
	if (ret)
		range_remove(vfio, first_above(vfio, iova));
	return ret;
}

static void tear_down(struct vfio *vfio, size_t i)
{
	const struct vfio_range range = vfio->ranges[i];

	if (vfio->cfg.nr_domains)
		vfio->cfg.strategy->unmap(vfio, range.iova, range.size);
	range_remove(vfio, i);
}

/* Does [@iova, @last] cut a range in two? */
static bool bisects(const struct vfio *vfio, u64 iova, u64 last)
{
	const struct vfio_range *range = overlap(vfio, iova, iova);

	if (range && range->iova != iova)
		return true;
	range = overlap(vfio, last, last);
	return range && range->iova + range->size - 1 != last;
}

/* vfio_dma_do_unmap() */
static s64 type1_unmap(struct vfio *vfio, u64 iova, u64 size)
{
	u64 last = iova + size - 1, sum = 0;
	size_t i;

	if (!size || (iova | size) & (vfio->cfg.host_page - 1))
		return -EINVAL;
	if (wraps(iova, size))
		return -vfio->cfg.wrap_errno;
	if (vfio->cfg.abi == VFIO_TYPE1V2 && bisects(vfio, iova, last))
		return -EINVAL;
	i = first_above(vfio, iova);
	while (i < vfio->nr_ranges && vfio->ranges[i].iova <= last) {
		/* v1: what starts below stays, and all behind it. */
		if (vfio->ranges[i].iova < iova)
			break;
		sum += vfio->ranges[i].size;
		tear_down(vfio, i);
	}
	return (s64)sum;
}

/* iopt_unmap_iova(); areas in front of a bisected one are gone. */
static s64 iommufd_unmap(struct vfio *vfio, u64 iova, u64 size)
{
	u64 last = iova + size - 1, sum = 0;
	size_t i;

	if (!size)
		return -EINVAL;
	if (wraps(iova, size))
		return -EOVERFLOW;
	i = first_above(vfio, iova);
	while (i < vfio->nr_ranges && vfio->ranges[i].iova <= last) {
		const struct vfio_range range = vfio->ranges[i];

		if (range.iova < iova || range.iova + range.size - 1 > last)
			return -ENOENT;
		sum += range.size;
		tear_down(vfio, i);
	}
	return sum ? (s64)sum : -ENOENT;
}

s64 vfio_unmap(struct vfio *vfio, u64 iova, u64 size)
{
	if (vfio->cfg.abi == VFIO_IOMMUFD)
		return iommufd_unmap(vfio, iova, size);
	return type1_unmap(vfio, iova, size);
}

int vfio_init(struct vfio *vfio, const struct vfio_cfg *cfg,
	      struct iopt_err *err)
{
	struct vfio_cfg full = *cfg;
	u64 page;

	*vfio = (struct vfio){ .cfg = full };
	page = iommu_page(vfio);
	if (!full.host_page)
		full.host_page = page;
	if (!full.max_ranges)
		full.max_ranges = DMA_ENTRY_LIMIT;
	if (!full.wrap_errno)
		full.wrap_errno = EINVAL;
	if (!full.strategy)
		return iopt_err_set(err, -EINVAL, "no strategy");
	if (!is_pow2(full.host_page) || full.host_page < page)
		return iopt_err_set(err, -EINVAL,
				    "host page of %" PRIu64
				    " bytes: must be a power of two and at "
				    "least the granule, %" PRIu64,
				    full.host_page, page);
	vfio->cfg = full;
	return 0;
}

void vfio_fini(struct vfio *vfio)
{
	free(vfio->ranges);
	vfio->ranges = NULL;
	vfio->nr_ranges = vfio->room = 0;
}
