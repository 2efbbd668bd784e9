// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommufd: areas, their rules and errors, batches of runs.
 *
 * Models: iopt_map_user_pages(), iopt_area_fill_domains(), iopt_unmap_iova(),
 *	iopt_area_unfill_domains(), iopt_area_unpin_domain(), struct pfn_batch,
 *	temp_kmalloc(); and for a device's registers, the dmabufs of 7.3: one
 *	unmap, nothing is read.
 * Does not model: see vfio.h; a batch of a map that has no memory. 6.1 and
 *	6.12 map no registers of devices at all.
 * Source: drivers/iommu/iommufd/pages.c and io_pagetable.c of Linux 6.12 and
 *	7.3.
 */
#include "vfio_walk.h"

#include <errno.h>
#include <stdlib.h>

#include "lg2.h"

/* Bytes on the stack for a batch that is small or finds no memory. */
#define BACKUP_BYTES 256

/* An entry of a batch: a frame number and a count of pages. */
#define RUN_BYTES (sizeof(u64) + sizeof(u32))

/**
 * struct batch - Frames that were read, as contiguous runs.
 * @frames: first frame of each run; @backup, or the batch's memory
 * @pages: how many frames each has; behind @frames in the same memory
 * @nr_runs: how many runs
 * @room: runs that fit
 * @backup: memory of a small one
 */
struct batch {
	u64 *frames;
	u32 *pages;
	size_t nr_runs;
	size_t room;
	u64 backup[BACKUP_BYTES / sizeof(u64)];
};

/* temp_kmalloc(): it asks for less when there is not enough. */
static void batch_init(struct batch *batch, u64 nr_pages, u64 host_page)
{
	size_t bytes = IOMMUFD_BATCH_RUNS * RUN_BYTES;

	if (nr_pages < IOMMUFD_BATCH_RUNS)
		bytes = nr_pages * RUN_BYTES;
	batch->frames = batch->backup;
	if (bytes >= BACKUP_BYTES) {
		batch->frames = malloc(bytes);
		if (!batch->frames) {
			bytes = host_page;
			batch->frames = malloc(bytes);
		}
		if (!batch->frames) {
			bytes = BACKUP_BYTES;
			batch->frames = batch->backup;
		}
	}
	batch->room = bytes / RUN_BYTES;
	batch->pages = (u32 *)(batch->frames + batch->room);
	batch->nr_runs = 0;
}

static void batch_fini(struct batch *batch)
{
	if (batch->frames != batch->backup)
		free(batch->frames);
}

/* False when the batch is full: the frame belongs into the next. */
static inline bool batch_add(struct batch *batch, u64 frame)
{
	size_t last = batch->nr_runs - 1;

	if (batch->nr_runs &&
	    frame == batch->frames[last] + batch->pages[last] &&
	    batch->pages[last] != UINT32_MAX) {
		batch->pages[last]++;
		return true;
	}
	if (batch->nr_runs == batch->room)
		return false;
	batch->frames[batch->nr_runs] = frame;
	batch->pages[batch->nr_runs++] = 1;
	return true;
}

/* Reads frames until the batch is full; returns where the next starts. */
static u64 batch_read(const struct vfio *vfio, size_t i, struct batch *batch,
		      u64 iova, u64 end)
{
	unsigned int shift = lg2_floor(vfio->cfg.host_page);
	struct iommu_domain *domain = vfio->cfg.domains[i];
	u64 at = iova;

	batch->nr_runs = 0;
	while (at != end &&
	       batch_add(batch, iommu_iova_to_phys(domain, at) >> shift))
		at += vfio->cfg.host_page;
	return at;
}

static void batch_unpin(struct vfio *vfio, const struct batch *batch)
{
	for (size_t i = 0; i < batch->nr_runs; i++)
		vfio_unpin(vfio, batch->pages[i] * vfio->cfg.host_page);
}

/* Lookups of a batch: one a page, and one that no longer fitted. */
static u64 batch_lookups(const struct vfio *vfio, u64 iova, u64 at, u64 end)
{
	return (at - iova) / vfio->cfg.host_page + (at != end);
}

/* iopt_area_unpin_domain(): batch by batch, in a domain that is read. */
static void unfill_domain(struct vfio *vfio, size_t i, u64 iova, u64 size)
{
	u64 end = iova + size;
	struct batch batch;

	batch_init(&batch, size / vfio->cfg.host_page, vfio->cfg.host_page);
	while (iova != end) {
		u64 at = batch_read(vfio, i, &batch, iova, end);

		vfio_count_lookups(vfio, batch_lookups(vfio, iova, at, end));
		vfio_unmap_nofail(vfio, i, iova, at - iova);
		batch_unpin(vfio, &batch);
		iova = at;
	}
	batch_fini(&batch);
}

void iommufd_unfill(struct vfio *vfio, const struct vfio_range *range)
{
	size_t nr_unread = vfio->cfg.nr_domains;

	for (size_t i = 1; i < nr_unread; i++)
		vfio_unmap_nofail(vfio, i, range->iova, range->size);
	if (range->is_bar)
		vfio_unmap_nofail(vfio, 0, range->iova, range->size);
	else
		unfill_domain(vfio, 0, range->iova, range->size);
}

u64 iommufd_scan(const struct vfio *vfio, const struct vfio_range *range)
{
	u64 iova = range->iova, end = range->iova + range->size;
	struct batch batch;
	u64 n = 0;

	if (range->is_bar)
		return 0;
	batch_init(&batch, range->size / vfio->cfg.host_page,
		   vfio->cfg.host_page);
	while (iova != end) {
		u64 at = batch_read(vfio, 0, &batch, iova, end);

		n += batch_lookups(vfio, iova, at, end);
		iova = at;
	}
	batch_fini(&batch);
	return n;
}

/**
 * struct fill - How far an area is filled.
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
static int fill_batch(struct vfio *vfio, size_t i, const struct fill *fill,
		      u64 size, const struct vfio_memory *memory)
{
	u64 at = fill->batch_start, paddr;

	while (at < fill->batch_end) {
		u64 len = vfio_next_run(memory, at - fill->iova, size, &paddr);
		int ret = vfio_map_domain(vfio, i, at, paddr, len);

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
static void unwind(struct vfio *vfio, const struct fill *fill, size_t failed)
{
	for (size_t i = 0; i < vfio->cfg.nr_domains; i++) {
		u64 end = i < failed ? fill->batch_end : fill->batch_start;

		if (end == fill->iova)
			continue;
		if (i + 1 == vfio->cfg.nr_domains && !vfio->is_bar)
			unfill_domain(vfio, i, fill->iova, end - fill->iova);
		else
			vfio_unmap_nofail(vfio, i, fill->iova,
					  end - fill->iova);
	}
}

/* The end of a batch that starts at @at: so many runs as one holds. */
static u64 batch_end(u64 iova, u64 at, u64 size,
		     const struct vfio_memory *memory)
{
	u64 paddr;

	for (int n = 0; n < IOMMUFD_BATCH_RUNS && at < iova + size; n++)
		at += vfio_next_run(memory, at - iova, size, &paddr);
	return at;
}

int iommufd_fill(struct vfio *vfio, const struct vfio_range *range,
		 const struct vfio_memory *memory)
{
	u64 iova = range->iova, size = range->size;
	struct fill fill = { iova, iova, iova };
	int ret;

	while (fill.batch_start < iova + size) {
		fill.batch_end =
			batch_end(iova, fill.batch_start, size, memory);
		for (size_t i = 0; i < vfio->cfg.nr_domains; i++) {
			ret = fill_batch(vfio, i, &fill, size, memory);
			if (ret) {
				unwind(vfio, &fill, i);
				goto err_unpinned;
			}
		}
		fill.batch_start = fill.batch_end;
	}
	/* The limit is asked when all is mapped. */
	ret = vfio_lock_pages(vfio, size / vfio->cfg.host_page);
	if (!ret)
		return 0;
	unwind(vfio, &fill, vfio->cfg.nr_domains);
err_unpinned:
	/* Nothing was accounted for yet. */
	vfio->unlocked_bytes = 0;
	return ret;
}

/* iopt_alloc_area_pages(), iopt_check_iova(). */
int iommufd_check(const struct vfio *vfio, u64 iova, u64 size)
{
	if (!size || (iova | size) & (vfio_iommu_page(vfio) - 1))
		return -EINVAL;
	if (iova + size - 1 < iova)
		return -EOVERFLOW;
	if (iova + size - 1 > vfio->cfg.last_iova)
		return -EINVAL;
	return vfio_overlap(vfio, iova, iova + size - 1) ? -EEXIST : 0;
}

/* Areas in front of a bisected one are gone. */
s64 iommufd_unmap(struct vfio *vfio, u64 iova, u64 size)
{
	u64 last = iova + size - 1, sum = 0;
	size_t i;

	if (!iova && size == ~0ull)
		return vfio_unmap_all(vfio);
	if (!size)
		return -EINVAL;
	if (last < iova)
		return -EOVERFLOW;
	i = vfio_first_above(vfio, iova);
	while (i < vfio->nr_ranges && vfio->ranges[i].iova <= last) {
		const struct vfio_range range = vfio->ranges[i];

		if (range.iova < iova || range.iova + range.size - 1 > last)
			return -ENOENT;
		sum += range.size;
		vfio_tear_down(vfio, i);
	}
	return sum ? (s64)sum : -ENOENT;
}
