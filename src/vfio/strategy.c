// SPDX-License-Identifier: GPL-2.0-only
/* Ways to tear a range down, by name. */
#include "vfio_walk.h"

#include <string.h>

static const struct vfio_strategy strategies[] = {
	{ .name = "page", .unmap = type1_unmap_page, .scan = type1_scan_page },
	{ .name = "chunked",
	  .unmap = type1_unmap_chunked,
	  .scan = type1_scan_chunks },
	{ .name = "chunked-unfixed",
	  .unmap = type1_unmap_chunked,
	  .scan = type1_scan_chunks,
	  .wants_unfixed = true },
	{ .name = "chunked-fast",
	  .unmap = type1_unmap_fast,
	  .scan = type1_scan_chunks },
	{ .name = "chunked-fast-unfixed",
	  .unmap = type1_unmap_fast,
	  .scan = type1_scan_chunks,
	  .wants_unfixed = true },
	{ .name = "fgsp",
	  .unmap = type1_unmap_fast,
	  .scan = type1_scan_chunks,
	  .wants_fgsp = true },
	{ .name = "iommufd", .unmap = iommufd_unfill, .scan = iommufd_scan },
	{ .name = "unmap-remap",
	  .unmap = vfio_unmap_remap,
	  .scan = vfio_scan_remap,
	  .wants_leaf_walk = true },
	{ .name = "whole-range", .unmap = vfio_unmap_whole },
	{ .name = "leafwalk",
	  .unmap = type1_unmap_leafwalk,
	  .scan = type1_scan_leaves,
	  .wants_leaf_walk = true },
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

u64 vfio_scan(struct vfio *vfio, const struct vfio_strategy *strategy, u64 iova,
	      u64 size)
{
	const struct vfio_range *map = vfio_overlap(vfio, iova, iova);
	const struct vfio_range range = { iova, size, map && map->is_bar };

	return strategy->scan ? strategy->scan(vfio, &range) : 0;
}

const char *vfio_outcome(const struct vfio *vfio)
{
	if (vfio->counts.is_stuck)
		return "stuck";
	if (vfio->cfg.strategy->wants_fgsp && !vfio->is_fgsp)
		return "no-fgsp";
	return "ok";
}
