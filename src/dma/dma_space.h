/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An I/O address space of this machine's kernel, for a device that VFIO has:
 * user memory is mapped into it and unmapped by the kernel's own calls.
 *
 * Source: include/uapi/linux/vfio.h, include/uapi/linux/iommufd.h of Linux
 *	6.12.
 */
#ifndef IOPT_DMA_SPACE_H
#define IOPT_DMA_SPACE_H

#include "dma_device.h"
#include "err.h"
#include "types.h"

/* Whose calls. */
enum dma_way {
	DMA_TYPE1,   /* a container of VFIO with type1v2 */
	DMA_IOMMUFD, /* an IOAS of iommufd */
};

struct dma_space;

/**
 * struct dma_ops - One way to reach the kernel; see the functions below.
 * @open: dma_space_open()
 * @map: dma_space_map()
 * @unmap: dma_space_unmap()
 * @unmap_all: dma_space_unmap_all()
 */
struct dma_ops {
	int (*open)(struct dma_space *space, const struct dma_device *device,
		    struct iopt_err *err);
	int (*map)(struct dma_space *space, u64 iova, void *at, u64 size);
	s64 (*unmap)(struct dma_space *space, u64 iova, u64 size);
	s64 (*unmap_all)(struct dma_space *space);
};

/**
 * struct dma_space - A space; the caller owns it.
 * @ops: how it is reached; NULL when it is not open
 * @fd: container, or /dev/iommu; -1 when not open
 * @device_fd: VFIO group, or VFIO device; -1 when not open
 * @id: of the space within @fd, where there are several
 */
struct dma_space {
	const struct dma_ops *ops;
	int fd;
	int device_fd;
	u32 id;
};

/* A space that is not open. */
#define DMA_SPACE_CLOSED                  \
	{                                 \
		.fd = -1, .device_fd = -1 \
	}

extern const struct dma_ops dma_iommufd_ops;
extern const struct dma_ops dma_type1_ops;

IOPT_BEGIN_DECLS

/**
 * dma_way_name() - "type1" or "iommufd".
 * @way: any value of the enum
 */
const char *dma_way_name(enum dma_way way);

/**
 * dma_space_open() - Make an empty space for a device.
 * @space: set up; also after a failure dma_space_close() may be called
 * @way: whose calls
 * @device: from dma_device_find()
 * @err: gets the reason of a failure and what to do; may be NULL
 *
 * Return: 0;
 * -ENOTSUP when the kernel, or the headers that this was built with, do not
 * have it;
 * -EBUSY when somebody else uses the device or its group, or a device of the
 * group has another driver;
 * -EACCES when this user may not;
 * another negative errno of open(2) or ioctl(2).
 */
int dma_space_open(struct dma_space *space, enum dma_way way,
		   const struct dma_device *device, struct iopt_err *err);

/**
 * dma_space_map() - Pin memory and map it, for reading and writing.
 * @space: space
 * @iova: I/O address in bytes, a multiple of the host's page
 * @at: memory, likewise
 * @size: bytes, likewise
 *
 * Return: 0; a negative errno of the ioctl.
 */
int dma_space_map(struct dma_space *space, u64 iova, void *at, u64 size);

/**
 * dma_space_unmap() - Unmap and unpin what was mapped.
 * @space: space
 * @iova: I/O address in bytes
 * @size: bytes
 *
 * Return: bytes, as the kernel says; a negative errno of the ioctl.
 */
s64 dma_space_unmap(struct dma_space *space, u64 iova, u64 size);

/**
 * dma_space_unmap_all() - Unmap all that is mapped, in one call.
 * @space: space
 *
 * Source: VFIO_DMA_UNMAP_FLAG_ALL (Linux 5.12); IOMMU_IOAS_UNMAP of all.
 *
 * Return: bytes, as the kernel says; a negative errno of the ioctl, -ENOTSUP
 * when the kernel has no such call.
 */
s64 dma_space_unmap_all(struct dma_space *space);

/**
 * dma_space_close() - Give everything back; what is mapped is unmapped by it.
 * @space: space, open or not
 */
void dma_space_close(struct dma_space *space);

IOPT_END_DECLS

#endif
