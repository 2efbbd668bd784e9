// SPDX-License-Identifier: GPL-2.0-only
/* The page size of this host's kernel. */
#include "host_page.h"

#include <unistd.h>

size_t host_page_bytes(size_t instead)
{
	return instead ? instead : (size_t)sysconf(_SC_PAGESIZE);
}
