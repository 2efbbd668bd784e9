// SPDX-License-Identifier: GPL-2.0-only
/*
 * unmap_pages of the LPAE engine: clearing, and the three policies for a part
 * of a larger leaf.
 *
 * Models: arm_lpae_unmap_pages(), __arm_lpae_unmap(),
 *	arm_lpae_split_blk_unmap(), __arm_lpae_free_pgtable(); and, as policy
 *	`whole`, what the AMD and Intel drivers return for a smaller unmap.
 * Does not model: TTBR1; the text of warnings, which are counted at each hit.
 * Source: drivers/iommu/io-pgtable-arm.c of Linux 6.1 (entry by entry), 6.12
 *	(in runs) and 7.3 (no split, commit 33729a5fc0ca). The recursion there
 *	is a tail call, so a loop here.
 */
#include "lpae_table.h"

void lpae_free_tables(const struct lpae *lpae, u64 *table, unsigned int level)
{
	const struct pgtable_geometry *geo = &lpae->pgt.geo;
	size_t bytes = level == geo->start_level ? lpae_top_bytes(geo) :
						   lpae_granule(geo);
	const u64 *end = table + bytes / sizeof(*table);

	/* The last level holds leaves only. */
	if (level == LPAE_MAX_LEVELS - 1)
		end = table;
	for (const u64 *slot = table; slot != end; slot++) {
		u64 desc = *slot;

		if (!desc || lpae_leaf(desc, level, lpae->fmt))
			continue;
		lpae_free_tables(lpae, lpae_deref(lpae, desc), level + 1);
	}
	lpae_table_free(lpae, table, bytes);
}

LPAE_INLINE void clear_slots(const struct lpae *lpae, u64 *slot, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		slot[i] = 0;
	if (!lpae->pgt.cfg.coherent_walk && n)
		lpae_clean(slot, n);
}

LPAE_INLINE void add_page(const struct lpae *lpae, struct gather *gather,
			  u64 iova, size_t size)
{
	const struct inval_ops *tlb = lpae->pgt.cfg.tlb;

	/* Never NULL here; io_pgtable_tlb_add_page() asks each time. */
	if (tlb && tlb->add_page)
		tlb->add_page(gather, iova, size, lpae->pgt.cfg.cookie);
}

/* A cleared table entry: no walk may use it any more, then it is freed. */
LPAE_INLINE void drop_table(const struct lpae *lpae, u64 desc, u64 iova,
			    size_t size, unsigned int level)
{
	lpae->pgt.cfg.tlb->flush_walk(iova, size, lpae_granule(&lpae->pgt.geo),
				      lpae->pgt.cfg.cookie);
	lpae_free_tables(lpae, lpae_deref(lpae, desc), level + 1);
}

LPAE_INLINE size_t clear_each(struct lpae *lpae, struct gather *gather,
			      u64 iova, size_t size, unsigned int n,
			      unsigned int level, u64 *slot)
{
	unsigned int i;

	for (i = 0; i < n; i++, slot++, iova += size) {
		u64 desc = READ_ONCE(*slot);

		if (!desc) {
			lpae_warn(lpae);
			break;
		}
		clear_slots(lpae, slot, 1);
		if (!lpae_leaf(desc, level, lpae->fmt))
			drop_table(lpae, desc, iova, size, level);
		else if (!gather_is_queued(gather))
			add_page(lpae, gather, iova, size);
	}
	return i * size;
}

LPAE_INLINE size_t clear_run(struct lpae *lpae, struct gather *gather, u64 iova,
			     size_t size, unsigned int n, unsigned int level,
			     u64 *slot)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		u64 desc = READ_ONCE(slot[i]);

		if (!desc) {
			lpae_warn(lpae);
			break;
		}
		if (lpae_leaf(desc, level, lpae->fmt))
			continue;
		clear_slots(lpae, &slot[i], 1);
		drop_table(lpae, desc, iova + i * size, size, level);
	}
	clear_slots(lpae, slot, i);
	if (gather && !gather_is_queued(gather))
		for (unsigned int j = 0; j < i; j++)
			add_page(lpae, gather, iova + j * size, size);
	return i * size;
}

void lpae_replace_table_each(struct lpae *lpae, u64 *slot, u64 iova,
			     unsigned int level)
{
	clear_each(lpae, NULL, iova, lpae_block_size(&lpae->pgt.geo, level), 1,
		   level, slot);
}

void lpae_replace_table_run(struct lpae *lpae, u64 *slot, u64 iova,
			    unsigned int level)
{
	clear_run(lpae, NULL, iova, lpae_block_size(&lpae->pgt.geo, level), 1,
		  level, slot);
}

/**
 * struct part - The part of a block that is to be unmapped.
 * @iova: where, in bytes
 * @size: page size in bytes
 * @count: pages, as many as the caller asked for
 */
struct part {
	u64 iova;
	size_t size;
	size_t count;
};

/* Leaves of @level for what @block mapped, but for @n entries from @first on */
LPAE_INLINE void split_fill(const struct lpae *lpae, u64 *table, u64 block,
			    unsigned int level, int first, int n)
{
	int entries = 1 << lpae->pgt.geo.bits_per_level;
	u64 size = lpae_block_size(&lpae->pgt.geo, level);
	u64 paddr = lpae_desc_paddr(&lpae->pgt.geo, block);
	u64 attrs = block & LPAE_ATTR_MASK;

	for (int i = 0; i < entries; i++, paddr += size) {
		if (i >= first && i < first + n)
			continue;
		lpae_leaf_write(lpae, &table[i], 1, paddr, attrs, level);
	}
}

/*
 * Put a table of leaves of @level in the place of a block. Sets *@next to the
 * table in which the unmap goes on, or to NULL when it is over.
 */
static size_t split(struct lpae *lpae, struct gather *gather, struct part part,
		    u64 block, unsigned int level, u64 *slot, u64 **next)
{
	const struct pgtable_geometry *geo = &lpae->pgt.geo;
	unsigned int first = 0, n = 0;
	u64 *table;
	u64 old;

	*next = NULL;
	if (level == LPAE_MAX_LEVELS) {
		lpae_warn(lpae);
		return 0;
	}
	table = lpae_table_alloc(lpae, lpae_granule(geo));
	if (!table)
		return 0;
	if (part.size == lpae_block_size(geo, level)) {
		first = lpae_index(geo, part.iova, level);
		n = lpae_entries_left(lpae, first);
		if (part.count < n)
			n = (unsigned int)part.count;
	}
	split_fill(lpae, table, block, level, n ? (int)first : -1, (int)n);

	old = lpae_table_install(lpae, table, slot, block);
	if (old != block) {
		lpae_table_free(lpae, table, lpae_granule(geo));
		/* Another splitter won; anything else is the caller's bug. */
		if ((old & LPAE_TYPE_MASK) == LPAE_TYPE_TABLE)
			*next = lpae_deref(lpae, old);
		return 0;
	}
	if (!n) {
		*next = table;
		return 0;
	}
	for (unsigned int i = 0; i < n; i++)
		add_page(lpae, gather, part.iova + i * part.size, part.size);
	return n * part.size;
}

LPAE_INLINE size_t clear_whole(const struct lpae *lpae, struct gather *gather,
			       u64 iova, unsigned int level, u64 *slot)
{
	size_t size = lpae_block_size(&lpae->pgt.geo, level);

	clear_slots(lpae, slot, 1);
	if (gather && !gather_is_queued(gather))
		add_page(lpae, gather, align_down(iova, size), size);
	return size;
}

LPAE_INLINE size_t unmap_pages(struct pgtable *pgt, u64 iova, size_t pgsize,
			       size_t pgcount, struct gather *gather,
			       enum pgtable_policy policy,
			       enum pgtable_clear clear)
{
	const struct pgtable_geometry *geo = &pgt->geo;
	struct lpae *lpae = to_lpae(pgt);
	unsigned int level = geo->start_level;
	u64 *table = pgt->root;

	if (!pgsize || (pgsize & geo->pgsizes) != pgsize || !pgcount ||
	    iova >> pgt->cfg.ias) {
		lpae_warn(lpae);
		return 0;
	}
	for (; level < LPAE_MAX_LEVELS; level++) {
		unsigned int index = lpae_index(geo, iova, level);
		u64 *slot = table + index;
		u64 desc = READ_ONCE(*slot);

		if (!desc)
			break;
		if (pgsize == lpae_block_size(geo, level)) {
			unsigned int n = lpae_entries_left(lpae, index);

			if (pgcount < n)
				n = (unsigned int)pgcount;
			if (clear == PGTABLE_CLEAR_EACH)
				return clear_each(lpae, gather, iova, pgsize, n,
						  level, slot);
			return clear_run(lpae, gather, iova, pgsize, n, level,
					 slot);
		}
		if (!lpae_leaf(desc, level, lpae->fmt)) {
			table = lpae_deref(lpae, desc);
			continue;
		}
		if (policy == PGTABLE_WHOLE)
			return clear_whole(lpae, gather, iova, level, slot);
		if (policy == PGTABLE_SPLIT) {
			struct part part = { iova, pgsize, pgcount };
			size_t done = split(lpae, gather, part, desc, level + 1,
					    slot, &table);

			if (!table)
				return done;
			continue;
		}
		break;
	}
	lpae_warn(lpae);
	return 0;
}

#define UNMAP_PAGES(name, policy, clear)                                       \
	static size_t name(struct pgtable *pgt, u64 iova, size_t pgsize,       \
			   size_t pgcount, struct gather *gather)              \
	{                                                                      \
		return unmap_pages(pgt, iova, pgsize, pgcount, gather, policy, \
				   clear);                                     \
	}

UNMAP_PAGES(split_each, PGTABLE_SPLIT, PGTABLE_CLEAR_EACH)
UNMAP_PAGES(split_run, PGTABLE_SPLIT, PGTABLE_CLEAR_RUN)
UNMAP_PAGES(nosplit_each, PGTABLE_NOSPLIT, PGTABLE_CLEAR_EACH)
UNMAP_PAGES(nosplit_run, PGTABLE_NOSPLIT, PGTABLE_CLEAR_RUN)
UNMAP_PAGES(whole_each, PGTABLE_WHOLE, PGTABLE_CLEAR_EACH)
UNMAP_PAGES(whole_run, PGTABLE_WHOLE, PGTABLE_CLEAR_RUN)

lpae_unmap_fn *const lpae_unmap_pages[3][2] = {
	[PGTABLE_SPLIT] = { split_each, split_run },
	[PGTABLE_NOSPLIT] = { nosplit_each, nosplit_run },
	[PGTABLE_WHOLE] = { whole_each, whole_run },
};
