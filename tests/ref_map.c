// SPDX-License-Identifier: GPL-2.0-only
/* An oracle for page tables: sorted lists of leaves and tables by address. */
#include "ref_map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BIT(n) (1ull << (n))
#define LAST   (REF_LEVELS - 1)

/* Arm ARM, D8.3; by bit number, and not with the engine's names. */
u64 ref_attrs(unsigned int stage, int prot)
{
	bool is_read = prot & IOMMU_READ, is_write = prot & IOMMU_WRITE;
	u64 attrs = BIT(10); /* AF */

	attrs |= BIT(9); /* SH: outer, or inner for cacheable memory */
	if (prot & IOMMU_CACHE)
		attrs |= BIT(8);
	if (prot & IOMMU_NOEXEC)
		attrs |= BIT(53) | BIT(54);
	if (stage == 2) {
		attrs |= (is_read ? BIT(6) : 0) | (is_write ? BIT(7) : 0);
		if (prot & IOMMU_MMIO) /* MemAttr 0001, 1111 or 0101 */
			return attrs | BIT(2);
		return attrs | BIT(2) | BIT(4) |
		       (prot & IOMMU_CACHE ? BIT(3) | BIT(5) : 0);
	}
	attrs |= BIT(11);			    /* nG */
	attrs |= prot & IOMMU_PRIV ? 0 : BIT(6);    /* AP[1] */
	attrs |= is_read && !is_write ? BIT(7) : 0; /* AP[2] */
	if (prot & IOMMU_MMIO)
		return attrs | BIT(3); /* AttrIndx 2 */
	return attrs | (prot & IOMMU_CACHE ? BIT(2) : 0);
}

u64 ref_leaf_sizes(const struct pgtable_cfg *cfg)
{
	if (cfg->granule == BIT(12))
		return BIT(12) | BIT(21) | BIT(30);
	if (cfg->granule == BIT(14))
		return BIT(14) | BIT(25);
	return BIT(16) | BIT(29) | (cfg->oas == 52 ? BIT(42) : 0);
}

/* Where stage 2 puts up to 16 tables of the next level in the top's place. */
static bool has_concat(const struct pgtable_cfg *cfg, unsigned int top,
		       u64 top_entries)
{
	unsigned int ias = cfg->ias, oas = cfg->oas;

	if (cfg->stage == 1)
		return false;
	if (cfg->params.concat == PGTABLE_CONCAT_OLD)
		return top == 0 && top_entries <= 16;
	if (cfg->granule == BIT(12))
		return ias > 39 && (oas == 40 || oas == 42);
	return cfg->granule == BIT(14) &&
	       ((ias == 48 && oas == 48) || (ias == 40 && oas == 40));
}

void ref_map_init(struct ref_map *ref, const struct pgtable_cfg *cfg)
{
	u64 bytes;
	unsigned int level;

	*ref = (struct ref_map){ .cfg = *cfg, .entries = cfg->granule / 8 };
	ref->size[LAST] = cfg->granule;
	for (level = LAST; level > 0; level--)
		ref->size[level - 1] = ref->size[level] * ref->entries;
	/* The lowest top table that reaches far enough. */
	for (level = LAST; level > 0; level--)
		if (ref->size[level - 1] >= BIT(cfg->ias))
			break;
	ref->top_entries = BIT(cfg->ias) / ref->size[level];
	if (has_concat(cfg, level, ref->top_entries)) {
		level++;
		ref->top_entries *= ref->entries;
	}
	ref->top = level;
	bytes = ref->top_entries * 8;
	ref->live_bytes = bytes < BIT(12) ? BIT(12) : bytes;
	ref->nr_allocs = 1;
}

void ref_map_fini(struct ref_map *ref)
{
	for (unsigned int level = 0; level < REF_LEVELS; level++) {
		free(ref->leaves[level].at);
		free(ref->tables[level].at);
	}
	free(ref->events);
}

/* Number of entries that start below @iova. */
static size_t set_lower(const struct ref_set *set, u64 iova)
{
	size_t low = 0, high = set->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (set->at[mid].iova < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const struct ref_entry *set_find(const struct ref_set *set, u64 iova)
{
	size_t i = set_lower(set, iova);

	return i < set->nr && set->at[i].iova == iova ? &set->at[i] : NULL;
}

/* Room for @n consecutive entries, at least 1, none of which is there yet. */
static struct ref_entry *set_insert(struct ref_set *set, u64 iova, size_t n)
{
	size_t i = set_lower(set, iova);

	if (set->nr + n > set->max) {
		set->max = 2 * (set->nr + n);
		set->at = realloc(set->at, set->max * sizeof(*set->at));
		assert(set->at);
	}
	memmove(&set->at[i + n], &set->at[i], (set->nr - i) * sizeof(*set->at));
	set->nr += n;
	return &set->at[i];
}

/* Remove what starts in [@start, @end); how many. */
static size_t set_erase(struct ref_set *set, u64 start, u64 end)
{
	size_t i = set_lower(set, start), j = set_lower(set, end);

	if (i == j)
		return 0;
	memmove(&set->at[i], &set->at[j], (set->nr - j) * sizeof(*set->at));
	set->nr -= j - i;
	return j - i;
}

static void say(struct ref_map *ref, struct inval_event event)
{
	if (ref->nr_events == ref->max_events) {
		ref->max_events = ref->max_events ? 2 * ref->max_events : 64;
		ref->events =
			realloc(ref->events, ref->max_events * sizeof(event));
		assert(ref->events);
	}
	ref->events[ref->nr_events++] = event;
}

void ref_events_reset(struct ref_map *ref)
{
	ref->nr_events = 0;
}

void ref_sync(struct ref_map *ref, struct ref_gather *gather)
{
	if (gather->pgsize)
		say(ref, (struct inval_event){ INVAL_SYNC, gather->start,
					       gather->end - gather->start,
					       gather->pgsize });
	*gather = (struct ref_gather){ 0 };
}

static void say_page(struct ref_map *ref, struct ref_gather *gather, u64 iova,
		     u64 size)
{
	bool is_empty;

	say(ref, (struct inval_event){ INVAL_PAGE, iova, size, size });
	if (!gather)
		return;
	is_empty = gather->start == gather->end;
	if ((gather->pgsize && gather->pgsize != size) ||
	    (!is_empty &&
	     (iova + size < gather->start || iova > gather->end))) {
		ref_sync(ref, gather);
		is_empty = true;
	}
	gather->pgsize = size;
	if (is_empty || iova < gather->start)
		gather->start = iova;
	if (is_empty || iova + size > gather->end)
		gather->end = iova + size;
}

static u64 slot_start(const struct ref_map *ref, unsigned int level, u64 iova)
{
	return iova / ref->size[level] * ref->size[level];
}

static const struct ref_entry *leaf_at(const struct ref_map *ref,
				       unsigned int level, u64 iova)
{
	return set_find(&ref->leaves[level], slot_start(ref, level, iova));
}

static bool has_table(const struct ref_map *ref, unsigned int level, u64 iova)
{
	return set_find(&ref->tables[level], slot_start(ref, level, iova));
}

static bool table_alloc(struct ref_map *ref)
{
	if (ref->fail_in && --ref->fail_in == 0)
		return false;
	ref->nr_allocs++;
	ref->live_bytes += ref->cfg.granule;
	return true;
}

static void table_link(struct ref_map *ref, unsigned int level, u64 iova)
{
	u64 start = slot_start(ref, level, iova);

	*set_insert(&ref->tables[level], start, 1) =
		(struct ref_entry){ .iova = start };
	/* Once, and again with the software bit that tells it is clean. */
	ref->nr_writes += ref->cfg.coherent_walk ? 1 : 2;
}

/* A table goes, with all below it. */
static void table_drop(struct ref_map *ref, unsigned int level, u64 iova)
{
	u64 start = slot_start(ref, level, iova);
	u64 end = start + ref->size[level];
	size_t nr = set_erase(&ref->tables[level], start, end);

	say(ref, (struct inval_event){ INVAL_WALK, iova, ref->size[level],
				       ref->cfg.granule });
	for (unsigned int below = level + 1; below < REF_LEVELS; below++) {
		set_erase(&ref->leaves[below], start, end);
		nr += set_erase(&ref->tables[below], start, end);
	}
	ref->nr_frees += nr;
	ref->live_bytes -= nr * ref->cfg.granule;
}

static void leaves_write(struct ref_map *ref, unsigned int level, u64 iova,
			 u64 paddr, u64 attrs, u64 n)
{
	u64 start = slot_start(ref, level, iova);
	struct ref_entry *at;

	if (!n)
		return;
	at = set_insert(&ref->leaves[level], start, n);
	for (u64 i = 0; i < n; i++)
		at[i] = (struct ref_entry){
			.iova = start + i * ref->size[level],
			.paddr = paddr + i * ref->size[level],
			.attrs = attrs,
		};
	ref->nr_writes += n;
}

/* Pages of a level from @iova to the end of their table, at most @n. */
static u64 pages_left(const struct ref_map *ref, unsigned int level, u64 iova,
		      u64 n)
{
	u64 span = ref->size[level] * ref->entries;
	u64 left =
		(span - slot_start(ref, level, iova) % span) / ref->size[level];

	return n < left ? n : left;
}

static bool is_leaf_size(const struct ref_map *ref, u64 pgsize)
{
	u64 sizes = ref_leaf_sizes(&ref->cfg);

	return pgsize && !(pgsize & (pgsize - 1)) && (pgsize & sizes);
}

static int map_leaves(struct ref_map *ref, unsigned int level, u64 iova,
		      u64 paddr, u64 attrs, u64 n)
{
	for (u64 i = 0; i < n; i++) {
		u64 at = iova + i * ref->size[level];

		if (leaf_at(ref, level, at)) {
			ref->nr_warnings++;
			return -EEXIST;
		}
		if (!has_table(ref, level, at))
			continue;
		table_drop(ref, level, at);
		ref->nr_writes +=
			ref->cfg.params.clear == PGTABLE_CLEAR_EACH ? 1 : 2;
	}
	leaves_write(ref, level, iova, paddr, attrs, n);
	return 0;
}

int ref_map_pages(struct ref_map *ref, u64 iova, u64 paddr, u64 pgsize,
		  u64 pgcount, int prot, u64 *mapped)
{
	u64 attrs = ref_attrs(ref->cfg.stage, prot);
	unsigned int level;

	if (!is_leaf_size(ref, pgsize)) {
		ref->nr_warnings++;
		return -EINVAL;
	}
	if (iova >= BIT(ref->cfg.ias) || paddr >= BIT(ref->cfg.oas)) {
		ref->nr_warnings++;
		return -ERANGE;
	}
	if (!(prot & (IOMMU_READ | IOMMU_WRITE)))
		return -EINVAL;

	for (level = ref->top; ref->size[level] != pgsize; level++) {
		if (level == LAST) { /* a leaf above the top table's */
			ref->nr_warnings++;
			return -EINVAL;
		}
		if (leaf_at(ref, level, iova)) {
			ref->nr_warnings++;
			return -EEXIST;
		}
		if (has_table(ref, level, iova))
			continue;
		if (!table_alloc(ref))
			return -ENOMEM;
		table_link(ref, level, iova);
	}
	pgcount = pages_left(ref, level, iova, pgcount);
	if (map_leaves(ref, level, iova, paddr, attrs, pgcount))
		return -EEXIST;
	*mapped += pgcount * pgsize;
	return 0;
}

static u64 unmap_here(struct ref_map *ref, unsigned int level, u64 iova, u64 n,
		      struct ref_gather *gather)
{
	bool is_each = ref->cfg.params.clear == PGTABLE_CLEAR_EACH;
	bool is_queued = gather && gather->queued;
	u64 size = ref->size[level];
	u64 i, at;

	for (i = 0, at = iova; i < n; i++, at += size) {
		if (has_table(ref, level, at)) {
			table_drop(ref, level, at);
			/* A run clears it again with the others. */
			ref->nr_writes += is_each ? 0 : 1;
		} else if (!leaf_at(ref, level, at)) {
			ref->nr_warnings++;
			break;
		} else if (is_each && !is_queued) {
			say_page(ref, gather, at, size);
		}
		ref->nr_writes++;
	}
	set_erase(&ref->leaves[level], slot_start(ref, level, iova),
		  slot_start(ref, level, at));
	if (!is_each && gather && !is_queued)
		for (u64 j = 0; j < i; j++)
			say_page(ref, gather, iova + j * size, size);
	return i * size;
}

/*
 * A table of smaller leaves in the place of the leaf of @level. Sets *@done
 * when the unmap is over with it.
 */
static u64 split(struct ref_map *ref, unsigned int level, u64 iova, u64 pgsize,
		 u64 pgcount, struct ref_gather *gather, bool *done)
{
	struct ref_entry leaf = *leaf_at(ref, level, iova);
	u64 size = ref->size[level + 1];
	u64 hole = 0, n = 0;

	*done = true;
	if (!table_alloc(ref))
		return 0;
	if (pgsize == size) {
		hole = slot_start(ref, level + 1, iova) - leaf.iova;
		n = pages_left(ref, level + 1, iova, pgcount);
	}
	set_erase(&ref->leaves[level], leaf.iova, leaf.iova + 1);
	table_link(ref, level, iova);
	leaves_write(ref, level + 1, leaf.iova, leaf.paddr, leaf.attrs,
		     hole / size);
	hole += n * size;
	leaves_write(ref, level + 1, leaf.iova + hole, leaf.paddr + hole,
		     leaf.attrs, (ref->size[level] - hole) / size);
	*done = n;
	for (u64 i = 0; i < n; i++)
		say_page(ref, gather, iova + i * size, size);
	return n * size;
}

static u64 unmap_whole(struct ref_map *ref, unsigned int level, u64 iova,
		       struct ref_gather *gather)
{
	u64 start = slot_start(ref, level, iova);

	set_erase(&ref->leaves[level], start, start + 1);
	ref->nr_writes++;
	if (gather && !gather->queued)
		say_page(ref, gather, start, ref->size[level]);
	return ref->size[level];
}

u64 ref_unmap_pages(struct ref_map *ref, u64 iova, u64 pgsize, u64 pgcount,
		    struct ref_gather *gather)
{
	enum pgtable_policy policy = ref->cfg.params.policy;
	unsigned int level;

	if (!is_leaf_size(ref, pgsize) || !pgcount ||
	    iova >= BIT(ref->cfg.ias)) {
		ref->nr_warnings++;
		return 0;
	}
	for (level = ref->top; level < REF_LEVELS; level++) {
		bool is_table = has_table(ref, level, iova);

		if (!is_table && !leaf_at(ref, level, iova))
			break;
		if (ref->size[level] == pgsize)
			return unmap_here(ref, level, iova,
					  pages_left(ref, level, iova, pgcount),
					  gather);
		if (is_table)
			continue;
		if (policy == PGTABLE_WHOLE)
			return unmap_whole(ref, level, iova, gather);
		if (policy == PGTABLE_SPLIT && level < LAST) {
			bool done;
			u64 bytes = split(ref, level, iova, pgsize, pgcount,
					  gather, &done);

			if (done)
				return bytes;
			continue;
		}
		break;
	}
	ref->nr_warnings++;
	return 0;
}

u64 ref_iova_to_phys(const struct ref_map *ref, u64 iova)
{
	iova &= BIT(ref->cfg.ias) - 1;
	for (unsigned int level = ref->top; level < REF_LEVELS; level++) {
		const struct ref_entry *leaf = leaf_at(ref, level, iova);
		u64 keep = ref->cfg.params.walk == PGTABLE_WALK_UNFIXED ?
				   ref->cfg.granule :
				   ref->size[level];

		if (leaf)
			return leaf->paddr | (iova % keep);
	}
	return 0;
}

int ref_leaf_walk(const struct ref_map *ref, u64 iova,
		  struct pgtable_leaf *leaf)
{
	const struct ref_entry *best = NULL;
	unsigned int best_level = 0;

	if (iova >= BIT(ref->cfg.ias))
		return -ENOENT;
	for (unsigned int level = ref->top; level < REF_LEVELS; level++) {
		const struct ref_set *set = &ref->leaves[level];
		size_t i = set_lower(set, slot_start(ref, level, iova));

		if (i == set->nr || (best && best->iova < set->at[i].iova))
			continue;
		best = &set->at[i];
		best_level = level;
	}
	if (!best)
		return -ENOENT;
	*leaf = (struct pgtable_leaf){
		.iova = best->iova,
		.paddr = best->paddr,
		.size = ref->size[best_level],
		.level = best_level,
	};
	return 0;
}
