/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An oracle for page tables: sorted lists of leaves and tables by address.
 *
 * It knows no descriptors and no walk: what exists is looked up by address and
 * size. From the rules of each kernel it foretells what an engine returns,
 * translates, allocates, stores, warns of and says of invalidation.
 */
#ifndef IOPT_REF_MAP_H
#define IOPT_REF_MAP_H

#include "pgtable.h"
#include "recorder.h"

#define REF_LEVELS 4

/**
 * struct ref_entry - A leaf, or a table, by the addresses that it covers.
 * @iova: first input address, in bytes
 * @paddr: output address as it was given, in bytes; 0 for a table
 * @attrs: attribute bits of the descriptor; 0 for a table
 */
struct ref_entry {
	u64 iova;
	u64 paddr;
	u64 attrs;
};

/**
 * struct ref_set - Entries of one size, in the order of their addresses.
 * @at: entries; the set's memory
 * @nr: how many
 * @max: room
 */
struct ref_set {
	struct ref_entry *at;
	size_t nr;
	size_t max;
};

/**
 * struct ref_gather - What a gather should hold.
 * @start: first address in bytes
 * @end: first address behind it; @start when empty
 * @pgsize: size of the gathered leaves in bytes, 0 for none
 * @queued: a flush queue will invalidate
 */
struct ref_gather {
	u64 start;
	u64 end;
	u64 pgsize;
	bool queued;
};

/**
 * struct ref_map - What a page table should hold and have done.
 * @cfg: configuration, as the engine's
 * @top: level of the top table
 * @size: bytes that an entry of each level covers
 * @entries: entries of a table below the top
 * @top_entries: entries of the top table
 * @leaves: leaves of each level
 * @tables: tables that hang from an entry of each level, keyed by what that
 *	entry covers
 * @nr_warnings: warnings so far
 * @nr_writes: descriptors stored so far
 * @nr_allocs: tables allocated so far, the top one included
 * @nr_frees: tables freed so far
 * @live_bytes: memory of the tables, each rounded up to 4K
 * @fail_in: the allocation that fails, counted from 1; 0 for none
 * @events: what was said of invalidation since ref_events_reset()
 * @nr_events: how many
 * @max_events: room
 */
struct ref_map {
	struct pgtable_cfg cfg;
	unsigned int top;
	u64 size[REF_LEVELS];
	u64 entries;
	u64 top_entries;
	struct ref_set leaves[REF_LEVELS];
	struct ref_set tables[REF_LEVELS];
	u64 nr_warnings;
	u64 nr_writes;
	u64 nr_allocs;
	u64 nr_frees;
	u64 live_bytes;
	u64 fail_in;
	struct inval_event *events;
	size_t nr_events;
	size_t max_events;
};

/**
 * ref_map_init() - An empty table.
 * @ref: caller's
 * @cfg: a configuration that the engine accepts; copied
 */
void ref_map_init(struct ref_map *ref, const struct pgtable_cfg *cfg);

/**
 * ref_map_fini() - Free the oracle's memory.
 * @ref: oracle
 */
void ref_map_fini(struct ref_map *ref);

/**
 * ref_leaf_sizes() - The leaf sizes of a configuration.
 * @cfg: granule and oas are read
 *
 * Return: bitmap of sizes in bytes.
 */
u64 ref_leaf_sizes(const struct pgtable_cfg *cfg);

/**
 * ref_attrs() - The attribute bits of a leaf.
 * @stage: 1 or 2
 * @prot: IOMMU_READ and friends
 */
u64 ref_attrs(unsigned int stage, int prot);

/**
 * ref_map_pages() - What map_pages should do; arguments as there.
 * @ref: oracle
 * @iova: bytes
 * @paddr: bytes
 * @pgsize: bytes
 * @pgcount: pages
 * @prot: IOMMU_READ and friends
 * @mapped: added to
 *
 * Return: 0 or -errno.
 */
int ref_map_pages(struct ref_map *ref, u64 iova, u64 paddr, u64 pgsize,
		  u64 pgcount, int prot, u64 *mapped);

/**
 * ref_unmap_pages() - What unmap_pages should do; arguments as there.
 * @ref: oracle
 * @iova: bytes
 * @pgsize: bytes
 * @pgcount: pages
 * @gather: added to; may be NULL
 *
 * Return: bytes unmapped.
 */
u64 ref_unmap_pages(struct ref_map *ref, u64 iova, u64 pgsize, u64 pgcount,
		    struct ref_gather *gather);

/**
 * ref_iova_to_phys() - What iova_to_phys should return.
 * @ref: oracle
 * @iova: bytes; cut to the input size, as every walk does
 */
u64 ref_iova_to_phys(const struct ref_map *ref, u64 iova);

/**
 * ref_leaf_walk() - What leaf_walk should find; arguments as there.
 * @ref: oracle
 * @iova: bytes
 * @leaf: set when there is one
 *
 * Return: 0 or -ENOENT.
 */
int ref_leaf_walk(const struct ref_map *ref, u64 iova,
		  struct pgtable_leaf *leaf);

/**
 * ref_sync() - What a sync of a gather should say; empties it.
 * @ref: oracle
 * @gather: caller's
 */
void ref_sync(struct ref_map *ref, struct ref_gather *gather);

/**
 * ref_events_reset() - Forget what was said.
 * @ref: oracle
 */
void ref_events_reset(struct ref_map *ref);

#endif
