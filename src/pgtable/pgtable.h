/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O page tables: engines behind one table of operations.
 *
 * Models: struct io_pgtable_cfg and struct io_pgtable_ops of Linux, and the
 *	creation parameters in which kernels differ.
 * Does not model: quirks (NS, TTBR1, Mali, dirty tracking), custom allocators.
 * Source: include/linux/io-pgtable.h, drivers/iommu/io-pgtable-arm.c of
 *	Linux 6.1, 6.12 and 7.3.
 */
#ifndef IOPT_PGTABLE_H
#define IOPT_PGTABLE_H

#include "arena.h"
#include "err.h"
#include "gather.h"
#include "types.h"

/* Protection of a mapping; values of include/linux/iommu.h. */
#define IOMMU_READ   (1 << 0)
#define IOMMU_WRITE  (1 << 1)
#define IOMMU_CACHE  (1 << 2)
#define IOMMU_NOEXEC (1 << 3)
#define IOMMU_MMIO   (1 << 4)
#define IOMMU_PRIV   (1 << 5)

/* What an unmap of a part of a larger leaf does. */
enum pgtable_policy {
	PGTABLE_SPLIT,	 /* put a table in the leaf's place (to 6.12) */
	PGTABLE_NOSPLIT, /* warn, return 0 (from 6.13) */
	PGTABLE_WHOLE,	 /* clear the leaf, return its size (x86) */
};

/* How an unmap of several entries clears and reports them. */
enum pgtable_clear {
	PGTABLE_CLEAR_EACH, /* entry by entry, leaves reported (6.1) */
	PGTABLE_CLEAR_RUN,  /* a second pass, each reported (6.12 on) */
};

/* How iova_to_phys walks. */
enum pgtable_walk {
	PGTABLE_WALK_LOOP,    /* a flat loop (6.1, 6.12) */
	PGTABLE_WALK_VISITOR, /* a callback at each level (7.x) */
	PGTABLE_WALK_UNFIXED, /* a loop that keeps only the offset in the
			       * granule (before commit 7c6d90e2bb1a) */
};

/* When stage 2 concatenates its top tables. */
enum pgtable_concat {
	PGTABLE_CONCAT_OLD, /* whenever 16 entries suffice (6.1, 6.12) */
	PGTABLE_CONCAT_NEW, /* only where the architecture demands (7.x) */
};

/**
 * struct pgtable_params - What kernels do differently; all independent.
 * @policy: partial unmap of a larger leaf
 * @clear: clearing and reporting
 * @walk: iova_to_phys
 * @concat: top tables of stage 2
 */
struct pgtable_params {
	enum pgtable_policy policy;
	enum pgtable_clear clear;
	enum pgtable_walk walk;
	enum pgtable_concat concat;
};

/**
 * struct pgtable_cfg - How to create a table.
 * @params: creation parameters; amdv1 knows none and refuses an unfixed walk
 * @stage: 1 or 2; amdv1: 1
 * @granule: smallest page in bytes: 4K, 16K or 64K; amdv1: 4K
 * @ias: input address bits, one of 32 36 40 42 44 48 and, with 64K, 52; amdv1:
 *	39 or 48
 * @oas: output address bits, of the same set, not below @ias; amdv1: any not
 *	below @ias up to 52
 * @coherent_walk: the walker snoops the CPU's caches; amdv1: always
 * @arena: where tables come from; outlives the table
 * @tlb: told of every invalidation; outlives the table
 * @cookie: for @tlb
 */
struct pgtable_cfg {
	struct pgtable_params params;
	unsigned int stage;
	size_t granule;
	unsigned int ias;
	unsigned int oas;
	bool coherent_walk;
	struct arena *arena;
	const struct inval_ops *tlb;
	void *cookie;
};

/**
 * struct pgtable_leaf - A leaf entry, as a walk finds it.
 * @iova: first input address that it translates, in bytes
 * @paddr: output address of @iova, in bytes
 * @size: bytes it covers
 * @level: 0 to 3, as Arm counts
 */
struct pgtable_leaf {
	u64 iova;
	u64 paddr;
	u64 size;
	unsigned int level;
};

struct pgtable;

/**
 * struct pgtable_ops - What an engine does. All sizes and addresses in bytes.
 * Ranges are aligned to @pgsize and end inside the input and the output
 * space: as in the kernel, only where they start is checked.
 * @map_pages: map @pgcount pages of @pgsize at @iova to @paddr with @prot.
 *	Works on the entries of one last-level table at a time, so that a
 *	caller loops. Adds the bytes mapped to *@mapped, also on failure.
 *	Returns 0;
 *	-EINVAL when @pgsize is not one of the table's or @prot has neither
 *	READ nor WRITE;
 *	-ERANGE when @iova or @paddr has more bits than the table;
 *	-EEXIST when a leaf is in the way;
 *	-ENOMEM when a table could not be allocated.
 * @unmap_pages: clear @pgcount pages of @pgsize at @iova, up to the end of
 *	one table. Tells @gather (may be NULL) of what to invalidate. Returns
 *	the bytes unmapped: 0 when nothing is mapped there, on wrong
 *	arguments, where the policy refuses, or when a split found no memory.
 *	May be more than asked with PGTABLE_WHOLE.
 * @iova_to_phys: the physical address of @iova, whose bits above the input
 *	size are ignored; 0 when it is not mapped.
 * @leaf_walk: the first leaf that ends above @iova. Returns 0; -ENOENT when
 *	there is none; *@leaf is untouched then.
 * @free: free every table; reports no invalidation.
 *
 * amdv1 differs as its kernel code does: map_pages and unmap_pages do all
 * @pgcount pages, over tables' ends; a map replaces what is in its way and
 * does not look at the size of @paddr; -EINVAL when an address is not
 * aligned; an unmap ends at the first address with no last-level table or
 * leaf, and counts holes in such a table as unmapped, with no warning;
 * iova_to_phys of an address above the input size is 0.
 *
 * Source: struct io_pgtable_ops; @leaf_walk has no kernel counterpart.
 */
struct pgtable_ops {
	int (*map_pages)(struct pgtable *pgt, u64 iova, u64 paddr,
			 size_t pgsize, size_t pgcount, int prot,
			 size_t *mapped);
	size_t (*unmap_pages)(struct pgtable *pgt, u64 iova, size_t pgsize,
			      size_t pgcount, struct gather *gather);
	u64 (*iova_to_phys)(struct pgtable *pgt, u64 iova);
	int (*leaf_walk)(struct pgtable *pgt, u64 iova,
			 struct pgtable_leaf *leaf);
	void (*free)(struct pgtable *pgt);
};

/* What descriptors look like. */
enum pgtable_format {
	PGTABLE_LPAE,  /* VMSAv8-64 */
	PGTABLE_AMDV1, /* AMD's host translation */
	PGTABLE_V7S,   /* short descriptors: 32 bits, and no leaf of 2M */
};

/**
 * struct pgtable_geometry - Shape of a table; read only after creation.
 * @format: of the descriptors
 * @bits_per_level: index bits of a table below the top: 9, 11 or 13
 * @start_level: level of the top table, 0 to 3; an amdv1 table has another
 *	top, one level up, once something is mapped that needs it
 * @top_bits: index bits of the top table, more than @bits_per_level when
 *	tables are concatenated
 * @pgsizes: bitmap of the leaf sizes in bytes, as pgsize_bitmap of Linux
 */
struct pgtable_geometry {
	enum pgtable_format format;
	unsigned int bits_per_level;
	unsigned int start_level;
	unsigned int top_bits;
	u64 pgsizes;
};

/**
 * struct pgtable - What is common to the tables of all engines.
 * @ops: operations; called as pgt->ops.op(pgt, ...)
 * @cfg: as created
 * @geo: shape
 * @root: the top table, in the arena: raw descriptors for a walker; see
 *	@start_level of struct pgtable_geometry
 * @nr_warnings: how often the kernel would have warned; each hit counts
 */
struct pgtable {
	struct pgtable_ops ops;
	struct pgtable_cfg cfg;
	struct pgtable_geometry geo;
	u64 *root;
	u64 nr_warnings;
};

/**
 * struct pgtable_engine - An engine by its word.
 * @name: as in benchmark names and on command lines: "lpae-split"
 * @params: what the word sets
 * @rule: name of the driver whose gather rule goes with it
 * @format: of its descriptors
 * @is_fixed: one format: no driver's set of parameters, no stage 2, no granule
 *	but 4K and no walker that does not snoop go with it
 * @partial_fault: what is wrong when a part of a section is unmapped, for the
 *	reader; NULL when nothing is, as far as is known
 * @create: makes an empty table for a configuration, see pgtable_create();
 *	is given the engine itself, which may be part of something larger
 * @create_counted: the same for pgtable_create_counted(); NULL when the build
 *	has none
 */
struct pgtable_engine {
	const char *name;
	struct pgtable_params params;
	const char *rule;
	enum pgtable_format format;
	bool is_fixed;
	const char *partial_fault;
	int (*create)(const struct pgtable_engine *engine,
		      const struct pgtable_cfg *cfg, struct pgtable **out,
		      struct iopt_err *err);
	int (*create_counted)(const struct pgtable_engine *engine,
			      const struct pgtable_cfg *cfg,
			      struct pgtable **out, struct iopt_err *err);
};

/**
 * struct pgtable_engine_set - The engines of a process.
 * @more: engines beside those of pgtable_engine_at(); their owner keeps them
 *	for as long as the set and any table of theirs
 * @nr_more: entries in @more
 *
 * Made by main() and handed on; NULL in its place means: none more.
 */
struct pgtable_engine_set {
	const struct pgtable_engine *const *more;
	size_t nr_more;
};

IOPT_BEGIN_DECLS

/**
 * pgtable_engine_find() - An engine by its word.
 * @name: "lpae-split", "lpae-nosplit", "lpae-whole", "lpae-6.1",
 *	"lpae-6.12", "lpae-7.3" or "amdv1"
 *
 * Return: a static engine; NULL when there is none of that name.
 */
const struct pgtable_engine *pgtable_engine_find(const char *name);

/**
 * pgtable_engine_at() - Engines by number, for listing them.
 * @i: from 0
 *
 * Return: a static engine; NULL past the last.
 */
const struct pgtable_engine *pgtable_engine_at(size_t i);

/**
 * pgtable_set_find() - An engine of a set by its word.
 * @set: engines of the process, or NULL
 * @name: as for pgtable_engine_find(), or that of an engine of @set
 *
 * Return: an engine that lives as long as the set; NULL when there is none of
 * that name.
 */
const struct pgtable_engine *
pgtable_set_find(const struct pgtable_engine_set *set, const char *name);

/**
 * pgtable_set_at() - Engines of a set by number, the static ones first.
 * @set: engines of the process, or NULL
 * @i: from 0
 *
 * Return: an engine; NULL past the last.
 */
const struct pgtable_engine *
pgtable_set_at(const struct pgtable_engine_set *set, size_t i);

/**
 * pgtable_create() - Make an empty table.
 * @engine: from pgtable_engine_find()
 * @cfg: see there; copied. @cfg->params counts, not the engine's, so that
 *	each parameter can be set alone
 * @out: set to the table, owned by the caller until ops->free()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when @cfg asks for what the architecture does not have;
 * -ENOMEM when there is no memory.
 */
int pgtable_create(const struct pgtable_engine *engine,
		   const struct pgtable_cfg *cfg, struct pgtable **out,
		   struct iopt_err *err);

/**
 * pgtable_create_counted() - Make a table whose stores can be counted.
 * @engine: from pgtable_engine_find()
 * @cfg: as for pgtable_create()
 * @out: as for pgtable_create()
 * @err: gets the reason of a failure; may be NULL
 *
 * The engine is the same source, compiled to report each access; see
 * pte_count.h for reading the counts. Slow: never time it.
 *
 * Return: as pgtable_create(), and
 * -EOPNOTSUPP when the build has no counted engine (under ThreadSanitizer).
 */
int pgtable_create_counted(const struct pgtable_engine *engine,
			   const struct pgtable_cfg *cfg, struct pgtable **out,
			   struct iopt_err *err);

IOPT_END_DECLS

#endif
