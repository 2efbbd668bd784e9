// SPDX-License-Identifier: GPL-2.0-only
/* What an AMD v1 table should do, by lists. */
#include "ref_amdv1.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define PAGE	4096ull
#define NO_512G (1ull << 39)

/* Bytes that an entry of a level covers. */
static u64 entry_bytes(unsigned int level)
{
	return PAGE << 9 * level;
}

/* The level whose entries a page takes: the last that is not larger. */
static unsigned int level_of(u64 size)
{
	unsigned int level = 0;

	while (entry_bytes(level + 1) <= size)
		level++;
	return level;
}

static bool is_in(u64 at, u64 start, u64 size)
{
	return at >= start && at - start < size;
}

static bool overlaps(const struct ref_amdv1_leaf *leaf, u64 iova, u64 size)
{
	return is_in(leaf->iova, iova, size) ||
	       is_in(iova, leaf->iova, leaf->size);
}

static void add_table(struct ref_amdv1 *ref, u64 iova, unsigned int level)
{
	assert(ref->nr_tables < REF_AMDV1_MAX_TABLES);
	ref->tables[ref->nr_tables++] = (struct ref_amdv1_table){
		.iova = iova - iova % entry_bytes(level + 1),
		.level = level,
	};
}

static bool has_table(const struct ref_amdv1 *ref, u64 iova, unsigned int level)
{
	for (size_t i = 0; i < ref->nr_tables; i++)
		if (ref->tables[i].level == level &&
		    is_in(iova, ref->tables[i].iova, entry_bytes(level + 1)))
			return true;
	return false;
}

void ref_amdv1_init(struct ref_amdv1 *ref, unsigned int ias)
{
	memset(ref, 0, sizeof(*ref));
	ref->mode = 3;
	ref->max_mode = ias == 39 ? 3 : 4;
	ref->nr_allocs = 1;
	add_table(ref, 0, 2);
}

const struct ref_amdv1_leaf *ref_amdv1_find(const struct ref_amdv1 *ref,
					    u64 iova)
{
	for (size_t i = 0; i < ref->nr_leaves; i++)
		if (is_in(iova, ref->leaves[i].iova, ref->leaves[i].size))
			return &ref->leaves[i];
	return NULL;
}

const struct ref_amdv1_leaf *ref_amdv1_next(const struct ref_amdv1 *ref,
					    u64 iova)
{
	const struct ref_amdv1_leaf *next = NULL;

	for (size_t i = 0; i < ref->nr_leaves; i++) {
		const struct ref_amdv1_leaf *leaf = &ref->leaves[i];

		if (leaf->iova + leaf->size > iova &&
		    (!next || leaf->iova < next->iova))
			next = leaf;
	}
	return next;
}

bool ref_amdv1_may_map(const struct ref_amdv1 *ref, u64 iova, u64 size,
		       u64 count)
{
	for (size_t i = 0; i < ref->nr_leaves; i++)
		if (overlaps(&ref->leaves[i], iova, size * count) &&
		    level_of(ref->leaves[i].size) == level_of(size))
			return false;
	return true;
}

static void drop_leaf(struct ref_amdv1 *ref, size_t i)
{
	ref->leaves[i] = ref->leaves[--ref->nr_leaves];
}

static bool alloc(struct ref_amdv1 *ref)
{
	if (ref->fail_in && --ref->fail_in == 0)
		return false;
	ref->nr_allocs++;
	return true;
}

static bool reaches(const struct ref_amdv1 *ref, u64 last, unsigned int level)
{
	return last < entry_bytes(ref->mode) && level < ref->mode;
}

/* New tops, until an address and a level are reached. */
static int grow(struct ref_amdv1 *ref, u64 last, unsigned int level)
{
	while (!reaches(ref, last, level)) {
		if (!alloc(ref))
			return -ENOMEM;
		if (ref->mode == ref->max_mode) {
			ref->nr_frees++;
			ref->nr_warnings++;
			return -ERANGE;
		}
		add_table(ref, 0, ref->mode++);
		ref->nr_writes++;
	}
	return 0;
}

/* A leaf of @level that is where a table must be goes as a whole. */
static void take_leaf(struct ref_amdv1 *ref, u64 iova, unsigned int level)
{
	for (size_t i = 0; i < ref->nr_leaves; i++) {
		const struct ref_amdv1_leaf *leaf = &ref->leaves[i];
		u64 nr_entries = leaf->size / entry_bytes(level);

		if (!is_in(iova, leaf->iova, leaf->size))
			continue;
		/* One entry is exchanged for the table's, more are emptied. */
		if (nr_entries > 1)
			ref->nr_writes += nr_entries;
		ref->is_flushed = true;
		drop_leaf(ref, i);
		return;
	}
}

/* The tables on the way to the entries of a page. */
static int descend(struct ref_amdv1 *ref, u64 iova, unsigned int end)
{
	for (unsigned int level = ref->mode - 1; level > end; level--) {
		const struct ref_amdv1_leaf *leaf = ref_amdv1_find(ref, iova);
		bool is_single = leaf && leaf->size == entry_bytes(level);

		if (has_table(ref, iova, level - 1))
			continue;
		/* One entry stays until there is a table to put there. */
		if (!is_single)
			take_leaf(ref, iova, level);
		if (!alloc(ref))
			return -ENOMEM;
		if (is_single)
			take_leaf(ref, iova, level);
		add_table(ref, iova, level - 1);
		ref->nr_writes++;
	}
	return 0;
}

/* Tables below the entries of a page go, with all that is in them. */
static void replace(struct ref_amdv1 *ref, u64 iova, u64 size)
{
	unsigned int level = level_of(size);

	for (size_t i = 0; i < ref->nr_tables;) {
		if (ref->tables[i].level < level &&
		    is_in(ref->tables[i].iova, iova, size)) {
			ref->tables[i] = ref->tables[--ref->nr_tables];
			ref->nr_frees++;
			ref->is_flushed = true;
		} else {
			i++;
		}
	}
	for (size_t i = 0; i < ref->nr_leaves;)
		if (is_in(ref->leaves[i].iova, iova, size))
			drop_leaf(ref, i);
		else
			i++;
}

int ref_amdv1_map(struct ref_amdv1 *ref, u64 iova, u64 paddr, u64 size,
		  u64 count, int prot, u64 *mapped)
{
	u64 max = entry_bytes(ref->max_mode);

	ref->is_flushed = false;
	if (size < PAGE || size >= max || size & (size - 1) ||
	    size == NO_512G || iova % size || paddr % size) {
		ref->nr_warnings++;
		return -EINVAL;
	}
	if (!(prot & (IOMMU_READ | IOMMU_WRITE)))
		return -EINVAL;
	for (; count; count--, iova += size, paddr += size, *mapped += size) {
		unsigned int level = level_of(size);
		int ret = grow(ref, iova + size - 1, level);

		if (!ret)
			ret = descend(ref, iova, level);
		if (ret)
			return ret;
		replace(ref, iova, size);
		/* Emptied, then written. */
		ref->nr_writes += 2 * (size / entry_bytes(level));
		assert(ref->nr_leaves < REF_AMDV1_MAX_LEAVES);
		ref->leaves[ref->nr_leaves++] = (struct ref_amdv1_leaf){
			iova, paddr, size, prot & (IOMMU_READ | IOMMU_WRITE)
		};
	}
	return 0;
}

u64 ref_amdv1_unmap(struct ref_amdv1 *ref, u64 iova, u64 size, u64 count)
{
	u64 max = entry_bytes(ref->max_mode);
	u64 done = 0;

	if (size < PAGE || size >= max || size & (size - 1) ||
	    size == NO_512G) {
		ref->nr_warnings++;
		return 0;
	}
	while (done < size * count) {
		const struct ref_amdv1_leaf *leaf = ref_amdv1_find(ref, iova);
		u64 n = PAGE;

		if (!leaf && !has_table(ref, iova, 0))
			break;
		if (leaf) {
			n = leaf->size;
			ref->nr_writes += n / entry_bytes(level_of(n));
			iova = leaf->iova;
			drop_leaf(ref, (size_t)(leaf - ref->leaves));
		} else {
			ref->nr_writes++;
			iova -= iova % PAGE;
		}
		iova += n;
		done += n;
	}
	return done;
}
