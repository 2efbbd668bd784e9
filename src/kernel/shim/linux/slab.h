/* SPDX-License-Identifier: GPL-2.0-only */
/* Small objects come from the C library. */
#ifndef SHIM_LINUX_SLAB_H
#define SHIM_LINUX_SLAB_H

#include <stdlib.h>
#include <string.h>

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

static inline void *kmalloc(size_t size, gfp_t gfp)
{
	(void)gfp;
	return malloc(size);
}

static inline void *kzalloc(size_t size, gfp_t gfp)
{
	(void)gfp;
	return calloc(1, size);
}

static inline void kfree(const void *p)
{
	free((void *)p);
}

/**
 * struct kmem_cache - Objects of one size, carved out of pages of the arena.
 * @size: bytes of an object, a power of two
 * @free: objects to hand out, linked through their first word
 * @pages: pages taken, linked through their struct page
 * @nr_live: objects handed out
 * @lock: over all of it
 */
struct kmem_cache {
	size_t size;
	void *free;
	struct list_head pages;
	u64 nr_live;
	spinlock_t lock;
};

typedef unsigned int slab_flags_t;

#define SLAB_CACHE_DMA	 0x4000u
#define SLAB_CACHE_DMA32 0x8000u

static inline struct kmem_cache *kmem_cache_create(const char *name,
						   size_t size, size_t align,
						   slab_flags_t flags,
						   void (*ctor)(void *))
{
	struct kmem_cache *cache = malloc(sizeof(*cache));

	(void)name;
	(void)flags;
	BUG_ON(ctor || align > size || (size & (size - 1)) || size > PAGE_SIZE);
	if (!cache)
		return NULL;
	*cache = (struct kmem_cache){ .size = size };
	INIT_LIST_HEAD(&cache->pages);
	return cache;
}

/* A slab of one page, all of it on the list of what is free. */
SHIM_UNCOUNTED static inline bool shim_slab_grow(struct kmem_cache *cache)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	u8 *at;

	if (!page)
		return false;
	list_add_tail(&page->lru, &cache->pages);
	at = page_address(page);
	for (size_t i = PAGE_SIZE; i; i -= cache->size) {
		*(void **)(at + i - cache->size) = cache->free;
		cache->free = at + i - cache->size;
	}
	return true;
}

SHIM_UNCOUNTED static inline void *kmem_cache_zalloc(struct kmem_cache *cache,
						     gfp_t gfp)
{
	void *p = NULL;

	(void)gfp;
	spin_lock(&cache->lock);
	if (cache->free || shim_slab_grow(cache)) {
		p = cache->free;
		cache->free = *(void **)p;
		cache->nr_live++;
	}
	spin_unlock(&cache->lock);
	return p ? memset(p, 0, cache->size) : NULL;
}

SHIM_UNCOUNTED static inline void kmem_cache_free(struct kmem_cache *cache,
						  void *p)
{
	spin_lock(&cache->lock);
	*(void **)p = cache->free;
	cache->free = p;
	cache->nr_live--;
	spin_unlock(&cache->lock);
}

static inline void kmem_cache_destroy(struct kmem_cache *cache)
{
	struct page *page, *next;

	if (!cache)
		return;
	list_for_each_entry_safe(page, next, &cache->pages, lru)
		__free_pages(page, 0);
	free(cache);
}

#define kmalloc_obj(obj, ...) ((__typeof__(obj) *)malloc(sizeof(obj)))
#define kzalloc_obj(obj, ...) ((__typeof__(obj) *)calloc(1, sizeof(obj)))

#endif
