// SPDX-License-Identifier: GPL-2.0-only
/* A space that is a VFIO container of type1v2. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "space.h"

#define CONTAINER_PATH "/dev/vfio/vfio"

/* The number of the device's IOMMU group, from sysfs. */
static int group_of(const char *bdf, unsigned long *group)
{
	char link[PATH_MAX], path[PATH_MAX];
	const char *number;
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group",
		 bdf);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return -errno;
	link[len] = '\0';
	number = strrchr(link, '/');
	if (!number)
		return -EINVAL;
	*group = strtoul(number + 1, NULL, 10);
	return 0;
}

static int group_open(const char *bdf, struct iopt_err *err)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	unsigned long group = 0;
	char path[64];
	int ret = group_of(bdf, &group);
	int fd;

	if (ret)
		return iopt_err_set(err, ret, "%s: no IOMMU group: %s", bdf,
				    strerror(-ret));
	snprintf(path, sizeof(path), "/dev/vfio/%lu", group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		return iopt_err_set(err, ret,
				    "%s: %s (%s must be bound to "
				    "vfio-pci)",
				    path, strerror(-ret), bdf);
	}
	if (!ioctl(fd, VFIO_GROUP_GET_STATUS, &status) &&
	    status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return fd;
	close(fd);
	return iopt_err_set(err, -EBUSY,
			    "%s: not every device of the group is "
			    "bound to vfio-pci",
			    path);
}

static int container_open(struct iopt_err *err)
{
	int fd = open(CONTAINER_PATH, O_RDWR | O_CLOEXEC);
	int ret;

	if (fd < 0) {
		ret = -errno;
		return iopt_err_set(err, ret, "%s: %s", CONTAINER_PATH,
				    strerror(-ret));
	}
	if (ioctl(fd, VFIO_GET_API_VERSION) == VFIO_API_VERSION &&
	    ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) > 0)
		return fd;
	close(fd);
	return iopt_err_set(err, -ENOTSUP, "%s: this kernel has no type1v2",
			    CONTAINER_PATH);
}

static int vfio_open(struct space *space, const char *bdf, struct iopt_err *err)
{
	int ret;

	space->fd = container_open(err);
	if (space->fd < 0)
		return space->fd;
	space->device_fd = group_open(bdf, err);
	if (space->device_fd < 0)
		return space->device_fd;
	if (!ioctl(space->device_fd, VFIO_GROUP_SET_CONTAINER, &space->fd) &&
	    !ioctl(space->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return 0;
	ret = -errno;
	return iopt_err_set(err, ret, "%s: no container with type1v2: %s", bdf,
			    strerror(-ret));
}

static s64 vfio_map(struct space *space, const struct scenario_op *op)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = op->iova,
		.size = op->size,
		.vaddr = (uintptr_t)space->at,
	};

	return ioctl(space->fd, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

static s64 vfio_unmap(struct space *space, const struct scenario_op *op)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = op->iova,
		.size = op->size,
	};

	if (ioctl(space->fd, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return -errno;
	return (s64)unmap.size;
}

static void vfio_close(struct space *space)
{
	if (space->device_fd >= 0)
		close(space->device_fd);
	if (space->fd >= 0)
		close(space->fd);
}

const struct space_ops space_vfio = {
	.map_kind = SCENARIO_VFIO_MAP,
	.unmap_kind = SCENARIO_VFIO_UNMAP,
	.has_frames = true,
	.open = vfio_open,
	.map = vfio_map,
	.unmap = vfio_unmap,
	.close = vfio_close,
};
