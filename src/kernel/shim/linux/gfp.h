/* SPDX-License-Identifier: GPL-2.0-only */
/* Allocation flags: the arena zeroes always and never sleeps. */
#ifndef SHIM_LINUX_GFP_H
#define SHIM_LINUX_GFP_H

#include <linux/device.h>
#include <linux/types.h>

#define __GFP_HIGHMEM 0x02u
#define __GFP_ZERO    0x100u
#define GFP_KERNEL    0xcc0u
#define GFP_ATOMIC    0x820u
#define GFP_DMA	      0x01u
#define GFP_DMA32     0x04u

static inline int numa_mem_id(void)
{
	return 0;
}

#endif
