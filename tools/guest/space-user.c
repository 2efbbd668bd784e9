// SPDX-License-Identifier: GPL-2.0-only
/* Spaces of the kernel's interfaces for users: a type1v2 container, an IOAS. */
#include "space.h"

static int user_open(struct space *space, enum dma_way way, const char *bdf,
		     struct iopt_err *err)
{
	struct dma_device device;
	int ret = dma_device_find("", bdf, &device, err);

	return ret ? ret : dma_space_open(&space->dma, way, &device, err);
}

static int vfio_open(struct space *space, const char *bdf, struct iopt_err *err)
{
	return user_open(space, DMA_TYPE1, bdf, err);
}

static int iommufd_open(struct space *space, const char *bdf,
			struct iopt_err *err)
{
	return user_open(space, DMA_IOMMUFD, bdf, err);
}

static s64 user_map(struct space *space, const struct scenario_op *op)
{
	return dma_space_map(&space->dma, op->iova, space->at, op->size);
}

static s64 user_unmap(struct space *space, const struct scenario_op *op)
{
	return dma_space_unmap(&space->dma, op->iova, op->size);
}

static void user_close(struct space *space)
{
	dma_space_close(&space->dma);
}

const struct space_ops space_vfio = {
	.map_kind = SCENARIO_VFIO_MAP,
	.unmap_kind = SCENARIO_VFIO_UNMAP,
	.has_frames = true,
	.open = vfio_open,
	.map = user_map,
	.unmap = user_unmap,
	.close = user_close,
};

const struct space_ops space_iommufd = {
	.map_kind = SCENARIO_IOMMUFD_MAP,
	.unmap_kind = SCENARIO_IOMMUFD_UNMAP,
	.has_frames = true,
	.open = iommufd_open,
	.map = user_map,
	.unmap = user_unmap,
	.close = user_close,
};
