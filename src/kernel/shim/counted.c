// SPDX-License-Identifier: GPL-2.0-only
/* Where the counted twin of a module reports its accesses: to the program. */
#include "pte_count.h"

#include <linux/mm.h>

void pte_count_write(const volatile void *p, size_t bytes)
{
	if (shim_host.wrote)
		shim_host.wrote(p, bytes);
}

void pte_count_read(const volatile void *p, size_t bytes)
{
	if (shim_host.has_read)
		shim_host.has_read(p, bytes);
}
