// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counting accesses to an arena.
 *
 * State is per thread and outside any argument, because a compiler's callback
 * passes nothing but an address.
 */
#include "pte_count.h"

static _Thread_local struct pte_count *active;
static _Thread_local const struct arena *active_arena;

void pte_count_start(struct pte_count *count, const struct arena *arena)
{
	*count = (struct pte_count){ 0 };
	active = count;
	active_arena = arena;
}

void pte_count_stop(void)
{
	active = NULL;
}

void pte_count_write(const volatile void *p, size_t bytes)
{
	if (active && arena_owns(active_arena, (const void *)p))
		active->writes += (bytes + 7) / 8;
}

void pte_count_read(const volatile void *p, size_t bytes)
{
	if (active && arena_owns(active_arena, (const void *)p))
		active->reads += (bytes + 7) / 8;
}
