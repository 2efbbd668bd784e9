// SPDX-License-Identifier: GPL-2.0-only
/*
 * map_pages of the AMD v1 engine.
 *
 * A map replaces what is in its way: leaves without a word, tables and larger
 * leaves with a flush at its end. Nothing is ever -EEXIST.
 *
 * Models: iommu_v1_map_pages(), alloc_pte(), increase_address_space(),
 *	free_clear_pte(), and amd_iommu_domain_flush_pages() as flush_walk().
 * Does not model: the device table entry and its invalidation when a level is
 *	added; the flush of not-present entries that a virtual IOMMU wants;
 *	more levels than the input size has, where Linux would go on to six and
 *	then fail with -ENOMEM.
 * Source: drivers/iommu/amd/io_pgtable.c and iommu.c of Linux 6.12.
 */
#include "amdv1_table.h"

#include <errno.h>
#include <sched.h>

static void domain_lock(struct amdv1 *t)
{
	while (__atomic_exchange_n(&t->lock, true, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void domain_unlock(struct amdv1 *t)
{
	__atomic_store_n(&t->lock, false, __ATOMIC_RELEASE);
}

static bool reaches(const struct amdv1 *t, u64 last, unsigned int level)
{
	unsigned int mode = READ_ONCE(t->mode);

	return last <= amdv1_last(mode) && mode > level;
}

static void publish(struct amdv1 *t, u64 *top)
{
	WRITE_ONCE(t->seq, t->seq + 1);
	smp_wmb();
	WRITE_ONCE(t->pgt.root, top);
	WRITE_ONCE(t->mode, t->mode + 1);
	WRITE_ONCE(t->pgt.geo.start_level, AMDV1_MAX_MODE - t->mode);
	__atomic_store_n(&t->seq, t->seq + 1, __ATOMIC_RELEASE);
}

/* One level more, unless somebody was faster: the table becomes entry 0. */
static __attribute__((noinline)) int grow(struct amdv1 *t, u64 last,
					  unsigned int level)
{
	u64 *top = (u64 *)arena_alloc(t->pgt.cfg.arena, AMDV1_PAGE);
	int ret = 0;

	if (!top)
		return -ENOMEM;
	domain_lock(t);
	if (reaches(t, last, level))
		goto out;
	if (t->mode == t->max_mode) {
		amdv1_warn(t);
		ret = -ERANGE;
		goto out;
	}
	*top = amdv1_table_pte(amdv1_paddr(t, t->pgt.root), t->mode);
	publish(t, top);
	top = NULL;
out:
	domain_unlock(t);
	if (top)
		arena_free(t->pgt.cfg.arena, top, AMDV1_PAGE);
	return ret;
}

/* All entries of a replicated leaf that still are what one of them was. */
static void clear_large(u64 *pte, u64 desc)
{
	unsigned int count;
	u64 size;

	pte = amdv1_first_pte(pte, desc, &size, &count);
	for (unsigned int i = 0; i < count; i++)
		cmpxchg64(&pte[i], desc, 0);
}

/* A table for an entry that is empty or a leaf of its level's own size. */
static int add_table(struct amdv1 *t, u64 *pte, u64 desc, unsigned int level,
		     bool *is_updated)
{
	u64 *table = (u64 *)arena_alloc(t->pgt.cfg.arena, AMDV1_PAGE);

	if (!table)
		return -ENOMEM;
	if (cmpxchg64(pte, desc,
		      amdv1_table_pte(amdv1_paddr(t, table), level)) != desc)
		arena_free(t->pgt.cfg.arena, table, AMDV1_PAGE);
	else if (amdv1_is_present(desc))
		*is_updated = true;
	return 0;
}

/*
 * The first entry for a leaf, with the tables on the way; sets *@is_updated
 * when something was in the way that a walker may have cached.
 */
static int alloc_pte(struct amdv1 *t, u64 iova, u64 pgsize, u64 **out,
		     bool *is_updated)
{
	unsigned int end = amdv1_size_level(pgsize), level;
	int ret;
	u64 *pte;

	while (!reaches(t, iova + (pgsize - 1), end)) {
		ret = grow(t, iova + (pgsize - 1), end);
		if (ret)
			return ret;
	}
	pte = amdv1_top(t, iova, &level);
	while (level > end) {
		u64 desc = READ_ONCE(*pte);
		unsigned int next = amdv1_next(desc);

		if (amdv1_is_present(desc) && next == AMDV1_NEXT_LARGE) {
			clear_large(pte, desc);
			*is_updated = true;
			continue;
		}
		if (!amdv1_is_present(desc) || next == AMDV1_NEXT_LEAF) {
			ret = add_table(t, pte, desc, level, is_updated);
			if (ret)
				return ret;
			continue;
		}
		/* No entry skips a level. */
		if (next != level)
			return -ENOMEM;
		level--;
		pte = amdv1_deref(t, desc) + amdv1_index(iova, level);
	}
	*out = pte;
	return 0;
}

/* Empty an entry; a table behind it is freed later, after the flush. */
static void clear_pte(const struct amdv1 *t, u64 *pte, struct arena_list *list)
{
	u64 desc = READ_ONCE(*pte), old;

	while ((old = cmpxchg64(pte, desc, 0)) != desc)
		desc = old;
	if (amdv1_is_present(desc) && !amdv1_is_leaf(desc))
		amdv1_free_below(t, amdv1_deref(t, desc), amdv1_next(desc),
				 list);
}

static u64 leaf_pte(u64 paddr, u64 pgsize, int prot)
{
	u64 pte = amdv1_size_count(pgsize) > 1 ?
			  amdv1_large_pte(paddr, pgsize) :
			  paddr;

	pte |= AMDV1_PR | AMDV1_FC;
	if (prot & IOMMU_READ)
		pte |= AMDV1_IR;
	if (prot & IOMMU_WRITE)
		pte |= AMDV1_IW;
	return pte;
}

/* What a page over a table of the level below it takes away, it lists. */
static int map_page(struct amdv1 *t, u64 iova, u64 paddr, u64 pgsize, int prot,
		    struct arena_list *list, bool *is_updated)
{
	unsigned int count = amdv1_size_count(pgsize);
	u64 *pte;
	u64 desc;
	int ret = alloc_pte(t, iova, pgsize, &pte, is_updated);

	if (ret)
		return ret;
	for (unsigned int i = 0; i < count; i++)
		clear_pte(t, &pte[i], list);
	if (!arena_list_is_empty(list))
		*is_updated = true;
	desc = leaf_pte(paddr, pgsize, prot);
	for (unsigned int i = 0; i < count; i++)
		pte[i] = desc;
	return 0;
}

int amdv1_map_pages(struct pgtable *pgt, u64 iova, u64 paddr, size_t pgsize,
		    size_t pgcount, int prot, size_t *mapped)
{
	struct amdv1 *t = to_amdv1(pgt);
	const u64 start = iova;
	const u64 size = pgcount * pgsize;
	struct arena_list list;
	bool is_updated = false;
	int ret = 0;

	if (!pgsize || (pgsize & pgt->geo.pgsizes) != pgsize ||
	    !is_pow2(pgsize) || ((iova | paddr) & (pgsize - 1))) {
		amdv1_warn(t);
		return -EINVAL;
	}
	if (!(prot & (IOMMU_READ | IOMMU_WRITE)))
		return -EINVAL;
	arena_list_init(&list);
	while (pgcount > 0) {
		ret = map_page(t, iova, paddr, pgsize, prot, &list,
			       &is_updated);
		if (ret)
			break;
		iova += pgsize;
		paddr += pgsize;
		pgcount--;
		*mapped += pgsize;
	}
	if (is_updated)
		pgt->cfg.tlb->flush_walk(start, size, AMDV1_PAGE,
					 pgt->cfg.cookie);
	arena_list_free(pgt->cfg.arena, &list, AMDV1_PAGE);
	return ret;
}
