/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that is allocated on this host as a VMM would, and where it came to
 * lie.
 *
 * Models: anonymous memory without huge pages (MADV_NOHUGEPAGE), with
 *	transparent ones (MADV_HUGEPAGE), and hugetlb, touched from one end to
 *	the other by one thread, as VFIO's pinning faults a guest's RAM in.
 * Does not model: several threads that touch it (QEMU's prealloc), memory
 *	bound to a NUMA node, files, what pinning itself moves.
 */
#ifndef IOPT_VM_LIVE_H
#define IOPT_VM_LIVE_H

#include "vm_frames.h"

/**
 * struct vm_live_cfg - What to allocate.
 * @how: "4K" (the host's page size), "thp", or the size of a hugetlb page, "2M"
 * @bytes: how much is wanted; less is taken when the host cannot spare it
 * @root: put in front of the paths of /proc and /sys that say what the host
 *	has; "" for this host
 * @page: page size of the host in bytes; 0 asks the system
 * @read: reads which frames lie behind memory, as pagemap_read() does; NULL
 *	for the pagemap of this process
 * @read_arg: handed to @read
 */
struct vm_live_cfg {
	const char *how;
	u64 bytes;
	const char *root;
	size_t page;
	int (*read)(void *arg, u64 addr, u64 bytes, struct vm_frames *frames,
		    struct iopt_err *err);
	void *read_arg;
};

/**
 * struct vm_live_memory - Memory that is there; see vm_live_take().
 * @at: where, aligned to 1G
 * @bytes: its size
 * @page: page size of the host in bytes
 * @how: as it was asked for
 * @thp: THP mode of the host, or "-"
 */
struct vm_live_memory {
	u8 *at;
	u64 bytes;
	u64 page;
	char how[VM_FRAMES_TEXT];
	char thp[VM_FRAMES_TEXT];
};

IOPT_BEGIN_DECLS

/**
 * vm_live_take() - Allocate memory and touch it.
 * @cfg: see there; exactly cfg.bytes are taken, a multiple of the page that is
 *	asked for, and no more than half of the memory that is available
 * @memory: set to it, the caller's until vm_live_give_back(); untouched on
 *	failure
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0; as vm_live_measure() otherwise, but for what it says of frames.
 */
int vm_live_take(const struct vm_live_cfg *cfg, struct vm_live_memory *memory,
		 struct iopt_err *err);

/**
 * vm_live_frames() - Where memory has come to lie.
 * @memory: from vm_live_take()
 * @frames: caller's; set to the frames, untouched on failure
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EPERM when this process may not see frames;
 * -ENODEV when the kernel has no pagemap;
 * -ENOMEM when there is no memory;
 * any other negative errno of pagemap_read().
 */
int vm_live_frames(const struct vm_live_memory *memory,
		   struct vm_frames *frames, struct iopt_err *err);

/**
 * vm_live_give_back() - Free memory.
 * @memory: from vm_live_take()
 */
void vm_live_give_back(struct vm_live_memory *memory);

/**
 * vm_live_measure() - Allocate memory, read its frames, give it back.
 * @cfg: see there
 * @frames: caller's; set to the frames, untouched on failure. They make up at
 *	most cfg.bytes, and no more than a quarter of the memory that is
 *	available, or the free hugetlb pages; a multiple of 1G, or a power of
 *	two below
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when there is no such way on a host of these pages;
 * -EPERM when this process may not see frames (CAP_SYS_ADMIN);
 * -ENODEV when this host has no pages of that size, transparent ones are off,
 * or its kernel has no pagemap;
 * -ENOSPC when too few of them are free, or too little memory is;
 * -ENOMEM when there is no memory;
 * any other negative errno of mmap(2), madvise(2) or pagemap_read().
 */
int vm_live_measure(const struct vm_live_cfg *cfg, struct vm_frames *frames,
		    struct iopt_err *err);

/**
 * vm_live_is_skip() - Does this error say that this host cannot do it?
 * @ret: what vm_live_measure() returned
 *
 * Return: true for -EPERM, -ENODEV and -ENOSPC.
 */
bool vm_live_is_skip(int ret);

IOPT_END_DECLS

#endif
