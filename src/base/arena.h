/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory for page tables: one contiguous, bounded, huge-page backed range.
 *
 * Models: the kernel's linear map under alloc_pages() (page tables lie in
 *	memory that large TLB entries map; physical addresses differ from
 *	virtual ones by a constant; tables are zeroed when allocated).
 * Does not model: NUMA fallback, per-CPU page lists, memory pressure.
 * Source: drivers/iommu/io-pgtable-arm.c, __arm_lpae_alloc_pages().
 */
#ifndef IOPT_ARENA_H
#define IOPT_ARENA_H

#include "err.h"
#include "types.h"

struct arena;

/* What the pages under an arena are. */
enum arena_backing {
	ARENA_HUGETLB, /* MAP_HUGETLB, the system's default huge page */
	ARENA_THP,     /* ordinary memory that the kernel gave huge pages */
	ARENA_PAGES,   /* base pages: no huge page was to be had */
};

/**
 * struct arena_cfg - How to create an arena.
 * @size: bound in bytes of all that is allocated at a time, rounded up to 2M;
 *	address space (and the hugetlb pool's promise) is taken at once,
 *	memory as it is used
 * @page_size: smallest allocation and alignment in bytes, as the host's page
 *	is for the kernel; a power of two from 4K to 2M, 0 means 4K
 * @host_page: page size of the host's kernel in bytes; 0 asks the system
 * @pa_base: physical address of the first byte, aligned to 2M and below 4G;
 *	0 means 2G
 * @want_base_pages: true to do without huge pages, for tests of the fallback
 * @bind: called with a range before it is touched, so that the caller can bind
 *	it to a NUMA node; called again for what is mapped anew when the
 *	hugetlb pool breaks its promise; NULL for none; its result is ignored.
 *	It must prefer a node, not insist: a page that is not there is a SIGBUS
 * @bind_arg: handed to @bind
 */
struct arena_cfg {
	size_t size;
	size_t page_size;
	size_t host_page;
	u64 pa_base;
	bool want_base_pages;
	int (*bind)(void *base, size_t size, void *arg);
	void *bind_arg;
};

/**
 * struct arena_stats - What an arena has done; bytes are of rounded sizes.
 * @nr_allocs: successful arena_alloc() calls
 * @nr_frees: arena_free() calls
 * @live_bytes: allocated now
 * @peak_bytes: largest @live_bytes so far
 */
struct arena_stats {
	u64 nr_allocs;
	u64 nr_frees;
	u64 live_bytes;
	u64 peak_bytes;
};

/**
 * struct arena_list - Blocks to be freed together, later; the caller owns it.
 * @first: page number of the first block; UINT32_MAX when there is none
 * @last: page number of the last block
 */
struct arena_list {
	u32 first;
	u32 last;
};

IOPT_BEGIN_DECLS

/**
 * arena_create() - Reserve an arena.
 * @cfg: see there; copied
 * @out: set to the arena, owned by the caller until arena_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when @cfg is not as described;
 * -ENOMEM when the address space is not to be had.
 */
int arena_create(const struct arena_cfg *cfg, struct arena **out,
		 struct iopt_err *err);

/**
 * arena_destroy() - Give the memory back.
 * @arena: from arena_create(), or NULL
 *
 * Return: bytes that were still allocated: 0 unless there is a leak.
 */
u64 arena_destroy(struct arena *arena);

/**
 * arena_alloc() - Allocate zeroed memory. Safe from several threads.
 * @arena: arena
 * @size: bytes, at most 2M; rounded up to a power of two, at least the page
 *	size
 *
 * The block freed last is the first to be used again. Under AddressSanitizer
 * every byte that is not allocated is poisoned once it was.
 *
 * Cost: one lock, one memset of the rounded size; a walk over all blocks when
 * the bound is near and free memory has to be joined.
 *
 * Return: memory aligned to its rounded size, virtually and physically, owned
 * by the caller until arena_free(); NULL when the bound is reached, no
 * aligned block is left below it, @size is above 2M, or a failure was
 * injected.
 */
void *arena_alloc(struct arena *arena, size_t size);

/**
 * arena_free() - Free memory. Safe from several threads.
 * @arena: arena
 * @p: from arena_alloc(), not yet freed; anything else is an assertion
 * @size: the size given then
 */
void arena_free(struct arena *arena, void *p, size_t size);

/**
 * arena_list_add() - Note a block that is to be freed, behind the others.
 * @arena: arena
 * @list: list
 * @p: from arena_alloc(), in no list; stays allocated and as it is, since the
 *	link lies beside it
 *
 * Safe from several threads, each with a list of its own.
 *
 * Source: list_add_tail() of struct page's lru, as page-table freelists do.
 */
void arena_list_add(struct arena *arena, struct arena_list *list,
		    const void *p);

/**
 * arena_list_free() - Free what a list holds, in its order, and empty it.
 * @arena: arena
 * @list: list
 * @size: the size given to arena_alloc(), the same for all
 *
 * Source: iommu_put_pages_list().
 */
void arena_list_free(struct arena *arena, struct arena_list *list, size_t size);

/**
 * arena_fail_at() - Make one coming allocation fail; those after it work.
 * @arena: arena
 * @n: 1 for the next one, 2 for the one after it; 0 for none
 */
void arena_fail_at(struct arena *arena, u64 n);

/**
 * arena_stats() - Read the counts. Exact when no other thread allocates.
 * @arena: arena
 */
struct arena_stats arena_stats(const struct arena *arena);

/**
 * arena_peak_reset() - Let the peak start at what is allocated now.
 * @arena: arena
 */
void arena_peak_reset(struct arena *arena);

/**
 * arena_backing() - What most of the touched part really is.
 * @arena: arena; ask when it is full, before tables are touched it has none
 *
 * Cost: reads /proc/self/smaps.
 *
 * Return: the backing; ARENA_PAGES too when nothing was touched or the kernel
 * does not tell.
 */
enum arena_backing arena_backing(const struct arena *arena);

/**
 * arena_backing_name() - "hugetlb", "thp" or "pages".
 * @backing: any value of the enum
 */
const char *arena_backing_name(enum arena_backing backing);

/**
 * arena_owns() - Does @p point into the arena?
 * @arena: arena
 * @p: any pointer
 */
bool arena_owns(const struct arena *arena, const void *p);

/**
 * arena_base() - First byte of the address space that an arena may use.
 * @arena: arena
 *
 * Return: an address aligned to 2M; not all behind it is memory yet.
 */
void *arena_base(const struct arena *arena);

/**
 * arena_size() - Bytes from arena_base() on: the bound of the arena.
 * @arena: arena
 */
size_t arena_size(const struct arena *arena);

/**
 * arena_pa_offset() - The constant of the linear map.
 * @arena: arena
 *
 * Return: physical minus virtual address, modulo 2^64.
 */
u64 arena_pa_offset(const struct arena *arena);

IOPT_END_DECLS

/**
 * arena_list_init() - Empty a list.
 * @list: caller's
 */
static inline void arena_list_init(struct arena_list *list)
{
	list->first = UINT32_MAX;
	list->last = UINT32_MAX;
}

/**
 * arena_list_is_empty() - Is there nothing to free?
 * @list: list
 */
static inline bool arena_list_is_empty(const struct arena_list *list)
{
	return list->first == UINT32_MAX;
}

#endif
