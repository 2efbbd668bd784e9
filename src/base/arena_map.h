/* SPDX-License-Identifier: GPL-2.0-only */
/* The address range under an arena, and what backs it; private to the arena. */
#ifndef IOPT_ARENA_MAP_H
#define IOPT_ARENA_MAP_H

#include "arena.h"

/**
 * struct arena_map - An address range; the arena owns it.
 * @base: first byte, aligned to 2M and to the page that THP gives
 * @size: bytes that may be used
 * @mapping: first byte of what was mapped, guards included
 * @mapping_size: bytes that were mapped
 * @hugetlb_page: size of a huge page while new memory is taken from the
 *	hugetlb pool, else 0
 * @ready: bytes from @base on that can be touched with no SIGBUS
 * @cfg: whose bind hook is called
 */
struct arena_map {
	char *base;
	size_t size;
	char *mapping;
	size_t mapping_size;
	size_t hugetlb_page;
	size_t ready;
	struct arena_cfg cfg;
};

IOPT_BEGIN_DECLS

/**
 * arena_map_create() - Map a range: hugetlb, else THP, else base pages.
 * @cfg: configuration with @size a multiple of 2M; copied
 * @map: set up
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0; -ENOMEM when the address space is not to be had.
 */
int arena_map_create(const struct arena_cfg *cfg, struct arena_map *map,
		     struct iopt_err *err);

/**
 * arena_map_bind() - Hand a range to the hook that binds it.
 * @map: map
 * @start: bytes from the start, whole pages of what backs it
 *
 * The range ends where a page of its backing does: a hugetlb page of 32M or
 * 512M, as hosts with larger pages have them, reaches beyond the arena, and
 * mbind(2) refuses a part of one.
 */
void arena_map_bind(const struct arena_map *map, size_t start);

/**
 * arena_map_extend() - Make sure that bytes up to @end can be touched.
 * @map: map
 * @end: bytes from the start, at most its size
 *
 * A hugetlb page is reserved when it is mapped, and still a fault on it kills
 * the process when its cgroup or memory policy has none left. So pages are
 * taken by a call that can fail, and the rest becomes ordinary memory then.
 *
 * Cost: nothing but a compare, unless @end reaches a new hugetlb page.
 *
 * Return: whether they can.
 */
bool arena_map_extend(struct arena_map *map, size_t end);

/**
 * arena_map_destroy() - Unmap.
 * @map: map
 */
void arena_map_destroy(struct arena_map *map);

/**
 * arena_map_backing() - What most of the touched part is, from smaps.
 * @map: map
 */
enum arena_backing arena_map_backing(const struct arena_map *map);

IOPT_END_DECLS

#endif
