// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries of AMD's version 1 tables, as the walker takes them apart.
 *
 * Models: the next level field: a table, a page of the level's own size, or one
 *	of any power of two in between, whose size lies in its address bits;
 *	IR and IW.
 * Does not model: entries that skip levels, and table entries that take a
 *	permission away: Linux makes neither, so both are faults here; 512G
 *	pages, which do not work in hardware; dirty and accessed bits.
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification, 48882, 2.2.3
 *	"I/O Page Tables for Host Translations".
 */
#include "walker.h"

#include "amdv1_fmt.h"

#define LG2_512G 39

static struct walk_desc none(enum walk_fault fault)
{
	return (struct walk_desc){ .kind = WALK_NONE, .fault = fault };
}

static struct walk_desc table_desc(u64 desc, unsigned int lg2_size)
{
	if ((desc & (AMDV1_IR | AMDV1_IW)) != (AMDV1_IR | AMDV1_IW))
		return none(WALK_PERMISSION);
	return (struct walk_desc){
		.kind = WALK_TABLE,
		.lg2_size = (u8)lg2_size,
		.paddr = desc & AMDV1_ADDR_MASK,
	};
}

/* @lg2_size is that of one entry; a page may be up to 256 of them. */
static struct walk_desc leaf_desc(u64 desc, unsigned int lg2_size)
{
	struct walk_desc d = { .kind = WALK_LEAF, .attrs = desc & AMDV1_FC };
	unsigned int lg2_entry = lg2_size;

	if (amdv1_next(desc) == AMDV1_NEXT_LARGE) {
		lg2_size = lg2_floor(amdv1_large_size(desc));
		if (lg2_size <= lg2_entry ||
		    lg2_size > lg2_entry + WALK_AMDV1_LG2_COPIES)
			return none(WALK_TRANSLATION);
	}
	if (lg2_size == LG2_512G)
		return none(WALK_TRANSLATION);
	d.lg2_size = (u8)lg2_size;
	d.paddr = desc & AMDV1_ADDR_MASK & ~lg2_mask(lg2_size);
	if (desc & AMDV1_IR)
		d.prot |= IOMMU_READ;
	if (desc & AMDV1_IW)
		d.prot |= IOMMU_WRITE;
	return d;
}

struct walk_desc walk_decode_amdv1(const struct walk_table *table, u64 desc,
				   unsigned int level)
{
	unsigned int lg2_size = walk_shift(table, level);
	unsigned int next = amdv1_next(desc);
	struct walk_desc d;

	if (!amdv1_is_present(desc))
		return none(WALK_TRANSLATION);
	if (amdv1_is_leaf(desc))
		d = leaf_desc(desc, lg2_size);
	else if (next == WALK_NR_LEVELS - 1 - level)
		d = table_desc(desc, lg2_size);
	else
		return none(WALK_TRANSLATION);
	if (d.kind != WALK_NONE && d.paddr >> table->oas)
		return none(WALK_ADDRESS_SIZE);
	return d;
}
