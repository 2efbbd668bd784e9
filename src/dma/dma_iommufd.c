// SPDX-License-Identifier: GPL-2.0-only
/* A space that is an IOAS of iommufd, where the headers know it. */
#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <unistd.h>

#include "dma_space.h"

#define IOMMU_PATH "/dev/iommu"

static int no_iommufd(struct iopt_err *err)
{
	return iopt_err_set(err, -ENOTSUP,
			    IOMMU_PATH ": this kernel has no iommufd: "
				       "'modprobe iommufd', or take type1");
}

#if __has_include(<linux/iommufd.h>) && defined(VFIO_DEVICE_BIND_IOMMUFD)
#include <dirent.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <string.h>
#include <sys/ioctl.h>

/* The device's own file: /dev/vfio/devices/vfioN. */
static int device_open(const struct dma_device *device, struct iopt_err *err)
{
	char path[DMA_PATH_MAX];
	struct dirent *entry;
	int fd = -ENOENT;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/vfio-dev",
		 device->root, device->bdf);
	dir = opendir(path);
	while (dir && fd == -ENOENT && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/dev/vfio/devices/%s",
			 device->root, entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	if (dir)
		closedir(dir);
	if (fd >= 0)
		return fd;
	if (fd == -EACCES || fd == -EPERM)
		return iopt_err_set(err, -EACCES,
				    "%s: %s: run as root, or have root do "
				    "'chown USER %s'",
				    path, strerror(-fd), path);
	return iopt_err_set(err, fd == -EBUSY ? fd : -ENOTSUP,
			    "%s: no device file of VFIO to be had: %s",
			    device->bdf, strerror(-fd));
}

static int ioas_attach(struct dma_space *space, struct iopt_err *err)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = space->fd,
	};
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
	};
	int ret;

	if (!ioctl(space->device_fd, VFIO_DEVICE_BIND_IOMMUFD, &bind) &&
	    !ioctl(space->fd, IOMMU_IOAS_ALLOC, &alloc)) {
		space->id = alloc.out_ioas_id;
		attach.pt_id = space->id;
		if (!ioctl(space->device_fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
			   &attach))
			return 0;
	}
	ret = -errno;
	return iopt_err_set(err, ret, IOMMU_PATH ": no address space: %s",
			    strerror(-ret));
}

static int iommufd_open(struct dma_space *space,
			const struct dma_device *device, struct iopt_err *err)
{
	char path[DMA_PATH_MAX];

	snprintf(path, sizeof(path), "%s" IOMMU_PATH, device->root);
	space->fd = open(path, O_RDWR | O_CLOEXEC);
	if (space->fd < 0 && (errno == EACCES || errno == EPERM))
		return iopt_err_set(err, -EACCES,
				    "%s: %s: run as root, or have root do "
				    "'chown USER %s'",
				    path, strerror(errno), path);
	if (space->fd < 0)
		return no_iommufd(err);
	space->device_fd = device_open(device, err);
	if (space->device_fd < 0)
		return space->device_fd;
	return ioas_attach(space, err);
}

static int iommufd_map(struct dma_space *space, u64 iova, void *at, u64 size)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = space->id,
		.user_va = (uintptr_t)at,
		.length = size,
		.iova = iova,
	};

	return ioctl(space->fd, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

static s64 iommufd_unmap(struct dma_space *space, u64 iova, u64 size)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = space->id,
		.iova = iova,
		.length = size,
	};

	if (ioctl(space->fd, IOMMU_IOAS_UNMAP, &unmap))
		return -errno;
	return (s64)unmap.length;
}

static s64 iommufd_unmap_all(struct dma_space *space)
{
	return iommufd_unmap(space, 0, UINT64_MAX);
}

#else

static int iommufd_open(struct dma_space *space,
			const struct dma_device *device, struct iopt_err *err)
{
	char path[DMA_PATH_MAX];

	(void)space;
	snprintf(path, sizeof(path), "%s" IOMMU_PATH, device->root);
	if (access(path, F_OK))
		return no_iommufd(err);
	return iopt_err_set(err, -ENOTSUP,
			    IOMMU_PATH ": this was built without "
				       "linux/iommufd.h of Linux 6.6 or later");
}

static int iommufd_map(struct dma_space *space, u64 iova, void *at, u64 size)
{
	(void)space;
	(void)iova;
	(void)at;
	(void)size;
	return -ENOTSUP;
}

static s64 iommufd_unmap(struct dma_space *space, u64 iova, u64 size)
{
	(void)space;
	(void)iova;
	(void)size;
	return -ENOTSUP;
}

static s64 iommufd_unmap_all(struct dma_space *space)
{
	(void)space;
	return -ENOTSUP;
}

#endif

const struct dma_ops dma_iommufd_ops = {
	.open = iommufd_open,
	.map = iommufd_map,
	.unmap = iommufd_unmap,
	.unmap_all = iommufd_unmap_all,
};
