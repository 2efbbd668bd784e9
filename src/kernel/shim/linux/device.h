/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices, as far as memory is allocated near them. */
#ifndef SHIM_LINUX_DEVICE_H
#define SHIM_LINUX_DEVICE_H

#include <linux/types.h>

#define NUMA_NO_NODE (-1)

/**
 * struct device - A device.
 * @numa_node: node that it is on
 */
struct device {
	int numa_node;
};

static inline int dev_to_node(const struct device *dev)
{
	(void)dev;
	return NUMA_NO_NODE;
}

static inline void set_dev_node(struct device *dev, int node)
{
	dev->numa_node = node;
}

#endif
