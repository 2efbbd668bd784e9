/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bits of the VMSAv8-64 (LPAE) descriptors, and the arithmetic of levels.
 *
 * Models: block, page and table descriptors of stage 1 and stage 2 with a 4K,
 *	16K or 64K granule, 52-bit output addresses of the 64K granule, and the
 *	software bit of non-coherent walkers.
 * Does not model: hierarchical attributes, contiguous hint, FEAT_LPA2.
 * Source: Arm ARM DDI 0487, D8.3 "Translation table descriptor formats";
 *	drivers/iommu/io-pgtable-arm.c (software bit, memory attributes).
 */
#ifndef IOPT_LPAE_FMT_H
#define IOPT_LPAE_FMT_H

#include "lg2.h"
#include "pgtable.h"
#include "types.h"

#define LPAE_MAX_LEVELS 4
#define LPAE_LG2_DESC	3 /* a descriptor is 8 bytes */

#define LPAE_TYPE_MASK	0x3ull
#define LPAE_TYPE_BLOCK 0x1ull
#define LPAE_TYPE_TABLE 0x3ull
#define LPAE_TYPE_PAGE	0x3ull /* at level 3 */
#define LPAE_VALID	0x1ull

#define LPAE_ADDR_MASK 0x0000fffffffff000ull /* 47:12 */

#define LPAE_AF	     (1ull << 10)
#define LPAE_SH_OS   (2ull << 8)
#define LPAE_SH_IS   (3ull << 8)
#define LPAE_DBM     (1ull << 51)
#define LPAE_XN	     (3ull << 53)
#define LPAE_SW_SYNC (1ull << 55)

#define LPAE_S1_AP_UNPRIV  (1ull << 6)
#define LPAE_S1_AP_RDONLY  (1ull << 7)
#define LPAE_S1_NG	   (1ull << 11)
#define LPAE_S1_ATTR_CACHE (1ull << 2) /* AttrIndx 1 */
#define LPAE_S1_ATTR_DEV   (2ull << 2) /* AttrIndx 2 */

#define LPAE_S2_HAP_READ    (1ull << 6)
#define LPAE_S2_HAP_WRITE   (2ull << 6)
#define LPAE_S2_MEMATTR_WB  (0xfull << 2)
#define LPAE_S2_MEMATTR_NC  (0x5ull << 2)
#define LPAE_S2_MEMATTR_DEV (0x1ull << 2)

/* What a leaf made by a split keeps of the block: low and high attributes. */
#define LPAE_ATTR_MASK ((0x3ffull << 2) | LPAE_XN | LPAE_DBM)

/**
 * lpae_level_shift() - lg2 of the bytes that one entry of a level covers.
 * @geo: shape of the table
 * @level: 0 to 3
 */
static inline unsigned int lpae_level_shift(const struct pgtable_geometry *geo,
					    unsigned int level)
{
	return (LPAE_MAX_LEVELS - level) * geo->bits_per_level + LPAE_LG2_DESC;
}

/**
 * lpae_block_size() - Bytes that one entry of a level covers.
 * @geo: shape of the table
 * @level: 0 to 3
 */
static inline u64 lpae_block_size(const struct pgtable_geometry *geo,
				  unsigned int level)
{
	return 1ull << lpae_level_shift(geo, level);
}

/**
 * lpae_granule() - Bytes of the smallest page and of a table below the top.
 * @geo: shape of the table
 */
static inline size_t lpae_granule(const struct pgtable_geometry *geo)
{
	return (size_t)1 << (geo->bits_per_level + LPAE_LG2_DESC);
}

/**
 * lpae_top_bytes() - Bytes of the top table, concatenated tables included.
 * @geo: shape of the table
 */
static inline size_t lpae_top_bytes(const struct pgtable_geometry *geo)
{
	return (size_t)1 << (geo->top_bits + LPAE_LG2_DESC);
}

/**
 * lpae_table_bits() - Index bits of the tables of a level.
 * @geo: shape of the table
 * @level: @geo->start_level to 3
 */
static inline unsigned int lpae_table_bits(const struct pgtable_geometry *geo,
					   unsigned int level)
{
	return level == geo->start_level ? geo->top_bits : geo->bits_per_level;
}

/**
 * lpae_index() - Index of an address in the table of a level.
 * @geo: shape of the table
 * @iova: input address
 * @level: @geo->start_level to 3
 */
static inline unsigned int lpae_index(const struct pgtable_geometry *geo,
				      u64 iova, unsigned int level)
{
	return (unsigned int)(iova >> lpae_level_shift(geo, level)) &
	       ((1u << lpae_table_bits(geo, level)) - 1);
}

/**
 * lpae_is_table() - Does a descriptor point to a table?
 * @desc: descriptor
 * @level: level of its table
 */
static inline bool lpae_is_table(u64 desc, unsigned int level)
{
	return level != LPAE_MAX_LEVELS - 1 &&
	       (desc & LPAE_TYPE_MASK) == LPAE_TYPE_TABLE;
}

/**
 * lpae_desc_addr() - Address bits of a descriptor for an output address.
 * @paddr: below 2^52, aligned to the granule; above 2^48 only with 64K
 *
 * With 64K bits 51:48 go to 15:12; of the bits that overlap one side is
 * always 0.
 */
static inline u64 lpae_desc_addr(u64 paddr)
{
	return (paddr | (paddr >> (48 - 12))) & LPAE_ADDR_MASK;
}

/**
 * lpae_desc_paddr() - Output address of a descriptor.
 * @geo: shape of the table
 * @desc: block, page or table descriptor
 */
static inline u64 lpae_desc_paddr(const struct pgtable_geometry *geo, u64 desc)
{
	u64 paddr = desc & LPAE_ADDR_MASK;

	if (lpae_granule(geo) < 0x10000)
		return paddr;
	return (paddr | (paddr << (48 - 12))) & (LPAE_ADDR_MASK << 4);
}

IOPT_BEGIN_DECLS

/**
 * lpae_geometry() - Shape of a table for a configuration.
 * @cfg: only stage, granule, ias, oas and params.concat are read
 * @geo: set to the shape; untouched on failure
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when the architecture has no such table.
 *
 * Source: arm_lpae_restrict_pgsizes(), arm_lpae_alloc_pgtable(),
 * arm_64_lpae_alloc_pgtable_s2() and, for PGTABLE_CONCAT_NEW,
 * arm_lpae_concat_mandatory(); Arm ARM R_DXBSH, R_SRKBC.
 */
int lpae_geometry(const struct pgtable_cfg *cfg, struct pgtable_geometry *geo,
		  struct iopt_err *err);

IOPT_END_DECLS

#endif
