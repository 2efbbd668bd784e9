// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for page tables: size-class free lists over one range.
 *
 * The range is cut into blocks, each a power of two of pages and aligned to
 * its size. Links and states lie beside the range, so that freeing touches
 * no table, as struct page does it for the kernel.
 */
#include "arena.h"

#include "arena_map.h"
#include "lg2.h"
#include "sanitizer.h"
#include "sizes.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#if HAS_ASAN
#include <sanitizer/asan_interface.h>
#define poison(p, size)	  __asan_poison_memory_region(p, size)
#define unpoison(p, size) __asan_unpoison_memory_region(p, size)
#else
#define poison(p, size)	  ((void)(p), (void)(size))
#define unpoison(p, size) ((void)(p), (void)(size))
#endif

#define BLOCK_MAX      SZ_2M
#define NR_CLASSES_MAX 10 /* 4K to 2M */
#define PAGE_NONE      UINT32_MAX

/* State of the first page of a block: class + 1; other pages have 0. */
#define STATE_FREE 0x80

/*
 * Pages are counted from the start of the range. @free heads the list of each
 * class, PAGE_NONE ends a list; @bump is the first page that is in no block.
 */
struct arena {
	struct arena_map map;
	u64 pa_offset;
	unsigned int lg2_page;
	unsigned int nr_classes;
	u32 nr_pages;
	u32 bump;
	u32 free[NR_CLASSES_MAX];
	u32 *next;
	u8 *state;
	u64 fail_in;
	struct arena_stats stats;
	bool lock;
};

/* Short sections: spin, and yield where the owner may have been preempted. */
static void arena_lock(struct arena *a)
{
	unsigned int nr_spins = 0;

	while (__atomic_exchange_n(&a->lock, true, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&a->lock, __ATOMIC_RELAXED))
			if (++nr_spins % 64 == 0)
				sched_yield();
}

static void arena_unlock(struct arena *a)
{
	__atomic_store_n(&a->lock, false, __ATOMIC_RELEASE);
}

static void *page_address(const struct arena *a, u32 page)
{
	return a->map.base + ((size_t)page << a->lg2_page);
}

static size_t class_bytes(const struct arena *a, unsigned int class_)
{
	return (size_t)1 << (class_ + a->lg2_page);
}

static unsigned int size_class(const struct arena *a, size_t size)
{
	unsigned int lg2 = size ? lg2_ceil(size) : 0;

	return lg2 > a->lg2_page ? lg2 - a->lg2_page : 0;
}

static void free_push(struct arena *a, u32 page, unsigned int class_)
{
	a->state[page] = (u8)(STATE_FREE | (class_ + 1));
	a->next[page] = a->free[class_];
	a->free[class_] = page;
	poison(page_address(a, page), class_bytes(a, class_));
}

/* Cut [@page, @end) into the largest aligned blocks and free them. */
static void free_push_run(struct arena *a, u32 page, u32 end)
{
	unsigned int class_;

	while (page < end) {
		class_ = lg2_floor(end - page);
		if (page && lg2_low(page) < class_)
			class_ = lg2_low(page);
		if (class_ > a->nr_classes - 1)
			class_ = a->nr_classes - 1;
		free_push(a, page, class_);
		page += 1u << class_;
	}
}

static u32 take_free(struct arena *a, unsigned int class_)
{
	u32 page = a->free[class_];

	if (page != PAGE_NONE)
		a->free[class_] = a->next[page];
	return page;
}

static u32 take_bump(struct arena *a, unsigned int class_)
{
	u64 page = align_up(a->bump, 1u << class_);
	u64 end = page + (1u << class_);

	if (end > a->nr_pages || !arena_map_extend(&a->map, end << a->lg2_page))
		return PAGE_NONE;
	free_push_run(a, a->bump, (u32)page);
	a->bump = (u32)end;
	return (u32)page;
}

static u32 take_split(struct arena *a, unsigned int class_)
{
	unsigned int c;
	u32 page;

	for (c = class_ + 1; c < a->nr_classes; c++) {
		page = take_free(a, c);
		if (page == PAGE_NONE)
			continue;
		free_push_run(a, page + (1u << class_), page + (1u << c));
		return page;
	}
	return PAGE_NONE;
}

static u32 block_take(struct arena *a, unsigned int class_)
{
	u32 page = take_free(a, class_);

	if (page == PAGE_NONE)
		page = take_bump(a, class_);
	if (page == PAGE_NONE)
		page = take_split(a, class_);
	return page;
}

/* Join neighbouring free blocks; walks all of them. */
static void free_coalesce(struct arena *a)
{
	u32 run = 0; /* start of the free run before @page */
	u32 nr, page;

	for (unsigned int c = 0; c < a->nr_classes; c++)
		a->free[c] = PAGE_NONE;
	for (page = 0; page < a->bump; page += nr) {
		nr = 1u << ((a->state[page] & ~STATE_FREE) - 1);
		if (a->state[page] & STATE_FREE) {
			a->state[page] = 0;
			continue;
		}
		free_push_run(a, run, page);
		run = page + nr;
	}
	a->bump = run;
}

/* Other threads may read a count while it is written under the lock. */
static void count_set(u64 *count, u64 v)
{
	__atomic_store_n(count, v, __ATOMIC_RELAXED);
}

/* Under the lock: the first page of a new block, or PAGE_NONE. */
static u32 block_alloc(struct arena *a, unsigned int class_)
{
	struct arena_stats *s = &a->stats;
	u64 live = s->live_bytes + class_bytes(a, class_);
	u32 page;

	if (a->fail_in && --a->fail_in == 0)
		return PAGE_NONE;
	if (live > a->map.size)
		return PAGE_NONE;
	page = block_take(a, class_);
	if (page == PAGE_NONE) {
		free_coalesce(a);
		page = block_take(a, class_);
	}
	if (page == PAGE_NONE)
		return PAGE_NONE;
	a->state[page] = (u8)(class_ + 1);
	count_set(&s->nr_allocs, s->nr_allocs + 1);
	count_set(&s->live_bytes, live);
	if (s->peak_bytes < live)
		count_set(&s->peak_bytes, live);
	return page;
}

void *arena_alloc(struct arena *a, size_t size)
{
	unsigned int class_ = size_class(a, size);
	size_t bytes;
	u32 page;
	char *p;

	if (class_ >= a->nr_classes)
		return NULL;
	arena_lock(a);
	page = block_alloc(a, class_);
	arena_unlock(a);
	if (page == PAGE_NONE)
		return NULL;
	p = page_address(a, page);
	bytes = class_bytes(a, class_);
	unpoison(p, bytes);
	memset(p, 0, bytes);
	poison(p + size, bytes - size);
	return p;
}

void arena_free(struct arena *a, void *p, size_t size)
{
	unsigned int class_ = size_class(a, size);
	u32 page = (u32)(((char *)p - a->map.base) >> a->lg2_page);

	assert(arena_owns(a, p));
	arena_lock(a);
	assert(a->state[page] == class_ + 1); /* not freed, and this size */
	free_push(a, page, class_);
	count_set(&a->stats.nr_frees, a->stats.nr_frees + 1);
	count_set(&a->stats.live_bytes,
		  a->stats.live_bytes - class_bytes(a, class_));
	arena_unlock(a);
}

/* A block that is allocated is in no free list: its link is the list's. */
void arena_list_add(struct arena *a, struct arena_list *list, const void *p)
{
	u32 page = (u32)(((const char *)p - a->map.base) >> a->lg2_page);

	assert(arena_owns(a, p));
	a->next[page] = PAGE_NONE;
	if (list->first == PAGE_NONE)
		list->first = page;
	else
		a->next[list->last] = page;
	list->last = page;
}

void arena_list_free(struct arena *a, struct arena_list *list, size_t size)
{
	while (list->first != PAGE_NONE) {
		u32 page = list->first;

		list->first = a->next[page];
		arena_free(a, page_address(a, page), size);
	}
	list->last = PAGE_NONE;
}

void arena_fail_at(struct arena *a, u64 n)
{
	arena_lock(a);
	a->fail_in = n;
	arena_unlock(a);
}

struct arena_stats arena_stats(const struct arena *a)
{
	const struct arena_stats *s = &a->stats;

	return (struct arena_stats){
		.nr_allocs = __atomic_load_n(&s->nr_allocs, __ATOMIC_RELAXED),
		.nr_frees = __atomic_load_n(&s->nr_frees, __ATOMIC_RELAXED),
		.live_bytes = __atomic_load_n(&s->live_bytes, __ATOMIC_RELAXED),
		.peak_bytes = __atomic_load_n(&s->peak_bytes, __ATOMIC_RELAXED),
	};
}

void arena_peak_reset(struct arena *a)
{
	arena_lock(a);
	count_set(&a->stats.peak_bytes, a->stats.live_bytes);
	arena_unlock(a);
}

enum arena_backing arena_backing(const struct arena *a)
{
	return arena_map_backing(&a->map);
}

const char *arena_backing_name(enum arena_backing backing)
{
	static const char *const names[] = { "hugetlb", "thp", "pages" };

	return names[backing];
}

bool arena_owns(const struct arena *a, const void *p)
{
	return (uintptr_t)p - (uintptr_t)a->map.base < a->map.size;
}

void *arena_base(const struct arena *a)
{
	return a->map.base;
}

size_t arena_size(const struct arena *a)
{
	return a->map.size;
}

u64 arena_pa_offset(const struct arena *a)
{
	return a->pa_offset;
}

/* Defaults filled in, and everything checked. */
static int cfg_complete(struct arena_cfg *cfg, struct iopt_err *err)
{
	char text[SIZE_TEXT_MAX];

	if (!cfg->page_size)
		cfg->page_size = SZ_4K;
	if (!cfg->pa_base)
		cfg->pa_base = 2 * SZ_1G;
	if (!is_pow2(cfg->page_size) || cfg->page_size < SZ_4K ||
	    cfg->page_size > SZ_2M)
		return iopt_err_set(err, -EINVAL,
				    "arena: page size %s is not a power of "
				    "two from 4K to 2M",
				    size_format(cfg->page_size, text));
	if (cfg->pa_base % SZ_2M || cfg->pa_base >= 4 * SZ_1G)
		return iopt_err_set(err, -EINVAL,
				    "arena: physical base %s is not a "
				    "multiple of 2M below 4G",
				    size_format(cfg->pa_base, text));
	if (!cfg->size ||
	    cfg->size / cfg->page_size >= PAGE_NONE - SZ_2M / SZ_4K)
		return iopt_err_set(err, -EINVAL,
				    "arena: size %s is not from 1 byte to "
				    "2^32 pages",
				    size_format(cfg->size, text));
	cfg->size = align_up(cfg->size, SZ_2M);
	return 0;
}

static void arena_delete(struct arena *a)
{
	free(a->next);
	free(a->state);
	arena_map_destroy(&a->map);
	free(a);
}

int arena_create(const struct arena_cfg *cfg, struct arena **out,
		 struct iopt_err *err)
{
	struct arena_cfg full = *cfg;
	struct arena *a;
	int ret = cfg_complete(&full, err);

	if (ret)
		return ret;
	a = calloc(1, sizeof(*a));
	if (!a)
		return iopt_err_set(err, -ENOMEM, "arena: out of memory");
	ret = arena_map_create(&full, &a->map, err);
	if (ret) {
		free(a);
		return ret;
	}
	a->pa_offset = full.pa_base - (uintptr_t)a->map.base;
	a->lg2_page = lg2_floor(full.page_size);
	a->nr_classes = lg2_floor(BLOCK_MAX) - a->lg2_page + 1;
	a->nr_pages = (u32)(full.size >> a->lg2_page);
	memset(a->free, 0xff, sizeof(a->free));
	a->next = calloc(a->nr_pages, sizeof(*a->next));
	a->state = calloc(a->nr_pages, sizeof(*a->state));
	if (!a->next || !a->state) {
		arena_delete(a);
		return iopt_err_set(err, -ENOMEM, "arena: out of memory");
	}
	*out = a;
	return 0;
}

u64 arena_destroy(struct arena *a)
{
	u64 live;

	if (!a)
		return 0;
	live = a->stats.live_bytes;
	unpoison(a->map.base, (size_t)a->bump << a->lg2_page);
	arena_delete(a);
	return live;
}
