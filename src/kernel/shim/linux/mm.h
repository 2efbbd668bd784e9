/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages and the linear map, over one range of host memory.
 *
 * Models: a linear map with a constant between virtual and physical
 *	addresses; one struct page a page, in an array (vmemmap); allocation by
 *	order; folios as allocated pages.
 * Does not model: zones, per-CPU lists, accounting, compound tail pages (only
 *	the first page of an allocation may be asked for its folio).
 */
#ifndef SHIM_LINUX_MM_H
#define SHIM_LINUX_MM_H

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/types.h>

#include "kmodule.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1ul << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/**
 * struct page - What the kernel keeps of a page; 64 bytes as there.
 * @flags: here the order of the allocation that starts at this page
 * @lru: for lists of pages
 * @mapping: unused
 * @index: unused, overlaid by users
 * @private: unused
 * @page_type: unused
 * @_refcount: users of the allocation
 */
struct page {
	unsigned long flags;
	struct list_head lru;
	void *mapping;
	unsigned long index;
	unsigned long private;
	unsigned int page_type;
	atomic_t _refcount;
	unsigned long memcg_data;
};

struct folio {
	struct page page;
};

/**
 * struct shim_mem - The memory of a module; written by its bind() only.
 * @pa_offset: physical minus virtual address
 * @base: first byte, aligned to a page
 * @size: bytes from @base
 * @pages: one entry a page from @base
 * @ctx: first argument of the host's functions
 */
struct shim_mem {
	u64 pa_offset;
	u8 *base;
	size_t size;
	struct page *pages;
	void *ctx;
};

extern struct shim_mem shim_mem __attribute__((__visibility__("hidden")));
extern struct kmodule_host shim_host __attribute__((__visibility__("hidden")));

static inline void *phys_to_virt(phys_addr_t pa)
{
	return (void *)(pa - shim_mem.pa_offset);
}

static inline phys_addr_t virt_to_phys(const volatile void *va)
{
	return (u64)va + shim_mem.pa_offset;
}

#define __va(pa) phys_to_virt(pa)
#define __pa(va) virt_to_phys((const void *)(va))

static inline struct page *virt_to_page(const void *va)
{
	return shim_mem.pages + (((u64)va - (u64)shim_mem.base) >> PAGE_SHIFT);
}

static inline void *page_address(const struct page *page)
{
	return shim_mem.base + ((size_t)(page - shim_mem.pages) << PAGE_SHIFT);
}

static inline unsigned int get_order(size_t size)
{
	size_t last = (size - 1) >> PAGE_SHIFT;

	return last ? 64u - (unsigned int)__builtin_clzl(last) : 0;
}

static inline struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	void *va = shim_host.alloc(shim_mem.ctx, PAGE_SIZE << order);
	struct page *page;

	(void)gfp;
	if (unlikely(!va))
		return NULL;
	page = virt_to_page(va);
	page->flags = order;
	atomic_set(&page->_refcount, 1);
	return page;
}

static inline struct page *alloc_pages_node(int nid, gfp_t gfp,
					    unsigned int order)
{
	(void)nid;
	return alloc_pages(gfp, order);
}

static inline unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_pages(gfp, order);

	return page ? (unsigned long)page_address(page) : 0;
}

static inline void __free_pages(struct page *page, unsigned int order)
{
	if (atomic_dec_and_test(&page->_refcount))
		shim_host.free(shim_mem.ctx, page_address(page),
			       PAGE_SIZE << order);
}

static inline void free_pages(unsigned long va, unsigned int order)
{
	if (va)
		__free_pages(virt_to_page((void *)va), order);
}

static inline void put_page(struct page *page)
{
	__free_pages(page, (unsigned int)page->flags);
}

static inline struct folio *virt_to_folio(const void *va)
{
	return (struct folio *)virt_to_page(va);
}

static inline void *folio_address(const struct folio *folio)
{
	return page_address(&folio->page);
}

static inline unsigned int folio_order(const struct folio *folio)
{
	return (unsigned int)folio->page.flags;
}

static inline unsigned long folio_nr_pages(const struct folio *folio)
{
	return 1ul << folio_order(folio);
}

static inline struct folio *__folio_alloc_node(gfp_t gfp, unsigned int order,
					       int nid)
{
	return (struct folio *)alloc_pages_node(nid, gfp, order);
}

static inline void folio_put(struct folio *folio)
{
	put_page(&folio->page);
}

#include <linux/vmstat.h>

#endif
