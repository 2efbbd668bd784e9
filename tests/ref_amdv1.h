/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an AMD v1 table should do, by lists: of the leaves, and of the tables
 * that there are. No entry, no bit of one, no walk.
 *
 * A map over a leaf whose entries are of the same level is a caller's fault
 * with consequences that no list can tell; ref_amdv1_may_map() says where it
 * is.
 */
#ifndef IOPT_TEST_REF_AMDV1_H
#define IOPT_TEST_REF_AMDV1_H

#include "pgtable.h"

#define REF_AMDV1_MAX_LEAVES 16384
#define REF_AMDV1_MAX_TABLES 8192

/**
 * struct ref_amdv1_leaf - A page.
 * @iova: where, in bytes
 * @paddr: to where
 * @size: bytes
 * @prot: IOMMU_READ, IOMMU_WRITE
 */
struct ref_amdv1_leaf {
	u64 iova;
	u64 paddr;
	u64 size;
	int prot;
};

/**
 * struct ref_amdv1_table - A table; the top one too.
 * @iova: first address that it is for
 * @level: of its entries, 0 has pages of 4K
 */
struct ref_amdv1_table {
	u64 iova;
	unsigned int level;
};

/**
 * struct ref_amdv1 - The oracle.
 * @leaves: in no order
 * @nr_leaves: how many
 * @tables: in no order
 * @nr_tables: how many
 * @mode: levels of the table
 * @max_mode: levels that the input size has
 * @fail_in: which of the next allocations fails; 0: none
 * @nr_writes: entries stored since the start
 * @nr_allocs: tables allocated since the start
 * @nr_frees: tables freed since the start
 * @nr_warnings: since the start
 * @is_flushed: the last map had to flush its range
 */
struct ref_amdv1 {
	struct ref_amdv1_leaf leaves[REF_AMDV1_MAX_LEAVES];
	size_t nr_leaves;
	struct ref_amdv1_table tables[REF_AMDV1_MAX_TABLES];
	size_t nr_tables;
	unsigned int mode;
	unsigned int max_mode;
	u64 fail_in;
	u64 nr_writes;
	u64 nr_allocs;
	u64 nr_frees;
	u64 nr_warnings;
	bool is_flushed;
};

/**
 * ref_amdv1_init() - An empty table.
 * @ref: caller's
 * @ias: 39 or 48
 */
void ref_amdv1_init(struct ref_amdv1 *ref, unsigned int ias);

/**
 * ref_amdv1_find() - The leaf at an address.
 * @ref: oracle
 * @iova: bytes
 *
 * Return: it; NULL when there is none.
 */
const struct ref_amdv1_leaf *ref_amdv1_find(const struct ref_amdv1 *ref,
					    u64 iova);

/**
 * ref_amdv1_may_map() - Is no leaf of the same level in the way of a map?
 * @ref: oracle
 * @iova: bytes
 * @size: of a page
 * @count: pages
 */
bool ref_amdv1_may_map(const struct ref_amdv1 *ref, u64 iova, u64 size,
		       u64 count);

/**
 * ref_amdv1_map() - What map_pages should do; arguments as there.
 * @ref: oracle
 * @iova: bytes
 * @paddr: bytes
 * @size: of a page
 * @count: pages
 * @prot: IOMMU_READ and friends
 * @mapped: added to
 *
 * Return: 0 or -errno.
 */
int ref_amdv1_map(struct ref_amdv1 *ref, u64 iova, u64 paddr, u64 size,
		  u64 count, int prot, u64 *mapped);

/**
 * ref_amdv1_unmap() - What unmap_pages should return; arguments as there.
 * @ref: oracle
 * @iova: bytes
 * @size: of a page
 * @count: pages
 */
u64 ref_amdv1_unmap(struct ref_amdv1 *ref, u64 iova, u64 size, u64 count);

/**
 * ref_amdv1_next() - The first leaf that ends above an address.
 * @ref: oracle
 * @iova: bytes
 *
 * Return: it; NULL when there is none.
 */
const struct ref_amdv1_leaf *ref_amdv1_next(const struct ref_amdv1 *ref,
					    u64 iova);

#endif
