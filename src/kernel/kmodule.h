/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Linux tree's io-pgtable-arm.c as a module with one door.
 *
 * A module keeps its own memory map and its own count of warnings, hidden from
 * other modules. Its door is kmodule(), which returns a table of operations.
 * This header is all that the module and the program share; it needs no
 * header of a kernel.
 */
#ifndef IOPT_KMODULE_H
#define IOPT_KMODULE_H

#include "gather.h"
#include "types.h"

/* Changes with the door: a module of another number is not used. */
#define KMODULE_ABI 2

struct io_pgtable_ops;

/* The formats of a tree that may be asked for. */
enum kmodule_fmt {
	KMODULE_S1,   /* ARM_64_LPAE_S1 */
	KMODULE_S2,   /* ARM_64_LPAE_S2 */
	KMODULE_MALI, /* ARM_MALI_LPAE */
	KMODULE_V7S,  /* ARM_V7S */
	KMODULE_NR_FMTS,
};

/**
 * struct kmodule_host - What a module asks of the program.
 * @alloc: zeroed memory of a power of two bytes, aligned to it; NULL if none
 * @free: gives it back, with the size it was asked for
 * @clean: write a range back to where a walker that does not snoop reads
 * @warn: a warning was hit in this thread; the text is static
 * @wrote: the counted twin stored to these bytes; NULL in the other one
 * @has_read: likewise, it loaded them
 */
struct kmodule_host {
	void *(*alloc)(void *ctx, size_t size);
	void (*free)(void *ctx, void *p, size_t size);
	void (*clean)(const void *p, size_t bytes);
	void (*warn)(const char *file, int line, const char *text);
	void (*wrote)(const volatile void *p, size_t bytes);
	void (*has_read)(const volatile void *p, size_t bytes);
};

/**
 * struct kmodule_mem - Memory that a module takes its tables from.
 * @base: first byte, aligned to 4K
 * @size: bytes from @base
 * @pa_offset: physical minus virtual address
 * @ctx: for the alloc() and free() of the host
 */
struct kmodule_mem {
	void *base;
	size_t size;
	u64 pa_offset;
	void *ctx;
};

/**
 * struct kmodule_cfg - How to create a table; no quirks are set.
 * @fmt: format
 * @pgsizes: bitmap of the leaf sizes asked for, in bytes
 * @ias: input address bits
 * @oas: output address bits
 * @coherent_walk: the walker snoops the CPU's caches
 * @wants_custom_alloc: take tables through the alloc and free of struct
 *	io_pgtable_cfg, as a driver with a pool of its own does
 * @tlb: told of every invalidation; outlives the table
 * @cookie: for @tlb
 */
struct kmodule_cfg {
	enum kmodule_fmt fmt;
	u64 pgsizes;
	unsigned int ias;
	unsigned int oas;
	bool coherent_walk;
	bool wants_custom_alloc;
	const struct inval_ops *tlb;
	void *cookie;
};

/* struct io_pgtable_ops' members, in types that need no kernel header. */
typedef int kmodule_map_pages_fn(struct io_pgtable_ops *ops, u64 iova,
				 u64 paddr, size_t pgsize, size_t pgcount,
				 int prot, unsigned int gfp, size_t *mapped);
typedef size_t kmodule_unmap_pages_fn(struct io_pgtable_ops *ops, u64 iova,
				      size_t pgsize, size_t pgcount,
				      struct gather *gather);
typedef u64 kmodule_iova_to_phys_fn(struct io_pgtable_ops *ops, u64 iova);

/**
 * struct kmodule_table - A page table of a module.
 * @map_pages: the kernel's own function: call it with @ops and @gfp
 * @unmap_pages: likewise
 * @iova_to_phys: likewise
 * @ops: first argument of those
 * @gfp: what a mapper in process context passes
 * @root: top table, as the hardware would be told
 * @start_level: level of the top table, likewise
 * @top_bits: index bits of the top table
 * @bits_per_level: index bits of the other tables
 * @ias: input address bits after the kernel limited them
 * @oas: output address bits, likewise
 * @pgsizes: leaf sizes that the table has
 */
struct kmodule_table {
	kmodule_map_pages_fn *map_pages;
	kmodule_unmap_pages_fn *unmap_pages;
	kmodule_iova_to_phys_fn *iova_to_phys;
	struct io_pgtable_ops *ops;
	unsigned int gfp;
	void *root;
	unsigned int start_level;
	unsigned int top_bits;
	unsigned int bits_per_level;
	unsigned int ias;
	unsigned int oas;
	u64 pgsizes;
};

/**
 * struct kmodule - What a module offers.
 * @abi: KMODULE_ABI when it was built
 * @label: of the tree, as given when it was built
 * @version: of the tree, from its Makefile
 * @revision: of the tree: a commit, a package, or "no revision"
 * @rule: driver whose model goes with the tree, see gather_rule_find()
 * @cc: compiler that built it, with its version
 * @cflags: what decided its code
 * @is_counted: it is the counted twin
 * @has_fmt: formats that it can make
 * @has_custom_alloc: the tree knows custom allocators
 * @bind: give the module its memory; while it has no table. Returns 0;
 *	-EBUSY when a table lives in other memory;
 *	-ENOMEM when there is no memory for the array of pages.
 * @unbind: forget the memory; while it has no table
 * @create: make an empty table. Returns 0;
 *	-EOPNOTSUPP when the tree has no such format or no custom allocators;
 *	-EINVAL when the kernel refuses the configuration or has no memory (it
 *	does not tell which).
 * @destroy: free every table of it; reports no invalidation
 * @nr_warnings: warnings so far, in all tables
 * @selftest: run the tree's own selftests, in bound memory; returns how many
 *	failed; NULL in a module that is not built for them
 * @first_warning: the first one as "file:line: text", "" when there was none;
 *	a static string
 */
struct kmodule {
	unsigned int abi;
	const char *label;
	const char *version;
	const char *revision;
	const char *rule;
	const char *cc;
	const char *cflags;
	bool is_counted;
	bool has_fmt[KMODULE_NR_FMTS];
	bool has_custom_alloc;
	int (*bind)(const struct kmodule_host *host,
		    const struct kmodule_mem *mem);
	void (*unbind)(void);
	int (*create)(const struct kmodule_cfg *cfg,
		      struct kmodule_table *table);
	void (*destroy)(struct kmodule_table *table);
	u64 (*nr_warnings)(void);
	int (*selftest)(void);
	const char *(*first_warning)(void);
};

IOPT_BEGIN_DECLS

/**
 * kmodule() - The door, found by dlsym().
 */
const struct kmodule *kmodule(void);

IOPT_END_DECLS

#endif
