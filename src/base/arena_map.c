// SPDX-License-Identifier: GPL-2.0-only
/* The address range under an arena, and what backs it. */
#include "arena_map.h"

#include "host_page.h"
#include "lg2.h"
#include "sizes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE /* Linux 5.14; glibc before 2.35 has it not */
#define MADV_POPULATE_WRITE 23
#endif

/* The number after @key in a file of "key: number" lines, or 0. */
static u64 file_number(const char *path, const char *key)
{
	FILE *f = fopen(path, "re");
	unsigned long long v = 0;
	char line[256];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)))
			continue;
		if (sscanf(line + strlen(key), "%llu", &v) == 1)
			break;
	}
	fclose(f);
	return v;
}

/* The page that THP gives, in bytes; 2M where the kernel does not tell. */
static size_t thp_page(void)
{
	u64 size = file_number("/sys/kernel/mm/transparent_hugepage/"
			       "hpage_pmd_size",
			       "");

	return is_pow2(size) && size >= SZ_2M ? size : SZ_2M;
}

/* The default hugetlb page in bytes, or 0 for none that is at least 2M. */
static size_t hugetlb_page(void)
{
	u64 size = file_number("/proc/meminfo", "Hugepagesize:") * SZ_1K;

	return is_pow2(size) && size >= SZ_2M ? size : 0;
}

void arena_map_bind(const struct arena_map *map, size_t start)
{
	size_t end = map->hugetlb_page ? map->mapping_size : map->size;

	if (map->cfg.bind)
		map->cfg.bind(map->base + start, end - start,
			      map->cfg.bind_arg);
}

static void advise(const struct arena_map *map, size_t start)
{
	madvise(map->base + start, map->size - start,
		map->cfg.want_base_pages ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
}

/* Put ordinary memory in the place of hugetlb pages, from the untouched on. */
static bool hugetlb_abandon(struct arena_map *map)
{
	size_t start = map->ready;
	void *p;

	p = mmap(map->base + start, map->mapping_size - start,
		 PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0);
	if (p == MAP_FAILED)
		return false;
	map->hugetlb_page = 0;
	map->ready = map->size;
	advise(map, start);
	arena_map_bind(map, start);
	return true;
}

static bool hugetlb_populate(struct arena_map *map, size_t end)
{
	size_t stop = align_up(end, map->hugetlb_page);

	if (madvise(map->base + map->ready, stop - map->ready,
		    MADV_POPULATE_WRITE))
		return false;
	map->ready = stop;
	return true;
}

/* Without MAP_NORESERVE this fails unless the pool holds the whole range. */
static bool map_hugetlb(struct arena_map *map)
{
	size_t page = hugetlb_page();
	size_t size;
	char *p;

	if (!page || map->cfg.want_base_pages)
		return false;
	size = align_up(map->size, page);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		return false;
	map->base = map->mapping = p;
	map->mapping_size = size;
	map->hugetlb_page = page;
	map->ready = 0;
	arena_map_bind(map, 0);
	if (hugetlb_populate(map, 1))
		return true;
	munmap(p, size);
	map->hugetlb_page = 0;
	return false;
}

/*
 * A guard on both sides keeps the kernel from merging the range with another
 * arena's, which would blur what smaps tells, and catches an overrun.
 */
static int map_ordinary(struct arena_map *map, struct iopt_err *err)
{
	size_t guard = host_page_bytes(map->cfg.host_page);
	size_t align = thp_page();
	size_t total = map->size + align + 2 * guard;
	char text[SIZE_TEXT_MAX];
	char *p;

	p = mmap(NULL, total, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return iopt_err_set(err, -ENOMEM,
				    "arena: no address space for %s",
				    size_format(map->size, text));
	map->mapping = p;
	map->mapping_size = total;
	map->base = (char *)align_up((uintptr_t)p + guard, align);
	map->ready = map->size;
	if (mprotect(map->base, map->size, PROT_READ | PROT_WRITE)) {
		munmap(p, total);
		return iopt_err_set(err, -ENOMEM,
				    "arena: %s is more than the system "
				    "commits; vm.overcommit_memory=2 forbids "
				    "it, or a limit on address space does",
				    size_format(map->size, text));
	}
	advise(map, 0);
	arena_map_bind(map, 0);
	return 0;
}

int arena_map_create(const struct arena_cfg *cfg, struct arena_map *map,
		     struct iopt_err *err)
{
	*map = (struct arena_map){ .size = cfg->size, .cfg = *cfg };
	if (map_hugetlb(map))
		return 0;
	return map_ordinary(map, err);
}

bool arena_map_extend(struct arena_map *map, size_t end)
{
	if (end <= map->ready)
		return true;
	return hugetlb_populate(map, end) || hugetlb_abandon(map);
}

void arena_map_destroy(struct arena_map *map)
{
	munmap(map->mapping, map->mapping_size);
}

enum arena_backing arena_map_backing(const struct arena_map *map)
{
	uintptr_t base = (uintptr_t)map->base;
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long long start, end, kib;
	u64 thp = 0, hugetlb = 0, rss = 0;
	bool is_inside = false;
	char line[512];

	if (!f)
		return ARENA_PAGES;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx ", &start, &end) == 2)
			is_inside = start < base + map->size && end > base;
		else if (!is_inside)
			continue;
		else if (sscanf(line, "Rss: %llu", &kib) == 1)
			rss += kib;
		else if (sscanf(line, "AnonHugePages: %llu", &kib) == 1)
			thp += kib;
		else if (sscanf(line, "Private_Hugetlb: %llu", &kib) == 1)
			hugetlb += kib;
	}
	fclose(f);
	if (hugetlb > rss)
		return ARENA_HUGETLB;
	return thp && thp * 2 >= rss ? ARENA_THP : ARENA_PAGES;
}
