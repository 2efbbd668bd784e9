/* SPDX-License-Identifier: GPL-2.0-only */
/* The page size of this host's kernel: asked for here and nowhere else. */
#ifndef IOPT_HOST_PAGE_H
#define IOPT_HOST_PAGE_H

#include "types.h"

IOPT_BEGIN_DECLS

/**
 * host_page_bytes() - Page size of the host.
 * @instead: what a configuration says in its place, in bytes, so that a kernel
 *	with other pages can be tried on any machine; 0 asks the system
 *
 * Return: bytes: 4K, 16K or 64K on arm64.
 */
size_t host_page_bytes(size_t instead);

IOPT_END_DECLS

#endif
