/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of the AMD v1 engine, and the helpers of its walks.
 *
 * Models: struct amd_io_pgtable: the root and the mode, which a map may change
 *	under a sequence count; WARN_ON() and BUG_ON() as a count.
 * Does not model: the NUMA node of allocations, gfp flags.
 * Source: drivers/iommu/amd/amd_iommu_types.h and io_pgtable.c of Linux 6.12.
 */
#ifndef IOPT_AMDV1_TABLE_H
#define IOPT_AMDV1_TABLE_H

#include "amdv1_fmt.h"
#include "barrier.h"
#include "pgtable.h"

/*
 * The counted engine is the same source, compiled a second time for each
 * access to be reported; its external names must differ.
 */
#ifdef PGTABLE_COUNTED
#define amdv1_create	   amdv1_counted_create
#define amdv1_fetch_pte	   amdv1_counted_fetch_pte
#define amdv1_free_below   amdv1_counted_free_below
#define amdv1_map_pages	   amdv1_counted_map_pages
#define amdv1_unmap_pages  amdv1_counted_unmap_pages
#define amdv1_iova_to_phys amdv1_counted_iova_to_phys
#define amdv1_leaf_walk	   amdv1_counted_leaf_walk
#endif

/**
 * struct amdv1 - A table of the AMD v1 engine.
 * @pgt: what all engines have; first, so that one is cast into the other.
 *	@pgt.root and @pgt.geo.start_level change when a map adds a level
 * @pa_offset: physical minus virtual address of the arena
 * @mode: levels of the table
 * @max_mode: levels that its input size allows
 * @seq: odd while root and mode change
 * @lock: held by who adds a level
 */
struct amdv1 {
	struct pgtable pgt;
	u64 pa_offset;
	unsigned int mode;
	unsigned int max_mode;
	unsigned int seq;
	bool lock;
};

/**
 * to_amdv1() - The AMD v1 table behind a table.
 * @pgt: made by amdv1_create()
 */
static inline struct amdv1 *to_amdv1(struct pgtable *pgt)
{
	return (struct amdv1 *)pgt;
}

/**
 * amdv1_warn() - Count a warning; never on a path that succeeds.
 * @t: table
 */
static __attribute__((cold, noinline, unused)) void amdv1_warn(struct amdv1 *t)
{
	__atomic_fetch_add(&t->pgt.nr_warnings, 1, __ATOMIC_RELAXED);
}

/**
 * amdv1_deref() - The table that a table entry points to.
 * @t: table
 * @pte: table entry
 */
static inline u64 *amdv1_deref(const struct amdv1 *t, u64 pte)
{
	return (u64 *)(uintptr_t)((pte & AMDV1_ADDR_MASK) - t->pa_offset);
}

/**
 * amdv1_paddr() - Physical address of a table, as entries name it.
 * @t: table
 * @table: in the arena
 */
static inline u64 amdv1_paddr(const struct amdv1 *t, const u64 *table)
{
	return (uintptr_t)table + t->pa_offset;
}

/**
 * amdv1_top() - Where a walk starts.
 * @t: table
 * @iova: input address
 * @level: set to the level of the top table
 *
 * Return: the entry of the top table for @iova.
 *
 * Source: the loops over read_seqcount_begin() in alloc_pte(), fetch_pte().
 */
static inline u64 *amdv1_top(const struct amdv1 *t, u64 iova,
			     unsigned int *level)
{
	unsigned int seq;
	u64 *pte;

	do {
		do
			seq = __atomic_load_n(&t->seq, __ATOMIC_ACQUIRE);
		while (seq & 1);
		*level = READ_ONCE(t->mode) - 1;
		pte = READ_ONCE(t->pgt.root) + amdv1_index(iova, *level);
		smp_rmb();
	} while (__atomic_load_n(&t->seq, __ATOMIC_RELAXED) != seq);
	return pte;
}

/**
 * amdv1_first_pte() - The first entry of a replicated leaf.
 * @pte: any of its entries
 * @desc: what it holds
 * @size: set to the bytes of the leaf
 * @count: set to the number of its entries
 *
 * Source: first_pte_l7().
 */
static inline u64 *amdv1_first_pte(const u64 *pte, u64 desc, u64 *size,
				   unsigned int *count)
{
	*size = amdv1_large_size(desc);
	*count = amdv1_size_count(*size);
	return (u64 *)align_down((uintptr_t)pte, *count * sizeof(*pte));
}

/**
 * amdv1_fetch_pte() - The entry that translates an address.
 * @t: table
 * @iova: input address
 * @size: set to the bytes that it covers; 0 when no level reaches @iova
 *
 * Return: the entry, of a replicated leaf the first one. NULL when an entry
 * above level 0 is not present: at level 0 that is not looked at.
 *
 * Source: fetch_pte().
 */
u64 *amdv1_fetch_pte(const struct amdv1 *t, u64 iova, u64 *size);

/**
 * amdv1_free_below() - Put a table and all below it on a list, to be freed.
 * @t: table
 * @table: table, reachable no more
 * @mode: levels from it on, its own with them
 * @list: where to
 *
 * Source: free_sub_pt(), free_pt_lvl().
 */
void amdv1_free_below(const struct amdv1 *t, u64 *table, unsigned int mode,
		      struct arena_list *list);

/* The operations of struct pgtable_ops. */
int amdv1_map_pages(struct pgtable *pgt, u64 iova, u64 paddr, size_t pgsize,
		    size_t pgcount, int prot, size_t *mapped);
size_t amdv1_unmap_pages(struct pgtable *pgt, u64 iova, size_t pgsize,
			 size_t pgcount, struct gather *gather);
u64 amdv1_iova_to_phys(struct pgtable *pgt, u64 iova);
int amdv1_leaf_walk(struct pgtable *pgt, u64 iova, struct pgtable_leaf *leaf);

/**
 * amdv1_create() - An empty AMD v1 table; see pgtable_create().
 * @engine: not read
 * @cfg: configuration
 * @out: set to the table
 * @err: gets the reason of a failure; may be NULL
 */
int amdv1_create(const struct pgtable_engine *engine,
		 const struct pgtable_cfg *cfg, struct pgtable **out,
		 struct iopt_err *err);

#endif
