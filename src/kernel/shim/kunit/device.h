/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices for tests: one, which nobody looks into. */
#ifndef SHIM_KUNIT_DEVICE_H
#define SHIM_KUNIT_DEVICE_H

#include <kunit/test.h>
#include <linux/device.h>

static inline struct device *kunit_device_register(struct kunit *test,
						   const char *name)
{
	static struct device device = { .numa_node = NUMA_NO_NODE };

	(void)test;
	(void)name;
	return &device;
}

#endif
