/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest's kernel module and its user program say to each other.
 */
#ifndef IOPT_GUEST_H
#define IOPT_GUEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IOPT_GUEST_PATH "/dev/iopt-guest"

/**
 * struct iopt_guest_layout - Frames that the next mmap() of the file gets.
 * @base: physical address of the last run, in bytes; below the module's
 *	window it is taken modulo the window's size from the window's start
 * @run: length of a physical run in bytes; runs lie at descending addresses,
 *	each run rounded up to a power of two apart
 * @size: length of the mapping in bytes; one single run when @run is not less
 */
struct iopt_guest_layout {
	__u64 base;
	__u64 run;
	__u64 size;
};

/**
 * struct iopt_guest_range - A call of the IOMMU core and what it returned.
 * @iova: input address
 * @paddr: output address, of a map
 * @size: bytes
 * @ret: a map's 0 or -errno; bytes unmapped
 */
struct iopt_guest_range {
	__u64 iova;
	__u64 paddr;
	__u64 size;
	__s64 ret;
};

/**
 * struct iopt_guest_device - A PCI device that no driver has.
 * @name: as in sysfs, like 0000:00:01.0
 */
struct iopt_guest_device {
	char name[32];
};

/* Lay out the frames of the next mmap(). */
#define IOPT_GUEST_LAYOUT _IOW('i', 0, struct iopt_guest_layout)
/* Attach a new domain to a device; closing the file takes it away. */
#define IOPT_GUEST_ATTACH _IOW('i', 1, struct iopt_guest_device)
/* iommu_map() and iommu_unmap() in that domain. */
#define IOPT_GUEST_MAP	 _IOWR('i', 2, struct iopt_guest_range)
#define IOPT_GUEST_UNMAP _IOWR('i', 3, struct iopt_guest_range)
/* What these two do but for the call of the core; ret is set to 0. */
#define IOPT_GUEST_NOTHING _IOWR('i', 4, struct iopt_guest_range)

#endif
