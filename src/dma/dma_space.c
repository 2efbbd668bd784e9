// SPDX-License-Identifier: GPL-2.0-only
/* What both ways of reaching the kernel share. */
#include "dma_space.h"

#include <errno.h>
#include <unistd.h>

const char *dma_way_name(enum dma_way way)
{
	return way == DMA_TYPE1 ? "type1" : "iommufd";
}

int dma_space_open(struct dma_space *space, enum dma_way way,
		   const struct dma_device *device, struct iopt_err *err)
{
	*space = (struct dma_space){
		.ops = way == DMA_TYPE1 ? &dma_type1_ops : &dma_iommufd_ops,
		.fd = -1,
		.device_fd = -1,
	};
	return space->ops->open(space, device, err);
}

int dma_space_map(struct dma_space *space, u64 iova, void *at, u64 size)
{
	return space->ops->map(space, iova, at, size);
}

s64 dma_space_unmap(struct dma_space *space, u64 iova, u64 size)
{
	return space->ops->unmap(space, iova, size);
}

s64 dma_space_unmap_all(struct dma_space *space)
{
	return space->ops->unmap_all(space);
}

void dma_space_close(struct dma_space *space)
{
	if (space->device_fd >= 0)
		close(space->device_fd);
	if (space->fd >= 0)
		close(space->fd);
	*space = (struct dma_space){ .fd = -1, .device_fd = -1 };
}
