/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single pages as a buddy allocator hands them out to a process that touches
 * its memory from one end to the other.
 *
 * Models: a stream of free blocks of mixed orders, each split into single pages
 *	in rising order; two pages of the stream for each page table's worth of
 *	memory (the process's own table and the IOMMU's, taken while the pages
 *	are pinned). So a run ends with its block, or where a table begins.
 * Does not model: which block an allocator takes next (they are shuffled),
 *	small neighbours that are handed out one after the other, migration
 *	types, per-CPU lists, NUMA nodes, compaction.
 * Source: mm/page_alloc.c of Linux 6.12 (__rmqueue_smallest(), expand());
 *	shares of the orders after data/traces vfio-vm-4k-*, see
 *	docs/layouts.md.
 */
#ifndef IOPT_BUDDY_H
#define IOPT_BUDDY_H

#include "err.h"
#include "types.h"

struct buddy;

/**
 * struct buddy_cfg - What memory is handed out.
 * @page: page size of the host in bytes: 4K, 16K or 64K
 * @bytes: what the process touches, a multiple of @page
 * @small_percent: of the memory in the stream, how much is in blocks smaller
 *	than a huge page, 0 to 100: what Linux calls the unusable free space
 *	index of the huge page's order
 * @base: physical address that frames start at, a multiple of the largest block
 * @seed: makes the places
 */
struct buddy_cfg {
	u64 page;
	u64 bytes;
	unsigned int small_percent;
	u64 base;
	u64 seed;
};

IOPT_BEGIN_DECLS

/**
 * buddy_huge_page() - Bytes of the huge page of a host: 2M, 32M or 512M.
 * @page: page size of the host in bytes
 */
u64 buddy_huge_page(u64 page);

/**
 * buddy_max_block() - Bytes of the largest block: 4M, 32M or 512M.
 * @page: page size of the host in bytes
 */
u64 buddy_max_block(u64 page);

/**
 * buddy_create() - Prepare a stream of pages.
 * @cfg: see there; copied
 * @out: set to it; owned by the caller until buddy_destroy()
 *
 * Cost: memory for four patterns of blocks, below 8 MiB whatever @cfg says.
 *
 * Return: 0;
 * -ENOMEM when there is no memory.
 */
int buddy_create(const struct buddy_cfg *cfg, struct buddy **out);

/**
 * buddy_end() - The address behind the highest frame.
 * @buddy: stream
 */
u64 buddy_end(const struct buddy *buddy);

/**
 * buddy_run() - Where a byte of the process lies.
 * @buddy: stream
 * @offset: into what the process touches, in bytes
 * @paddr: set to the physical address
 *
 * Return: bytes from there on that are contiguous.
 */
u64 buddy_run(const struct buddy *buddy, u64 offset, u64 *paddr);

/**
 * buddy_bytes() - Memory that the description takes.
 * @buddy: stream
 */
u64 buddy_bytes(const struct buddy *buddy);

/**
 * buddy_destroy() - Free it.
 * @buddy: from buddy_create(), or NULL
 */
void buddy_destroy(struct buddy *buddy);

IOPT_END_DECLS

#endif
