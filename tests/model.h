/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An engine and its oracle side by side: runs operations on both and says
 * where they first differ.
 */
#ifndef IOPT_MODEL_H
#define IOPT_MODEL_H

#include "pgtable.h"
#include "pte_count.h"
#include "recorder.h"
#include "ref_map.h"
#include "rng.h"

#include <stdio.h>

/* Bytes that model_op_decode() makes one operation of. */
#define MODEL_OP_BYTES 8
/* Bytes that model_cfg_decode() makes a configuration of. */
#define MODEL_CFG_BYTES 4
/* Room for a line of text. */
#define MODEL_TEXT_MAX 256

enum model_op_kind {
	MODEL_MAP,
	MODEL_UNMAP,
	MODEL_PHYS,
	MODEL_WALK,
	MODEL_SYNC,  /* sync the gather */
	MODEL_QUEUE, /* sync the gather and make it a queued one */
	MODEL_FAIL,  /* let an allocation to come fail */
};

/**
 * struct model_op - An operation, as the engine is given it.
 * @kind: which; it decides what of the rest is used
 * @iova: MAP, UNMAP, PHYS, WALK: bytes
 * @paddr: MAP: bytes
 * @pgsize: MAP, UNMAP: bytes
 * @pgcount: MAP, UNMAP: pages; FAIL: which allocation, counted from 1
 * @prot: MAP: protection
 * @has_gather: UNMAP: false to pass NULL
 */
struct model_op {
	enum model_op_kind kind;
	u64 iova;
	u64 paddr;
	u64 pgsize;
	u64 pgcount;
	int prot;
	bool has_gather;
};

/* What differed first. */
enum model_diff {
	MODEL_SAME,
	MODEL_DIFF_RET,	     /* return value, bytes, physical address */
	MODEL_DIFF_WARNINGS, /* warnings counted */
	MODEL_DIFF_INVAL,    /* events: kind, range, order */
	MODEL_DIFF_GATHER,   /* what the gather holds */
	MODEL_DIFF_TABLES,   /* tables allocated, freed, bytes */
	MODEL_DIFF_WRITES,   /* stores into tables, counted engine */
	MODEL_DIFF_PHYS,     /* a translation after the operation */
	MODEL_DIFF_DESC,     /* descriptors: leaves, tables, their bits */
	MODEL_DIFF_LEAK,     /* memory left after free */
};

/**
 * struct model - An engine with its oracle; the caller owns it.
 * @pgt: the engine's table
 * @ref: the oracle
 * @rec: what the engine says of invalidation
 * @gather: the engine's gather
 * @ref_gather: the oracle's
 * @arena: where tables come from
 * @owns_arena: made by model_init()
 * @before: the arena's counts before the table was made
 * @is_counted: stores are counted, too
 * @nr_writes: stores so far
 * @why: what differed, with expected and got; "" while nothing does
 */
struct model {
	struct pgtable *pgt;
	struct ref_map ref;
	struct recorder rec;
	struct gather gather;
	struct ref_gather ref_gather;
	struct arena *arena;
	bool owns_arena;
	struct arena_stats before;
	bool is_counted;
	u64 nr_writes;
	char why[MODEL_TEXT_MAX];
};

/**
 * model_init() - Make a table and its oracle.
 * @model: caller's
 * @cfg: configuration; its tlb and cookie are not used, its arena is, unless
 *	NULL: then one is made
 * @is_counted: use the counted engine, which the build must have
 *
 * Return: 0; a negative errno with @model->why set.
 */
int model_init(struct model *model, const struct pgtable_cfg *cfg,
	       bool is_counted);

/**
 * model_fini() - Free everything.
 * @model: model; when something differed, its tables are not followed, and
 *	an arena that it does not own keeps them
 *
 * Return: MODEL_DIFF_LEAK when tables are left in the arena of a model that
 * had no difference before.
 */
enum model_diff model_fini(struct model *model);

/**
 * model_step() - Run an operation on both and compare what it did.
 * @model: model
 * @op: operation
 *
 * Cost: that of the operation and some translations round its ends.
 *
 * Return: what differed first, with @model->why set.
 */
enum model_diff model_step(struct model *model, const struct model_op *op);

/**
 * model_check() - Compare every descriptor, leaf and translation.
 * @model: model
 *
 * Return: what differed first, with @model->why set.
 */
enum model_diff model_check(struct model *model);

/**
 * model_run() - A whole sequence on a new table, checked at its end.
 * @cfg: configuration
 * @is_counted: use the counted engine
 * @ops: operations
 * @nr: how many
 * @why: gets what differed and at which operation
 *
 * Return: what differed first.
 */
enum model_diff model_run(const struct pgtable_cfg *cfg, bool is_counted,
			  const struct model_op *ops, size_t nr,
			  char why[MODEL_TEXT_MAX]);

/**
 * model_shrink() - Drop operations as long as the sequence fails alike.
 * @cfg: configuration; its arena is not used
 * @is_counted: use the counted engine
 * @ops: failing operations; made fewer
 * @nr: how many
 * @diff: what model_run() returned for them
 *
 * Return: how many are left.
 */
size_t model_shrink(const struct pgtable_cfg *cfg, bool is_counted,
		    struct model_op *ops, size_t nr, enum model_diff diff);

/**
 * model_op_decode() - An operation that is likely to meet others.
 * @ref: gives the geometry
 * @bytes: any values
 */
struct model_op model_op_decode(const struct ref_map *ref,
				const u8 bytes[MODEL_OP_BYTES]);

/**
 * model_ops_random() - A sequence of random operations.
 * @cfg: configuration
 * @rng: generator
 * @ops: set
 * @nr: how many
 */
void model_ops_random(const struct pgtable_cfg *cfg, struct rng *rng,
		      struct model_op *ops, size_t nr);

/**
 * model_cfg_decode() - A configuration that the engine accepts.
 * @bytes: any values
 */
struct pgtable_cfg model_cfg_decode(const u8 bytes[MODEL_CFG_BYTES]);

/**
 * model_op_format() - An operation as a line of text.
 * @op: operation
 * @text: caller's buffer
 */
const char *model_op_format(const struct model_op *op,
			    char text[MODEL_TEXT_MAX]);

/**
 * model_cfg_format() - A configuration as a line of text.
 * @cfg: configuration
 * @text: caller's buffer
 */
const char *model_cfg_format(const struct pgtable_cfg *cfg,
			     char text[MODEL_TEXT_MAX]);

/**
 * model_diff_name() - "ret", "warnings" and so on; "same" for MODEL_SAME.
 * @diff: any value of the enum
 */
const char *model_diff_name(enum model_diff diff);

/**
 * model_print() - A failing sequence, for a person who repeats it.
 * @f: where to
 * @cfg: configuration
 * @ops: operations
 * @nr: how many
 * @why: what differed
 */
void model_print(FILE *f, const struct pgtable_cfg *cfg,
		 const struct model_op *ops, size_t nr, const char *why);

#endif
