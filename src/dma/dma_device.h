/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI device of this machine that VFIO has, and why one cannot be used.
 *
 * Everything here only looks: no device is bound, unbound, opened or changed.
 *
 * Source: Documentation/driver-api/vfio.rst and
 *	Documentation/ABI/testing/sysfs-kernel-iommu_groups of Linux 6.12.
 */
#ifndef IOPT_DMA_DEVICE_H
#define IOPT_DMA_DEVICE_H

#include "err.h"
#include "types.h"

#define DMA_NAME_MAX 64
#define DMA_PATH_MAX 512

/**
 * struct dma_device - A device that is behind an IOMMU and bound to VFIO.
 * @root: put in front of all paths; "" for this machine
 * @bdf: its address, "0000:01:00.0"
 * @group: number of its IOMMU group
 * @driver: "vfio-pci", or a variant of it
 * @iommu: the IOMMU, as in /sys/class/iommu; "unknown" when it is not told
 */
struct dma_device {
	char root[DMA_NAME_MAX];
	char bdf[DMA_NAME_MAX];
	unsigned long group;
	char driver[DMA_NAME_MAX];
	char iommu[DMA_NAME_MAX];
};

IOPT_BEGIN_DECLS

/**
 * dma_device_find() - Look a device up and see whether it may be used.
 * @root: put in front of /sys and /dev, shorter than DMA_NAME_MAX; "" for this
 *	machine
 * @bdf: PCI address with its domain
 * @device: set to what was found; untouched on failure
 * @err: gets the reason of a failure and what to do; may be NULL
 *
 * Return: 0;
 * -EINVAL when @bdf is no such address, or @root is too long;
 * -ENODEV when there is no such device;
 * -ENXIO when no IOMMU is before it, or VFIO works without one (noiommu);
 * -EBUSY when it has another driver than VFIO's, or none;
 * -ENOTSUP when this kernel has neither VFIO type1 nor iommufd loaded;
 * -EACCES when this user may not open the files of VFIO.
 */
int dma_device_find(const char *root, const char *bdf,
		    struct dma_device *device, struct iopt_err *err);

/**
 * dma_device_intruder() - Who keeps a group from being used.
 * @device: from dma_device_find()
 * @bdf: set to a device of the same group that has another driver
 * @driver: set to that driver
 *
 * Return: true; false when there is none, nothing is set then.
 */
bool dma_device_intruder(const struct dma_device *device,
			 char bdf[DMA_NAME_MAX], char driver[DMA_NAME_MAX]);

/**
 * dma_device_is_refusal() - Does this error say what this machine lacks?
 * @ret: what a function of this folder returned
 *
 * Return: true for all that dma_device_find() and dma_space_open() can return
 * but -EINVAL.
 */
bool dma_device_is_refusal(int ret);

IOPT_END_DECLS

#endif
