// SPDX-License-Identifier: GPL-2.0-only
/* A space that is a VFIO container of type1v2. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dma_space.h"

#define CONTAINER_PATH "/dev/vfio/vfio"

/* A failed open of a file of VFIO, and what to do. */
static int open_failed(const char *path, const struct dma_device *device,
		       struct iopt_err *err)
{
	int ret = -errno;

	if (ret == -EBUSY)
		return iopt_err_set(err, ret,
				    "%s: somebody else uses %s or a device of "
				    "its group: end that first",
				    path, device->bdf);
	if (ret == -EACCES || ret == -EPERM)
		return iopt_err_set(err, -EACCES,
				    "%s: %s: run as root, or have root do "
				    "'chown USER %s'",
				    path, strerror(-ret), path);
	if (ret == -ENOENT)
		return iopt_err_set(err, -ENOTSUP,
				    "%s: there is no such file: %s must be "
				    "bound to vfio-pci, and vfio_iommu_type1 "
				    "loaded",
				    path, device->bdf);
	return iopt_err_set(err, ret, "%s: %s", path, strerror(-ret));
}

static int group_open(const struct dma_device *device, struct iopt_err *err)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[DMA_PATH_MAX], other[DMA_NAME_MAX] = "a device";
	char driver[DMA_NAME_MAX] = "another driver";
	int fd;

	snprintf(path, sizeof(path), "%s/dev/vfio/%lu", device->root,
		 device->group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return open_failed(path, device, err);
	if (!ioctl(fd, VFIO_GROUP_GET_STATUS, &status) &&
	    status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return fd;
	close(fd);
	dma_device_intruder(device, other, driver);
	return iopt_err_set(err, -EBUSY,
			    "%s: %s of its IOMMU group %lu is with %s: all of "
			    "a group must be bound to vfio-pci, or have no "
			    "driver",
			    device->bdf, other, device->group, driver);
}

static int container_open(const struct dma_device *device, struct iopt_err *err)
{
	char path[DMA_PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s" CONTAINER_PATH, device->root);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return open_failed(path, device, err);
	if (ioctl(fd, VFIO_GET_API_VERSION) == VFIO_API_VERSION &&
	    ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) > 0)
		return fd;
	close(fd);
	return iopt_err_set(err, -ENOTSUP,
			    "%s: this kernel has no type1v2: 'modprobe "
			    "vfio_iommu_type1'",
			    path);
}

static int type1_open(struct dma_space *space, const struct dma_device *device,
		      struct iopt_err *err)
{
	int ret;

	space->fd = container_open(device, err);
	if (space->fd < 0)
		return space->fd;
	space->device_fd = group_open(device, err);
	if (space->device_fd < 0)
		return space->device_fd;
	if (!ioctl(space->device_fd, VFIO_GROUP_SET_CONTAINER, &space->fd) &&
	    !ioctl(space->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return 0;
	ret = -errno;
	return iopt_err_set(err, ret, "%s: no container with type1v2: %s",
			    device->bdf, strerror(-ret));
}

static int type1_map(struct dma_space *space, u64 iova, void *at, u64 size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)at,
		.iova = iova,
		.size = size,
	};

	return ioctl(space->fd, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

static s64 unmap(struct dma_space *space, u32 flags, u64 iova, u64 size)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.iova = iova,
		.size = size,
	};

	if (ioctl(space->fd, VFIO_IOMMU_UNMAP_DMA, &arg))
		return -errno;
	return (s64)arg.size;
}

static s64 type1_unmap(struct dma_space *space, u64 iova, u64 size)
{
	return unmap(space, 0, iova, size);
}

static s64 type1_unmap_all(struct dma_space *space)
{
	if (ioctl(space->fd, VFIO_CHECK_EXTENSION, VFIO_UNMAP_ALL) <= 0)
		return -ENOTSUP;
	return unmap(space, VFIO_DMA_UNMAP_FLAG_ALL, 0, 0);
}

const struct dma_ops dma_type1_ops = {
	.open = type1_open,
	.map = type1_map,
	.unmap = type1_unmap,
	.unmap_all = type1_unmap_all,
};
