/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel type names on top of base/types.h. */
#ifndef SHIM_LINUX_TYPES_H
#define SHIM_LINUX_TYPES_H

#include <errno.h>
#include <limits.h>

/* In angle brackets: in quotes it would be this very file. */
#include <types.h>

typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;

typedef u64 phys_addr_t;
typedef u64 dma_addr_t;
typedef u64 resource_size_t;
typedef unsigned int gfp_t;
typedef unsigned long pgoff_t;

/* Tables of a 64-bit machine only: unsigned long holds an address. */
_Static_assert(sizeof(unsigned long) == 8, "the shim is for LP64");

struct list_head {
	struct list_head *next, *prev;
};

typedef struct {
	int counter;
} atomic_t;

struct device;

#define BITS_PER_LONG 64

#endif
