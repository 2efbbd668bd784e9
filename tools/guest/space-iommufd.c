// SPDX-License-Identifier: GPL-2.0-only
/* A space that is an IOAS of iommufd, where the headers know it. */
#include <errno.h>
#include <linux/vfio.h>
#include <unistd.h>

#include "space.h"

#define IOMMU_PATH "/dev/iommu"

#if __has_include(<linux/iommufd.h>) && defined(VFIO_DEVICE_BIND_IOMMUFD)
#include <dirent.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* The device's own file: /dev/vfio/devices/vfioN. */
static int device_open(const char *bdf, struct iopt_err *err)
{
	char path[512];
	struct dirent *entry;
	int fd = -ENOENT;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	while (dir && fd == -ENOENT && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s",
			 entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	if (dir)
		closedir(dir);
	if (fd >= 0)
		return fd;
	return iopt_err_set(err, -ENOTSUP, "%s: no device file of VFIO: %s",
			    bdf, strerror(-fd));
}

static int ioas_attach(struct space *space, struct iopt_err *err)
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
	return iopt_err_set(err, ret, "%s: no address space: %s", IOMMU_PATH,
			    strerror(-ret));
}

static int iommufd_open(struct space *space, const char *bdf,
			struct iopt_err *err)
{
	space->fd = open(IOMMU_PATH, O_RDWR | O_CLOEXEC);
	if (space->fd < 0)
		return iopt_err_set(err, -ENOTSUP,
				    IOMMU_PATH ": this kernel has no iommufd");
	space->device_fd = device_open(bdf, err);
	if (space->device_fd < 0)
		return space->device_fd;
	return ioas_attach(space, err);
}

static s64 iommufd_map(struct space *space, const struct scenario_op *op)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = space->id,
		.length = op->size,
		.iova = op->iova,
		.user_va = (uintptr_t)space->at,
	};

	return ioctl(space->fd, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

static s64 iommufd_unmap(struct space *space, const struct scenario_op *op)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = space->id,
		.iova = op->iova,
		.length = op->size,
	};

	if (ioctl(space->fd, IOMMU_IOAS_UNMAP, &unmap))
		return -errno;
	return (s64)unmap.length;
}

static void iommufd_close(struct space *space)
{
	if (space->device_fd >= 0)
		close(space->device_fd);
	if (space->fd >= 0)
		close(space->fd);
}

#else

static int iommufd_open(struct space *space, const char *bdf,
			struct iopt_err *err)
{
	(void)space;
	(void)bdf;
	if (access(IOMMU_PATH, F_OK))
		return iopt_err_set(err, -ENOTSUP,
				    IOMMU_PATH ": this kernel has no iommufd");
	return iopt_err_set(err, -ENOTSUP,
			    IOMMU_PATH
			    ": vfio-user was built without linux/iommufd.h");
}

static s64 iommufd_map(struct space *space, const struct scenario_op *op)
{
	(void)space;
	(void)op;
	return -ENOTSUP;
}

static s64 iommufd_unmap(struct space *space, const struct scenario_op *op)
{
	(void)space;
	(void)op;
	return -ENOTSUP;
}

static void iommufd_close(struct space *space)
{
	(void)space;
}

#endif

const struct space_ops space_iommufd = {
	.map_kind = SCENARIO_IOMMUFD_MAP,
	.unmap_kind = SCENARIO_IOMMUFD_UNMAP,
	.has_frames = true,
	.open = iommufd_open,
	.map = iommufd_map,
	.unmap = iommufd_unmap,
	.close = iommufd_close,
};
