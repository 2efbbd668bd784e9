/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers of the LPAE engine: tables, their installation, cleaning, warnings.
 *
 * Models: __arm_lpae_alloc_pages(), __arm_lpae_free_pages(),
 *	__arm_lpae_sync_pte(), arm_lpae_install_table(), WARN_ON() as a count.
 * Does not model: DMA mappings that do not equal the physical address.
 * Source: drivers/iommu/io-pgtable-arm.c of Linux 6.12.
 */
#ifndef IOPT_LPAE_TABLE_H
#define IOPT_LPAE_TABLE_H

#include "barrier.h"
#include "lpae_fmt.h"

#define LPAE_INLINE static inline __attribute__((always_inline))

/*
 * The counted engine is the same source, compiled a second time for each
 * access to be reported; its external names must differ.
 */
#ifdef PGTABLE_COUNTED
#define lpae_create		  lpae_counted_create
#define lpae_free_tables	  lpae_counted_free_tables
#define lpae_replace_table_each	  lpae_counted_replace_table_each
#define lpae_replace_table_run	  lpae_counted_replace_table_run
#define lpae_map_pages_each	  lpae_counted_map_pages_each
#define lpae_map_pages_run	  lpae_counted_map_pages_run
#define lpae_unmap_pages	  lpae_counted_unmap_pages
#define lpae_walk_visit		  lpae_counted_walk_visit
#define lpae_iova_to_phys_loop	  lpae_counted_iova_to_phys_loop
#define lpae_iova_to_phys_visitor lpae_counted_iova_to_phys_visitor
#define lpae_iova_to_phys_unfixed lpae_counted_iova_to_phys_unfixed
#define lpae_leaf_walk		  lpae_counted_leaf_walk
#endif

/*
 * Formats that the kernel's engine tells apart. Nothing here makes a table of
 * the last one, whose leaves at the last level are blocks; but the kernel asks
 * for it at every entry, and its stores keep a compiler from asking once: a
 * split that does not ask takes half the time.
 */
enum lpae_fmt {
	LPAE_FMT_S1,
	LPAE_FMT_S2,
	LPAE_FMT_MALI,
};

/**
 * struct lpae - A table of the LPAE engine.
 * @pgt: what all engines have; first, so that one is cast into the other
 * @fmt: format
 * @pa_offset: physical minus virtual address of the arena
 */
struct lpae {
	struct pgtable pgt;
	enum lpae_fmt fmt;
	u64 pa_offset;
};

/**
 * to_lpae() - The LPAE table behind a table.
 * @pgt: made by lpae_create()
 */
LPAE_INLINE struct lpae *to_lpae(struct pgtable *pgt)
{
	return (struct lpae *)pgt;
}

/**
 * lpae_warn() - Count a warning; never on a path that succeeds.
 * @lpae: table
 */
static __attribute__((cold, noinline, unused)) void lpae_warn(struct lpae *lpae)
{
	__atomic_fetch_add(&lpae->pgt.nr_warnings, 1, __ATOMIC_RELAXED);
}

/**
 * lpae_leaf() - Is a descriptor a leaf, in this format?
 * @desc: descriptor
 * @level: level of its table
 * @fmt: format, by value as iopte_leaf() takes it: loaded whether it is
 *	needed or not
 *
 * Source: iopte_leaf().
 */
static inline bool lpae_leaf(u64 desc, unsigned int level, enum lpae_fmt fmt)
{
	u64 type = LPAE_TYPE_BLOCK;

	if (level == LPAE_MAX_LEVELS - 1 && fmt != LPAE_FMT_MALI)
		type = LPAE_TYPE_PAGE;
	return (desc & LPAE_TYPE_MASK) == type;
}

/**
 * lpae_deref() - The next table that a table descriptor points to.
 * @lpae: table
 * @desc: table descriptor
 */
LPAE_INLINE u64 *lpae_deref(const struct lpae *lpae, u64 desc)
{
	return (u64 *)(uintptr_t)(lpae_desc_paddr(&lpae->pgt.geo, desc) -
				  lpae->pa_offset);
}

/**
 * lpae_entries_left() - Entries of one table from an index on.
 * @lpae: table
 * @index: index, which may point into concatenated top tables
 */
LPAE_INLINE unsigned int lpae_entries_left(const struct lpae *lpae,
					   unsigned int index)
{
	unsigned int n = 1u << lpae->pgt.geo.bits_per_level;

	return n - (index & (n - 1));
}

/**
 * lpae_clean() - Clean descriptors for a walker that does not snoop.
 * @slot: first descriptor
 * @n: how many
 */
LPAE_INLINE void lpae_clean(const u64 *slot, unsigned int n)
{
	cache_clean(slot, n * sizeof(*slot));
}

/**
 * lpae_table_alloc() - Allocate a zeroed table, cleaned for the walker.
 * @lpae: table
 * @bytes: size of the table
 *
 * Return: the table, owned by the caller; NULL when there is no memory.
 */
static inline u64 *lpae_table_alloc(const struct lpae *lpae, size_t bytes)
{
	u64 *table = (u64 *)arena_alloc(lpae->pgt.cfg.arena, bytes);

	if (table && !lpae->pgt.cfg.coherent_walk)
		cache_clean(table, bytes);
	return table;
}

/**
 * lpae_table_free() - Free one table; nothing may point to it any more.
 * @lpae: table
 * @table: from lpae_table_alloc()
 * @bytes: its size
 */
static inline void lpae_table_free(const struct lpae *lpae, u64 *table,
				   size_t bytes)
{
	arena_free(lpae->pgt.cfg.arena, table, bytes);
}

/**
 * lpae_table_install() - Publish a table by compare-and-swap.
 * @lpae: table
 * @table: the new table, filled
 * @slot: descriptor to change
 * @curr: what @slot must hold: 0, or the block that is being split
 *
 * Shape: one store barrier, one compare-and-swap; without a coherent walker
 * one clean, and one more store by the winner, of the software bit that tells
 * others that the descriptor is clean.
 *
 * Return: what @slot held; @curr when @table is installed.
 *
 * Source: arm_lpae_install_table().
 */
static inline u64 lpae_table_install(const struct lpae *lpae, const u64 *table,
				     u64 *slot, u64 curr)
{
	u64 desc = lpae_desc_addr((uintptr_t)table + lpae->pa_offset) |
		   LPAE_TYPE_TABLE;
	u64 old;

	dma_wmb();
	old = cmpxchg64_relaxed(slot, curr, desc);
	if (lpae->pgt.cfg.coherent_walk || (old & LPAE_SW_SYNC))
		return old;
	lpae_clean(slot, 1);
	if (old == curr)
		WRITE_ONCE(*slot, desc | LPAE_SW_SYNC);
	return old;
}

/**
 * lpae_leaf_write() - Write consecutive leaves.
 * @lpae: table
 * @slot: first descriptor
 * @n: how many
 * @paddr: output address of the first, in bytes
 * @attrs: attribute bits of each
 * @level: level of their table
 *
 * Source: __arm_lpae_init_pte().
 */
LPAE_INLINE void lpae_leaf_write(const struct lpae *lpae, u64 *slot,
				 unsigned int n, u64 paddr, u64 attrs,
				 unsigned int level)
{
	u64 size = lpae_block_size(&lpae->pgt.geo, level);

	if (lpae->fmt != LPAE_FMT_MALI && level == LPAE_MAX_LEVELS - 1)
		attrs |= LPAE_TYPE_PAGE;
	else
		attrs |= LPAE_TYPE_BLOCK;
	for (unsigned int i = 0; i < n; i++)
		slot[i] = attrs | lpae_desc_addr(paddr + i * size);
	if (!lpae->pgt.cfg.coherent_walk)
		lpae_clean(slot, n);
}

/**
 * lpae_free_tables() - Free a table and all below it.
 * @lpae: table
 * @table: table of @level
 * @level: its level
 *
 * Source: __arm_lpae_free_pgtable().
 */
void lpae_free_tables(const struct lpae *lpae, u64 *table, unsigned int level);

/**
 * lpae_replace_table_each() - Clear one table entry that a leaf will replace.
 * @lpae: table
 * @slot: descriptor that points to a table
 * @iova: first address that it covers
 * @level: its level
 *
 * Tells the TLB with flush_walk(), then frees the subtree.
 *
 * Source: __arm_lpae_unmap() as arm_lpae_init_pte() calls it, without a
 * gather; Linux 6.1.
 */
void lpae_replace_table_each(struct lpae *lpae, u64 *slot, u64 iova,
			     unsigned int level);

/**
 * lpae_replace_table_run() - The same as Linux 6.12 does it: clears twice.
 * @lpae: table
 * @slot: descriptor that points to a table
 * @iova: first address that it covers
 * @level: its level
 */
void lpae_replace_table_run(struct lpae *lpae, u64 *slot, u64 iova,
			    unsigned int level);

/* The operations of struct pgtable_ops; a parameter each in their names. */
int lpae_map_pages_each(struct pgtable *pgt, u64 iova, u64 paddr, size_t pgsize,
			size_t pgcount, int prot, size_t *mapped);
int lpae_map_pages_run(struct pgtable *pgt, u64 iova, u64 paddr, size_t pgsize,
		       size_t pgcount, int prot, size_t *mapped);
u64 lpae_iova_to_phys_loop(struct pgtable *pgt, u64 iova);
u64 lpae_iova_to_phys_visitor(struct pgtable *pgt, u64 iova);
u64 lpae_iova_to_phys_unfixed(struct pgtable *pgt, u64 iova);
int lpae_leaf_walk(struct pgtable *pgt, u64 iova, struct pgtable_leaf *leaf);

typedef size_t lpae_unmap_fn(struct pgtable *pgt, u64 iova, size_t pgsize,
			     size_t pgcount, struct gather *gather);

/* unmap_pages by policy and clear parameter. */
extern lpae_unmap_fn *const lpae_unmap_pages[3][2];

/**
 * lpae_create() - An empty LPAE table; see pgtable_create().
 * @cfg: configuration
 * @out: set to the table
 * @err: gets the reason of a failure; may be NULL
 */
int lpae_create(const struct pgtable_engine *engine,
		const struct pgtable_cfg *cfg, struct pgtable **out,
		struct iopt_err *err);

#endif
