// SPDX-License-Identifier: GPL-2.0-only
/* Ways to tear a range down. */
#include "vfio_walk.h"

#include <string.h>

static const struct vfio_strategy strategies[] = {
	{ "chunked-fast", vfio_unmap_chunked_fast },
	{ "iommufd", vfio_unmap_iommufd },
};

const struct vfio_strategy *vfio_strategy_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(strategies); i++)
		if (!strcmp(strategies[i].name, name))
			return &strategies[i];
	return NULL;
}

const struct vfio_strategy *vfio_strategy_at(size_t i)
{
	return i < ARRAY_SIZE(strategies) ? &strategies[i] : NULL;
}

/* Bytes from @iova on that are physically contiguous, up to @max. */
static u64 scan(struct vfio *vfio, u64 iova, u64 phys, u64 max)
{
	u64 page = vfio->cfg.host_page;
	u64 len = page;

	if (vfio->cfg.has_fgsp)
		return len;
	while (len < max && vfio_lookup(vfio, 0, iova + len) == phys + len)
		len += page;
	return len;
}

/**
 * struct regions - Runs unmapped but not yet synced; lengths to unpin.
 * @gather: what to invalidate
 * @nr: how many
 * @len: their lengths in bytes
 */
struct regions {
	struct gather gather;
	unsigned int nr;
	u64 len[TYPE1_SYNC_REGIONS];
};

static void sync_unpin(struct vfio *vfio, struct regions *regions)
{
	iommu_iotlb_sync(vfio->cfg.domains[0], &regions->gather);
	for (unsigned int i = 0; i < regions->nr; i++)
		vfio_unpin(vfio, regions->len[i]);
	regions->nr = 0;
	vfio_resched(vfio);
}

static u64 unmap_fast(struct vfio *vfio, struct regions *regions, u64 iova,
		      u64 len)
{
	u64 unmapped = iommu_unmap_fast(vfio->cfg.domains[0], iova, len,
					&regions->gather);

	vfio->counts.nr_unmaps++;
	if (unmapped)
		regions->len[regions->nr++] = unmapped;
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

void vfio_unmap_chunked_fast(struct vfio *vfio, u64 iova, u64 size)
{
	struct regions regions = { .nr = 0 };
	u64 pos = 0;

	for (size_t i = 1; i < vfio->cfg.nr_domains; i++) {
		vfio_unmap_domain(vfio, i, iova, size);
		vfio_resched(vfio);
	}
	gather_init(&regions.gather);
	while (pos < size) {
		u64 phys = vfio_lookup(vfio, 0, iova + pos);
		u64 len, unmapped;

		if (!phys) {
			vfio->counts.nr_warnings++;
			pos += vfio->cfg.host_page;
			continue;
		}
		len = scan(vfio, iova + pos, phys, size - pos);
		unmapped = unmap_fast(vfio, &regions, iova + pos, len);
		if (!unmapped)
			unmapped = unmap_slow(vfio, iova + pos, len);
		if (!unmapped) {
			vfio->counts.nr_warnings++;
			break;
		}
		pos += unmapped;
	}
	if (regions.nr)
		sync_unpin(vfio, &regions);
}

/**
 * struct batch - Frames that were read, as contiguous runs.
 * @next: frame that would continue the last run
 * @run_pages: pages of the last run
 * @nr_runs: how many runs
 */
struct batch {
	u64 next;
	u64 run_pages;
	u64 nr_runs;
};

/* False when the batch is full: the frame belongs into the next. */
static bool batch_add(struct vfio *vfio, struct batch *batch, u64 frame)
{
	if (batch->nr_runs && frame == batch->next &&
	    batch->run_pages != UINT32_MAX) {
		batch->run_pages++;
	} else {
		if (batch->nr_runs == IOMMUFD_BATCH_RUNS)
			return false;
		if (batch->nr_runs)
			vfio_unpin(vfio,
				   batch->run_pages * vfio->cfg.host_page);
		batch->nr_runs++;
		batch->run_pages = 1;
	}
	batch->next = frame + 1;
	return true;
}

void vfio_unfill_domain(struct vfio *vfio, size_t i, u64 iova, u64 size)
{
	u64 page = vfio->cfg.host_page;
	u64 end = iova + size;

	while (iova < end) {
		struct batch batch = { 0 };
		u64 at = iova, len;

		while (at < end &&
		       batch_add(vfio, &batch, vfio_lookup(vfio, i, at) / page))
			at += page;
		len = at < end ? at - iova : end - iova;
		vfio_unmap_nofail(vfio, i, iova, len);
		vfio_unpin(vfio, batch.run_pages * page);
		iova = at;
	}
}

void vfio_unmap_iommufd(struct vfio *vfio, u64 iova, u64 size)
{
	for (size_t i = 1; i < vfio->cfg.nr_domains; i++)
		vfio_unmap_nofail(vfio, i, iova, size);
	vfio_unfill_domain(vfio, 0, iova, size);
}
