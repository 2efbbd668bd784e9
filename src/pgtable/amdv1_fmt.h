/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bits of AMD's version 1 I/O page tables (host translation), and the
 * arithmetic of levels and of replicated entries.
 *
 * Levels are counted as AMD does: 0 has pages of 4K, each above covers 512
 * times as much; struct pgtable_leaf and the walker of the hardware count as
 * Arm does, from 3 down. A mode is the number of levels below an entry.
 *
 * Models: table entries, leaves of a level's own size (next level 0), and
 *	leaves of any power of two between (next level 7): 2 to 256 equal
 *	entries whose address bits say the size.
 * Does not model: entries that skip levels, which Linux never makes; the
 *	dirty and accessed bits; memory encryption (the C bit).
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification, 48882, 2.2.3
 *	"I/O Page Tables for Host Translations";
 *	drivers/iommu/amd/amd_iommu_types.h of Linux 6.12.
 */
#ifndef IOPT_AMDV1_FMT_H
#define IOPT_AMDV1_FMT_H

#include "lg2.h"
#include "types.h"

#define AMDV1_LG2_PAGE	 12
#define AMDV1_LG2_TABLE	 9 /* entries */
#define AMDV1_PAGE	 (1ull << AMDV1_LG2_PAGE)
#define AMDV1_NR_ENTRIES (1u << AMDV1_LG2_TABLE)

/* Levels of an empty table, and of one for 48 bits of input address. */
#define AMDV1_MIN_MODE 3
#define AMDV1_MAX_MODE 4
#define AMDV1_OAS      52

#define AMDV1_PR	 (1ull << 0)
#define AMDV1_NEXT_SHIFT 9
#define AMDV1_NEXT_MASK	 0x7ull
#define AMDV1_ADDR_MASK	 0x000ffffffffff000ull /* 51:12 */
#define AMDV1_FC	 (1ull << 60)
#define AMDV1_IR	 (1ull << 61)
#define AMDV1_IW	 (1ull << 62)

/* Values of the next level that are no level. */
#define AMDV1_NEXT_LEAF	 0
#define AMDV1_NEXT_LARGE 7 /* a replicated leaf */

/* 512G pages do not work in hardware. */
#define AMDV1_NO_512G (1ull << 39)

/**
 * amdv1_shift() - lg2 of the bytes that one entry of a level covers.
 * @level: 0 to 3
 */
static inline unsigned int amdv1_shift(unsigned int level)
{
	return AMDV1_LG2_PAGE + level * AMDV1_LG2_TABLE;
}

/**
 * amdv1_last() - The last address that so many levels translate.
 * @mode: 3 or 4
 */
static inline u64 amdv1_last(unsigned int mode)
{
	return (1ull << amdv1_shift(mode)) - 1;
}

/**
 * amdv1_index() - Index of an address in the table of a level.
 * @iova: input address
 * @level: 0 to 3
 */
static inline unsigned int amdv1_index(u64 iova, unsigned int level)
{
	return (unsigned int)(iova >> amdv1_shift(level)) &
	       (AMDV1_NR_ENTRIES - 1);
}

/**
 * amdv1_is_present() - Is there anything in an entry?
 * @pte: entry
 */
static inline bool amdv1_is_present(u64 pte)
{
	return pte & AMDV1_PR;
}

/**
 * amdv1_next() - The next level of an entry: 0, a mode, or 7.
 * @pte: entry
 */
static inline unsigned int amdv1_next(u64 pte)
{
	return (unsigned int)(pte >> AMDV1_NEXT_SHIFT & AMDV1_NEXT_MASK);
}

/**
 * amdv1_is_leaf() - Does a present entry end the walk, above level 0?
 * @pte: entry
 */
static inline bool amdv1_is_leaf(u64 pte)
{
	unsigned int next = amdv1_next(pte);

	return next == AMDV1_NEXT_LEAF || next == AMDV1_NEXT_LARGE;
}

/**
 * amdv1_table_pte() - The entry that points to a table.
 * @paddr: of the table
 * @mode: levels from the table on, its own with them
 */
static inline u64 amdv1_table_pte(u64 paddr, unsigned int mode)
{
	return paddr | (u64)mode << AMDV1_NEXT_SHIFT | AMDV1_PR | AMDV1_IR |
	       AMDV1_IW;
}

/**
 * amdv1_size_level() - Level of the entries of a leaf.
 * @size: a power of two in bytes, not below 4K
 */
static inline unsigned int amdv1_size_level(u64 size)
{
	return (lg2_low(size) - AMDV1_LG2_PAGE) / AMDV1_LG2_TABLE;
}

/**
 * amdv1_size_count() - Equal entries that a leaf takes: 1 to 256.
 * @size: a power of two in bytes, not below 4K
 */
static inline unsigned int amdv1_size_count(u64 size)
{
	return 1u << (lg2_low(size) - AMDV1_LG2_PAGE) % AMDV1_LG2_TABLE;
}

/**
 * amdv1_large_pte() - Address and size of a replicated leaf, as one entry.
 * @paddr: output address, a multiple of @size
 * @size: a power of two in bytes that no level has
 *
 * The bits below the size's own are set, but for the highest of them: the
 * lowest 0 from bit 12 on tells the size.
 */
static inline u64 amdv1_large_pte(u64 paddr, u64 size)
{
	return ((paddr | (size - 1)) & ~(size >> 1) & AMDV1_ADDR_MASK) |
	       (u64)AMDV1_NEXT_LARGE << AMDV1_NEXT_SHIFT;
}

/**
 * amdv1_large_size() - Bytes of a replicated leaf.
 * @pte: one of its entries
 */
static inline u64 amdv1_large_size(u64 pte)
{
	return 2ull << lg2_low(~(pte | (AMDV1_PAGE - 1)));
}

#endif
