/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of the model beside one of a Linux tree: the same operations go to
 * both, and everything that can be seen of them is compared.
 *
 * Compared after each operation: what is returned, the bytes mapped, warnings,
 * the gathers, and one trace of allocations, frees, cache cleans and
 * invalidations in their order; and, where both are counted, the stores into
 * tables. Allocations and cleans are seen by wrapping the functions, so that
 * a test that uses this is linked with KERNEL_PAIR_WRAPS of tests/meson.build.
 */
#ifndef IOPT_TEST_KERNEL_PAIR_H
#define IOPT_TEST_KERNEL_PAIR_H

#include "kernel.h"
#include "pgtable.h"

#define PAIR_TEXT_MAX 512

/**
 * struct pair_cfg - A configuration that both sides are created with.
 * @stage: 1 or 2
 * @granule: in bytes
 * @ias: input address bits
 * @oas: output address bits
 * @coherent_walk: the walker snoops
 */
struct pair_cfg {
	unsigned int stage;
	size_t granule;
	unsigned int ias;
	unsigned int oas;
	bool coherent_walk;
};

enum pair_op_kind {
	PAIR_MAP,
	PAIR_UNMAP,
	PAIR_IOVA_TO_PHYS,
	PAIR_SYNC,
	PAIR_NR_OPS,
};

enum pair_gather {
	PAIR_GATHER, /* an ordinary one */
	PAIR_QUEUED, /* one of a flush queue */
	PAIR_NONE,   /* no gather */
	PAIR_NR_GATHERS,
};

/**
 * struct pair_op - An operation on both tables.
 * @kind: which
 * @gather: what an unmap is given
 * @iova: in bytes
 * @paddr: of a map, in bytes
 * @pgsize: in bytes
 * @pgcount: pages
 * @prot: of a map
 * @fail_at: which allocation of it fails, 0 for none
 */
struct pair_op {
	enum pair_op_kind kind;
	enum pair_gather gather;
	u64 iova;
	u64 paddr;
	size_t pgsize;
	size_t pgcount;
	int prot;
	unsigned int fail_at;
};

struct pair;

/**
 * pair_create() - Two sides, with an arena each and no table yet.
 * @engine: of a kernel; the model is that of its driver with its parameters
 * @is_counted: compare stores too, on the counted engines
 *
 * Return: the pair, until pair_destroy(); a failure fails the test.
 */
struct pair *pair_create(const struct pgtable_engine *engine, bool is_counted);

/**
 * pair_destroy() - Free both sides.
 * @pair: pair without tables
 */
void pair_destroy(struct pair *pair);

/**
 * pair_run() - Create two tables, do operations, free the tables.
 * @pair: pair
 * @cfg: configuration
 * @ops: operations
 * @nr: entries in @ops
 * @every: compare the tables entry by entry after so many, and after the last
 * @at: set to the number of the operation that differs; @nr for creating and
 *	freeing
 * @why: set to what differs, "" when nothing does
 *
 * Return: true when nothing differs.
 */
bool pair_run(struct pair *pair, const struct pair_cfg *cfg,
	      const struct pair_op *ops, size_t nr, size_t every, size_t *at,
	      char why[PAIR_TEXT_MAX]);

/**
 * pair_reached() - What the operations so far came upon, for the reader.
 * @pair: pair
 * @text: set to a line
 *
 * Return: true when all that matters was reached: maps that worked, that met a
 * leaf and that met a table; unmaps of all, of less and of nothing; partial
 * ones; failed allocations.
 */
bool pair_reached(const struct pair *pair, char text[PAIR_TEXT_MAX]);

/**
 * pair_op_text() - An operation for a person.
 * @op: operation
 * @text: set to a line
 *
 * Return: @text.
 */
const char *pair_op_text(const struct pair_op *op, char text[PAIR_TEXT_MAX]);

/**
 * pair_kernels() - Load the Linux trees that are there.
 *
 * Return: the set, until kernel_set_destroy(): of $IOPT_KERNELS, modules with
 * colons between, else of build/kernel; NULL when there is none, and then a
 * line that says so was printed.
 */
struct kernel_set *pair_kernels(void);

#endif
