// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of short descriptors that a Linux tree's own code makes.
 *
 * Models: see kernel.h; struct io_pgtable_ops of io-pgtable-arm-v7s.c, as the
 *	drivers of 32-bit IOMMUs call it.
 * Does not model: MediaTek's extension to 35 bits.
 * Source: drivers/iommu/io-pgtable-arm-v7s.c; Arm ARM DDI 0406, B3.5
 *	"Short-descriptor translation table format" (leaf_walk).
 */
#include "kernel_engine.h"

#include <errno.h>
#include <stdlib.h>

#include "barrier.h"
#include "kernel_table.h"
#include "sizes.h"

#define ADDR_BITS   32
#define NR_COPIES   16 /* entries of a large page or a supersection */
#define LG2_SECTION 20
#define LG2_PAGE    12
#define PAGES_OF_1M 256u

/* First level: what an entry is, and the addresses in it. */
#define TYPE_MASK    0x3u
#define TYPE_TABLE   0x1u
#define TYPE_SECTION 0x2u
#define SUPERSECTION (1u << 18)
#define TABLE_MASK   0xfffffc00u

/* Second level: bit 1 is a page of 4K, bit 0 alone one of 64K. */
#define SMALL_PAGE 0x2u

static void leaf_set(struct pgtable_leaf *leaf, u64 iova, u32 desc, u64 size,
		     unsigned int level)
{
	*leaf = (struct pgtable_leaf){
		.iova = iova & ~(size - 1),
		.paddr = desc & ~(size - 1),
		.size = size,
		.level = level,
	};
}

/* The first page at or behind @iova in a table of pages; -ENOENT for none. */
static int page_walk(const u32 *pages, u64 iova, struct pgtable_leaf *leaf)
{
	for (u64 i = iova >> LG2_PAGE & (PAGES_OF_1M - 1); i < PAGES_OF_1M;
	     i++) {
		u32 desc = READ_ONCE(pages[i]);
		u64 at = (iova >> LG2_SECTION << LG2_SECTION) | i << LG2_PAGE;

		if (!(desc & TYPE_MASK))
			continue;
		leaf_set(leaf, at, desc,
			 desc & SMALL_PAGE ? SZ_4K : NR_COPIES * SZ_4K, 2);
		return 0;
	}
	return -ENOENT;
}

static int v7s_leaf_walk(struct pgtable *pgt, u64 iova,
			 struct pgtable_leaf *leaf)
{
	const u32 *sections = (const u32 *)pgt->root;
	const u64 pa_offset = arena_pa_offset(pgt->cfg.arena);

	for (; !(iova >> ADDR_BITS);
	     iova = ((iova >> LG2_SECTION) + 1) << LG2_SECTION) {
		u32 desc = READ_ONCE(sections[iova >> LG2_SECTION]);
		const u32 *pages =
			(const u32 *)(uintptr_t)((desc & TABLE_MASK) -
						 pa_offset);

		switch (desc & TYPE_MASK) {
		case TYPE_TABLE:
			if (!page_walk(pages, iova, leaf))
				return 0;
			break;
		case TYPE_SECTION:
			leaf_set(leaf, iova, desc,
				 desc & SUPERSECTION ? NR_COPIES * SZ_1M :
						       SZ_1M,
				 1);
			return 0;
		default:
			break;
		}
	}
	return -ENOENT;
}

static int check(const struct pgtable_cfg *cfg, struct iopt_err *err)
{
	struct arena *arena = cfg->arena;
	u64 end = (u64)(uintptr_t)arena_base(arena) + arena_size(arena) +
		  arena_pa_offset(arena);

	if (cfg->stage != 1 || cfg->granule != SZ_4K || cfg->ias != ADDR_BITS ||
	    cfg->oas != ADDR_BITS)
		return iopt_err_set(err, -EINVAL,
				    "short descriptors: stage %u, granule %zu, "
				    "ias %u, oas %u; there are only stage 1, "
				    "4096, 32 and 32",
				    cfg->stage, cfg->granule, cfg->ias,
				    cfg->oas);
	if (end > 1ull << ADDR_BITS)
		return iopt_err_set(err, -EINVAL,
				    "short descriptors: the arena ends at "
				    "%#llx, tables must lie below 4G",
				    (unsigned long long)end);
	return 0;
}

int kernel_v7s_create(const struct kmodule *module,
		      const struct pgtable_cfg *cfg, struct pgtable **out,
		      struct iopt_err *err)
{
	const struct kernel_table_cfg table = {
		.fmt = KMODULE_V7S,
		.pgsizes =
			SZ_4K | NR_COPIES * SZ_4K | SZ_1M | NR_COPIES * SZ_1M,
		.format = PGTABLE_V7S,
		.leaf_walk = v7s_leaf_walk,
	};
	int ret = check(cfg, err);

	return ret ? ret : kernel_table_create(module, cfg, &table, out, err);
}
