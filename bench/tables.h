/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables under measurement: as many as a section needs, with the slots
 * that its operations work on, and what is counted and compared there.
 *
 * An operation works on one slot: @span bytes of input address space. Slot s
 * lies at s * @stride of a table; when a table has no slot left, the next
 * operations use the next table.
 */
#ifndef IOPT_TABLES_H
#define IOPT_TABLES_H

#include "bench.h"
#include "iommu.h"
#include "pgtable.h"
#include "pte_count.h"
#include "recorder.h"
#include "tlbsim.h"

#define TABLES_PROT (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

/* Values of keys that families share; NULL after the last. */
extern const char *const tables_granules[];
extern const char *const tables_sizes[];
extern const char *const tables_nr_leaves[];
extern const char *const tables_walkers[];

/**
 * struct tables_layout - What an operation works on; all sizes in bytes.
 * @leaf: size of a leaf
 * @count: leaves of one operation
 * @span: bytes of one operation: @leaf * @count
 * @stride: from one slot to the next
 * @slots: slots of a table
 * @max_slots: slots to use of all tables together
 */
struct tables_layout {
	u64 leaf;
	u64 count;
	u64 span;
	u64 stride;
	u64 slots;
	u64 max_slots;
};

/**
 * struct tables - Page tables of one engine and configuration.
 * @env: of the process
 * @engine: engine
 * @cfg: of each table
 * @is_counted: the engine is the counted twin
 * @rec: what the tables say of invalidation; unused when timed
 * @sim: what a profile's SMMU is sent, in place of @rec; NULL for none
 * @layout: slots
 * @order: slot of each operation on a table; NULL for ascending
 * @pgt: tables; NULL for one that an operation freed
 * @domain: a domain over each
 * @nr: tables in @pgt
 * @real: operations of the engine, when calls are counted
 * @nr_calls: calls of them
 */
struct tables {
	const struct bench_env *env;
	const struct pgtable_engine *engine;
	struct pgtable_cfg cfg;
	bool is_counted;
	struct recorder rec;
	struct tlbsim *sim;
	struct tables_layout layout;
	u32 *order;
	struct pgtable **pgt;
	struct iommu_domain *domain;
	size_t nr;
	struct pgtable_ops real;
	u64 nr_calls;
};

/**
 * struct tables_counts - Exact counters of one operation.
 * @pte_writes: descriptors written; not known when the engine is not counted
 * @tables_alloc: tables allocated
 * @tables_freed: tables freed
 * @inval_all: whole-context invalidations
 * @inval_walks: table invalidations
 * @inval_pages: leaves reported; by amdv1 one word a call
 * @syncs: syncs
 * @bytes_mapped: as the operation says; set by the family
 * @bytes_unmapped: as the operation says; set by the family
 * @warnings: warnings that the kernel would have printed
 * @calls: calls of the engine
 */
struct tables_counts {
	u64 pte_writes;
	u64 tables_alloc;
	u64 tables_freed;
	u64 inval_all;
	u64 inval_walks;
	u64 inval_pages;
	u64 syncs;
	u64 bytes_mapped;
	u64 bytes_unmapped;
	u64 warnings;
	u64 calls;
};

/**
 * struct tables_snapshot - Counting in progress.
 * @pte: accesses
 * @arena: allocations before
 * @warnings: warnings before
 */
struct tables_snapshot {
	struct pte_count pte;
	struct arena_stats arena;
	u64 warnings;
};

/**
 * struct tables_range - Input addresses that must be mapped, in bytes.
 * @start: first address
 * @end: address behind the last
 */
struct tables_range {
	u64 start;
	u64 end;
};

IOPT_BEGIN_DECLS

/**
 * tables_engine_at() - The values of a key for engines: those that stand for a
 *	policy or a driver, and what the user gave.
 * @env: of the process
 * @i: from 0
 *
 * Return: a name that lives as long as @env; NULL past the last.
 */
const char *tables_engine_at(const struct bench_env *env, size_t i);

/**
 * tables_any_engine_at() - The same, with the engine of another format too:
 *	amdv1, before what the user gave.
 * @env: of the process
 * @i: from 0
 *
 * Return: a name that lives as long as @env; NULL past the last.
 */
const char *tables_any_engine_at(const struct bench_env *env, size_t i);

/**
 * tables_given_engine_at() - What the user gave, for a family that names the
 *	other values of its key itself.
 * @env: of the process
 * @i: from 0
 *
 * Return: a name that lives as long as @env; NULL past the last.
 */
const char *tables_given_engine_at(const struct bench_env *env, size_t i);

/**
 * tables_is_short() - Has a case an engine of short descriptors?
 * @c: case with a key engine
 */
bool tables_is_short(const struct bench_case *c);

/**
 * tables_fits_short() - Do short descriptors have leaves of this size?
 * @granule: size of a page
 * @leaf: size of the leaf
 */
bool tables_fits_short(u64 granule, u64 leaf);

/**
 * tables_is_given() - Has a case an engine that the user gave?
 * @env: of the process
 * @c: case with a key engine
 */
bool tables_is_given(const struct bench_env *env, const struct bench_case *c);

/**
 * tables_fits() - Does a granule have leaves of a size?
 * @granule: 4K, 16K or 64K, in bytes
 * @leaf: in bytes
 */
bool tables_fits(u64 granule, u64 leaf);

/**
 * tables_case_fits() - Have the granule and the engine of a case its leaves?
 * @c: case with the keys engine, granule and size
 *
 * amdv1 has 4K pages alone, and beside the sizes of others 64K and 32M, which
 * take 16 entries each.
 */
bool tables_case_fits(const struct bench_case *c);

/**
 * tables_init() - Choose engine and configuration; makes no table yet.
 * @t: set; freed by tables_fini()
 * @env: of the process; must outlive @t
 * @engine: word of the engine
 * @granule: in bytes
 * @leaf: size of the leaves, in bytes; 4T leaves make the input 52 bits wide
 * @phase: counted twin, recorder or sink
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when there is no such engine or table.
 */
int tables_init(struct tables *t, const struct bench_env *env,
		const char *engine, u64 granule, u64 leaf,
		enum bench_phase phase, struct iopt_err *err);

/**
 * tables_fini() - Free all tables.
 * @t: from tables_init()
 */
void tables_fini(struct tables *t);

/**
 * tables_entries() - Leaves that the table which holds them has room for.
 * @t: tables
 * @leaf: size of the leaves, in bytes
 */
u64 tables_entries(const struct tables *t, u64 leaf);

/**
 * tables_copies() - Entries that a leaf takes: 1, but with amdv1 maybe more.
 * @t: tables
 * @leaf: its size, in bytes
 */
u64 tables_copies(const struct tables *t, u64 leaf);

/**
 * tables_levels() - Levels between two leaf sizes: 4K and 1G are 2 apart.
 * @t: tables
 * @small: leaf size in bytes
 * @large: leaf size in bytes, not below @small
 */
unsigned int tables_levels(const struct tables *t, u64 small, u64 large);

/**
 * tables_layout() - Lay out slots.
 * @t: tables
 * @leaf: size of a leaf, in bytes
 * @count: leaves of one operation
 * @stride: bytes from one slot to the next, at least the span;
 *	at most half of the input addresses is taken
 * @max_slots: slots to use at most; 0 for as many as memory allows when they
 *	lie without gaps
 *
 * Half of the input addresses are used, so that each has an output address of
 * its own that differs from it.
 */
void tables_layout(struct tables *t, u64 leaf, u64 count, u64 stride,
		   u64 max_slots);

/**
 * tables_shuffle() - Let operations use the slots of a table out of order.
 * @t: tables with a layout
 * @seed: of the order
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ENOMEM when there is no memory.
 */
int tables_shuffle(struct tables *t, u64 seed, struct iopt_err *err);

/**
 * tables_grow() - Make tables for operations.
 * @t: tables with a layout
 * @n: operations
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ENOMEM when there is no memory.
 */
int tables_grow(struct tables *t, u64 n, struct iopt_err *err);

/**
 * tables_clear() - Free all tables; the layout stays.
 * @t: tables
 */
void tables_clear(struct tables *t);

/**
 * tables_evict() - Put what the operations will touch out of all caches.
 * @t: tables
 * @n: operations: the descriptors of their slots on the way to each leaf
 */
void tables_evict(const struct tables *t, u64 n);

/**
 * tables_evict_at() - Put the descriptors of one address out of all caches.
 * @t: tables
 * @table: number of the table
 * @iova: any address in it; at the level of the leaves those of a whole
 *	operation go. tables_evict_wait() ends a series of calls
 */
void tables_evict_at(const struct tables *t, size_t table, u64 iova);

/**
 * tables_evict_wait() - Wait until all that was evicted has left.
 */
void tables_evict_wait(void);

/**
 * tables_check() - Do exactly these ranges translate, each to its address?
 * @t: tables
 * @pgt: one of them
 * @ranges: ascending, not touching
 * @nr: entries in @ranges
 * @nr_leaves: increased by the leaves found; may be NULL
 * @err: gets what is wrong; may be NULL
 *
 * Return: 0;
 * -EINVAL when a leaf is missing, too many, crosses the edge of a range, or
 * points elsewhere.
 */
int tables_check(const struct tables *t, struct pgtable *pgt,
		 const struct tables_range *ranges, size_t nr, u64 *nr_leaves,
		 struct iopt_err *err);

/**
 * tables_check_slots() - Is every slot mapped, and nothing else?
 * @t: tables
 * @n: operations whose slots are mapped; 0 for none at all
 * @err: gets what is wrong; may be NULL
 *
 * Return: 0;
 * -EINVAL when a leaf is missing, too many, of another size, or wrong.
 */
int tables_check_slots(const struct tables *t, u64 n, struct iopt_err *err);

/**
 * tables_count_start() - Count from now on.
 * @t: tables set up for BENCH_COUNT
 * @snapshot: caller's; must live until tables_count_stop()
 */
void tables_count_start(struct tables *t, struct tables_snapshot *snapshot);

/**
 * tables_count_stop() - Count no more.
 * @t: tables
 * @snapshot: from tables_count_start()
 * @got: set to the counts, but for the bytes
 */
void tables_count_stop(struct tables *t, struct tables_snapshot *snapshot,
		       struct tables_counts *got);

/**
 * tables_count_report() - Compare counts with what they must be; report them.
 * @t: tables
 * @got: counts
 * @want: what they must be
 * @counts: of the row
 * @err: gets the counter that differs; may be NULL
 *
 * Return: 0;
 * -EINVAL when a counter differs.
 */
int tables_count_report(const struct tables *t, const struct tables_counts *got,
			const struct tables_counts *want,
			struct bench_counts *counts, struct iopt_err *err);

IOPT_END_DECLS

/**
 * tables_paddr() - Output address that an input address is mapped to.
 * @t: tables
 * @iova: below half of the input addresses, in bytes
 */
static inline u64 tables_paddr(const struct tables *t, u64 iova)
{
	return iova | 1ull << (t->cfg.ias - 1);
}

/* What an operation is given: its table's number and its slot's address. */
typedef void tables_op(void *arg, size_t table, u64 iova);

/**
 * tables_for_each() - Do operations, each on its slot.
 * @t: tables
 * @n: operations
 * @op: the operation; inlined where it is a constant
 * @arg: handed to @op
 */
static inline __attribute__((always_inline)) void
tables_for_each(const struct tables *t, u64 n, tables_op *op, void *arg)
{
	const u64 stride = t->layout.stride;
	const u32 *order = t->order;

	for (size_t table = 0; n; table++) {
		u64 m = n < t->layout.slots ? n : t->layout.slots;

		for (u64 i = 0; i < m; i++)
			op(arg, table, (order ? order[i] : i) * stride);
		n -= m;
	}
}

#endif
